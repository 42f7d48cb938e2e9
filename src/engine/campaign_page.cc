// A campaign's report as one page.
#include <cmath>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engine/campaigns.h"
#include "attune/report/html_page.h"
#include "experiment_sections.h"

namespace attune::engine {
namespace {

using report::Align;
using report::Tone;

std::string number(double value) { return report::format_number(value, {.decimals = 2}); }

std::string with_interval(const std::optional<measure::Estimate>& estimate) {
  if (!estimate) return "too little data";
  return fmt::format("{} ({} to {})", number(estimate->value), number(estimate->low),
                     number(estimate->high));
}

std::string day(Timestamp time, const TimeZone& zone) {
  const CivilTime at = zone.to_civil(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", at.year, at.month, at.day, at.hour,
                     at.minute);
}

// What the outcome is counted in.
std::string unit_of(const engage::Campaign& campaign) {
  return campaign.outcome.event == events::EventType::purchase ? campaign.currency.to_string()
                                                               : std::string("outcomes");
}

// What was caused, of the first treatment, beside what a claim by last click would say.
std::vector<report::Tile> tiles_of(const CampaignReport& report) {
  std::vector<report::Tile> tiles{
      {"assigned", with_thousands(report.assigned),
       fmt::format("{} whose window is over", with_thousands(report.complete))}};
  const std::string unit = unit_of(report.campaign.campaign);
  for (const TreatmentReturn& one : report.returns) {
    const bool sure = one.revenue && (one.revenue->low > 0 || one.revenue->high < 0);
    tiles.push_back(
        {fmt::format("{}: revenue caused, {}", one.treatment, unit),
         one.revenue ? number(one.revenue->value) : "–",
         one.revenue ? fmt::format("{} to {}", number(one.revenue->low), number(one.revenue->high))
                     : "too little data",
         sure ? Tone::good : Tone::plain});
  }
  for (const TreatmentActivity& one : report.activity) {
    tiles.push_back({fmt::format("{}: claimed by last click, {}", one.treatment, unit),
                     number(one.claimed_by_last_touch), "caused or not"});
  }
  return tiles;
}

report::Table returns_table(const CampaignReport& report) {
  const std::string unit = report.campaign.campaign.currency.to_string();
  report::Table table({{"treatment", Align::left, 1},
                       {"customers", Align::right, 0},
                       {"messages", Align::right, 0},
                       {"cost, " + unit, Align::right, 0},
                       {"revenue caused, " + unit, Align::right, 0},
                       {"margin caused, " + unit, Align::right, 0},
                       {"return on investment", Align::right, 0}});
  for (const TreatmentReturn& one : report.returns) {
    table.row({one.treatment, with_thousands(one.customers), with_thousands(one.messages),
               number(one.cost), with_interval(one.revenue),
               report.campaign.campaign.margin ? with_interval(one.margin) : "no margin stated",
               one.on_investment ? report::format_percent(*one.on_investment, 0) : "–"});
  }
  return table;
}

report::Table activity_table(const CampaignReport& report) {
  const bool on_page = report.campaign.campaign.channel == decide::Channel::on_page;
  const std::string unit = unit_of(report.campaign.campaign);
  report::Table table({{"treatment", Align::left, 1},
                       {on_page ? "offered" : "sent", Align::right, 0},
                       {"bounced", Align::right, 0},
                       {on_page ? "shown" : "opened", Align::right, 0},
                       {"clicked", Align::right, 0},
                       {"click-through", Align::right, 0},
                       {"left", Align::right, 0},
                       {"claimed by last click, " + unit, Align::right, 0},
                       {"claimed by position, " + unit, Align::right, 0}});
  for (const TreatmentActivity& one : report.activity) {
    table.row({one.treatment, with_thousands(one.sent), with_thousands(one.bounced),
               with_thousands(on_page ? one.shown : one.opened), with_thousands(one.clicked),
               one.click_through ? report::format_percent(one.click_through->value, 1) : "–",
               with_thousands(one.unsubscribed + one.complained), number(one.claimed_by_last_touch),
               number(one.claimed_by_position)});
  }
  return table;
}

// Side by side: caused against the holdout, and what clicks would claim.
report::Figure claims_chart(const CampaignReport& report) {
  report::BarChart chart;
  chart.frame.title = "Caused and claimed, " + unit_of(report.campaign.campaign);
  chart.frame.caption =
      "Caused: treatment against holdout, everybody assigned. Claimed: what followed a click.";
  report::Series caused{"caused", {}}, last{"claimed by last click", {}},
      position{"claimed by position", {}};
  for (std::size_t i = 0; i < report.returns.size() && i < report.activity.size(); ++i) {
    chart.labels.push_back(report.returns[i].treatment);
    caused.values.push_back(report.returns[i].revenue ? report.returns[i].revenue->value : NAN);
    last.values.push_back(report.activity[i].claimed_by_last_touch);
    position.values.push_back(report.activity[i].claimed_by_position);
  }
  chart.series = {std::move(caused), std::move(last), std::move(position)};
  return report::draw(chart);
}

}  // namespace

std::string report_page(const CampaignReport& report, const TimeZone& zone) {
  const engage::Campaign& campaign = report.campaign.campaign;
  report::Page page(
      {.title = "What the campaign changed",
       .subtitle = fmt::format("{}, as of {}; {} within {} days of the decision", campaign.name,
                               day(report.now, zone), events::name(campaign.outcome.event),
                               campaign.outcome.days),
       .footer = "made with Attune"});
  report::Section& short_of_it = page.section("In short");
  short_of_it.tiles(tiles_of(report));
  if (!campaign.description.empty()) short_of_it.paragraph(campaign.description);
  for (const std::string& note : report.notes) short_of_it.note(Tone::warning, note + ".");
  if (report.assigned == 0) return page.html();
  if (report.has_holdout) {
    page.section("What it caused, and what it would claim")
        .figure(claims_chart(report))
        .table(returns_table(report));
  }
  page.section("What people did with it").table(activity_table(report));
  add_experiment_sections({.result = report.experiment,
                           .file = "campaign " + campaign.name,
                           .rows = report.assigned,
                           .rejected = report.forgotten},
                          page);
  return page.html();
}

}  // namespace attune::engine
