#include "distributions.h"

#include <algorithm>
#include <cmath>

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>

namespace attune::measure {
namespace {

namespace bm = boost::math;
// Wrong arguments give NaN or infinity instead of an exception; doubles stay doubles.
using Quiet = bm::policies::policy<bm::policies::domain_error<bm::policies::ignore_error>,
                                   bm::policies::pole_error<bm::policies::ignore_error>,
                                   bm::policies::overflow_error<bm::policies::ignore_error>,
                                   bm::policies::evaluation_error<bm::policies::ignore_error>,
                                   bm::policies::promote_double<false>>;
using Normal = bm::normal_distribution<double, Quiet>;
using Student = bm::students_t_distribution<double, Quiet>;
using ChiSquare = bm::chi_squared_distribution<double, Quiet>;
using Binomial = bm::binomial_distribution<double, Quiet>;
using NoncentralT = bm::non_central_t_distribution<double, Quiet>;

// From here on Student's distribution is the normal one to 1e-7.
constexpr double kManyDegrees = 1e7;
// The noncentral one costs a sum over terms: the normal one is taken earlier, equal to 1e-4.
constexpr double kManyNoncentralDegrees = 2e4;

// The count on the other side of the mode up to which counts are no likelier than `limit`, by
// halving: the probability rises up to the mode and falls after it.
std::int64_t last_up_to(const Binomial& counts, std::int64_t mode, double limit) {
  std::int64_t low = -1, high = mode;  // pdf(low) <= limit < pdf(high)
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (bm::pdf(counts, static_cast<double>(middle)) <= limit ? low : high) = middle;
  }
  return low;
}
std::int64_t first_from(const Binomial& counts, std::int64_t mode, std::int64_t trials,
                        double limit) {
  std::int64_t low = mode, high = trials + 1;  // pdf(low) > limit >= pdf(high)
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (bm::pdf(counts, static_cast<double>(middle)) <= limit ? high : low) = middle;
  }
  return high;
}

}  // namespace

double normal_cdf(double z) { return bm::cdf(Normal(), z); }
double normal_quantile(double p) { return bm::quantile(Normal(), p); }

double two_sided_multiple(double level, double degrees) {
  const double tail = (1 - level) / 2;
  if (degrees > kManyDegrees) return bm::quantile(bm::complement(Normal(), tail));
  return bm::quantile(bm::complement(Student(degrees), tail));
}

double two_sided_p(double statistic, double degrees) {
  const double size = std::abs(statistic);
  if (std::isinf(size)) return 0;
  if (degrees > kManyDegrees) return std::min(1., 2 * bm::cdf(bm::complement(Normal(), size)));
  return std::min(1., 2 * bm::cdf(bm::complement(Student(degrees), size)));
}

double chi_square_tail(double statistic, double degrees) {
  return bm::cdf(bm::complement(ChiSquare(degrees), statistic));
}

double chi_square_density(double value, double degrees) {
  return bm::pdf(ChiSquare(degrees), value);
}

double chi_square_quantile(double p, double degrees) { return bm::quantile(ChiSquare(degrees), p); }

double binomial_test(std::int64_t successes, std::int64_t trials, double probability) {
  const Binomial counts(static_cast<double>(trials), probability);
  const auto mode = std::min(
      trials, static_cast<std::int64_t>(std::floor(static_cast<double>(trials + 1) * probability)));
  // As likely to rounding counts as no likelier.
  const double limit = bm::pdf(counts, static_cast<double>(successes)) * (1 + 1e-7);
  if (bm::pdf(counts, static_cast<double>(mode)) <= limit) return 1;
  const std::int64_t low = last_up_to(counts, mode, limit);
  const std::int64_t high = first_from(counts, mode, trials, limit);
  const double below = low < 0 ? 0 : bm::cdf(counts, static_cast<double>(low));
  const double above =
      high > trials ? 0 : bm::cdf(bm::complement(counts, static_cast<double>(high - 1)));
  return std::min(1., below + above);
}

double noncentral_power(double noncentrality, double degrees, double critical) {
  if (degrees > kManyNoncentralDegrees) {
    return normal_cdf(noncentrality - critical) + normal_cdf(-noncentrality - critical);
  }
  const NoncentralT t(degrees, noncentrality);
  return bm::cdf(bm::complement(t, critical)) + bm::cdf(t, -critical);
}

}  // namespace attune::measure
