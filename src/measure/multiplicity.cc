#include "attune/measure/multiplicity.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <boost/math/quadrature/gauss_kronrod.hpp>

#include "attune/base/error.h"
#include "distributions.h"

namespace attune::measure {
namespace {

using Quadrature = boost::math::quadrature::gauss_kronrod<double, 31>;

// Beyond this many degrees the normal distribution gives the same multiple to 1e-4.
constexpr double kManyDegrees = 2e4;
constexpr double kReach = 8.5;  // deviations; what lies beyond is below 1e-16
constexpr double kPartMax = .9999;
constexpr unsigned kDepth = 12;

double normal_density(double u) { return std::exp(-u * u / 2) / std::sqrt(2 * std::numbers::pi); }

// P(every |Z_i| <= multiple), Z_i = part_i U + sqrt(1 - part_i²) V_i with independent normals.
double all_within(std::span<const double> parts, double multiple) {
  const auto given_control = [&](double u) {
    double product = normal_density(u);
    for (const double each : parts) {
      const double part = std::min(each, kPartMax);
      const double own = std::sqrt(1 - part * part);
      product *= normal_cdf((multiple - part * u) / own) - normal_cdf((-multiple - part * u) / own);
    }
    return product;
  };
  return Quadrature::integrate(given_control, -kReach, kReach, kDepth, 1e-9);
}

// The same for t statistics that share one estimated deviation s, with s² = chi-square / degrees.
double all_within(std::span<const double> parts, double multiple, double degrees) {
  if (degrees > kManyDegrees) return all_within(parts, multiple);
  const double low = chi_square_quantile(1e-10, degrees);
  const double high = chi_square_quantile(1 - 1e-10, degrees);
  const auto given_deviation = [&](double q) {
    return chi_square_density(q, degrees) * all_within(parts, multiple * std::sqrt(q / degrees));
  };
  return Quadrature::integrate(given_deviation, low, high, 5, 1e-8);
}

}  // namespace

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
  std::vector<double> adjusted(p.size());
  double floor = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double raised = p[order[rank]] * static_cast<double>(p.size() - rank);
    floor = std::min(1., std::max(floor, raised));
    adjusted[order[rank]] = floor;
  }
  return adjusted;
}

double bonferroni_level(double level, std::size_t comparisons) {
  return 1 - (1 - level) / static_cast<double>(std::max<std::size_t>(1, comparisons));
}

double dunnett_multiple(std::span<const double> control_part, double degrees, double level) {
  double low = two_sided_multiple(level, degrees);
  if (control_part.size() < 2) return low;
  // Bonferroni's is never the narrower.
  double high = two_sided_multiple(bonferroni_level(level, control_part.size()), degrees);
  while (high - low > 1e-7) {
    const double middle = (low + high) / 2;
    (all_within(control_part, middle, degrees) < level ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace attune::measure
