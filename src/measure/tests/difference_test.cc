#include "attune/measure/difference.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/random.h"

namespace attune::measure {
namespace {

using ::testing::HasSubstr;

const std::vector<double> kTreated{3.1, 4.7, 0.5, 12.4, 5.5, 7.9, 6.1, 2.2, 9.8, 4.4, 8.3, 5.0};
const std::vector<double> kControl{2.0, 3.3, 1.1, 0.7, 4.9, 2.8, 6.0,
                                   3.9, 5.2, 1.8, 0.4, 2.6, 3.0, 4.1};

// By the textbook, with nothing shared with the code under test but its inputs.
struct Naive {
  double mean = 0, variance = 0;
  explicit Naive(const std::vector<double>& values) {
    for (const double v : values) mean += v / static_cast<double>(values.size());
    for (const double v : values)
      variance += (v - mean) * (v - mean) / (static_cast<double>(values.size()) - 1);
  }
};

// statsmodels 0.15: CompareMeans(...).tconfint_diff and ttest_ind, usevar="unequal".
TEST(Compare, EqualsWelchOfStatsmodels) {
  const std::vector<double> t{3.1, 4.7, 0.0, 12.4, 5.5, 7.9, 6.1, 2.2, 9.8, 4.4, 8.3, 5.0};
  const std::vector<double> c{2.0, 3.3, 1.1, 0.7, 4.9, 2.8, 6.0, 3.9, 5.2, 1.8, 0.0, 2.6, 3.0, 4.1};
  const Difference d = compare(mean_of(t), mean_of(c)).value();
  EXPECT_NEAR(d.absolute.value, 2.8261904761904764, 1e-12);
  EXPECT_NEAR(d.absolute.low, 0.5114683192246994, 1e-10);
  EXPECT_NEAR(d.absolute.high, 5.140912633156255, 1e-10);
  EXPECT_NEAR(d.p_value, 0.01982957881246308, 1e-10);
  EXPECT_NEAR(d.degrees, 15.866866940357998, 1e-9);
}

// statsmodels 0.15: confint_proportions_2indep(122, 1000, 90, 900), "wald" and "log".
TEST(Compare, EqualsUnpooledProportionsOfStatsmodels) {
  const Difference d = compare(proportion_of(122, 1000), proportion_of(90, 900)).value();
  EXPECT_NEAR(d.absolute.low, -0.0062068712392368205, 1e-12);
  EXPECT_NEAR(d.absolute.high, 0.050206871239236804, 1e-12);
  EXPECT_NEAR(d.p_value, 0.12634442819949362, 1e-12);
  EXPECT_TRUE(std::isinf(d.degrees));
  EXPECT_NEAR(d.relative->value, .22, 1e-12);
  EXPECT_NEAR(d.relative->low, 0.9434881182369301 - 1, 1e-12);
  EXPECT_NEAR(d.relative->high, 1.5775503381869094 - 1, 1e-12);
}

TEST(Compare, ProportionOfZerosAndOnesIsNearlyTheirMean) {
  std::vector<double> values(1000, 0);
  for (std::size_t i = 0; i < 122; ++i) values[i * 8] = 1;
  const ArmEstimate as_mean = mean_of(values), as_share = proportion_of(122, 1000);
  EXPECT_DOUBLE_EQ(as_mean.value, as_share.value);
  EXPECT_NEAR(as_mean.variance * 999 / 1000, as_share.variance, 1e-12);
  EXPECT_NEAR(as_mean.third_moment, as_share.third_moment, 1e-12);
  EXPECT_EQ(as_share.telling, 122);
}

// Delete-one jackknife: a way to the variance of a ratio that knows no derivative.
TEST(Compare, RatioHasTheErrorOfAJackknife) {
  Rng random(3, "test.ratio");
  std::vector<double> above, below;
  for (int i = 0; i < 400; ++i) {
    below.push_back(1 + static_cast<double>(random.poisson(3)));
    above.push_back(below.back() * random.gamma(4, .25));
  }
  double a = 0, b = 0;
  for (std::size_t i = 0; i < above.size(); ++i) a += above[i], b += below[i];
  double mean = 0, squares = 0;
  const double n = 400;
  for (std::size_t i = 0; i < above.size(); ++i) mean += (a - above[i]) / (b - below[i]) / n;
  for (std::size_t i = 0; i < above.size(); ++i) {
    const double without = (a - above[i]) / (b - below[i]);
    squares += (without - mean) * (without - mean);
  }
  const double jackknife = std::sqrt(squares * (n - 1) / n);
  const ArmEstimate arm = ratio_of(above, below);
  EXPECT_DOUBLE_EQ(arm.value, a / b);
  EXPECT_NEAR(std::sqrt(arm.variance / n) / jackknife, 1, .01);
}

TEST(Compare, RatioOverOneIsTheMean) {
  const std::vector<double> ones(kTreated.size(), 1);
  const ArmEstimate ratio = ratio_of(kTreated, ones), mean = mean_of(kTreated);
  EXPECT_DOUBLE_EQ(ratio.value, mean.value);
  EXPECT_NEAR(ratio.variance, mean.variance, 1e-12);
  EXPECT_EQ(ratio.denominator_error, 0);
}

TEST(Compare, RelativeErrorIsThatOfTheLogarithm) {
  const Naive t(kTreated), c(kControl);
  const Difference d = compare(mean_of(kTreated), mean_of(kControl)).value();
  ASSERT_TRUE(d.relative);
  const double error =
      std::sqrt(t.variance / 12 / (t.mean * t.mean) + c.variance / 14 / (c.mean * c.mean));
  EXPECT_NEAR(d.relative->value, t.mean / c.mean - 1, 1e-12);
  EXPECT_NEAR(d.relative->standard_error, error, 1e-12);
}

TEST(Compare, SharedErrorWidensTheRelativeDifferenceAlone) {
  const ArmEstimate t = mean_of(kTreated), c = mean_of(kControl);
  const Difference without = compare(t, c).value();
  const Difference with = compare(t, c, {.shared_variance = .5}).value();
  EXPECT_EQ(with.absolute, without.absolute);
  EXPECT_GT(with.relative->standard_error, without.relative->standard_error);
}

RC_GTEST_PROP(CompareProperty, PValueAndIntervalAgree, ()) {
  const auto n = *rc::gen::inRange<std::int64_t>(50, 5000);
  const auto m = *rc::gen::inRange<std::int64_t>(50, 5000);
  const auto a = *rc::gen::inRange<std::int64_t>(10, n - 10);
  const auto b = *rc::gen::inRange<std::int64_t>(10, m - 10);
  const Difference d = compare(proportion_of(a, n), proportion_of(b, m)).value();
  const bool outside = d.absolute.low > 0 || d.absolute.high < 0;
  RC_ASSERT(outside == (d.p_value < .05));
  const Difference turned = compare(proportion_of(b, m), proportion_of(a, n)).value();
  RC_ASSERT(std::abs(turned.absolute.low + d.absolute.high) < 1e-12);
}

TEST(Compare, SaysWhichArmIsTooSmall) {
  const Answer<Difference> answer =
      compare(mean_of(kTreated), mean_of(std::vector<double>{1, 2, 3}));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().why, HasSubstr("3 customers in the control"));
  EXPECT_EQ(answer.error().enough, 10);
}

TEST(Compare, AsksForConversionsInBothArms) {
  const Answer<Difference> answer = compare(proportion_of(80, 2000), proportion_of(2, 100));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().why, HasSubstr("2 customers of the rarer outcome in the control"));
  // 2 of its 100 convert: 10 come of 500 customers.
  EXPECT_EQ(answer.error().enough, 500);
  // Where none converts in it, both arms tell: 80 of 2,100.
  EXPECT_EQ(compare(proportion_of(80, 2000), proportion_of(0, 100)).error().enough, 263);
}

TEST(Compare, CannotSayHowManyWithoutAnyConversion) {
  const Answer<Difference> answer = compare(proportion_of(0, 2000), proportion_of(0, 100));
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().enough);
}

// One customer in a hundred spends, a few spend much: sums that a small holdout cannot carry.
std::vector<double> lopsided(std::size_t customers) {
  Rng random(5, "test.lopsided");
  std::vector<double> values(customers, 0);
  for (double& value : values) {
    if (random.chance(.05)) value = std::exp(2 * random.normal());
  }
  return values;
}

TEST(Compare, RefusesLopsidedSumsInArmsOfUnequalSizeOnly) {
  const ArmEstimate large = mean_of(lopsided(9000)), small = mean_of(lopsided(1000));
  const Answer<Difference> unequal = compare(large, small);
  ASSERT_FALSE(unequal);
  EXPECT_THAT(unequal.error().why, HasSubstr("the control is small beside the other"));
  EXPECT_GT(unequal.error().enough.value(), 1000);
  EXPECT_TRUE(compare(large, mean_of(lopsided(9000))));
}

TEST(Compare, HasNoPerCentOfAValueBelowZero) {
  std::vector<double> losses;
  for (const double value : kControl) losses.push_back(value - 10);
  const Difference d = compare(mean_of(kTreated), mean_of(losses)).value();
  ASSERT_FALSE(d.relative);
  EXPECT_THAT(d.relative.error().why, HasSubstr("the control's value is not above 0"));
}

TEST(Compare, HasNoPerCentOfAValueThatIsTooUnsure) {
  std::vector<double> around_zero;
  for (std::size_t i = 0; i < 100; ++i) around_zero.push_back(i % 2 == 0 ? 10 : -9.9);
  const Difference d = compare(mean_of(kTreated), mean_of(around_zero)).value();
  ASSERT_FALSE(d.relative);
  EXPECT_THAT(d.relative.error().why, HasSubstr("too unsure to divide by"));
}

TEST(Compare, RefusesARatioWithoutDenominators) {
  const std::vector<double> zeros(kControl.size(), 0), ones(kTreated.size(), 1);
  const Answer<Difference> answer = compare(ratio_of(kTreated, ones), ratio_of(kControl, zeros));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().why, HasSubstr("the denominators in the control sum to 0"));
}

TEST(Compare, GivesNoDifferenceAmongEqualCustomers) {
  const std::vector<double> sevens(20, 7);
  const Difference d = compare(mean_of(sevens), mean_of(sevens)).value();
  EXPECT_EQ(d.absolute, (Estimate{0, 0, 0, 0}));
  EXPECT_EQ(d.p_value, 1);
}

TEST(WithMultiple, MovesBothEndsOfBothIntervals) {
  const Difference d = compare(mean_of(kTreated), mean_of(kControl)).value();
  const Difference wide = with_multiple(d, 3);
  EXPECT_DOUBLE_EQ(wide.absolute.high - wide.absolute.value, 3 * d.absolute.standard_error);
  EXPECT_NEAR(std::log((1 + wide.relative->high) / (1 + wide.relative->value)),
              3 * d.relative->standard_error, 1e-12);
  EXPECT_EQ(wide.p_value, d.p_value);
}

TEST(IntervalOf, OfAMeanIsStudents) {
  const Naive c(kControl);
  const Estimate e = interval_of(mean_of(kControl)).value();
  // t(.975, 13) = 2.160369 (any table).
  EXPECT_NEAR(e.high - e.value, 2.160369 * std::sqrt(c.variance / 14), 1e-5);
}

TEST(IntervalOf, OfAnEmptyArmIsTooLittle) {
  EXPECT_FALSE(interval_of(mean_of({})));
  EXPECT_FALSE(interval_of(proportion_of(0, 0)));
  EXPECT_FALSE(interval_of(ratio_of({}, {})));
}

TEST(IntervalOf, RefusesASumThatFewCustomersMakeUp) {
  std::vector<double> values(50, 0);
  values[7] = 1000;
  const Answer<Estimate> answer = interval_of(mean_of(values));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().why, HasSubstr("a few customers make up most of the sum"));
}

}  // namespace
}  // namespace attune::measure
