#include "key_filter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace attune::events {
namespace {

Hash128 key(std::uint64_t n) { return hash128(fmt::format("key {}", n)); }

TEST(KeyFilter, NeverMissesAKeyThatWasInserted) {
  KeyFilter filter(10'000);
  for (std::uint64_t n = 0; n < 30'000; ++n) {  // more than it was made for
    filter.insert(key(n));
    EXPECT_EQ(filter.full(), n >= 10'000);
  }
  for (std::uint64_t n = 0; n < 30'000; ++n) EXPECT_TRUE(filter.may_contain(key(n)));
}

TEST(KeyFilter, SaysNoOfNearlyAllOthers) {
  KeyFilter filter(100'000);
  for (std::uint64_t n = 0; n < 100'000; ++n) filter.insert(key(n));
  int wrong = 0;
  for (std::uint64_t n = 0; n < 1'000'000; ++n) wrong += filter.may_contain(key(1'000'000 + n));
  EXPECT_LT(wrong, 300);  // 3 in 10,000
}

TEST(KeyFilter, KnowsNothingAtFirst) { EXPECT_FALSE(KeyFilter(0).may_contain(key(1))); }

}  // namespace
}  // namespace attune::events
