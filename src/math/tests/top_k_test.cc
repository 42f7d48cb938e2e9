#include "attune/math/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace attune::math {
namespace {

// Reference: sort everything, cut at k.
std::vector<ScoredIndex> sort_and_cut(const std::vector<float>& scores, std::size_t k) {
  std::vector<ScoredIndex> all;
  for (std::size_t i = 0; i < scores.size(); ++i)
    all.push_back({scores[i], static_cast<std::int32_t>(i)});
  std::ranges::stable_sort(all, [](auto& a, auto& b) { return a.score > b.score; });
  all.resize(std::min(k, all.size()));
  return all;
}

TEST(TopK, EqualsSortingEverythingForRandomScoresWithManyTies) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 300; ++round) {
    std::vector<float> scores(random() % 200);
    for (float& score : scores) score = static_cast<float>(random() % 7);
    const int k = 1 + static_cast<int>(random() % 20);
    TopK top = TopK::create(k).value();
    top.offer(scores, 0);
    EXPECT_EQ(top.best(), sort_and_cut(scores, static_cast<std::size_t>(k)));
  }
}

TEST(TopK, GivesTheSameListWhateverTheOrderOfOffers) {
  TopK forward = TopK::create(2).value(), backward = TopK::create(2).value();
  forward.offer(std::vector<ScoredIndex>{{1, 5}, {1, 3}, {1, 9}});
  backward.offer(std::vector<ScoredIndex>{{1, 9}, {1, 3}, {1, 5}});
  EXPECT_EQ(forward.best(), (std::vector<ScoredIndex>{{1, 3}, {1, 5}}));
  EXPECT_EQ(forward.best(), backward.best());
}

TEST(TopK, RefusesAndCountsNaN) {
  TopK top = TopK::create(3).value();
  top.offer(std::vector<float>{std::nanf(""), 2, -std::numeric_limits<float>::infinity()}, 10);
  EXPECT_EQ(top.best().size(), 2u);
  EXPECT_EQ(top.nan_count(), 1);
}

TEST(TopK, BestOfGivesTheSameList) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<ScoredIndex> entries;
    const int n = static_cast<int>(random() % 60);
    const float values[] = {-0.0f,
                            0,
                            1,
                            -1,
                            2.5f,
                            -1e30f,
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            std::nanf("")};
    for (int i = 0; i < n; ++i)
      entries.push_back({values[random() % 9], static_cast<std::int32_t>(random() % 100) - 5});
    for (const int k : {1, 7, 59, 100}) {
      TopK top = TopK::create(k).value();
      top.offer(entries);
      EXPECT_EQ(best_of(entries, k), top.best());
    }
  }
  EXPECT_TRUE(best_of(std::vector<ScoredIndex>{{1, 2}}, 0).empty());
}

TEST(TopK, NamesTheLimitWhenKIsOutOfRange) {
  const auto refused = TopK::create(0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("1 to 100000"), std::string::npos);
}

}  // namespace
}  // namespace attune::math
