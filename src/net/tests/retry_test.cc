#include "attune/net/retry.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "attune/base/time.h"

namespace attune::net {
namespace {

TEST(RetryDelay, GrowsByTheFactorUpToTheLongest) {
  const RetryPolicy policy{
      .attempts_max = 6, .first_seconds = 10, .factor = 3, .longest_seconds = 200, .jitter = 0.5};
  const double wanted[] = {10, 30, 90, 200, 200};
  for (int failures = 1; failures <= 5; ++failures) {
    EXPECT_EQ(retry_delay(policy, failures, 0.0), wanted[failures - 1] * kMicrosPerSecond);
    EXPECT_EQ(retry_delay(policy, failures, 0.5), wanted[failures - 1] * 0.75 * kMicrosPerSecond);
  }
}

TEST(RetryDelay, EndsWithTheLastAttempt) {
  const RetryPolicy policy{.attempts_max = 3};
  EXPECT_TRUE(retry_delay(policy, 2, 0.1));
  EXPECT_FALSE(retry_delay(policy, 3, 0.1));
  EXPECT_FALSE(retry_delay(policy, 4, 0.1));
  EXPECT_FALSE(retry_delay({.attempts_max = 1}, 1, 0.1));
}

TEST(RetryDelay, DrawsTheSameForTheSameKey) {
  const RetryPolicy policy;
  EXPECT_EQ(retry_delay(policy, 2, 7, "m1"), retry_delay(policy, 2, 7, "m1"));
  EXPECT_NE(retry_delay(policy, 2, 7, "m1"), retry_delay(policy, 2, 7, "m2"));
  EXPECT_NE(retry_delay(policy, 2, 7, "m1"), retry_delay(policy, 2, 8, "m1"));
}

TEST(RetryDelayProperty, LiesBetweenTheShortenedAndTheWholeWait) {
  EXPECT_TRUE(rc::check([] {
    RetryPolicy policy;
    policy.attempts_max = 1'000'000;
    policy.jitter = *rc::gen::inRange(0, 101) / 100.0;
    policy.factor = 1 + *rc::gen::inRange(0, 500) / 100.0;
    const int failures = *rc::gen::inRange(1, 100'000);  // the power overflows: still the longest
    const auto whole = retry_delay(policy, failures, 0.0);
    const auto wait = retry_delay(policy, failures, *rc::gen::inRange(0, 1000) / 1000.0);
    RC_ASSERT(wait && whole && *wait <= *whole);
    RC_ASSERT(double(*wait) >= double(*whole) * (1 - policy.jitter) - 1);
    RC_ASSERT(*whole <= std::int64_t(policy.longest_seconds) * kMicrosPerSecond);
  }));
}

}  // namespace
}  // namespace attune::net
