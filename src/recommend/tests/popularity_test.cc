#include "popularity.h"

#include <cmath>

#include <gtest/gtest.h>

namespace attune::recommend {
namespace {

Timestamp day(std::int64_t n) { return Timestamp{n * kMicrosPerDay}; }

Interactions shop() {
  const InteractionLog log{.customers = 3,
                           .items = 4,
                           .events = {{0, 0, 1, day(0)},
                                      {1, 0, 1, day(0)},
                                      {2, 0, 1, day(0)},
                                      {0, 1, 9, day(14)},
                                      {1, 2, 1, day(28)}}};
  return Interactions::from_log(log).value();
}

std::vector<float> scores(Recommender& recommender) {
  EXPECT_TRUE(recommender.fit(shop()));
  return recommender.score(Query::of({}), std::vector<std::int32_t>{0, 1, 2}).value();
}

TEST(Popularity, CountsCustomersOrWeights) {
  Popularity by_customers, by_weight;
  ASSERT_TRUE(by_weight.set_parameter("measure", "weight"));
  EXPECT_EQ(scores(by_customers), (std::vector<float>{3, 1, 1}));
  EXPECT_EQ(scores(by_weight), (std::vector<float>{3, 9, 1}));
  EXPECT_EQ(by_customers.recommend(Query::of({})).value().size(), 3u);  // nobody met item 3
}

TEST(Trending, HalvesWithEachHalfLife) {
  Trending trending;
  ASSERT_TRUE(trending.set_parameter("half_life_days", "14"));
  EXPECT_EQ(scores(trending), (std::vector<float>{3.0f / 4, 1.0f / 2, 1}));
}

TEST(Trending, WarnsWhereThereAreNoTimes) {
  Trending trending;
  const InteractionLog log{.customers = 1, .items = 1, .events = {{0, 0, 1, {}}}};
  EXPECT_EQ(trending.fit(Interactions::from_log(log).value()).value().warnings.size(), 1u);
  EXPECT_TRUE(Trending().fit(shop()).value().warnings.empty());
}

}  // namespace
}  // namespace attune::recommend
