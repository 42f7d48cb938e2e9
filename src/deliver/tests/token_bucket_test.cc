#include "attune/deliver/token_bucket.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::deliver {
namespace {

TEST(TokenBucket, GivesABurstAndThenItsRate) {
  TokenBucket bucket({.per_second = 4, .burst = 2});
  const Timestamp start{1'000'000'000};
  EXPECT_TRUE(bucket.take(start));
  EXPECT_TRUE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start));
  EXPECT_EQ(bucket.ready_at(start).micros, start.micros + 250'000);
  EXPECT_FALSE(bucket.take({start.micros + 249'000}));
  EXPECT_TRUE(bucket.take({start.micros + 250'000}));
}

TEST(TokenBucket, GivesAllWhereNoRateIsSet) {
  TokenBucket bucket(Rate{});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(bucket.take({}));
}

TEST(TokenBucket, FillsNothingForAClockThatGoesBack) {
  TokenBucket bucket({.per_second = 1, .burst = 1});
  EXPECT_TRUE(bucket.take({100'000'000}));
  EXPECT_FALSE(bucket.take({50'000'000}));
  EXPECT_FALSE(bucket.take({100'500'000}));
  EXPECT_TRUE(bucket.take({101'000'000}));
}

TEST(TokenBucketProperty, NeverGivesMoreThanBurstAndRateAllow) {
  EXPECT_TRUE(rc::check([] {
    const double rate = *rc::gen::inRange(1, 100) / 10.0;
    const double burst = *rc::gen::inRange(1, 20);
    TokenBucket bucket({.per_second = rate, .burst = burst});
    Timestamp now{1'000'000};
    int given = 0;
    for (int i = 0; i < 200; ++i) {
      now.micros += *rc::gen::inRange(0, 300'000);
      given += bucket.take(now);
      RC_ASSERT(given <= burst + rate * double(now.micros - 1'000'000) / 1e6 + 1e-3);
    }
  }));
}

}  // namespace
}  // namespace attune::deliver
