// The distributions that tests and intervals need, by Boost.Math behind plain functions: no header
// of this module weighs what Boost.Math weighs, and nothing throws.
#pragma once

#include <cstdint>
#include <limits>

namespace attune::measure {

inline constexpr double kNormalDegrees = std::numeric_limits<double>::infinity();

double normal_cdf(double z);
double normal_quantile(double p);  // 0 < p < 1
// Two-sided: the multiple of the standard error of an interval at `level`; degrees may be infinite.
double two_sided_multiple(double level, double degrees = kNormalDegrees);
double two_sided_p(double statistic, double degrees = kNormalDegrees);
double chi_square_tail(double statistic, double degrees);  // P(above)
double chi_square_density(double value, double degrees);
double chi_square_quantile(double p, double degrees);
// Two-sided exact binomial test: the probability of all counts that are no likelier than this one.
double binomial_test(std::int64_t successes, std::int64_t trials, double probability);
// P(|T| > critical) of Student's distribution with that noncentrality.
double noncentral_power(double noncentrality, double degrees, double critical);

}  // namespace attune::measure
