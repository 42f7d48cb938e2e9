#include "attune/engage/campaign.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "campaign_names.h"

namespace attune::engage {
namespace {

// Writes objects and lists with a comma where one is due.
class JsonText {
 public:
  JsonText& open(char bracket) {
    comma();
    out_ += bracket;
    due_ = false;
    return *this;
  }
  JsonText& close(char bracket) {
    out_ += bracket;
    due_ = true;
    return *this;
  }
  JsonText& key(std::string_view name) {
    text(name);
    out_ += ':';
    due_ = false;
    return *this;
  }
  JsonText& text(std::string_view value) {
    comma();
    out_ += boost::json::serialize(boost::json::string(value.data(), value.size()));
    return *this;
  }
  template <class Number>
  JsonText& number(Number value) {
    comma();
    fmt::format_to(std::back_inserter(out_), "{}", value);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  void comma() {
    if (due_) out_ += ',';
    due_ = true;
  }
  std::string out_;
  bool due_ = false;
};

// "12.34": all digits of the currency.
std::string decimal(std::int64_t minor, Currency currency) {
  const int exponent = currency.exponent();
  std::int64_t unit = 1;
  for (int i = 0; i < exponent; ++i) unit *= 10;
  if (exponent == 0) return fmt::to_string(minor);
  return fmt::format("{}.{:0{}}", minor / unit, minor % unit, exponent);
}

void write_treatments(JsonText& out, const Campaign& campaign) {
  const bool top = campaign.policy.rule == decide::TreatmentRule::top;
  out.key("treatments").open('[');
  for (const Treatment& treatment : campaign.treatments) {
    out.open('{').key("name").text(treatment.name);
    if (!top) out.key("share").number(treatment.share);
    out.key("cost").text(decimal(treatment.cost_minor, campaign.currency));
    out.key("content").text(treatment.content);
    if (top) out.key("score").text(treatment.score).key("weight").number(treatment.weight);
    out.close('}');
  }
  out.close(']');
}

void write_limits(JsonText& out, const Campaign& campaign) {
  out.key("caps").open('[');
  for (const decide::FrequencyCap& cap : campaign.caps) {
    out.open('{');
    out.key("scope").text(decide::cap_scope_names()[static_cast<std::size_t>(cap.scope)]);
    out.key("period").text(decide::cap_period_names()[static_cast<std::size_t>(cap.period)]);
    out.key("limit").number(cap.limit).close('}');
  }
  out.close(']');
  if (const auto& quiet = campaign.quiet_hours) {
    out.key("quiet_hours").open('{');
    out.key("from").text(decide::print_minute_of_day(quiet->begin_minute));
    out.key("to").text(decide::print_minute_of_day(quiet->end_minute)).close('}');
  }
  out.key("budget").open('{');
  if (campaign.budget_money_minor)
    out.key("money").text(decimal(*campaign.budget_money_minor, campaign.currency));
  if (campaign.budget_messages) out.key("messages").number(*campaign.budget_messages);
  out.close('}');
}

void write_schedule(JsonText& out, const Schedule& schedule) {
  out.key("schedule").open('{');
  out.key("start").text(format_iso(schedule.start));
  out.key("end").text(format_iso(schedule.end));
  out.key("repeat").text(repeat_names()[static_cast<std::size_t>(schedule.repeat)]);
  if (schedule.repeat == Repeat::daily)
    out.key("at").text(decide::print_minute_of_day(schedule.minute_of_day));
  out.close('}');
}

}  // namespace

std::string to_json(const Campaign& campaign) {
  JsonText out;
  out.open('{').key("name").text(campaign.name);
  out.key("description").text(campaign.description);
  if (campaign.segment.empty()) {
    out.key("rule").text(campaign.rule);
  } else {
    out.key("segment").text(campaign.segment);
  }
  write_schedule(out, campaign.schedule);
  out.key("channel").text(decide::name(campaign.channel));
  out.key("purpose").text(privacy::name(campaign.purpose));
  if (!campaign.surface.empty()) out.key("surface").text(campaign.surface);
  out.key("currency").text(campaign.currency.to_string());
  out.key("policy").text(decide::print_policy(campaign.policy));
  write_treatments(out, campaign);
  out.key("holdout").open('{').key("share").number(campaign.holdout.share);
  out.key("key").text(campaign.holdout.key).key("salt").text(campaign.holdout.salt).close('}');
  write_limits(out, campaign);
  out.key("outcome").open('{').key("event").text(events::name(campaign.outcome.event));
  out.key("days").number(campaign.outcome.days);
  out.key("value").text(outcome_value_names()[static_cast<std::size_t>(campaign.outcome.value)]);
  out.close('}');
  if (campaign.margin) out.key("margin").number(*campaign.margin);
  return out.close('}').take();
}

Status validate(const Campaign& campaign, const CampaignContext& context) {
  ATTUNE_ASSIGN_OR_RETURN(const Campaign again,
                          parse_campaign_json(to_json(campaign), campaign.name, context));
  if (again == campaign) return {};
  return std::unexpected(invalid_argument(
      fmt::format("campaign '{}' holds what its file cannot say, such as a share beside policy top",
                  campaign.name)));
}

Result<decide::CampaignPlan> plan_of(const Campaign& campaign, std::uint32_t number, int version,
                                     const TimeZone& shop_zone) {
  decide::AssignmentSpec spec{
      campaign.holdout.key, campaign.holdout.salt, campaign.holdout.share, {}};
  if (campaign.policy.rule == decide::TreatmentRule::shares) {
    for (const Treatment& treatment : campaign.treatments)
      spec.arms.push_back({treatment.name, treatment.share});
  }
  ATTUNE_ASSIGN_OR_RETURN(decide::Assignment assignment,
                          decide::Assignment::create(std::move(spec)));
  decide::CampaignPlan plan{.campaign = campaign.name,
                            .number = number,
                            .version = version,
                            .channel = campaign.channel,
                            .begin = campaign.schedule.start,
                            .end = campaign.schedule.end,
                            .assignment = std::move(assignment),
                            .treatments = {},
                            .cost_minor = {},
                            .currency = campaign.currency,
                            .policy = campaign.policy,
                            .caps = campaign.caps,
                            .quiet_hours = campaign.quiet_hours,
                            .zone = shop_zone};
  for (const Treatment& treatment : campaign.treatments) {
    plan.treatments.push_back(treatment.name);
    plan.cost_minor.push_back(treatment.cost_minor);
  }
  return plan;
}

std::optional<Timestamp> next_run(const Campaign& campaign, Timestamp from,
                                  const TimeZone& shop_zone) {
  const Schedule& schedule = campaign.schedule;
  if (schedule.repeat == Repeat::once)
    return from <= schedule.start ? std::optional(schedule.start) : std::nullopt;
  const Timestamp earliest = std::max(from, schedule.start);
  if (earliest >= schedule.end) return std::nullopt;
  const std::int64_t today = shop_zone.day_number(earliest);
  for (std::int64_t day = today - 1; day <= today + 2; ++day) {
    const Timestamp at = shop_zone.from_civil(
        civil_from_utc({day * kMicrosPerDay + schedule.minute_of_day * kMicrosPerMinute}));
    if (at >= earliest) return at < schedule.end ? std::optional(at) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace attune::engage
