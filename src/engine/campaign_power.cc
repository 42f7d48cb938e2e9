// Before a campaign starts: what could it show?
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "attune/engine/campaigns.h"

namespace attune::engine {
namespace {

// Of the assigned, in the days before.
struct Before {
  double customers = 0;  // who did it
  double sum = 0, squares = 0;

  measure::Baseline rate(double all) const {
    return {.mean = customers / all, .deviation = 0, .proportion = true};
  }
  measure::Baseline mean(double all) const {
    const double mean = sum / all;
    return {.mean = mean,
            .deviation = std::sqrt(std::max(0., (squares - sum * mean) / (all - 1))),
            .proportion = false};
  }
};

}  // namespace

// Nobody held out, or offers whose visitors nobody knows yet: nothing can be said.
Status Campaigns::add_power(const engage::Campaign& campaign, Timestamp until,
                            std::vector<CustomerNumber> assigned, CampaignPreview& preview) {
  if (campaign.holdout.share <= 0 || campaign.channel == decide::Channel::on_page ||
      assigned.size() < 2)
    return {};
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace_->identity().merges());
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace_->history().query(
          "SELECT customer, coalesce(sum(value_minor), 0)::DOUBLE FROM visible_rows WHERE type = "
          "$1 "
          "AND customer <> 0 AND time >= make_timestamp($2) AND time < make_timestamp($3) GROUP BY "
          "customer ORDER BY customer",
          {static_cast<std::int64_t>(campaign.outcome.event),
           until.micros - campaign.outcome.days * kMicrosPerDay, until.micros}));
  std::unordered_map<CustomerNumber, double> merged;  // of several numbers of one customer
  Before before;
  const double unit = std::pow(10, campaign.currency.exponent());
  const auto add = [&](double value) {
    ++before.customers;
    before.sum += value;
    before.squares += value * value;
  };
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    const auto customers = chunk.int64(0);
    const auto values = chunk.real(1);
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      const CustomerNumber root = merges.root(CustomerNumber{customers[i]});
      if (!std::ranges::binary_search(assigned, root)) continue;
      if (merges.empty()) {
        add(values[i] / unit);
      } else {
        merged[root] += values[i] / unit;
      }
    }
    return {};
  }));
  for (const auto& [root, value] : merged) add(value);
  const auto all = static_cast<double>(assigned.size());
  const bool shares = campaign.policy.rule == decide::TreatmentRule::shares;
  const measure::PlanOptions options{
      .treatments = shares ? static_cast<std::int64_t>(campaign.treatments.size()) : 1,
      .control_share = campaign.holdout.share};
  const auto plan = [&](const char* metric, const measure::Baseline& baseline) {
    const auto found =
        measure::detectable_effect(baseline, static_cast<std::int64_t>(assigned.size()), options);
    if (found) preview.power.push_back({metric, baseline, *found});
  };
  if (before.customers > 0 && before.customers < all) plan("conversion", before.rate(all));
  const bool revenue = campaign.outcome.value == engage::OutcomeValue::revenue;
  if (revenue && before.squares > 0) plan("revenue", before.mean(all));
  return {};
}

}  // namespace attune::engine
