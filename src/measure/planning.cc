#include "attune/measure/planning.h"

#include <cmath>

#include <fmt/format.h>

#include "attune/measure/multiplicity.h"
#include "attune/measure/sequential.h"
#include "distributions.h"

namespace attune::measure {
namespace {

constexpr double kCustomersMax = 1e12;

Status check(const Baseline& baseline, const PlanOptions& options) {
  const auto refuse = [](std::string_view what, std::string_view range, double value) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is {}; it has to be {}", what, value, range)));
  };
  if (!(options.level >= .5 && options.level < 1))
    return refuse("level", "from .5 to below 1", options.level);
  if (!(options.power > 1 - options.level && options.power < 1))
    return refuse("power", "above 1 - level and below 1", options.power);
  if (options.treatments < 1 || options.treatments > 1000) {
    return refuse("treatments", "from 1 to 1000", static_cast<double>(options.treatments));
  }
  if (!(options.control_share > 0 && options.control_share < 1))
    return refuse("control_share", "above 0 and below 1", options.control_share);
  if (!(std::abs(options.correlation) < 1))
    return refuse("correlation", "above -1 and below 1", options.correlation);
  if (baseline.proportion && !(baseline.mean > 0 && baseline.mean < 1))
    return refuse("the rate without treatment", "above 0 and below 1", baseline.mean);
  if (!baseline.proportion && !(baseline.deviation > 0 && std::isfinite(baseline.deviation)))
    return refuse("the standard deviation", "above 0", baseline.deviation);
  return {};
}

double power_of(const Baseline& baseline, double effect, double control, double treatment,
                const PlanOptions& options) {
  const double level =
      bonferroni_level(options.level, static_cast<std::size_t>(options.treatments));
  double variance_control = baseline.deviation * baseline.deviation, degrees = kNormalDegrees;
  double variance_treatment = variance_control;
  if (baseline.proportion) {
    const double with = baseline.mean + effect;
    variance_control = baseline.mean * (1 - baseline.mean);
    variance_treatment = with * (1 - with);
  } else {
    degrees = control + treatment - 2;
    if (degrees <= 0) return 0;
  }
  const double left = 1 - options.correlation * options.correlation;
  const double error =
      std::sqrt(left * (variance_control / control + variance_treatment / treatment));
  const double critical =
      options.sequential ? sequence_multiple(1, level) : two_sided_multiple(level, degrees);
  if (!(error > 0)) return 1;
  return noncentral_power(std::abs(effect) / error, degrees, critical);
}

struct Sizes {
  double control;
  double treatment;
};
Sizes sizes_of(double customers, const PlanOptions& options) {
  return {customers * options.control_share,
          customers * (1 - options.control_share) / static_cast<double>(options.treatments)};
}

double power_of(const Baseline& baseline, double effect, double customers,
                const PlanOptions& options) {
  const Sizes sizes = sizes_of(customers, options);
  return power_of(baseline, effect, sizes.control, sizes.treatment, options);
}

Plan plan_of(const Baseline& baseline, double effect, Sizes sizes, const PlanOptions& options) {
  Plan plan;
  plan.effect = effect;
  plan.control = std::llround(sizes.control);
  plan.treatment = std::llround(sizes.treatment);
  plan.customers = plan.control + plan.treatment * options.treatments;
  plan.power = power_of(baseline, effect, sizes.control, sizes.treatment, options);
  return plan;
}

}  // namespace

Result<Plan> needed_customers(const Baseline& baseline, double effect, const PlanOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check(baseline, options));
  if (effect == 0 || !std::isfinite(effect))
    return std::unexpected(invalid_argument("the effect has to be a number other than 0"));
  if (baseline.proportion && !(baseline.mean + effect >= 0 && baseline.mean + effect <= 1)) {
    return std::unexpected(
        invalid_argument(fmt::format("a rate of {} with an effect of {} leaves 0 to 1; state the "
                                     "effect in absolute terms, such as 0.01 for a point",
                                     baseline.mean, effect)));
  }
  double low = 1, high = 2;
  while (power_of(baseline, effect, high, options) < options.power) {
    low = high;
    high *= 2;
    if (high > kCustomersMax) {
      return std::unexpected(invalid_argument(
          fmt::format("an effect of {} needs more than {:.0e} customers", effect, kCustomersMax)));
    }
  }
  while (high - low > 1e-6 * high) {
    const double middle = (low + high) / 2;
    (power_of(baseline, effect, middle, options) < options.power ? low : high) = middle;
  }
  // An arm has whole customers; a size that is whole but for rounding is not rounded up.
  const Sizes exact = sizes_of(low, options);
  return plan_of(baseline, effect, {std::ceil(exact.control), std::ceil(exact.treatment)}, options);
}

Result<Plan> detectable_effect(const Baseline& baseline, std::int64_t customers,
                               const PlanOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check(baseline, options));
  const Sizes parts = sizes_of(static_cast<double>(customers), options);
  const Sizes sizes{std::round(parts.control), std::floor(parts.treatment)};
  if (sizes.control < 2 || sizes.treatment < 2) {
    return std::unexpected(
        invalid_argument(fmt::format("{} customers leave an arm with fewer than 2", customers)));
  }
  const auto reached = [&](double effect) {
    return power_of(baseline, effect, sizes.control, sizes.treatment, options) >= options.power;
  };
  double low = 0, high = baseline.proportion ? 1 - baseline.mean : baseline.deviation;
  for (int i = 0; i < 40 && !baseline.proportion && !reached(high); ++i) high *= 2;
  if (!reached(high)) {
    return std::unexpected(failed_precondition(fmt::format(
        "{} customers are too few to show any effect on this metric; plan with more", customers)));
  }
  while (high - low > 1e-9 * high) {
    const double middle = (low + high) / 2;
    (reached(middle) ? high : low) = middle;
  }
  return plan_of(baseline, high, sizes, options);
}

}  // namespace attune::measure
