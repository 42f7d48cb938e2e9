#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engine/campaigns.h"
#include "attune/engine/experiment.h"
#include "attune/report/format.h"
#include "campaign_writing.h"

namespace attune::engine {
namespace {

using decide::StopReason;
using report::Align;

std::string in_words(StopReason reason) {
  switch (reason) {
    case StopReason::none:
      return "gets a message";
    case StopReason::consent_withdrawn:
      return "withdrew consent";
    case StopReason::consent_unknown:
      return "never gave consent";
    case StopReason::suppressed:
      return "on the suppression list";
    case StopReason::outside_window:
      return "not while the campaign runs";
    case StopReason::outside_audience:
      return "not in the audience";
    case StopReason::unreachable:
      return "no address, or a field of the template is missing";
    case StopReason::held_out:
      return "held out, to compare with";
    case StopReason::cap_reached:
      return "has heard enough from us";
    case StopReason::quiet_hours:
      return "wants peace at this hour";
    case StopReason::budget_money:
      return "no money left";
    case StopReason::budget_messages:
      return "no messages left";
  }
  return "";
}

// "2026-12-01 09:00" by the shop's clock.
std::string at(Timestamp time, const TimeZone& zone) {
  const CivilTime c = zone.to_civil(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute);
}

std::string amount(std::int64_t minor, const Currency& currency) {
  return to_string(Money{minor, currency});
}

std::string counts_text(const CampaignCounts& counts, const Currency& currency,
                        const report::TerminalStyle& style) {
  report::Table gates({{"gate", Align::left, 0},
                       {"asked", Align::right, 0},
                       {"stopped", Align::right, 0},
                       {"why", Align::left, 1}});
  const decide::GateCounts& all = counts.counts;
  for (int g = 0; g < decide::kGateCount; ++g) {
    const auto gate = static_cast<decide::Gate>(g);
    std::string why;
    for (int r = 0; r < decide::kStopReasonCount; ++r) {
      const auto reason = static_cast<StopReason>(r);
      if (decide::gate_of(reason) != gate || all.at(reason) == 0) continue;
      why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", in_words(reason),
                         with_thousands(all.at(reason)));
    }
    std::string name = decide::gate_names()[static_cast<std::size_t>(g)];
    if (gate == decide::Gate::quiet_hours) name = "quiet hours";
    gates.row({name, with_thousands(all.asked(gate)), with_thousands(all.stopped(gate)), why});
  }
  report::Table treatments(
      {{"treatment", Align::left, 0}, {"messages", Align::right, 0}, {"cost", Align::right, 0}});
  for (const TreatmentCount& one : counts.treatments)
    treatments.row({one.name, with_thousands(one.messages), amount(one.cost_minor, currency)});
  return fmt::format("{} of {} customers are in the audience, {} get a message for {}.\n",
                     with_thousands(all.customers()), with_thousands(counts.customers),
                     with_thousands(all.passed()), amount(counts.cost_minor(), currency)) +
         gates.to_text(style) + treatments.to_text(style);
}

std::string limit_text(const std::optional<std::int64_t>& money,
                       const std::optional<std::int64_t>& messages, const Currency& currency) {
  return fmt::format("{}, {}", money ? amount(*money, currency) : "money without limit",
                     messages ? with_thousands(*messages) + " messages" : "messages without limit");
}

std::string money_text(const std::optional<measure::Estimate>& estimate) {
  if (!estimate) return "too little data";
  const auto number = [](double value) { return report::format_number(value, {.decimals = 2}); };
  return fmt::format("{} ({} to {})", number(estimate->value), number(estimate->low),
                     number(estimate->high));
}

// The smallest effect that is worth looking for, in the metric's own words.
std::string power_text(const CampaignPower& power, const engage::Campaign& campaign) {
  const bool share = power.before.proportion;
  const auto written = [&](double value) {
    return share ? report::format_percent(value, 2)
                 : report::format_number(value, {.decimals = 2}) + " " +
                       campaign.currency.to_string();
  };
  return fmt::format(
      "{} is {} a customer in the {} days before. With {} held out of {}, an effect of {}{} or "
      "more "
      "would be called in 8 of 10 such campaigns.\n",
      power.metric, written(power.before.mean), campaign.outcome.days,
      with_thousands(power.plan.control), with_thousands(power.plan.customers),
      share ? report::format_number(100 * power.plan.effect, {.decimals = 2})
            : written(power.plan.effect),
      share ? " percentage points" : "");
}

// Beside what was caused: what people did, and what a claim by clicks would say.
std::string activity_text(const CampaignReport& report, const report::TerminalStyle& style) {
  const engage::Campaign& campaign = report.campaign.campaign;
  const bool money = campaign.outcome.event == events::EventType::purchase;
  const std::string what = money ? campaign.currency.to_string() : "outcomes";
  const bool on_page = campaign.channel == decide::Channel::on_page;
  report::Table table({{"treatment", Align::left, 0},
                       {on_page ? "offered" : "sent", Align::right, 0},
                       {"bounced", Align::right, 0},
                       {on_page ? "shown" : "opened", Align::right, 0},
                       {"clicked", Align::right, 0},
                       {"click-through", Align::right, 0},
                       {"left", Align::right, 0},
                       {"claimed by last click, " + what, Align::right, 0},
                       {"by position", Align::right, 0}});
  const auto percent = [](double share) { return report::format_percent(share, 1); };
  for (const TreatmentActivity& one : report.activity) {
    const std::string rate =
        one.click_through
            ? fmt::format("{} ({} to {})", percent(one.click_through->value),
                          percent(one.click_through->low), percent(one.click_through->high))
            : "–";
    table.row({one.treatment, with_thousands(one.sent), with_thousands(one.bounced),
               with_thousands(on_page ? one.shown : one.opened), with_thousands(one.clicked), rate,
               with_thousands(one.unsubscribed + one.complained),
               report::format_number(one.claimed_by_last_touch, {.decimals = 2}),
               report::format_number(one.claimed_by_position, {.decimals = 2})});
  }
  return table.to_text(style) + "Claimed is what followed a click, caused by it or not.\n";
}

}  // namespace

std::string preview_text(const CampaignPreview& preview, const TimeZone& zone,
                         const report::TerminalStyle& style) {
  const Currency& currency = preview.campaign.currency;
  std::string text;
  if (preview.problems.empty() || preview.counts.customers > 0) {
    text += fmt::format("{}, asked as of {}. Budget: {}.\n", preview.campaign.name,
                        at(preview.now, zone),
                        limit_text(preview.budget.money_minor, preview.budget.messages, currency));
    text += counts_text(preview.counts, currency, style);
    report::Table examples(
        {{"for example", Align::left, 0}, {"treatment", Align::left, 0}, {"why", Align::left, 1}});
    for (const CampaignExample& one : preview.examples) {
      examples.row({one.customer, one.treatment,
                    in_words(one.reason) + (one.note.empty() ? "" : ": " + one.note)});
    }
    if (!preview.examples.empty()) text += examples.to_text(style);
  }
  for (const CampaignPower& one : preview.power) text += power_text(one, preview.campaign);
  for (const std::string& problem : preview.problems) text += "Problem: " + problem + "\n";
  return text;
}

std::string run_text(const CampaignRun& run, const Currency& currency, const TimeZone& zone,
                     const report::TerminalStyle& style) {
  std::string text = fmt::format(
      "{} version {}, due {}, ran {}{}.\n", run.campaign, run.version, at(run.due, zone),
      at(run.begun, zone), run.after_quiet_hours ? ", for those whose quiet hours are over" : "");
  text += counts_text(run.counts, currency, style);
  if (!run.list.empty()) text += fmt::format("List: {}\n", run.list.string());
  return text;
}

std::string status_text(const CampaignStatus& status, const TimeZone& zone,
                        const report::TerminalStyle& style) {
  const engage::StoredCampaign& stored = status.campaign;
  const Currency& currency = stored.campaign.currency;
  std::string text = fmt::format(
      "{}: {}, version {}{}\n", stored.campaign.name, engage::name(stored.state), stored.version,
      status.next_run ? ", next run " + at(*status.next_run, zone) : std::string());
  if (status.runs.empty()) {
    text += "No run yet.\n";
  } else {
    text += fmt::format("{} runs, the last {}. All of them together:\n",
                        with_thousands(static_cast<std::int64_t>(status.runs.size())),
                        at(status.runs.front().begun, zone));
    text += counts_text(status.total, currency, style);
  }
  if (status.waiting > 0) {
    text += fmt::format("{} wait for their quiet hours to end and are asked again then.\n",
                        with_thousands(status.waiting));
  }
  if (status.budget) {
    report::Table budget(
        {{"budget", Align::left, 0}, {"money", Align::right, 0}, {"messages", Align::right, 0}});
    const auto row = [&](const char* name, const std::optional<std::int64_t>& money,
                         const std::optional<std::int64_t>& messages) {
      budget.row({name, money ? amount(*money, currency) : "no limit",
                  messages ? with_thousands(*messages) : "no limit"});
    };
    row("in all", status.budget->limits.money_minor, status.budget->limits.messages);
    row("reserved", status.budget->reserved.money_minor, status.budget->reserved.messages);
    row("spent", status.budget->spent.money_minor, status.budget->spent.messages);
    row("left", status.budget->available.money_minor, status.budget->available.messages);
    text += budget.to_text(style);
  }
  if (goes_by_outbox(stored.campaign.channel)) {
    text += "Outbox:";
    for (int i = 0; i < deliver::kMessageStateCount; ++i) {
      text += fmt::format("{} {} {}", i == 0 ? "" : ",",
                          with_thousands(status.outbox[static_cast<std::size_t>(i)]),
                          deliver::name(static_cast<deliver::MessageState>(i)));
    }
    text += "\n";
  }
  report::Table history({{"when", Align::left, 0},
                         {"version", Align::right, 0},
                         {"state", Align::left, 0},
                         {"who", Align::left, 1},
                         {"what", Align::left, 1}});
  for (const engage::CampaignChange& change : status.history) {
    history.row({at(change.time, zone), std::to_string(change.version),
                 std::string(engage::name(change.to)), change.by, change.note});
  }
  return text + history.to_text(style);
}

std::string messages_text(const std::vector<OutboxMessage>& messages, const TimeZone& zone,
                          const report::TerminalStyle& style) {
  report::Table table({{"message", Align::left, 0},
                       {"campaign", Align::left, 0},
                       {"customer", Align::left, 0},
                       {"state", Align::left, 0},
                       {"tries", Align::right, 0},
                       {"since", Align::left, 0},
                       {"what was said", Align::left, 1}});
  for (const auto& [status, customer] : messages) {
    table.row({status.key, status.campaign, customer, std::string(deliver::name(status.state)),
               std::to_string(status.attempts), at(status.changed, zone), status.detail});
  }
  return table.to_text(style);
}

std::string report_text(const CampaignReport& report, const TimeZone& zone,
                        const report::TerminalStyle& style) {
  const engage::Campaign& campaign = report.campaign.campaign;
  std::string text = fmt::format(
      "{} as of {}: {} customers were assigned, sent or not; outcomes are {} within {} days.\n",
      campaign.name, at(report.now, zone), with_thousands(report.assigned),
      events::name(campaign.outcome.event), campaign.outcome.days);
  if (report.assigned == 0)
    return text +
           fmt::format("Nothing to report yet; run it: attune campaign run {}\n", campaign.name);
  text += experiment_text({.result = report.experiment,
                           .file = "campaign " + campaign.name,
                           .rows = report.assigned,
                           .rejected = 0},
                          style);
  const std::string unit = campaign.currency.to_string();
  report::Table returns({{"treatment", Align::left, 0},
                         {"messages", Align::right, 0},
                         {"cost " + unit, Align::right, 0},
                         {"revenue caused " + unit, Align::right, 0},
                         {"margin caused " + unit, Align::right, 0},
                         {"return", Align::right, 0}});
  for (const TreatmentReturn& one : report.returns) {
    returns.row({one.treatment, with_thousands(one.messages),
                 report::format_number(one.cost, {.decimals = 2}), money_text(one.revenue),
                 campaign.margin ? money_text(one.margin) : "no margin stated",
                 one.on_investment ? report::format_percent(*one.on_investment, 0) : "–"});
  }
  if (report.has_holdout) text += "\n" + returns.to_text(style);
  text += "\n" + activity_text(report, style);
  for (const std::string& note : report.notes) text += fmt::format("Note: {}.\n", note);
  return text;
}

}  // namespace attune::engine
