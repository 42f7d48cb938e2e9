// Before an experiment starts. Answers: how many customers does it take to see this effect, and
// which effect can these customers show?
#pragma once

#include <cstdint>

#include "attune/base/error.h"
#include "attune/measure/estimate.h"

namespace attune::measure {

// What the metric is like without treatment.
struct Baseline {
  double mean = 0;       // of a proportion: above 0, below 1
  double deviation = 0;  // standard deviation between customers; unused for a proportion
  bool proportion = false;
  friend bool operator==(const Baseline&, const Baseline&) = default;
};

struct PlanOptions {
  double level = kLevel;
  double power = .8;            // chance to call an effect of the size stated
  std::int64_t treatments = 1;  // each compared with the control; more ask for more (Bonferroni)
  double control_share = .5;    // of all customers; the treatments share the rest equally
  double correlation = 0;       // of means: with covariates known before (CUPED)
  bool sequential = false;      // looked at daily: the interval at the planned end
};

struct Plan {
  double effect = 0;           // absolute, in units of the metric
  std::int64_t customers = 0;  // in all arms
  std::int64_t control = 0;
  std::int64_t treatment = 0;  // in each treatment
  double power = 0;            // reached, with whole customers
};

// The smallest number of customers with which `effect` is called with the power asked for.
// Means: Student's noncentral distribution, as statsmodels' TTestIndPower; proportions: the
// unpooled normal test of `compare`. effect: absolute, not 0, either sign; a proportion stays
// within 0 and 1. Errors: invalid_argument that names the option and its range.
Result<Plan> needed_customers(const Baseline& baseline, double effect,
                              const PlanOptions& options = {});

// The smallest effect upwards (of a proportion that cannot rise so far: none) that `customers` in
// all arms show with the power asked for. Errors: the same, and failed_precondition where no effect
// is large enough.
Result<Plan> detectable_effect(const Baseline& baseline, std::int64_t customers,
                               const PlanOptions& options = {});

}  // namespace attune::measure
