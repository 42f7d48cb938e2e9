#include "attune/simulate/potential.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/simulate/world.h"

namespace attune::simulate {
namespace {

// Adds up what the assigned order in their windows.
class OrderCount final : public EventSink {
 public:
  OrderCount(const CampaignInWorld& campaign, Currency home)
      : home_(home),
        window_(campaign.outcome_days * kMicrosPerDay),
        outcomes_(campaign.assigned.size()) {
    last_order_.resize(outcomes_.size());
  }

  Status add(std::int64_t customer, Timestamp assigned, std::size_t row) {
    const auto [at, fresh] = rows_.try_emplace(customer, Row{row, assigned.micros});
    if (fresh) return {};
    return std::unexpected(invalid_argument(
        fmt::format("customer {} is assigned twice; name each once", customer_id(customer))));
  }

  Status take(const SimulatedEvent& simulated) override {
    const events::Event& event = simulated.event;
    if (event.type != events::EventType::purchase) return {};
    const bool at_home = event.currency == home_;
    const auto found = rows_.find(simulated.customer);
    if (found == rows_.end()) return {};
    const auto [row, assigned] = found->second;
    const std::int64_t since = event.time.micros - assigned;
    if (since <= 0 || since > window_) return {};
    outcomes_[row].orders += last_order_[row] == event.order ? 0 : 1;
    last_order_[row] = event.order;
    if (at_home) outcomes_[row].revenue_minor += event.value_minor.value_or(0);
    return {};
  }

  std::vector<Outcome> take_outcomes() { return std::move(outcomes_); }

 private:
  struct Row {
    std::size_t row;
    std::int64_t assigned_micros;
  };
  Currency home_;
  std::int64_t window_;
  std::unordered_map<std::int64_t, Row> rows_;  // by customer
  std::vector<Outcome> outcomes_;
  std::vector<std::string> last_order_;
};

void add(const Outcome& with, const Outcome& without, EffectOnType& into) {
  ++into.customers;
  into.conversion += (with.orders > 0 ? 1 : 0) - (without.orders > 0 ? 1 : 0);
  into.orders += static_cast<double>(with.orders - without.orders);
  into.revenue_minor += static_cast<double>(with.revenue_minor - without.revenue_minor);
}

void divide(EffectOnType& effect) {
  if (effect.customers == 0) return;
  const auto customers = static_cast<double>(effect.customers);
  effect.conversion /= customers;
  effect.orders /= customers;
  effect.revenue_minor /= customers;
}

}  // namespace

Result<std::vector<Outcome>> live_with(const CampaignInWorld& campaign,
                                       std::string_view treatment) {
  // Nobody does otherwise for them, and their days take time.
  ShopParameters shop = campaign.shop;
  shop.visitors_per_customer = 0;
  shop.bot_share = 0;
  ATTUNE_ASSIGN_OR_RETURN(World world, World::create(shop, campaign.responses));
  std::vector<Delivery> messages;
  for (const PastDelivery& other : campaign.others) messages.push_back(other.view());
  OrderCount count(campaign, world.currency());
  std::int64_t last = 0;
  for (std::size_t row = 0; row < campaign.assigned.size(); ++row) {
    const AssignedCustomer& one = campaign.assigned[row];
    const auto customer = customer_index(one.customer);
    if (!customer) {
      return std::unexpected(not_found(
          fmt::format("nobody in this world is called '{}'", attune::quoted(one.customer))));
    }
    ATTUNE_RETURN_IF_ERROR(count.add(*customer, one.time, row));
    if (!treatment.empty())
      messages.push_back({one.customer, treatment, campaign.channel, one.time});
    last = std::max(last, one.time.micros + campaign.outcome_days * kMicrosPerDay);
  }
  std::ranges::stable_sort(messages, {}, &Delivery::time);
  ATTUNE_RETURN_IF_ERROR(world.deliver(messages));
  while (!world.finished() && world.day_start(world.day()).micros <= last)
    ATTUNE_RETURN_IF_ERROR(world.step_day(count));
  return count.take_outcomes();
}

Result<std::vector<TrueEffect>> true_effects(const CampaignInWorld& campaign,
                                             std::span<const std::string> treatments) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Outcome> without, live_with(campaign, {}));
  std::vector<TrueEffect> effects;
  for (const std::string& treatment : treatments) {
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<Outcome> with, live_with(campaign, treatment));
    TrueEffect& effect = effects.emplace_back();
    effect.treatment = treatment;
    for (std::size_t row = 0; row < with.size(); ++row) {
      const std::int64_t customer = customer_index(campaign.assigned[row].customer).value_or(0);
      const ResponseTraits response = make_response(campaign.shop, campaign.responses, customer,
                                                    make_customer(campaign.shop, customer));
      add(with[row], without[row], effect.overall);
      add(with[row], without[row], effect.by_type[static_cast<std::size_t>(response.type)]);
    }
    divide(effect.overall);
    for (EffectOnType& one : effect.by_type) divide(one);
  }
  return effects;
}

}  // namespace attune::simulate
