// A whole experiment from columns. Answers: did it work, for which metric, in which arm, for whom,
// and may the answer be trusted?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/measure/difference.h"
#include "attune/measure/estimate.h"
#include "attune/measure/sample_ratio.h"

namespace attune::measure {

// One metric's column. NaN is a missing value: such rows are left out of this metric, and counted.
struct MetricColumn {
  std::string name;
  std::span<const double> values;             // (n); of a ratio the numerators
  std::span<const double> denominators = {};  // (n) of a ratio, else empty
  // Absent: a ratio where there are denominators, a proportion where every value is 0 or 1, else a
  // mean.
  std::optional<MetricKind> kind = {};
};

// Something known of each customer before the assignment. NaN is missing: the mean is taken, and a
// column that marks such customers is added.
struct CovariateColumn {
  std::string name;
  std::span<const double> values;  // (n)
};

// Rows are customers: the unit that was assigned, one row each. Views must outlive the call only.
struct ExperimentData {
  std::vector<std::string> arms;      // at least two
  std::size_t control = 0;            // index into arms
  std::span<const std::int32_t> arm;  // (n) index into arms; -1: in no arm, left out and counted
  std::vector<MetricColumn> metrics;  // at least one; the first is the one that decides
  std::vector<CovariateColumn> covariates = {};
  std::vector<double> shares = {};  // planned share an arm, any positive scale; empty: equal
  std::string group_name = {};
  std::vector<std::string> groups = {};      // of a breakdown; empty: none
  std::span<const std::int32_t> group = {};  // (n) index into groups; -1: in no group
};

struct AnalyseOptions {
  double level = kLevel;
  // Above 0: intervals and p values that may be looked at daily, for an experiment planned to end
  // with so many customers.
  std::int64_t planned = 0;
};

// One arm's own figure.
struct ArmMetric {
  std::int64_t customers = 0;  // with a value
  std::int64_t missing = 0;
  double sum = 0;                                            // of values, or numerators
  double denominator_sum = 0;                                // of a ratio
  Answer<Estimate> estimate = std::unexpected(TooLittle{});  // unadjusted
};

// Intervals and p value that hold for all comparisons of a family at once. The relative interval
// has the same multiple of its error as the absolute one; absent where there is none.
struct Corrected {
  Estimate absolute;
  std::optional<Estimate> relative = {};
  double p_value = 1;
};

enum class Verdict : std::uint8_t { too_little, not_told_apart, higher, lower };

struct Comparison {
  std::size_t arm = 0;  // the treatment, against the control
  // What to read. With covariates it is adjusted; `unadjusted` is there to compare.
  Answer<Difference> difference = std::unexpected(TooLittle{});
  Answer<Difference> unadjusted = std::unexpected(TooLittle{});
  std::optional<Corrected> corrected = {};  // absent where there is one comparison only
  // Width with covariates over width without. 1 without covariates.
  double narrowing = 1;
  // The effect, of either sign, that an experiment with these standard errors calls in 8 of 10
  // cases (at the corrected interval where there is one).
  std::optional<double> detectable = {};
  // By the corrected interval where there is one.
  Verdict verdict = Verdict::too_little;
};

// Whether a treatment works differently in different groups: Cochran's Q over the groups that have
// an answer.
struct Heterogeneity {
  std::size_t arm = 0;
  double q = 0;
  std::int64_t degrees = 0;
  double p_value = 1;
};

struct GroupResult {
  std::size_t group = 0;
  std::vector<ArmMetric> arms = {};
  // Corrected over all groups and treatments of this metric.
  std::vector<Comparison> comparisons = {};
};

struct MetricResult {
  std::string name = {};
  MetricKind kind = MetricKind::mean;
  std::vector<ArmMetric> arms = {};          // as ExperimentData::arms
  std::vector<Comparison> comparisons = {};  // one a treatment, in the order of arms
  std::optional<double> correlation = {};    // with the covariates, within arms
  std::vector<GroupResult> groups = {};
  std::vector<Heterogeneity> heterogeneity = {};  // one a treatment that has answers in two groups
};

// Something that should hold if the experiment was sound.
struct Check {
  std::string name = {};  // "sample_ratio", "missing:revenue"
  Answer<double> p_value = std::unexpected(TooLittle{});
  double alarm_below = 0;
  bool alarm = false;
  std::string text = {};  // what was found, and what to do where it is an alarm
};

struct ArmSize {
  std::string name = {};
  std::int64_t customers = 0;
  double expected = 0;
};

struct Experiment {
  double level = kLevel;
  std::size_t control = 0;
  std::vector<ArmSize> arms = {};
  std::int64_t left_out = 0;  // rows in no arm
  std::optional<SampleRatio> sample_ratio = {};
  std::vector<Check> checks = {};
  std::vector<MetricResult> metrics = {};
  std::vector<std::string> covariates = {};
  std::string group_name = {};
  std::vector<std::string> groups = {};
  std::int64_t planned = 0;             // 0: one look at the end
  double fraction = 1;                  // of the planned customers that are here
  std::string correction = {};          // how several treatments are corrected; empty: one only
  std::string group_correction = {};    // the same for groups
  std::vector<std::string> notes = {};  // what a reader should know
};

// Every metric of every treatment against the control. Rows are taken as drawn independently from
// the customers that the answer is for: the truth is the effect in that population.
// Several treatments: Dunnett's intervals and Holm's p values over the treatments of a metric
// (sequential: Bonferroni and Holm). Groups: Bonferroni and Holm over groups times treatments.
// Metrics are not corrected against each other: the first decides, the others explain.
// Errors: invalid_argument where columns differ in length, an index is out of range, a value is
// infinite, a proportion is neither 0 nor 1, or a name or option is wrong.
// Cost: O(rows * metrics * (1 + covariates²)). Memory: a few columns. Determinism: the same rows in
// the same order give the same bits.
Result<Experiment> analyse(const ExperimentData& data, const AnalyseOptions& options = {});

}  // namespace attune::measure
