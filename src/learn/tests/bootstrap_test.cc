#include "attune/learn/bootstrap.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::learn {
namespace {

math::Matrix normal_cells(std::uint64_t seed, std::int64_t seeds, std::int64_t customers) {
  Rng rng(seed, "cells");
  math::Matrix cells(seeds, customers);
  for (double& cell : cells.data()) cell = rng.normal();
  return cells;
}

TEST(PairedBootstrap, FindsTheStandardErrorOfAMean) {
  const math::Matrix cells = normal_cells(1, 1, 2000);
  const Interval interval = PairedBootstrap({&cells}, {.draws = 4000}).interval(0);
  const double error = 1 / std::sqrt(2000.0);  // deviation 1
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 * error, 0.2 * error);
  EXPECT_LT(interval.low, interval.mean);
  EXPECT_LT(interval.mean, interval.high);
}

TEST(PairedBootstrap, HoldsTheTrueMeanInNineteenCasesOfTwenty) {
  int held = 0;
  const int rounds = 400;
  for (int round = 0; round < rounds; ++round) {
    const math::Matrix cells = normal_cells(static_cast<std::uint64_t>(round) + 100, 1, 100);
    const Interval interval = PairedBootstrap({&cells}, {.draws = 400, .threads = 1}).interval(0);
    held += interval.low <= 0 && 0 <= interval.high;
  }
  // Binomial: .95 of 400 has deviation 4.4; the percentile interval is slightly short at n = 100.
  EXPECT_GE(held, 362);
  EXPECT_LE(held, 395);
}

TEST(PairedBootstrap, PairsDifferencesSoThatASharedShiftIsCertain) {
  const math::Matrix a = normal_cells(3, 3, 300);
  math::Matrix b = a;
  for (double& cell : b.data()) cell -= 0.01;
  const PairedBootstrap bootstrap({&a, &b});
  const Interval difference = bootstrap.difference(0, 1);
  EXPECT_NEAR(difference.low, 0.01, 1e-9);
  EXPECT_NEAR(difference.high, 0.01, 1e-9);
  EXPECT_GT(bootstrap.interval(0).high - bootstrap.interval(0).low, 0.1);
}

TEST(PairedBootstrap, LeavesOutCellsThatAreMissing) {
  math::Matrix cells(2, 2, {1, std::numeric_limits<double>::quiet_NaN(), 3, 5});
  EXPECT_DOUBLE_EQ(PairedBootstrap({&cells}).interval(0).mean, 3);
}

TEST(PairedBootstrap, IsTheSameForAnyThreadCount) {
  const math::Matrix cells = normal_cells(5, 4, 50);
  EXPECT_EQ(PairedBootstrap({&cells}, {.threads = 1}).interval(0),
            PairedBootstrap({&cells}, {.threads = 3}).interval(0));
}

}  // namespace
}  // namespace attune::learn
