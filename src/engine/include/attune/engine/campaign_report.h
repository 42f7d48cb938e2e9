// What became of a campaign. Answers: what did people do with its messages, and what did it cause?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/time.h"
#include "attune/engage/campaign_store.h"
#include "attune/measure/experiment.h"
#include "attune/measure/rates.h"
#include "attune/report/table.h"

namespace attune::engine {

// Money that a treatment brought, against the holdout: the difference per customer times customers.
struct TreatmentReturn {
  std::string treatment;
  std::int64_t customers = 0;
  std::int64_t messages = 0;
  double cost = 0;  // in the currency's units, as all below
  std::optional<measure::Estimate> revenue;
  std::optional<measure::Estimate> margin;  // where the campaign states its share
  std::optional<double> on_investment;      // (margin - cost) / cost
};

// What people did with a treatment's messages. A message that is opened twice is opened once;
// openings and clicks of machines do not count, nor do openings by mail proxies.
// Claimed: outcomes that followed a person's click (of lists: the sending) within the outcome's
// days, whether it caused them or not; beside other clicks in messages and on recommendations the
// last one gets all of it, or each its share by position (two fifths the first and the last, the
// rest between).
// Offers on pages: `sent` counts those answered, `shown` those whose impression came back, which
// are what click-through is of.
struct TreatmentActivity {
  std::string treatment;
  std::int64_t sent = 0, bounced = 0, opened = 0, clicked = 0, unsubscribed = 0, complained = 0;
  std::int64_t shown = 0;
  std::optional<measure::Estimate> click_through;  // of messages sent, or offers shown
  double claimed_by_last_touch = 0;                // revenue in the currency's units, or outcomes
  double claimed_by_position = 0;
};

struct CampaignReport {
  engage::StoredCampaign campaign;
  Timestamp now;
  measure::Experiment experiment;  // arms: the holdout, then treatments (policy top: "treated")
  bool has_holdout = true;
  std::vector<TreatmentReturn> returns;     // by treatment arm
  std::vector<TreatmentActivity> activity;  // the same
  std::int64_t assigned = 0;
  std::int64_t complete = 0;  // whose window is over
  std::int64_t forgotten = 0;
  std::vector<std::string> notes;
};

struct CampaignReportOptions {
  measure::AnalyseOptions analysis;
  // "orders": none, one or several before the assignment; or a saved segment, as it holds now.
  std::string by = {};
};

// Names of fields stay.
std::string to_json(const CampaignReport& report);
// For people.
std::string report_text(const CampaignReport& report, const TimeZone& zone,
                        const report::TerminalStyle& style);
// A self-contained page with charts.
std::string report_page(const CampaignReport& report, const TimeZone& zone);

}  // namespace attune::engine
