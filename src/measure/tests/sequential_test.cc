#include "attune/measure/sequential.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::measure {
namespace {

// [WaudbySmith2024], theorem 2.2: half width over the deviation at time t with parameter rho.
double published_half_width(double t, double rho, double alpha) {
  const double x = t * rho * rho;
  return std::sqrt(2 * (x + 1) / (t * t * rho * rho) * std::log(std::sqrt(x + 1) / alpha));
}

// The parameter for which the sequence is narrowest at `planned`, by trying.
double best_parameter(double planned, double alpha) {
  double best = 0, least = 1e300;
  for (double rho = 1e-4; rho < 1; rho *= 1.0005) {
    const double width = published_half_width(planned, rho, alpha);
    if (width < least) {
      least = width;
      best = rho;
    }
  }
  return best;
}

TEST(SequenceMultiple, IsThePublishedBoundaryTunedToThePlannedEnd) {
  for (const double alpha : {.05, .01}) {
    const double rho = best_parameter(5000, alpha);
    for (const double t : {50., 500., 5000., 20000.}) {
      EXPECT_NEAR(sequence_multiple(t / 5000, 1 - alpha),
                  published_half_width(t, rho, alpha) * std::sqrt(t), 1e-3)
          << t;
    }
  }
}

TEST(SequenceMultiple, IsOneAndAHalfTimesTheFixedOneAtTheEnd) {
  EXPECT_NEAR(sequence_multiple(1, .95) / 1.959964, 1.5486, 1e-4);
}

TEST(SequencePValue, FallsBelowTheBarWhereTheIntervalLeavesZero) {
  for (const double fraction : {.01, .3, 1., 2.}) {
    const double multiple = sequence_multiple(fraction, .95);
    EXPECT_NEAR(sequence_p_value(multiple, fraction, .95), .05, 1e-12);
    EXPECT_LT(sequence_p_value(-multiple - .01, fraction, .95), .05);
    EXPECT_GT(sequence_p_value(multiple - .01, fraction, .95), .05);
  }
  EXPECT_EQ(sequence_p_value(0, .5, .95), 1);
}

// Random walks without drift, looked at after each of 1,000 steps: 5 % may cross at most. With
// 1,000 walks a share above 7.1 % would be three standard errors off.
TEST(SequenceSimulation, IsCrossedByFewWalksHoweverOftenTheyAreLookedAt) {
  int crossed = 0, crossed_fixed = 0;
  for (std::uint64_t walk = 0; walk < 1000; ++walk) {
    Rng random(17, "test.walk", walk);
    double sum = 0;
    bool out = false, out_fixed = false;
    for (int t = 1; t <= 1000; ++t) {
      sum += random.normal();
      const double z = std::abs(sum) / std::sqrt(t);
      out |= z > sequence_multiple(t / 1000., .95);
      out_fixed |= z > 1.959964;
    }
    crossed += out ? 1 : 0;
    crossed_fixed += out_fixed ? 1 : 0;
  }
  EXPECT_LE(crossed, 71);
  EXPECT_GT(crossed_fixed, 300);
}

}  // namespace
}  // namespace attune::measure
