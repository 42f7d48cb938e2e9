#include "attune/measure/rates.h"

#include <algorithm>
#include <cmath>

#include "attune/base/error.h"
#include "distributions.h"

namespace attune::measure {

Answer<Estimate> wilson(std::int64_t successes, std::int64_t trials, double level) {
  ATTUNE_CHECK(successes >= 0 && successes <= trials, "more successes than trials");
  if (trials == 0) return std::unexpected(TooLittle{"there are none to count", 1});
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double z = two_sided_multiple(level);
  const double below = 1 + z * z / n;
  const double centre = (p + z * z / (2 * n)) / below;
  const double reach = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / below;
  // At the ends rounding must not put the estimate outside of its interval.
  return Estimate{p, std::clamp(centre - reach, 0., p), std::clamp(centre + reach, p, 1.),
                  std::sqrt(p * (1 - p) / n)};
}

Rate click_through_rate(std::int64_t clicked_exposures, std::int64_t exposures, double level) {
  return {"click_through_rate", "clicked exposures", "exposures",
          clicked_exposures,    exposures,           wilson(clicked_exposures, exposures, level)};
}

Rate conversion_rate(std::int64_t converted_customers, std::int64_t exposed_customers,
                     double level) {
  return {"conversion_rate",   "converted customers",
          "exposed customers", converted_customers,
          exposed_customers,   wilson(converted_customers, exposed_customers, level)};
}

Rate participation_rate(std::int64_t customers_who_took_part, std::int64_t customers_invited,
                        double level) {
  return {"participation_rate", "customers who took part",
          "customers invited",  customers_who_took_part,
          customers_invited,    wilson(customers_who_took_part, customers_invited, level)};
}

ReturnOnInvestment return_on_investment(const Answer<Difference>& margin, std::int64_t treated,
                                        double cost, std::optional<double> attributed_margin) {
  ReturnOnInvestment result;
  result.cost = cost;
  result.attributed_margin = attributed_margin;
  if (cost > 0 && attributed_margin) result.attributed = (*attributed_margin - cost) / cost;
  if (!margin) {
    result.incremental_margin = result.incremental = std::unexpected(margin.error());
    return result;
  }
  const auto times = [](const Estimate& e, double factor) {
    return Estimate{e.value * factor, e.low * factor, e.high * factor, e.standard_error * factor};
  };
  const Estimate total = times(margin->absolute, static_cast<double>(treated));
  result.incremental_margin = total;
  if (!(cost > 0)) {
    result.incremental = std::unexpected(TooLittle{"there is no cost to divide by"});
    return result;
  }
  Estimate of_cost = times(total, 1 / cost);
  of_cost.value -= 1;
  of_cost.low -= 1;
  of_cost.high -= 1;
  result.incremental = of_cost;
  return result;
}

}  // namespace attune::measure
