#include "attune/recommend/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "attune/learn/ranking_metrics.h"
#include "attune/recommend/recommender.h"
#include "tests/test_data.h"

namespace attune::recommend {
namespace {

using testing::two_groups;

const std::vector<Entrant> kEntrants{
    {"popularity", {}, ""}, {"item_knn", {}, ""}, {"ials", {{"factors", "4"}}, "small ials"}};

// Reference: split, fit, recommend, score, average; no streaming, no threads.
double plain_ndcg(const InteractionLog& log, const std::string& name, std::uint64_t seed) {
  const learn::Split split = learn::split_interactions(log, {}, seed).value();
  auto recommender = make_recommender(name).value();
  EXPECT_TRUE(recommender->fit(Interactions::from_matrix(split.train), {.seed = seed}));
  double sum = 0, count = 0;
  for (std::int32_t c = 0; c < log.customers; ++c) {
    if (split.test.row_size(c) == 0) continue;
    std::vector<std::int32_t> items;
    const auto list = recommender->recommend(Query::row(c)).value();
    for (const auto& entry : list) items.push_back(entry.index);
    sum += learn::score_list(items, split.test.columns_of(c), 10).ndcg;
    count += 1;
  }
  return sum / count;
}

TEST(Evaluate, GivesTheMeanOfWhatEachCustomersListScores) {
  const InteractionLog log = two_groups();
  const Leaderboard board = evaluate(log, kEntrants, {.seeds = {3}}).value();
  ASSERT_EQ(board.rows.size(), 3u);
  for (const LeaderboardRow& row : board.rows) {
    if (row.algorithm == "ials") continue;
    EXPECT_NEAR(row.metrics.at("ndcg@10").mean, plain_ndcg(log, row.algorithm, 3), 1e-12);
  }
}

TEST(Evaluate, SortsRowsAndPairsDifferencesWithTheBest) {
  const Leaderboard board =
      evaluate(two_groups(), kEntrants, {.seeds = {1, 2, 3}, .k = {5, 10}}).value();
  EXPECT_EQ(board.sorted_by, "ndcg@5");
  EXPECT_EQ(board.rows.back().recommender, "popularity");
  EXPECT_EQ(board.rows.front().behind_best.at("ndcg@5"), (learn::Interval{0, 0, 0}));
  for (std::size_t i = 1; i < board.rows.size(); ++i) {
    EXPECT_GE(board.rows[i - 1].metrics.at("ndcg@5").mean, board.rows[i].metrics.at("ndcg@5").mean);
  }
  for (const LeaderboardRow& row : board.rows) {
    EXPECT_EQ(row.metrics.size(), 2u * 10);
    for (const auto& [name, value] : row.metrics) {
      EXPECT_LE(value.low, value.mean + 1e-12) << name;
      EXPECT_GE(value.high, value.mean - 1e-12) << name;
    }
  }
  const auto& popularity = board.rows.back();
  EXPECT_GT(popularity.behind_best.at("ndcg@5").low, 0);
  EXPECT_GT(popularity.metrics.at("gini_exposure@5").mean,
            board.rows.front().metrics.at("gini_exposure@5").mean);
}

TEST(Evaluate, IsTheSameForAnyThreadCountButForTheSeconds) {
  const auto board = [](int threads) {
    return evaluate(two_groups(), kEntrants, {.seeds = {1, 2}, .threads = threads}).value();
  };
  const Leaderboard one = board(1), two = board(2);
  for (std::size_t i = 0; i < one.rows.size(); ++i)
    EXPECT_EQ(one.rows[i].metrics, two.rows[i].metrics);
}

TEST(Evaluate, NamesSampledRankingForWhatItIs) {
  const EvaluateOptions options{.split = {.kind = learn::SplitKind::leave_one_out},
                                .candidates = Candidates::sampled,
                                .sampled_negatives = 5};
  const Leaderboard board = evaluate(two_groups(), kEntrants, options).value();
  EXPECT_EQ(board.candidates, "sampled-5");
  for (const LeaderboardRow& row : board.rows) {
    for (const auto& [name, value] : row.metrics) EXPECT_TRUE(name.starts_with("sampled_")) << name;
    EXPECT_DOUBLE_EQ(row.metrics.at("sampled_hit_rate@10").mean, 1);  // 6 candidates, 10 places
  }
}

TEST(Evaluate, RefusesWhatCannotBeCompared) {
  const InteractionLog log = two_groups();
  EXPECT_EQ(evaluate(log, {}, {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(evaluate(log, {{"popularity", {}, ""}, {"popularity", {}, ""}}, {}).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(evaluate(log, {{"popularty", {}, ""}}, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(evaluate(log, {{"ials", {{"factor", "3"}}, ""}}, {}).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(evaluate(log, kEntrants, {.seeds = {}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(evaluate(log, kEntrants, {.k = {0}}).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace attune::recommend
