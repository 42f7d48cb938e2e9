#include <boost/json.hpp>

#include "attune/engine/campaigns.h"
#include "attune/engine/experiment.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}
json::value or_null(const std::optional<Timestamp>& time) {
  return time ? json::value(format_iso(*time)) : json::value(nullptr);
}

// {"value", "low", "high"}.
json::value or_null(const std::optional<measure::Estimate>& estimate) {
  if (!estimate) return nullptr;
  return json::object{{"value", estimate->value}, {"low", estimate->low}, {"high", estimate->high}};
}

// Reasons at their gates, in the order of the gates.
json::object counts_object(const CampaignCounts& counts) {
  json::array gates;
  const decide::GateCounts& all = counts.counts;
  for (int g = 0; g < decide::kGateCount; ++g) {
    const auto gate = static_cast<decide::Gate>(g);
    json::object reasons;
    for (int r = 0; r < decide::kStopReasonCount; ++r) {
      const auto reason = static_cast<decide::StopReason>(r);
      if (decide::gate_of(reason) == gate && all.at(reason) > 0)
        reasons[decide::stop_reason_names()[static_cast<std::size_t>(r)]] = all.at(reason);
    }
    gates.push_back(json::object{{"gate", decide::gate_names()[static_cast<std::size_t>(g)]},
                                 {"asked", all.asked(gate)},
                                 {"stopped", all.stopped(gate)},
                                 {"reasons", std::move(reasons)}});
  }
  json::array treatments;
  for (const TreatmentCount& one : counts.treatments) {
    treatments.push_back(json::object{
        {"name", one.name}, {"messages", one.messages}, {"cost_minor", one.cost_minor}});
  }
  return {{"customers", counts.customers},       {"audience", all.customers()},
          {"gates", std::move(gates)},           {"messages", all.passed()},
          {"treatments", std::move(treatments)}, {"cost_minor", counts.cost_minor()}};
}

json::object run_object(const CampaignRun& run) {
  json::object object{{"campaign", run.campaign},         {"version", run.version},
                      {"seed", std::to_string(run.seed)}, {"due", format_iso(run.due)},
                      {"begun", format_iso(run.begun)},   {"finished", or_null(run.finished)}};
  for (auto& member : counts_object(run.counts)) object.insert(std::move(member));
  if (run.after_quiet_hours) object["after_quiet_hours"] = true;
  if (!run.list.empty()) object["list"] = run.list.string();
  return object;
}

json::value budget_value(const std::optional<ledger::BudgetBalances>& budget) {
  if (!budget) return nullptr;
  const auto limits = [](const ledger::Limits& l) {
    return json::object{{"money_minor", or_null(l.money_minor)}, {"messages", or_null(l.messages)}};
  };
  const auto amount = [](const ledger::Amount& a) {
    return json::object{{"money_minor", a.money_minor}, {"messages", a.messages}};
  };
  return json::object{{"currency", budget->currency.to_string()},
                      {"limits", limits(budget->limits)},
                      {"reserved", amount(budget->reserved)},
                      {"spent", amount(budget->spent)},
                      {"available", limits(budget->available)}};
}

json::object stored_object(const engage::StoredCampaign& stored) {
  return {{"campaign", stored.campaign.name},
          {"state", engage::name(stored.state)},
          {"version", stored.version}};
}

}  // namespace

std::string to_json(const engage::StoredCampaign& campaign) {
  return json::serialize(stored_object(campaign));
}

std::string to_json(const std::vector<engage::StoredCampaign>& campaigns) {
  json::array all;
  for (const engage::StoredCampaign& one : campaigns) all.push_back(stored_object(one));
  return json::serialize(json::object{{"campaigns", std::move(all)}});
}

std::string to_json(const CampaignPreview& preview) {
  json::object object{{"campaign", preview.campaign.name},
                      {"version", preview.version},
                      {"now", format_iso(preview.now)}};
  for (auto& member : counts_object(preview.counts)) object.insert(std::move(member));
  object["currency"] = preview.campaign.currency.to_string();
  json::array examples;
  for (const CampaignExample& one : preview.examples) {
    examples.push_back(
        json::object{{"customer_id", one.customer},
                     {"reason", decide::stop_reason_names()[static_cast<std::size_t>(one.reason)]},
                     {"treatment", one.treatment},
                     {"note", one.note}});
  }
  object["examples"] = std::move(examples);
  object["problems"] = json::array(preview.problems.begin(), preview.problems.end());
  json::array power;
  for (const CampaignPower& one : preview.power) {
    power.push_back(json::object{{"metric", one.metric},
                                 {"before", one.before.mean},
                                 {"detectable_effect", one.plan.effect},
                                 {"customers", one.plan.customers},
                                 {"held_out", one.plan.control}});
  }
  object["power"] = std::move(power);
  return json::serialize(object);
}

std::string to_json(const CampaignRun& run) { return json::serialize(run_object(run)); }

std::string to_json(const CampaignStatus& status) {
  const engage::StoredCampaign& campaign = status.campaign;
  boost::system::error_code ignored;
  json::object object{{"campaign", campaign.campaign.name},
                      {"state", engage::name(campaign.state)},
                      {"version", campaign.version},
                      {"created", format_iso(campaign.created)},
                      {"changed", format_iso(campaign.changed)},
                      {"last_run", or_null(campaign.last_run)},
                      {"next_run", or_null(status.next_run)},
                      {"waiting", status.waiting},
                      {"definition", json::parse(engage::to_json(campaign.campaign), ignored)},
                      {"total", counts_object(status.total)},
                      {"budget", budget_value(status.budget)}};
  json::object outbox;
  for (int i = 0; i < deliver::kMessageStateCount; ++i) {
    outbox[deliver::name(static_cast<deliver::MessageState>(i))] =
        status.outbox[static_cast<std::size_t>(i)];
  }
  object["outbox"] = std::move(outbox);
  json::array runs, history;
  for (const CampaignRun& run : status.runs) runs.push_back(run_object(run));
  for (const engage::CampaignChange& change : status.history) {
    history.push_back(json::object{{"time", format_iso(change.time)},
                                   {"version", change.version},
                                   {"from", engage::name(change.from)},
                                   {"to", engage::name(change.to)},
                                   {"by", change.by},
                                   {"note", change.note}});
  }
  object["runs"] = std::move(runs);
  object["history"] = std::move(history);
  return json::serialize(object);
}

std::string to_json(const CampaignReport& report) {
  const engage::Campaign& campaign = report.campaign.campaign;
  boost::system::error_code ignored;
  ExperimentReport experiment{.result = report.experiment,
                              .file = "campaign " + campaign.name,
                              .rows = report.assigned,
                              .rejected = report.forgotten};
  json::array returns;
  for (const TreatmentReturn& one : report.returns) {
    returns.push_back(json::object{{"treatment", one.treatment},
                                   {"customers", one.customers},
                                   {"messages", one.messages},
                                   {"cost", one.cost},
                                   {"incremental_revenue", or_null(one.revenue)},
                                   {"incremental_margin", or_null(one.margin)},
                                   {"return_on_investment", or_null(one.on_investment)}});
  }
  json::array activity;
  for (const TreatmentActivity& one : report.activity) {
    activity.push_back(json::object{{"treatment", one.treatment},
                                    {"sent", one.sent},
                                    {"bounced", one.bounced},
                                    {"opened", one.opened},
                                    {"shown", one.shown},
                                    {"clicked", one.clicked},
                                    {"click_through", or_null(one.click_through)},
                                    {"unsubscribed", one.unsubscribed},
                                    {"complained", one.complained},
                                    {"claimed_by_last_touch", one.claimed_by_last_touch},
                                    {"claimed_by_position", one.claimed_by_position}});
  }
  return json::serialize(
      json::object{{"campaign", campaign.name},
                   {"state", engage::name(report.campaign.state)},
                   {"version", report.campaign.version},
                   {"as_of", format_iso(report.now)},
                   {"outcome", events::name(campaign.outcome.event)},
                   {"outcome_days", campaign.outcome.days},
                   {"currency", campaign.currency.to_string()},
                   {"assigned", report.assigned},
                   {"complete", report.complete},
                   {"held_out", report.has_holdout},
                   {"returns", std::move(returns)},
                   {"activity", std::move(activity)},
                   {"experiment", json::parse(experiment_json(experiment), ignored)},
                   {"notes", json::array(report.notes.begin(), report.notes.end())}});
}

std::string to_json(const std::vector<OutboxMessage>& messages) {
  json::array all;
  for (const auto& [status, customer] : messages) {
    all.push_back(json::object{{"id", status.key},
                               {"channel", deliver::name(status.channel)},
                               {"campaign", status.campaign},
                               {"treatment", status.treatment},
                               {"customer_id", customer},
                               {"state", deliver::name(status.state)},
                               {"attempts", status.attempts},
                               {"decided", format_iso(status.created)},
                               {"changed", format_iso(status.changed)},
                               {"code", status.code},
                               {"detail", status.detail}});
  }
  return json::serialize(json::object{{"messages", std::move(all)}});
}

std::string to_json(const deliver::MessageStatus& message) {
  return json::serialize(
      json::object{{"id", message.key}, {"state", deliver::name(message.state)}});
}

std::string to_json(const SendResult& result) {
  return json::serialize(
      json::object{{"sent", result.sent},
                   {"refused", result.refused},
                   {"failed", result.failed},
                   {"unknown", result.unknown},
                   {"withheld", result.withheld},
                   {"postponed", result.postponed},
                   {"next", or_null(result.next)},
                   {"troubles", json::array(result.troubles.begin(), result.troubles.end())}});
}

}  // namespace attune::engine
