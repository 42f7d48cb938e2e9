#include "attune/measure/arm_estimate.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/measure/difference.h"
#include "attune/measure/rates.h"
#include "distributions.h"
#include "influence.h"

namespace attune::measure {
namespace {

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

std::string_view name(MetricKind kind) {
  switch (kind) {
    case MetricKind::mean:
      return "mean";
    case MetricKind::proportion:
      return "proportion";
    case MetricKind::ratio:
      return "ratio";
  }
  return "";
}

std::vector<double> influences(MetricKind kind, std::span<const double> values,
                               std::span<const double> denominators) {
  std::vector<double> result(values.begin(), values.end());
  const double average = mean(values);
  if (kind != MetricKind::ratio) {
    for (double& value : result) value -= average;
    return result;
  }
  const double below = mean(denominators);
  const double ratio = average / below;
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = (result[i] - ratio * denominators[i]) / below;
  return result;
}

void set_moments(ArmEstimate& arm, std::span<const double> influence) {
  double squares = 0, cubes = 0;
  for (const double z : influence) {
    squares += z * z;
    cubes += z * z * z;
  }
  const auto n = static_cast<double>(influence.size());
  arm.variance = n > 1 ? squares / (n - 1) : 0;
  arm.third_moment = n > 0 ? cubes / n : 0;
}

ArmEstimate mean_of(std::span<const double> values) {
  ArmEstimate arm;
  arm.customers = static_cast<std::int64_t>(values.size());
  arm.value = mean(values);
  arm.telling = std::ranges::count_if(values, [](double value) { return value != 0; });
  set_moments(arm, influences(MetricKind::mean, values, {}));
  return arm;
}

ArmEstimate proportion_of(std::int64_t successes, std::int64_t customers) {
  ATTUNE_CHECK(successes >= 0 && successes <= customers, "more successes than customers");
  ArmEstimate arm{.kind = MetricKind::proportion, .customers = customers};
  const double p = static_cast<double>(successes) / static_cast<double>(customers);
  arm.value = p;
  arm.variance = p * (1 - p);
  arm.third_moment = p * (1 - p) * (1 - 2 * p);
  arm.telling = std::min(successes, customers - successes);
  return arm;
}

ArmEstimate ratio_of(std::span<const double> numerators, std::span<const double> denominators) {
  ATTUNE_CHECK(numerators.size() == denominators.size(), "a ratio of columns of two lengths");
  ArmEstimate arm = mean_of(numerators);
  const ArmEstimate below = mean_of(denominators);
  arm.kind = MetricKind::ratio;
  arm.value /= below.value;
  arm.denominator_error =
      std::sqrt(below.variance / static_cast<double>(below.customers)) / std::abs(below.value);
  set_moments(arm, influences(MetricKind::ratio, numerators, denominators));
  return arm;
}

Answer<Estimate> interval_of(const ArmEstimate& arm, double level) {
  if (arm.customers == 0) return std::unexpected(TooLittle{"no customers", kCustomersMin});
  if (arm.kind == MetricKind::proportion) {
    return wilson(std::llround(arm.value * static_cast<double>(arm.customers)), arm.customers,
                  level);
  }
  if (arm.customers < kCustomersMin) {
    return std::unexpected(TooLittle{
        fmt::format("{} customers, {} are needed", arm.customers, kCustomersMin), kCustomersMin});
  }
  if (!std::isfinite(arm.value))
    return std::unexpected(TooLittle{"the denominators sum to 0, so there is no ratio"});
  const auto n = static_cast<double>(arm.customers);
  const double error = std::sqrt(arm.variance / n);
  const double skewness =
      arm.variance > 0 ? std::abs(arm.third_moment) / std::pow(arm.variance, 1.5) / std::sqrt(n)
                       : 0;
  if (skewness > kSkewnessMax) {
    const double enough = n * std::pow(skewness / kSkewnessMax, 2);
    return std::unexpected(
        TooLittle{"a few customers make up most of the sum", std::llround(std::ceil(enough))});
  }
  const double reach = two_sided_multiple(level, n - 1) * error;
  return Estimate{arm.value, arm.value - reach, arm.value + reach, error};
}

}  // namespace attune::measure
