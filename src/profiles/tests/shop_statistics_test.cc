#include "attune/profiles/shop_statistics.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::profiles {
namespace {

TEST(ValueCountsProperty, AnswerAsASortedListDoes) {
  const bool holds = rc::check([] {
    ValueCounts counts;
    std::vector<std::int64_t> list;
    const auto changes = *rc::gen::container<std::vector<int>>(rc::gen::inRange(-20, 20));
    for (const int value : changes) {
      const auto known = std::ranges::find(list, value);
      if (known != list.end() && *rc::gen::inRange(0, 3) == 0) {
        list.erase(known);
        counts.add(value, -1);
      } else {
        list.push_back(value);
        counts.add(value);
      }
      if (*rc::gen::inRange(0, 4) > 0) continue;  // asked between changes, too
      RC_ASSERT(counts.total() == std::ssize(list));
    }
    std::ranges::sort(list);
    RC_ASSERT(counts.holds());
    RC_ASSERT(counts.empty() == list.empty());
    for (std::size_t i = 0; i < list.size(); ++i)
      RC_ASSERT(counts.at(static_cast<std::int64_t>(i)) == list[i]);
    for (std::int64_t value = -22; value < 22; ++value)
      RC_ASSERT(counts.below(value) == std::ranges::lower_bound(list, value) - list.begin());
  });
  EXPECT_TRUE(holds);
}

BuyerMeasures buyer(int seed) {
  BuyerMeasures one{20'000 + seed % 50, 1 + seed % 4, std::int64_t{seed} * seed - 90, {}, {}};
  if (seed % 4 > 0) one.half_gap_days = seed % 9;
  if (seed % 3 > 0) one.typical_price_minor = 100 + seed % 70;
  return one;
}

TEST(ShopStatistics, ComeOutTheSameByChangesAsByMeasuringAnew) {
  ShopStatistics anew, kept, change;
  for (int i = 0; i < 300; ++i) anew.add(buyer(i));
  for (int i = 0; i < 400; ++i) kept.add(buyer(i));
  for (int i = 399; i >= 300; --i) change.remove(buyer(i));  // before it is known whom from
  EXPECT_FALSE(change.holds());
  EXPECT_FALSE(change.empty());
  kept.merge(ShopStatistics::parse(change.serialise()).value());
  EXPECT_TRUE(kept.holds());
  EXPECT_EQ(kept.serialise(), anew.serialise());
  kept.remove(buyer(3));
  kept.add(buyer(3));
  EXPECT_EQ(kept.serialise(), anew.serialise());
}

TEST(ShopStatistics, TheMedianGapIsTheMeanOfTheMiddleTwo) {
  ShopStatistics statistics;
  const auto median = [&] { return statistics.context({}, TimeZone::utc(), {}, {}).shop_gap_days; };
  EXPECT_FALSE(median());
  statistics.add({1, 2, 3, 7, {}});
  EXPECT_EQ(median(), 3.5);
  statistics.add({1, 2, 3, 10, {}});
  EXPECT_EQ(median(), 4.25);
}

TEST(ShopStatistics, RefuseEveryBlobWithOneByteChangedOrCutAway) {
  ShopStatistics statistics;
  for (int i = 0; i < 40; ++i) statistics.add(buyer(i));
  const std::string blob = statistics.serialise();
  ASSERT_EQ(ShopStatistics::parse(blob)->serialise(), blob);
  for (std::size_t i = 0; i < blob.size(); ++i) {
    std::string damaged = blob;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    const auto parsed = ShopStatistics::parse(damaged);
    ASSERT_FALSE(parsed) << i;
    EXPECT_EQ(parsed.error().code, ErrorCode::data_corruption);
    EXPECT_FALSE(ShopStatistics::parse(std::string_view(blob).substr(0, i))) << i;
  }
}

}  // namespace
}  // namespace attune::profiles
