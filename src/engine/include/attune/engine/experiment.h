// An experiment out of any table: two pages, two algorithms, a mailing with a holdout. Answers:
// what did it change, by a file that somebody has?
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/events/record.h"
#include "attune/measure/experiment.h"
#include "attune/measure/planning.h"
#include "attune/report/table.h"

namespace attune::engine {

// Columns by name. One row a customer, or whatever was assigned to an arm.
struct ExperimentRequest {
  std::filesystem::path file;           // CSV, JSON Lines or Parquet, plain or packed
  std::string arm;                      // column that says who got what
  std::string control;                  // its value of those who got nothing, or the old
  std::vector<std::string> metrics;     // numbers, or true and false
  std::vector<std::string> ratios;      // "revenue/orders": a sum over a sum, both columns
  std::vector<std::string> covariates;  // known before the assignment
  std::string by;                       // column to break down by; empty: none
  std::string customer;             // column to check that nobody stands there twice; may be empty
  std::vector<std::string> shares;  // "VALUE=SHARE" of arms; empty: equal shares
  measure::AnalyseOptions options;
  events::ReadOptions reading;
};

struct ExperimentReport {
  measure::Experiment result;
  std::string file;
  std::int64_t rows = 0;      // read
  std::int64_t rejected = 0;  // lines that are no rows
};

inline constexpr std::size_t kArmsMax = 50, kGroupsMax = 200;

// Reads the file and analyses it. Arms come with the control first, then by name. A blank cell, NA,
// NaN and null are missing values; a row without an arm is left out; both are counted in the notes.
// Errors: those of opening the file; not_found that names the nearest column or the arms that there
// are; invalid_argument that names line and column of a cell that is no number, of a customer that
// stands there twice, or of a column with too many values; cancelled.
// Memory: the columns asked for, 8 bytes a cell.
Result<ExperimentReport> analyse_experiment(const ExperimentRequest& request, Progress& progress);

// Before the start. Exactly one of rate and deviation, and one of effect and customers.
struct ExperimentPlanRequest {
  std::optional<double> rate = {};       // share of customers who do it without treatment
  std::optional<double> deviation = {};  // of a mean: standard deviation between customers
  std::optional<double> effect = {};     // absolute
  std::optional<std::int64_t> customers = {};
  measure::PlanOptions options = {};
};
// Errors: invalid_argument that says what is missing; those of measure/planning.h.
Result<measure::Plan> plan_experiment(const ExperimentPlanRequest& request);

// Names of fields stay. An answer is an object, or {"too_little": {"why", "enough"}}.
std::string experiment_json(const ExperimentReport& report);
// Tables for a terminal. Where several comparisons were made, intervals and p values are corrected.
std::string experiment_text(const ExperimentReport& report, const report::TerminalStyle& style);
// A self-contained page with a chart of the intervals.
std::string experiment_page(const ExperimentReport& report);

}  // namespace attune::engine
