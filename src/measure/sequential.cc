#include "attune/measure/sequential.h"

#include <algorithm>
#include <cmath>

#include "attune/base/error.h"

namespace attune::measure {
namespace {

// The squared multiple at the planned end, u = 1 + 2 log(1 / alpha) + log u: there the boundary
// sqrt((1 + 1/x) (log(1 + x) + 2 log(1 / alpha))) is least over x = t rho², at x = u - 1.
double squared_multiple_at_end(double level) {
  const double base = 1 - 2 * std::log(1 - level);
  double u = base + std::log(base);
  for (int i = 0; i < 50; ++i) u = base + std::log(u);  // contracts by 1 / u a step
  return u;
}

double mixing(double fraction, double level) {
  ATTUNE_CHECK(fraction > 0, "a sequence begins with the first customer");
  return fraction * (squared_multiple_at_end(level) - 1);
}

}  // namespace

double sequence_multiple(double fraction, double level) {
  const double x = mixing(fraction, level);
  return std::sqrt((1 + 1 / x) * (std::log1p(x) - 2 * std::log(1 - level)));
}

double sequence_p_value(double z, double fraction, double level) {
  const double x = mixing(fraction, level);
  return std::min(1., std::sqrt(1 + x) * std::exp(-z * z * x / (1 + x) / 2));
}

}  // namespace attune::measure
