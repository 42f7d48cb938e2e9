#include "live_run.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/simulate/world.h"
#include "event_buffer.h"

namespace attune::cli {
namespace {

namespace json = boost::json;
using simulate::World;

constexpr std::int64_t kHistoryMin = 30, kDaysMin = 4, kOutcomeDaysMax = 14;
constexpr std::int64_t kSendAtMicros = 10 * kMicrosPerHour;  // of the shop's day
constexpr std::size_t kTakenTogether = 10'000;

// Keeps a day's events, counted.
class DaySink final : public simulate::EventSink {
 public:
  Status take(const simulate::SimulatedEvent& event) override {
    withdrawals += event.event.type == events::EventType::consent_withdrawn;
    buffer.add(event.event);
    return {};
  }
  EventBuffer buffer;
  std::int64_t withdrawals = 0;
};

json::object schedule(Timestamp start, Timestamp end) {
  return {{"start", format_iso(start)}, {"end", format_iso(end)}};
}

json::object treatment(const char* name, double share, const char* cost) {
  return {{"name", name}, {"share", share}, {"cost", cost}, {"content", name}};
}

class LiveRun {
 public:
  LiveRun(const LivePlan& plan, LiveShop& shop, Progress& progress, World world)
      : plan_(plan), shop_(shop), progress_(progress), world_(std::move(world)) {
    result_.currency = world_.currency();
  }

  Result<LiveResult> run() {
    ATTUNE_RETURN_IF_ERROR(live_history());
    ATTUNE_RETURN_IF_ERROR(live_days());
    ATTUNE_RETURN_IF_ERROR(read_campaign());
    ATTUNE_RETURN_IF_ERROR(find_truth());
    ATTUNE_RETURN_IF_ERROR(compare_with_truth(result_));
    return std::move(result_);
  }

 private:
  Status check_going() const {
    if (!progress_.cancelled()) return {};
    return std::unexpected(cancelled("the simulation was stopped; the shop holds its days so far"));
  }

  Status take(std::span<const events::Event> events) {
    while (!events.empty()) {
      const std::size_t now = std::min(events.size(), kTakenTogether);
      ATTUNE_RETURN_IF_ERROR(shop_.take(events.first(now)));
      events = events.subspan(now);
    }
    return {};
  }

  Status live_history() {
    progress_.phase("history", plan_.history_days, "days");
    DaySink sink;
    while (world_.day() < plan_.history_days) {
      ATTUNE_RETURN_IF_ERROR(check_going());
      ATTUNE_RETURN_IF_ERROR(world_.step_day(sink));
      progress_.advance(world_.day());
      if (sink.buffer.size() < kTakenTogether && world_.day() < plan_.history_days) continue;
      ATTUNE_RETURN_IF_ERROR(shop_.move_clock(world_.day_start(world_.day())));
      ATTUNE_RETURN_IF_ERROR(take(sink.buffer.events()));
      result_.history_events += static_cast<std::int64_t>(sink.buffer.size());
      sink.buffer.clear();
    }
    return {};
  }

  // A message is read the day after, so today's events are known before today's messages go.
  Status live_days() {
    progress_.phase("live", plan_.days, "days");
    DaySink sink;
    while (!world_.finished()) {
      ATTUNE_RETURN_IF_ERROR(check_going());
      const std::int64_t day = world_.day();
      ATTUNE_RETURN_IF_ERROR(world_.step_day(sink));
      const std::span<const events::Event> today = sink.buffer.events();
      const Timestamp now{world_.day_start(day).micros + kSendAtMicros};
      const auto later = std::ranges::upper_bound(today, now, {}, &events::Event::time);
      const auto before = static_cast<std::size_t>(later - today.begin());
      ATTUNE_RETURN_IF_ERROR(shop_.move_clock(now));
      ATTUNE_RETURN_IF_ERROR(take(today.first(before)));
      ATTUNE_RETURN_IF_ERROR(decide(day, now));
      ATTUNE_RETURN_IF_ERROR(shop_.move_clock(world_.day_start(day + 1)));
      ATTUNE_RETURN_IF_ERROR(take(today.subspan(before)));
      result_.live_events += static_cast<std::int64_t>(today.size());
      sink.buffer.clear();
      progress_.advance(world_.day() - plan_.history_days);
    }
    result_.withdrawals = sink.withdrawals;
    return {};
  }

  Status decide(std::int64_t day, Timestamp now) {
    if (day < plan_.campaign_day()) {
      if (day == plan_.history_days)
        ATTUNE_RETURN_IF_ERROR(shop_.start(kLiveNewsletter, newsletter(now)));
      ATTUNE_RETURN_IF_ERROR(shop_.run(kLiveNewsletter));
      return deliver(kLiveNewsletter);
    }
    if (day > plan_.campaign_day()) return {};
    ATTUNE_RETURN_IF_ERROR(shop_.start(kLiveCampaign, offer(now)));
    ATTUNE_RETURN_IF_ERROR(shop_.run(kLiveCampaign));
    return deliver(kLiveCampaign);
  }

  // What the log says goes out reaches the customers.
  Status deliver(const std::string& campaign) {
    ATTUNE_ASSIGN_OR_RETURN(const auto assigned, shop_.assignments(campaign, last_seen_[campaign]));
    const bool measured = campaign == kLiveCampaign;
    std::vector<simulate::Delivery> messages;
    for (const LiveAssignment& one : assigned) {
      last_seen_[campaign] = one.number;
      if (measured) {
        in_world_.assigned.push_back({one.customer, one.time});
        ++result_.groups[one.group];
      }
      if (one.treatment.empty()) continue;
      messages.push_back({one.customer, one.treatment, kChannel, one.time});
      if (!measured) {
        in_world_.others.push_back({one.customer, one.treatment, kChannel, one.time});
        ++result_.newsletters;
      }
    }
    return world_.deliver(messages);
  }

  std::string newsletter(Timestamp now) const {
    const CivilTime at = shop_.zone().to_civil(now);
    json::object when = schedule(now, world_.day_start(plan_.campaign_day()));
    when["repeat"] = "daily";
    when["at"] = fmt::format("{:02}:{:02}", at.hour, at.minute);
    return json::serialize(json::object{
        {"name", kLiveNewsletter},
        {"description", "goes out daily, at most two a week to each who allows it"},
        {"rule", kAudience},
        {"channel", "file"},
        {"purpose", "email"},
        {"currency", result_.currency.to_string()},
        {"schedule", std::move(when)},
        {"caps",
         json::array{json::object{{"scope", "campaign"}, {"period", "week"}, {"limit", 2}}}},
        {"treatments", json::array{treatment("newsletter", 1, "0.01")}},
        {"outcome", json::object{{"event", "purchase"}, {"days", 7}}}});
  }

  std::string offer(Timestamp now) const {
    const Timestamp end{now.micros + kMicrosPerDay};
    return json::serialize(json::object{
        {"name", kLiveCampaign},
        {"description", "a reminder or a voucher to everybody who ever ordered, but the holdout"},
        {"rule", kAudience},
        {"channel", "file"},
        {"purpose", "email"},
        {"currency", result_.currency.to_string()},
        {"margin", .4},
        {"schedule", schedule(now, end)},
        {"holdout",
         json::object{{"share", plan_.holdout}, {"salt", std::to_string(plan_.shop.seed)}}},
        {"budget", json::object{{"messages", plan_.shop.customers}}},
        {"treatments",
         json::array{treatment("reminder", .5, "0.05"), treatment("voucher", .5, "0.50")}},
        {"outcome",
         json::object{
             {"event", "purchase"}, {"days", plan_.outcome_days()}, {"value", "conversion"}}}});
  }

  Status read_campaign() {
    ATTUNE_ASSIGN_OR_RETURN(result_.report, shop_.report(kLiveCampaign));
    ATTUNE_ASSIGN_OR_RETURN(result_.status, shop_.status(kLiveCampaign));
    result_.assigned = static_cast<std::int64_t>(in_world_.assigned.size());
    return {};
  }

  Status find_truth() {
    progress_.phase("the same days with and without it", 0, "");
    in_world_.shop = plan_.shop;
    in_world_.responses = plan_.responses;
    in_world_.channel = kChannel;
    in_world_.outcome_days = static_cast<int>(plan_.outcome_days());
    const std::vector<std::string> treatments{"reminder", "voucher"};
    ATTUNE_ASSIGN_OR_RETURN(result_.truth, simulate::true_effects(in_world_, treatments));
    return {};
  }

  static constexpr const char* kChannel = "email";
  static constexpr const char* kAudience = "frequency >= 1";

  const LivePlan& plan_;
  LiveShop& shop_;
  Progress& progress_;
  World world_;
  simulate::CampaignInWorld in_world_;
  std::map<std::string, std::int64_t> last_seen_;  // of the log, by campaign
  LiveResult result_;
};

}  // namespace

std::int64_t LivePlan::outcome_days() const { return std::min(kOutcomeDaysMax, days - 2); }
std::int64_t LivePlan::campaign_day() const { return history_days + days - outcome_days() - 1; }

Result<LivePlan> make_live_plan(const simulate::ShopParameters& shop, std::int64_t history_days,
                                std::int64_t days, double holdout) {
  if (history_days < kHistoryMin || days < kDaysMin) {
    return std::unexpected(invalid_argument(
        fmt::format("{} days of history and {} live ones are too few to see anything; give at "
                    "least {} and {}",
                    history_days, days, kHistoryMin, kDaysMin)));
  }
  if (!(holdout > 0 && holdout < 1)) {
    return std::unexpected(invalid_argument(fmt::format(
        "a holdout of {} leaves nothing to compare; it is a share between 0 and 1", holdout)));
  }
  LivePlan plan;
  plan.shop = shop;
  plan.shop.days = history_days + days;
  plan.history_days = history_days;
  plan.days = days;
  plan.holdout = holdout;
  ATTUNE_RETURN_IF_ERROR(simulate::validate(plan.shop));
  return plan;
}

Result<std::unique_ptr<LiveShop>> open_live_folder(const std::filesystem::path& folder,
                                                   const std::string& command,
                                                   const LivePlan& plan) {
  ATTUNE_ASSIGN_OR_RETURN(const World world, World::create(plan.shop));
  return open_live_folder(folder, command, world.day_start(0), world.zone(),
                          world.currency().to_string());
}

Result<LiveResult> run_live(const LivePlan& plan, LiveShop& shop, Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(World world, World::create(plan.shop, plan.responses));
  return LiveRun(plan, shop, progress, std::move(world)).run();
}

}  // namespace attune::cli
