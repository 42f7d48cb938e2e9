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

TEST(GrowingKeyFilter, NeverMissesAKeyAndSaysWhereItMayBe) {
  GrowingKeyFilter filter;
  constexpr std::int64_t kKeys = 2'000'000;
  for (std::int64_t n = 1; n <= kKeys; ++n)
    filter.insert(key(static_cast<std::uint64_t>(n)), Sequence{n});
  std::int64_t looked_through = 0;
  for (std::int64_t n = 1; n <= kKeys; ++n) {
    const Stretch found = filter.find(key(static_cast<std::uint64_t>(n)));
    ASSERT_TRUE(found.first <= Sequence{n} && Sequence{n} <= found.last) << n;
    looked_through += found.last.value - found.first.value + 1;
  }
  EXPECT_LT(looked_through / kKeys, kKeys / 3);
}

TEST(GrowingKeyFilter, SaysNoOfNearlyAllOthers) {
  GrowingKeyFilter filter;
  EXPECT_TRUE(filter.find(key(1)).empty());
  for (std::uint64_t n = 0; n < 2'000'000; ++n)
    filter.insert(key(n), Sequence{static_cast<std::int64_t>(n + 1)});
  int wrong = 0;
  for (std::uint64_t n = 0; n < 1'000'000; ++n) wrong += !filter.find(key(3'000'000 + n)).empty();
  EXPECT_LT(wrong, 1'500);  // each of its parts is wrong about one in 10,000
}

}  // namespace
}  // namespace attune::events
