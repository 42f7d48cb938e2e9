// The difference between a treatment and the control. Answers: what did the treatment change, and
// by how much at least and at most?
#pragma once

#include <cstdint>
#include <optional>

#include "attune/measure/arm_estimate.h"
#include "attune/measure/estimate.h"

namespace attune::measure {

// When there is too little data for a normal interval. Simulated: claims/measure/coverage.
inline constexpr std::int64_t kCustomersMin = 10;  // in each arm
// Customers in each arm that tell something (ArmEstimate::telling): conversions and
// non-conversions, buyers.
inline constexpr std::int64_t kTellingMin = 10;
// Skewness of the estimated difference, from the third moments of both arms together: at .2 an
// interval of 95 % still covers the truth in about 94 %. Arms of the same size may hold any
// values, since what is lopsided in one is so in the other.
inline constexpr double kSkewnessMax = .2;
// Relative standard error of what stands below a fraction: a control's mean under a relative
// difference, a mean denominator under a ratio.
inline constexpr double kRelativeErrorMax = .3;

struct Difference {
  Estimate absolute;  // treatment - control, in units of the metric
  // treatment / control - 1, by the delta method on the logarithm (standard_error is that of the
  // logarithm of treatment / control). Its own too little: a mean that is not above 0, or too
  // unsure to divide by.
  Answer<Estimate> relative = std::unexpected(TooLittle{});
  // Of Student's distribution (Welch-Satterthwaite), infinite where the interval is a normal one.
  double degrees = 0;
  double p_value = 1;  // two-sided, that the difference is 0; below 1 - level where the interval
                       // does not hold 0
};

struct CompareOptions {
  double level = kLevel;
  // Error that both arms' values share and that their difference does not see (an adjustment
  // towards common covariates): its variance. It counts in the relative difference.
  double shared_variance = 0;
};

// Means and ratios: Welch's interval, standard error sqrt(v_t / n_t + v_c / n_c). Proportions: the
// unpooled normal (Wald) interval and the p value that goes with it, so that both always agree; as
// statsmodels' confint_proportions_2indep(method="wald").
// Relative: as statsmodels' method="log". Equal values of every customer give an interval of width
// 0 only where both arms hold enough customers that tell something.
// Cost: O(1). Source: [Welch1947]; [Deng2018] (delta method).
Answer<Difference> compare(const ArmEstimate& treatment, const ArmEstimate& control,
                           const CompareOptions& options = {});

// The same estimates with another multiple of their standard errors as interval: for sequences that
// are looked at daily, and for several comparisons at once. p_value is left as it is.
Difference with_multiple(const Difference& difference, double multiple);

}  // namespace attune::measure
