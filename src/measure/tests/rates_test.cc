#include "attune/measure/rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace attune::measure {
namespace {

// statsmodels 0.15 proportion_confint(method="wilson").
TEST(Wilson, EqualsStatsmodels) {
  const Estimate few = wilson(3, 17).value();
  EXPECT_NEAR(few.low, 0.061911266376209945, 1e-12);
  EXPECT_NEAR(few.high, 0.4102945856883413, 1e-12);
  const Estimate many = wilson(122, 1000).value();
  EXPECT_NEAR(many.low, 0.10314874471332984, 1e-12);
  EXPECT_NEAR(many.high, 0.14374428470174985, 1e-12);
}

TEST(Wilson, StaysWithinZeroAndOneAtTheEnds) {
  const Estimate none = wilson(0, 10).value();
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.27753279986288926, 1e-12);
  const Estimate all = wilson(10, 10).value();
  EXPECT_NEAR(all.low, 0.7224672001371106, 1e-12);
  EXPECT_EQ(all.high, 1);
}

TEST(Wilson, SaysThatThereIsNothingToCount) {
  const Answer<Estimate> answer = wilson(0, 0);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().why, "there are none to count");
}

RC_GTEST_PROP(WilsonProperty, HoldsTheShareAndShrinksWithMoreTrials, ()) {
  const auto trials = *rc::gen::inRange<std::int64_t>(1, 100000);
  const auto successes = *rc::gen::inRange<std::int64_t>(0, trials + 1);
  const Estimate e = wilson(successes, trials).value();
  RC_ASSERT(e.low >= 0 && e.low <= e.value && e.value <= e.high && e.high <= 1);
  const Estimate more = wilson(4 * successes, 4 * trials).value();
  RC_ASSERT(more.high - more.low < e.high - e.low);
}

TEST(Rate, NamesItsDenominator) {
  const Rate clicks = click_through_rate(5, 50);
  EXPECT_EQ(clicks.name, "click_through_rate");
  EXPECT_EQ(clicks.numerator, "clicked exposures");
  EXPECT_EQ(clicks.denominator, "exposures");
  EXPECT_DOUBLE_EQ(clicks.estimate->value, .1);
  EXPECT_EQ(conversion_rate(1, 2).denominator, "exposed customers");
  EXPECT_EQ(participation_rate(1, 2).denominator, "customers invited");
  EXPECT_EQ(participation_rate(1, 2).trials, 2);
}

Difference difference_of(double value, double error) {
  Difference difference;
  difference.absolute = {value, value - 2 * error, value + 2 * error, error};
  return difference;
}

TEST(ReturnOnInvestment, IsWhatTheHoldoutLeavesOfTheMargin) {
  // 1,000 customers, 30 cents more each, between 10 and 50; the campaign cost 100.
  const ReturnOnInvestment r = return_on_investment(difference_of(30, 10), 1000, 10000, 45000.);
  EXPECT_DOUBLE_EQ(r.incremental_margin->value, 30000);
  EXPECT_DOUBLE_EQ(r.incremental_margin->low, 10000);
  EXPECT_DOUBLE_EQ(r.incremental->value, 2);
  EXPECT_DOUBLE_EQ(r.incremental->low, 0);
  EXPECT_DOUBLE_EQ(r.incremental->high, 4);
  EXPECT_DOUBLE_EQ(r.incremental->standard_error, 1);
  EXPECT_DOUBLE_EQ(*r.attributed, 3.5);
}

TEST(ReturnOnInvestment, KeepsTooLittleApartFromAttributed) {
  const ReturnOnInvestment r =
      return_on_investment(std::unexpected(TooLittle{"few", 10}), 5, 100, 150.);
  ASSERT_FALSE(r.incremental);
  EXPECT_EQ(r.incremental.error().why, "few");
  EXPECT_DOUBLE_EQ(*r.attributed, .5);
}

TEST(ReturnOnInvestment, NeedsACost) {
  const ReturnOnInvestment r = return_on_investment(difference_of(30, 10), 1000, 0, 5.);
  EXPECT_TRUE(r.incremental_margin);
  EXPECT_FALSE(r.incremental);
  EXPECT_FALSE(r.attributed);
}

}  // namespace
}  // namespace attune::measure
