#include "attune/measure/multiplicity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "distributions.h"

namespace attune::measure {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

// statsmodels 0.15 multipletests(method="holm").
TEST(Holm, EqualsStatsmodels) {
  EXPECT_THAT(holm(std::vector<double>{.01, .04, .03, .005}),
              ElementsAre(DoubleNear(.03, 1e-12), DoubleNear(.06, 1e-12), DoubleNear(.06, 1e-12),
                          DoubleNear(.02, 1e-12)));
  EXPECT_TRUE(holm({}).empty());
}

RC_GTEST_PROP(HolmProperty, LiesBetweenThePlainPAndBonferroni, (std::vector<double> raw)) {
  for (double& p : raw) p = std::abs(std::remainder(p, 1.));
  const std::vector<double> adjusted = holm(raw);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    RC_ASSERT(adjusted[i] >= raw[i]);
    RC_ASSERT(adjusted[i] <= std::min(1., raw[i] * static_cast<double>(raw.size())) + 1e-12);
    for (std::size_t j = 0; j < raw.size(); ++j)
      RC_ASSERT(raw[i] > raw[j] || adjusted[i] <= adjusted[j]);
  }
}

constexpr double kNormal = std::numeric_limits<double>::infinity();

std::vector<double> equal_arms(std::size_t treatments) {
  return std::vector<double>(treatments, std::sqrt(.5));
}

// [Dunnett1964], table of two-sided 5 % points for arms of equal size, to its two decimals.
TEST(DunnettMultiple, EqualsThePublishedTable) {
  EXPECT_NEAR(dunnett_multiple(equal_arms(2), kNormal, .95), 2.21, .005);
  EXPECT_NEAR(dunnett_multiple(equal_arms(3), kNormal, .95), 2.35, .005);
  EXPECT_NEAR(dunnett_multiple(equal_arms(5), kNormal, .95), 2.51, .005);
  EXPECT_NEAR(dunnett_multiple(equal_arms(2), 20, .95), 2.38, .005);
  EXPECT_NEAR(dunnett_multiple(equal_arms(3), 20, .95), 2.54, .005);
  EXPECT_NEAR(dunnett_multiple(equal_arms(5), 10, .95), 2.99, .005);
  EXPECT_NEAR(dunnett_multiple(equal_arms(2), 60, .95), 2.27, .005);
}

// scipy 1.17 multivariate_normal, solved for the multiple.
TEST(DunnettMultiple, EqualsScipyForUnequalArms) {
  EXPECT_NEAR(dunnett_multiple(equal_arms(2), kNormal, .95), 2.21212775, 1e-5);
  EXPECT_NEAR(dunnett_multiple(std::vector<double>{.95, .9}, kNormal, .95), 2.13119241, 1e-5);
  EXPECT_NEAR(dunnett_multiple(std::vector<double>{.95, .3, .6}, kNormal, .99), 2.92239471, 1e-5);
}

TEST(DunnettMultiple, IsSidaksWhereTheControlIsKnown) {
  const std::vector<double> none(4, 0);
  EXPECT_NEAR(dunnett_multiple(none, kNormal, .95), two_sided_multiple(std::pow(.95, .25)), 1e-6);
}

TEST(DunnettMultiple, IsThatOfOneWhereAllErrorIsTheControls) {
  const std::vector<double> all(4, 1);
  const double multiple = dunnett_multiple(all, kNormal, .95);
  EXPECT_GE(multiple, two_sided_multiple(.95));  // what is rounded errs towards wide
  EXPECT_NEAR(multiple, two_sided_multiple(.95), .05);
  EXPECT_EQ(dunnett_multiple(std::vector<double>{.7}, 30, .95), two_sided_multiple(.95, 30));
}

TEST(DunnettMultiple, HasNoStepWhereTheWayOfReckoningChanges) {
  const double few = dunnett_multiple(equal_arms(4), 1999, .95);
  const double many = dunnett_multiple(equal_arms(4), 2001, .95);
  EXPECT_NEAR(few, many, 5e-4);
}

TEST(BonferroniLevel, SharesTheErrorOut) {
  EXPECT_DOUBLE_EQ(bonferroni_level(.95, 5), .99);
  EXPECT_DOUBLE_EQ(bonferroni_level(.95, 0), .95);
}

}  // namespace
}  // namespace attune::measure
