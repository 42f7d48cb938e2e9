#include "attune/events/key_set.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

namespace attune::events {
namespace {

// Every third comes again, some of them often; 0, which is taken for 1, among them.
std::vector<std::uint64_t> prints(std::size_t count, std::uint64_t step) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 0; i < count; ++i) all.push_back((i % 3 == 2 ? i / 7 : i) * step);
  return all;
}

class OccurrenceCounterTest : public ::testing::TestWithParam<std::uint64_t> {};

// Whatever was expected, and however the fingerprints lie: far apart, or one behind the other.
TEST_P(OccurrenceCounterTest, CountsAsAMapDoes) {
  const std::vector<std::uint64_t> all = prints(200'000, GetParam());
  for (const std::size_t expected : {0u, 10u, 1'000u, 130'000u, 90'000'000u}) {
    OccurrenceCounter counter;
    std::unordered_map<std::uint64_t, std::uint32_t> naive;
    counter.expect(expected);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i + 16 < all.size()) counter.prefetch(all[i + 16]);
      ASSERT_EQ(counter.note(all[i]), naive[all[i] == 0 ? 1 : all[i]]++) << i << " of " << expected;
    }
  }
}

TEST_P(OccurrenceCounterTest, KnowsNothingOnceCleared) {
  OccurrenceCounter counter;
  for (const std::uint64_t print : prints(10'000, GetParam())) counter.note(print);
  counter.clear();
  EXPECT_EQ(counter.note(GetParam()), 0u);
  EXPECT_EQ(counter.note(GetParam()), 1u);
}

INSTANTIATE_TEST_SUITE_P(Steps, OccurrenceCounterTest,
                         ::testing::Values(1, 16, 0x9E3779B97F4A7C15, std::uint64_t{1} << 40));

TEST(KeySetTest, HoldsWhatWasInserted) {
  KeySet set;
  for (std::uint64_t i = 1; i < 20'000; ++i) set.insert({i * 3, i});
  EXPECT_EQ(set.size(), 19'999u);
  for (std::uint64_t i = 1; i < 20'000; ++i) {
    set.prefetch({i * 3, i});
    ASSERT_TRUE(set.contains({i * 3, i}));
    ASSERT_FALSE(set.contains({i * 3 + 1, i}));
  }
}

}  // namespace
}  // namespace attune::events
