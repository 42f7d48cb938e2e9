#include "attune/measure/multiplicity.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>

#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <boost/math/tools/toms748_solve.hpp>

#include "attune/base/error.h"
#include "distributions.h"

namespace attune::measure {
namespace {

using Quadrature = boost::math::quadrature::gauss_kronrod<double, 31>;

// From here on the multiple of the t distribution is that of a single comparison as strict as the
// normal one: right to 2e-4.
constexpr double kManyDegrees = 2000;
constexpr double kReach = 6.5;  // deviations; what lies beyond is below 1e-10
constexpr double kPartMax = .999;

double normal_density(double u) { return std::exp(-u * u / 2) / std::sqrt(2 * std::numbers::pi); }

// P(every |Z_i| <= multiple), Z_i = part_i U + sqrt(1 - part_i²) V_i with independent normals.
double all_within(std::span<const double> parts, double multiple) {
  const double most = std::min(std::ranges::max(parts), kPartMax);
  const auto given_control = [&](double u) {
    double product = normal_density(u);
    for (const double each : parts) {
      const double part = std::min(each, most);
      const double own = std::sqrt(1 - part * part);
      product *= normal_cdf((multiple - part * u) / own) - normal_cdf((-multiple - part * u) / own);
    }
    return product;
  };
  // The steeper the factors, the more panels.
  const auto panels = std::ceil(1 / std::sqrt(1 - most * most));
  double sum = 0;
  for (double panel = 0; panel < panels; ++panel) {
    const double low = -kReach + 2 * kReach * panel / panels;
    sum += Quadrature::integrate(given_control, low, low + 2 * kReach / panels, 0);
  }
  return sum;
}

// The same for t statistics that share one estimated deviation s, with s² = chi-square / degrees.
double all_within(std::span<const double> parts, double multiple, double degrees) {
  const double low = chi_square_quantile(1e-9, degrees);
  const double high = chi_square_quantile(1 - 1e-9, degrees);
  const auto given_deviation = [&](double q) {
    return chi_square_density(q, degrees) * all_within(parts, multiple * std::sqrt(q / degrees));
  };
  return Quadrature::integrate(given_deviation, low, high, 0);
}

// Where the probability, which rises with the multiple, meets the level.
template <class Probability>
double solve(double low, double high, double level, const Probability& probability) {
  const auto over = [&](double multiple) { return probability(multiple) - level; };
  const double at_low = over(low), at_high = over(high);
  if (at_low >= 0) return low;
  if (at_high <= 0) return high;
  std::uintmax_t steps = 60;
  const auto close = [](double a, double b) { return std::abs(a - b) < 1e-7; };
  const auto [left, right] =
      boost::math::tools::toms748_solve(over, low, high, at_low, at_high, close, steps);
  return (left + right) / 2;
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
  if (control_part.size() < 2) return two_sided_multiple(level, degrees);
  // A single comparison's multiple is too narrow, and Bonferroni's is wide enough.
  const double strict = bonferroni_level(level, control_part.size());
  if (degrees < kManyDegrees) {
    return solve(two_sided_multiple(level, degrees), two_sided_multiple(strict, degrees), level,
                 [&](double multiple) { return all_within(control_part, multiple, degrees); });
  }
  const double normal = solve(two_sided_multiple(level), two_sided_multiple(strict), level,
                              [&](double multiple) { return all_within(control_part, multiple); });
  return two_sided_multiple(2 * normal_cdf(normal) - 1, degrees);
}

}  // namespace attune::measure
