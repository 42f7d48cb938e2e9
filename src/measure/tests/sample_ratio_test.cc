#include "attune/measure/sample_ratio.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "distributions.h"

namespace attune::measure {
namespace {

// scipy 1.17 chisquare and binomtest on the arms of Cookie Cats.
TEST(CheckSampleRatio, EqualsScipy) {
  const SampleRatio r = check_sample_ratio(std::vector<std::int64_t>{44700, 45489}).value();
  EXPECT_NEAR(r.chi_square, 6.9024049496058275, 1e-9);
  EXPECT_EQ(r.degrees, 1);
  EXPECT_NEAR(r.p_value, 0.008607987810836262, 1e-12);
  EXPECT_NEAR(*r.exact_p_value, 0.008692234389090966, 1e-10);
  EXPECT_FALSE(r.alarm);
}

TEST(CheckSampleRatio, TakesPlannedSharesOfAnyScale) {
  const std::vector<std::int64_t> counts{510, 480, 300};
  const SampleRatio r = check_sample_ratio(counts, std::vector<double>{40, 40, 20}).value();
  EXPECT_NEAR(r.chi_square, 9.418604651162791, 1e-9);
  EXPECT_NEAR(r.p_value, 0.009011062177446712, 1e-12);
  EXPECT_DOUBLE_EQ(r.expected[2], 258);
  EXPECT_FALSE(r.exact_p_value);
}

TEST(CheckSampleRatio, RaisesTheAlarmBelowOneInAThousand) {
  const SampleRatio r = check_sample_ratio(std::vector<std::int64_t>{1000, 1200}).value();
  EXPECT_LT(*r.exact_p_value, kSampleRatioAlarm);
  EXPECT_TRUE(r.alarm);
}

TEST(CheckSampleRatio, SaysWhenThereIsTooLittle) {
  EXPECT_FALSE(check_sample_ratio(std::vector<std::int64_t>{0, 0}));
  EXPECT_FALSE(check_sample_ratio(std::vector<std::int64_t>{5}));
  const auto three = check_sample_ratio(std::vector<std::int64_t>{3, 2, 4});
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().why, "an arm should have 3.0 customers, 5 are needed");
  EXPECT_TRUE(check_sample_ratio(std::vector<std::int64_t>{3, 2}));
}

// scipy 1.17 binomtest.
TEST(BinomialTest, EqualsScipy) {
  EXPECT_NEAR(binomial_test(3, 17, .3), 0.42669166952862747, 1e-12);
  EXPECT_NEAR(binomial_test(0, 17, .3), 0.002982283099104731, 1e-14);
  EXPECT_NEAR(binomial_test(17, 17, .3), 1.291401629999999e-09, 1e-20);
  EXPECT_NEAR(binomial_test(9, 10, .5), 0.021484375, 1e-12);
  EXPECT_NEAR(binomial_test(4812, 10000, .5), 0.00017654678363307073, 1e-12);
  EXPECT_NEAR(binomial_test(90, 1000, .1), 0.316495671582143, 1e-10);
}

RC_GTEST_PROP(BinomialTestProperty, SumsWhatIsNoLikelier, ()) {
  const auto n = *rc::gen::inRange<std::int64_t>(1, 60);
  const auto k = *rc::gen::inRange<std::int64_t>(0, n + 1);
  const double p = *rc::gen::inRange(1, 100) / 100.;
  const auto probability = [&](std::int64_t i) {
    return std::exp(std::lgamma(double(n) + 1) - std::lgamma(double(i) + 1) -
                    std::lgamma(double(n - i) + 1) + double(i) * std::log(p) +
                    double(n - i) * std::log1p(-p));
  };
  double sum = 0;
  for (std::int64_t i = 0; i <= n; ++i)
    sum += probability(i) <= probability(k) * (1 + 1e-7) ? probability(i) : 0;
  RC_ASSERT(std::abs(binomial_test(k, n, p) - std::min(1., sum)) < 1e-9);
}

// scipy 1.17 chi2_contingency(correction=False) of 20 of 1,000 against 45 of 1,000.
TEST(CheckEqualShares, EqualsScipy) {
  const Independence i =
      check_equal_shares(std::vector<std::int64_t>{20, 45}, std::vector<std::int64_t>{1000, 1000})
          .value();
  EXPECT_NEAR(i.chi_square, 9.938382031405288, 1e-9);
  EXPECT_NEAR(i.p_value, 0.0016186776066377936, 1e-12);
}

TEST(CheckEqualShares, SaysWhenThereIsTooLittle) {
  EXPECT_FALSE(
      check_equal_shares(std::vector<std::int64_t>{1, 2}, std::vector<std::int64_t>{1000, 1000}));
}

}  // namespace
}  // namespace attune::measure
