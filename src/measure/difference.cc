#include "attune/measure/difference.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "distributions.h"

namespace attune::measure {
namespace {

double squared_error(const ArmEstimate& arm) {
  return arm.variance / static_cast<double>(arm.customers);
}

const ArmEstimate& smaller(const ArmEstimate& a, const ArmEstimate& b) {
  return a.customers < b.customers ? a : b;
}

// By how often the telling customers come in the arm that lacks them; where none came, over both.
std::optional<std::int64_t> customers_for(std::int64_t telling, const ArmEstimate& lacking,
                                          const ArmEstimate& other) {
  const bool some = lacking.telling > 0;
  const std::int64_t seen = some ? lacking.telling : other.telling;
  if (seen == 0) return std::nullopt;
  const std::int64_t among = some ? lacking.customers : lacking.customers + other.customers;
  const double share = static_cast<double>(seen) / static_cast<double>(among);
  return std::llround(std::ceil(static_cast<double>(telling) / share));
}

std::string_view telling_name(MetricKind kind) {
  return kind == MetricKind::proportion ? "of the rarer outcome" : "with a value other than 0";
}

// Skewness of the difference, third moments taken over both arms: that of the small arm alone
// would look harmless just where its rare large values have not come yet.
double skewness_of_difference(const ArmEstimate& a, const ArmEstimate& b) {
  const auto n = static_cast<double>(a.customers), m = static_cast<double>(b.customers);
  const double variance = (n * a.variance + m * b.variance) / (n + m);
  if (!(variance > 0)) return 0;
  const double third = (n * a.third_moment + m * b.third_moment) / (n + m);
  return std::abs(third) / std::pow(variance, 1.5) * std::abs(1 / (n * n) - 1 / (m * m)) /
         std::pow(1 / n + 1 / m, 1.5);
}

std::optional<TooLittle> too_little(const ArmEstimate& treatment, const ArmEstimate& control) {
  const ArmEstimate& few = smaller(treatment, control);
  if (few.customers < kCustomersMin) {
    return TooLittle{fmt::format("{} customers in the {}, {} are needed in each arm", few.customers,
                                 &few == &control ? "control" : "treatment", kCustomersMin),
                     kCustomersMin};
  }
  for (const ArmEstimate* arm : {&treatment, &control}) {
    const char* which = arm == &control ? "control" : "treatment";
    if (!std::isfinite(arm->value)) {
      return TooLittle{fmt::format("the denominators in the {} sum to 0", which)};
    }
    if (arm->telling < kTellingMin) {
      return TooLittle{fmt::format("{} customers {} in the {}, {} are needed in each arm",
                                   arm->telling, telling_name(arm->kind), which, kTellingMin),
                       customers_for(kTellingMin, *arm, arm == &control ? treatment : control)};
    }
    if (arm->denominator_error > kRelativeErrorMax) {
      const double enough = static_cast<double>(arm->customers) *
                            std::pow(arm->denominator_error / kRelativeErrorMax, 2);
      return TooLittle{fmt::format("the mean denominator in the {} is too unsure", which),
                       std::llround(std::ceil(enough))};
    }
  }
  if (control.kind == MetricKind::proportion) return std::nullopt;
  const double skewness = skewness_of_difference(treatment, control);
  if (skewness <= kSkewnessMax) return std::nullopt;
  const double enough = static_cast<double>(few.customers) * std::pow(skewness / kSkewnessMax, 2);
  return TooLittle{
      fmt::format("a few customers make up most of the sum, and the {} is small beside the other",
                  &few == &control ? "control" : "treatment"),
      std::llround(std::ceil(enough))};
}

// Of Welch and Satterthwaite.
double welch_degrees(const ArmEstimate& a, const ArmEstimate& b) {
  const double va = squared_error(a), vb = squared_error(b);
  const double below = va * va / static_cast<double>(a.customers - 1) +
                       vb * vb / static_cast<double>(b.customers - 1);
  return below > 0 ? (va + vb) * (va + vb) / below
                   : static_cast<double>(a.customers + b.customers - 2);
}

Answer<Estimate> relative_of(const ArmEstimate& treatment, const ArmEstimate& control,
                             double multiple, double shared_variance) {
  for (const ArmEstimate* arm : {&control, &treatment}) {
    const char* which = arm == &control ? "control" : "treatment";
    if (!(arm->value > 0)) {
      return std::unexpected(TooLittle{
          fmt::format("the {}'s value is not above 0, so there is no per cent of it", which)});
    }
    const double relative_error = std::sqrt(squared_error(*arm)) / arm->value;
    if (relative_error > kRelativeErrorMax) {
      const double enough =
          static_cast<double>(arm->customers) * std::pow(relative_error / kRelativeErrorMax, 2);
      return std::unexpected(
          TooLittle{fmt::format("the {}'s value is too unsure to divide by", which),
                    std::llround(std::ceil(enough))});
    }
  }
  const double gap = 1 / treatment.value - 1 / control.value;
  const double error = std::sqrt(squared_error(treatment) / (treatment.value * treatment.value) +
                                 squared_error(control) / (control.value * control.value) +
                                 shared_variance * gap * gap);
  const double ratio = treatment.value / control.value;
  return Estimate{ratio - 1, ratio * std::exp(-multiple * error) - 1,
                  ratio * std::exp(multiple * error) - 1, error};
}

}  // namespace

Answer<Difference> compare(const ArmEstimate& treatment, const ArmEstimate& control,
                           const CompareOptions& options) {
  if (auto lacking = too_little(treatment, control)) return std::unexpected(*std::move(lacking));
  Difference result;
  const double value = treatment.value - control.value;
  const double error = std::sqrt(squared_error(treatment) + squared_error(control));
  result.degrees =
      control.kind == MetricKind::proportion ? kNormalDegrees : welch_degrees(treatment, control);
  const double multiple = two_sided_multiple(options.level, result.degrees);
  result.absolute = {value, value - multiple * error, value + multiple * error, error};
  result.p_value = value == 0 ? 1 : two_sided_p(value / error, result.degrees);
  result.relative = relative_of(treatment, control, multiple, options.shared_variance);
  return result;
}

Difference with_multiple(const Difference& difference, double multiple) {
  Difference result = difference;
  Estimate& absolute = result.absolute;
  absolute.low = absolute.value - multiple * absolute.standard_error;
  absolute.high = absolute.value + multiple * absolute.standard_error;
  if (result.relative) {
    Estimate& relative = *result.relative;
    relative.low = (1 + relative.value) * std::exp(-multiple * relative.standard_error) - 1;
    relative.high = (1 + relative.value) * std::exp(multiple * relative.standard_error) - 1;
  }
  return result;
}

}  // namespace attune::measure
