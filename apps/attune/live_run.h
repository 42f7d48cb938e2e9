// Days of a simulated shop against the engine, with a campaign and the truth about it. Answers:
// what did the engine do, what did it say it changed, and what did it change?
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/base/time.h"
#include "attune/report/table.h"
#include "attune/simulate/potential.h"
#include "attune/simulate/response.h"
#include "attune/simulate/shop_parameters.h"
#include "live_shop.h"

namespace attune::cli {

inline constexpr const char* kLiveCampaign = "offer";
inline constexpr const char* kLiveNewsletter = "newsletter";

// First `history_days` that are only told; then `days` that are lived: a newsletter goes out daily,
// until on the campaign's day everybody who ordered and allows it gets an offer or is held out. The
// last days wait for what comes of it.
struct LivePlan {
  simulate::ShopParameters shop;  // its days are history and live days together
  simulate::ResponseParameters responses;
  std::int64_t history_days = 120;
  std::int64_t days = 30;
  double holdout = .3;

  std::int64_t outcome_days() const;  // in which orders count, 14 if the days allow it
  std::int64_t campaign_day() const;  // of the shop's days, from 0
};

// Errors: invalid_argument naming what is wrong.
Result<LivePlan> make_live_plan(const simulate::ShopParameters& shop, std::int64_t history_days,
                                std::int64_t days, double holdout);

// What the report says of one treatment and metric, beside the truth.
struct LiveFigure {
  std::string metric;
  std::string treatment;
  bool share = false;  // of customers, else an amount each
  double held_out = 0;
  double treated = 0;
  struct Interval {
    double value, low, high;
  };
  std::optional<Interval> changed;  // corrected for several treatments; absent: too little data
  std::string too_little;
  double truth = 0;
  bool inside() const { return changed && changed->low <= truth && truth <= changed->high; }
};

struct LiveClaim {
  std::string treatment;
  double claimed = 0;  // revenue by last touch
  double truth = 0;    // revenue that the treatment caused among those who got it
};

struct LiveResult {
  std::int64_t history_events = 0;
  std::int64_t live_events = 0;
  std::int64_t newsletters = 0;  // messages
  std::int64_t withdrawals = 0;
  std::int64_t audience = 0;
  std::map<std::string, std::int64_t> stopped;  // by reason, before the assignment
  std::int64_t assigned = 0;
  std::map<std::string, std::int64_t> groups;
  std::vector<LiveFigure> figures;  // the first metric decides
  std::vector<LiveClaim> claims;
  std::vector<simulate::TrueEffect> truth;
  Currency currency;
  std::string report;  // the engine's, JSON
  std::string status;  // the same
};

// A new data folder that begins where the plan does. Errors: already_exists where there is a shop.
Result<std::unique_ptr<LiveShop>> open_live_folder(const std::filesystem::path& folder,
                                                   const std::string& command,
                                                   const LivePlan& plan);
// Errors: those of shop and world; cancelled.
Result<LiveResult> run_live(const LivePlan& plan, LiveShop& shop, Progress& progress);

// Reads what the engine said of the campaign and puts the truth beside it. Errors: internal where a
// field is lacking.
Status compare_with_truth(LiveResult& result);

std::string live_text(const LivePlan& plan, const LiveResult& result,
                      const report::TerminalStyle& style);
std::string live_json(const LivePlan& plan, const LiveResult& result);

}  // namespace attune::cli
