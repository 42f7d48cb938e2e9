// What one arm of an experiment says of one metric, in a form in which means, proportions and
// ratios compare alike. Answers: how large is it in this arm, and how much does it vary from
// customer to customer?
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "attune/measure/estimate.h"

namespace attune::measure {

enum class MetricKind : std::uint8_t {
  mean,        // revenue a customer: Welch's t
  proportion,  // share of customers who converted: values are 0 and 1
  ratio,       // revenue an order, clicks an exposure: a sum over customers over another, the delta
               // method with the customer as the unit
};
std::string_view name(MetricKind kind);

// Sums of one arm. A customer's influence is how far the estimate would move, times the number of
// customers, if this customer's row counted a little more: value - mean for a mean and a
// proportion, (numerator - ratio * denominator) / mean denominator for a ratio.
struct ArmEstimate {
  MetricKind kind = MetricKind::mean;
  std::int64_t customers = 0;
  double value = 0;         // the mean, the proportion, the ratio
  double variance = 0;      // of the influence; the standard error is sqrt(variance / customers)
  double third_moment = 0;  // mean of the cubed influence: how lopsided it is
  // Customers that carry information: of a proportion those of the rarer outcome, else those whose
  // value (numerator) is not 0.
  std::int64_t telling = 0;
  double denominator_error = 0;  // of a ratio: relative standard error of its mean denominator
};

// Shapes: values (n), finite. Variance with divisor n - 1. An empty arm has customers 0, and NaN as
// value.
ArmEstimate mean_of(std::span<const double> values);
// 0 <= successes <= customers. Variance p (1 - p).
ArmEstimate proportion_of(std::int64_t successes, std::int64_t customers);
// Shapes: numerators, denominators (n), finite. Where the denominators sum to 0 the value is NaN.
// Source: [Deng2018] (section 3, the delta method for a ratio of means).
ArmEstimate ratio_of(std::span<const double> numerators, std::span<const double> denominators);

// Each customer's influence, centred on 0. Shapes: values (n), denominators (n) or empty unless a
// ratio; result (n).
std::vector<double> influences(MetricKind kind, std::span<const double> values,
                               std::span<const double> denominators);

// The arm's own figure: Student's interval of a mean and of a ratio, Wilson's of a proportion.
// Too little: an empty arm; of means and ratios fewer than kCustomersMin customers, or so lopsided
// values that the interval could not be trusted (kSkewnessMax).
Answer<Estimate> interval_of(const ArmEstimate& arm, double level = kLevel);

}  // namespace attune::measure
