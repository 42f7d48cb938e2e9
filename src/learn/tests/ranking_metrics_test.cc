#include "attune/learn/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::learn {
namespace {

TEST(RankingMetrics, EqualValuesWorkedOutByHand) {
  const std::vector<std::int32_t> ranked{7, 3, 9, 1, 4}, relevant{1, 3, 8};
  const ListScores s = score_list(ranked, relevant, 4);  // hits at ranks 2 and 4
  EXPECT_DOUBLE_EQ(s.precision, 2.0 / 4);
  EXPECT_DOUBLE_EQ(s.recall, 2.0 / 3);
  const double dcg = 1 / std::log2(3) + 1 / std::log2(5),
               ideal = 1 + 1 / std::log2(3) + 1 / std::log2(4);
  EXPECT_DOUBLE_EQ(s.ndcg, dcg / ideal);
  EXPECT_DOUBLE_EQ(s.map, (1.0 / 2 + 2.0 / 4) / 3);
  EXPECT_DOUBLE_EQ(s.mrr, 0.5);
  EXPECT_DOUBLE_EQ(s.hit_rate, 1);
}

TEST(RankingMetrics, CountMissingPlacesOfAShortListAsMisses) {
  const std::vector<std::int32_t> ranked{2}, relevant{2};
  const ListScores s = score_list(ranked, relevant, 10);
  EXPECT_DOUBLE_EQ(s.precision, 0.1);
  EXPECT_DOUBLE_EQ(s.ndcg, 1);
  const ListScores none = score_list({}, relevant, 10);
  EXPECT_EQ(none.precision + none.recall + none.ndcg + none.map + none.mrr + none.hit_rate, 0);
}

TEST(RankingMetrics, ScoreARankLikeAListWithOneTestItem) {
  for (int rank = 1; rank <= 12; ++rank) {
    std::vector<std::int32_t> ranked(12);
    std::iota(ranked.begin(), ranked.end(), 1);
    const std::vector<std::int32_t> relevant{rank};
    const ListScores list = score_list(ranked, relevant, 10), one = score_rank(rank, 10);
    EXPECT_DOUBLE_EQ(list.precision, one.precision);
    EXPECT_DOUBLE_EQ(list.recall, one.recall);
    EXPECT_DOUBLE_EQ(list.ndcg, one.ndcg);
    EXPECT_DOUBLE_EQ(list.map, one.map);
    EXPECT_DOUBLE_EQ(list.mrr, one.mrr);
    EXPECT_DOUBLE_EQ(list.hit_rate, one.hit_rate);
  }
}

TEST(RankingMetricsProperty, LieBetweenZeroAndOneAndGrowWithTheIdealList) {
  for (std::uint64_t round = 0; round < 300; ++round) {
    Rng rng(round);
    std::vector<std::int32_t> items(20);
    std::iota(items.begin(), items.end(), 0);
    rng.shuffle(std::span(items));
    std::vector<std::int32_t> relevant(
        items.begin(), items.begin() + 1 + static_cast<std::ptrdiff_t>(rng.below(15)));
    std::ranges::sort(relevant);
    rng.shuffle(std::span(items));
    const int k = 1 + static_cast<int>(rng.below(20));
    const ListScores s = score_list(items, relevant, k);
    for (const double v : {s.precision, s.recall, s.ndcg, s.map, s.mrr, s.hit_rate}) {
      EXPECT_GE(v, 0);
      EXPECT_LE(v, 1 + 1e-12);
    }
    EXPECT_LE(s.map, s.ndcg + 1);
    std::ranges::stable_partition(
        items, [&](std::int32_t i) { return std::ranges::binary_search(relevant, i); });
    const ListScores best = score_list(items, relevant, k);
    EXPECT_DOUBLE_EQ(best.ndcg, 1);
    EXPECT_DOUBLE_EQ(best.map, 1);
  }
}

TEST(GiniIndex, EqualsTheMeanDifferenceForm) {
  EXPECT_DOUBLE_EQ(gini_index(std::vector<std::int64_t>{3, 3, 3}), 0);
  EXPECT_DOUBLE_EQ(gini_index(std::vector<std::int64_t>{0, 0, 0, 8}), 0.75);
  EXPECT_EQ(gini_index({}), 0);
  const std::vector<std::int64_t> counts{5, 1, 0, 7, 7, 2};
  double differences = 0, sum = 0;
  for (const auto a : counts) {
    sum += static_cast<double>(a);
    for (const auto b : counts) differences += std::abs(static_cast<double>(a - b));
  }
  EXPECT_NEAR(gini_index(counts), differences / (2 * 6 * sum), 1e-12);
}

TEST(CatalogueScores, EqualValuesWorkedOutByHand) {
  // Items 0 and 1 share both customers, item 2 has the third, item 3 nobody.
  const std::vector<math::Triplet> cells{
      {0, 0, 1, {}}, {0, 1, 1, {}}, {1, 0, 1, {}}, {1, 1, 1, {}}, {2, 2, 1, {}}};
  const auto by_item = math::CsrMatrix::from_triplets(4, 3, cells).value();
  CatalogueScores first(by_item, 2), second(by_item, 2);
  first.add(std::vector<std::int32_t>{0, 1, 3});
  second.add(std::vector<std::int32_t>{0, 2});
  first.merge(second);
  EXPECT_DOUBLE_EQ(first.coverage(), 3.0 / 4);
  EXPECT_DOUBLE_EQ(first.diversity(), (0.0 + 1.0) / 2);
  EXPECT_DOUBLE_EQ(first.novelty(), -(3 * std::log2(3.0 / 4) + std::log2(2.0 / 4)) / 4);
  EXPECT_DOUBLE_EQ(first.gini_exposure(), gini_index(std::vector<std::int64_t>{2, 1, 1, 0}));
}

}  // namespace
}  // namespace attune::learn
