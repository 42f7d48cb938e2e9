// The bars on MovieLens-100K: random 80/20 per customer, 5 seeds, full ranking. Skipped without the
// data.
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <zlib.h>

#include "attune/recommend/evaluate.h"

namespace attune::recommend {
namespace {

std::filesystem::path data_file() {
  const char* folder = std::getenv("ATTUNE_TEST_DATA");
  return std::filesystem::path(folder ? folder : "../shared/data") / "movielens-100k/u.data.gz";
}

// Every rating an interaction of weight 1, as the peers were measured.
InteractionLog read_ratings(const std::filesystem::path& path) {
  InteractionLog log{.customers = 943, .items = 1682};
  gzFile file = gzopen(path.c_str(), "rb");
  char line[100];
  while (file && gzgets(file, line, sizeof line)) {
    std::istringstream fields(line);
    std::int32_t customer = 0, item = 0;
    std::int64_t rating = 0, seconds = 0;
    fields >> customer >> item >> rating >> seconds;
    log.events.push_back({customer - 1, item - 1, 1, Timestamp{seconds * kMicrosPerSecond}});
  }
  if (file) gzclose(file);
  return log;
}

TEST(MovieLensGolden, ReachesEveryBar) {
  if (!std::filesystem::exists(data_file())) GTEST_SKIP() << "no data at " << data_file();
  const InteractionLog log = read_ratings(data_file());
  ASSERT_EQ(log.events.size(), 100'000u);
  const std::vector<Entrant> entrants{
      {"popularity", {}, ""},
      {"item_knn",
       {{"weighting", "none"}, {"neighbours", "358"}, {"shrink", "0"}},
       "item_knn cosine"},
      {"item_knn",
       {{"weighting", "bm25"}, {"neighbours", "358"}, {"shrink", "50"}},
       "item_knn bm25"},
      {"user_knn", {{"weighting", "none"}, {"neighbours", "200"}}, "user_knn cosine"},
      {"ials", {}, ""}};
  const Leaderboard board =
      evaluate(log, entrants,
               {.seeds = {1, 2, 3, 4, 5}, .diversity = false, .bootstrap = {.draws = 50}})
          .value();
  const auto figure = [&](const std::string& label, const std::string& metric) {
    for (const LeaderboardRow& row : board.rows) {
      if (row.recommender == label) return row.metrics.at(metric).mean;
    }
    return 0.0;
  };
  // Two independent evaluators gave .1907 and .2169 over other seeds.
  EXPECT_NEAR(figure("popularity", "precision@10"), 0.1907, 0.002);
  EXPECT_NEAR(figure("popularity", "ndcg@10"), 0.217, 0.004);
  EXPECT_GE(figure("item_knn cosine", "ndcg@10"), 0.385);
  EXPECT_GE(figure("item_knn bm25", "ndcg@10"), 0.405);
  EXPECT_GE(figure("user_knn cosine", "ndcg@10"), 0.378);
  EXPECT_GE(figure("ials", "ndcg@10"), 0.440);
}

}  // namespace
}  // namespace attune::recommend
