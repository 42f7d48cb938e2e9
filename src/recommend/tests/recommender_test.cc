// What every recommender promises, asked of every recommender there is.
#include "attune/recommend/recommender.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "attune/base/files.h"
#include "tests/test_data.h"

namespace attune::recommend {
namespace {

using testing::history_of;
using testing::two_groups_interactions;

std::unique_ptr<Recommender> fitted(const std::string& name, const Interactions& interactions,
                                    const FitOptions& options = {}) {
  auto recommender = make_recommender(name).value();
  EXPECT_TRUE(recommender->fit(interactions, options));
  return recommender;
}

std::filesystem::path fresh_path(const std::string& name) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "attune_recommend_test";
  std::filesystem::create_directories(folder);
  std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::ranges::replace(test, '/', '_');
  return folder / (name + test + ".model");
}

std::vector<std::vector<ScoredIndex>> all_lists(const Recommender& recommender, int threads,
                                                int k = 7) {
  std::vector<std::vector<ScoredIndex>> lists;
  BatchOptions options;
  options.list.k = k;
  options.threads = threads;
  EXPECT_TRUE(recommender.recommend_all(
      options, [&](std::int32_t customer, std::span<const ScoredIndex> list) -> Status {
        EXPECT_EQ(customer, static_cast<std::int32_t>(lists.size()));
        lists.emplace_back(list.begin(), list.end());
        return {};
      }));
  return lists;
}

class EveryRecommender : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Registry, EveryRecommender,
                         ::testing::ValuesIn(recommender_names().begin(),
                                             recommender_names().end()),
                         [](const auto& row) { return row.param; });

TEST_P(EveryRecommender, ListsUnseenItemsBestFirst) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  for (std::int32_t c = 0; c < interactions.customers(); ++c) {
    const auto list = recommender->recommend(Query::row(c)).value();
    ASSERT_EQ(list.size(), 10u);
    for (std::size_t i = 0; i < list.size(); ++i) {
      EXPECT_FALSE(interactions.by_customer().contains(c, list[i].index));
      if (i == 0) continue;
      EXPECT_TRUE(list[i - 1].score > list[i].score ||
                  (list[i - 1].score == list[i].score && list[i - 1].index < list[i].index));
    }
  }
}

TEST_P(EveryRecommender, KnowsTheGroupWherePersonal) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  if (!recommender->capabilities().personal) GTEST_SKIP() << "the same for everybody";
  int own = 0, all = 0;
  for (std::int32_t c = 0; c < interactions.customers(); ++c) {
    const auto list = recommender->recommend(Query::row(c), {.k = 5}).value();
    for (const ScoredIndex& entry : list) {
      own += entry.index % 2 == c % 2;
      ++all;
    }
  }
  EXPECT_GT(own, 9 * all / 10);
}

TEST_P(EveryRecommender, GivesARowAndItsHistoryTheSameList) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  for (std::int32_t c = 0; c < 10; ++c) {
    std::vector<HistoryEntry> history = history_of(interactions, c);
    std::ranges::reverse(history);
    const auto by_row =
        recommender->score(Query::row(c), std::vector<std::int32_t>{0, 1, 2, 3, 38, 39}).value();
    const auto folded =
        recommender->score(Query::of(history, c), std::vector<std::int32_t>{0, 1, 2, 3, 38, 39})
            .value();
    for (std::size_t i = 0; i < by_row.size(); ++i) {
      EXPECT_EQ(std::isnan(by_row[i]), std::isnan(folded[i]));
      if (!std::isnan(by_row[i])) {
        EXPECT_NEAR(by_row[i], folded[i], 2e-5);
      }
    }
  }
}

TEST_P(EveryRecommender, HonoursFilterAndSeenItems) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  std::vector<std::uint8_t> allowed(40, 0);
  for (std::size_t i = 10; i < 20; ++i) allowed[i] = 1;
  ListOptions options{
      .k = 40, .include_seen = true, .filter = {.allowed = allowed, .accepts = [](std::int32_t i) {
                                                  return i != 12;
                                                }}};
  const auto list = recommender->recommend(Query::row(3), options).value();
  EXPECT_FALSE(list.empty());
  for (const ScoredIndex& entry : list) {
    EXPECT_TRUE(entry.index >= 10 && entry.index < 20 && entry.index != 12);
  }
  const auto everything =
      recommender->recommend(Query::row(3), {.k = 40, .include_seen = true}).value();
  EXPECT_TRUE(std::ranges::any_of(everything, [&](const ScoredIndex& e) {
    return interactions.by_customer().contains(3, e.index);
  }));
}

TEST_P(EveryRecommender, GivesTheSameListsForAnyThreadCountAndSeedKept) {
  const Interactions interactions = two_groups_interactions();
  const auto one = all_lists(*fitted(GetParam(), interactions, {.seed = 5, .threads = 1}), 1);
  const auto two = all_lists(*fitted(GetParam(), interactions, {.seed = 5, .threads = 2}), 2);
  EXPECT_EQ(one, two);
  EXPECT_EQ(one.size(), 60u);
}

TEST_P(EveryRecommender, ComesBackFromDiskAsItWas) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  const auto path = fresh_path(GetParam());
  ASSERT_TRUE(recommender->save(path));
  const auto loaded = load_recommender(path).value();
  EXPECT_EQ(loaded->name(), GetParam());
  EXPECT_EQ(loaded->parameters(), recommender->parameters());
  EXPECT_EQ(all_lists(*loaded, 1), all_lists(*recommender, 1));
  const std::vector<HistoryEntry> history{{1, 2, {}}, {3, 1, {}}, {1, 1, {}}};
  EXPECT_EQ(loaded->recommend(Query::of(history)).value(),
            recommender->recommend(Query::of(history)).value());
}

TEST_P(EveryRecommender, ContributionsSumToTheScoreWhereItExplains) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  ASSERT_TRUE(recommender->capabilities().explains);
  for (std::int32_t c = 0; c < 20; ++c) {
    const auto list = recommender->recommend(Query::row(c)).value();
    for (const ScoredIndex& entry : list) {
      const Explanation why = recommender->explain(Query::row(c), entry.index).value();
      EXPECT_NEAR(why.score, entry.score, 1e-4 * std::max(1.0f, std::abs(entry.score)));
      double sum = why.base;
      for (const Contribution& part : why.contributions) sum += part.amount;
      EXPECT_DOUBLE_EQ(sum, why.score);
      if (recommender->capabilities().personal) {
        EXPECT_EQ(why.contributions.size(),
                  static_cast<std::size_t>(interactions.by_customer().row_size(c)));
      }
    }
  }
}

TEST_P(EveryRecommender, AnswersAboutSimilarityOrSaysThatItCannot) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  const auto items = recommender->similar_items(4, {.k = 5});
  ASSERT_EQ(items.has_value(), recommender->capabilities().similar_items);
  if (items) {
    EXPECT_EQ(items->size(), 5u);
    for (const ScoredIndex& entry : *items) EXPECT_NE(entry.index, 4);
    EXPECT_EQ(items->front().index % 2, 0);
  } else {
    EXPECT_EQ(items.error().code, ErrorCode::failed_precondition);
  }
  const auto customers = recommender->similar_customers(Query::row(7), 5);
  ASSERT_EQ(customers.has_value(), recommender->capabilities().similar_customers);
  if (customers) {
    EXPECT_EQ(customers->size(), 5u);
    for (const ScoredIndex& entry : *customers) EXPECT_NE(entry.index, 7);
    EXPECT_EQ(customers->front().index % 2, 1);
  }
}

TEST_P(EveryRecommender, HasNoPersonalEvidenceForAnEmptyHistory) {
  const auto recommender = fitted(GetParam(), two_groups_interactions());
  const auto list = recommender->recommend(Query::of({})).value();
  EXPECT_EQ(list.empty(), recommender->capabilities().personal);
}

TEST_P(EveryRecommender, ForgetsACustomer) {
  const Interactions interactions = two_groups_interactions();
  const auto recommender = fitted(GetParam(), interactions);
  ASSERT_TRUE(recommender->forget_customer(9));
  ASSERT_TRUE(recommender->forget_customer(9));
  EXPECT_EQ(recommender->interactions().by_customer().row_size(9), 0);
  EXPECT_EQ(interactions.by_customer().row_size(9) > 0, true);
  if (recommender->capabilities().personal) {
    EXPECT_TRUE(recommender->recommend(Query::row(9)).value().empty());
  }
  if (recommender->capabilities().similar_customers) {
    const auto others = recommender->similar_customers(Query::row(7), 60).value();
    for (const ScoredIndex& entry : others) EXPECT_NE(entry.index, 9);
  }
  EXPECT_EQ(recommender->forget_customer(60).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(recommender->forget_customer(-1).error().code, ErrorCode::out_of_range);
}

TEST_P(EveryRecommender, RefusesWrongQuestionsByName) {
  const Interactions interactions = two_groups_interactions();
  auto recommender = make_recommender(GetParam()).value();
  EXPECT_EQ(recommender->recommend(Query::row(0)).error().code, ErrorCode::failed_precondition);
  EXPECT_EQ(recommender->save(fresh_path(GetParam())).error().code, ErrorCode::failed_precondition);
  EXPECT_EQ(recommender->fit(Interactions()).error().code, ErrorCode::failed_precondition);
  ASSERT_TRUE(recommender->fit(interactions));
  EXPECT_EQ(recommender->recommend(Query::row(60)).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(recommender->recommend(Query::row(0), {.k = 0}).error().code,
            ErrorCode::invalid_argument);
  const std::vector<std::uint8_t> short_mask(3, 1);
  EXPECT_EQ(recommender->recommend(Query::row(0), {.filter = {.allowed = short_mask}}).error().code,
            ErrorCode::invalid_argument);
  const std::vector<HistoryEntry> unknown{{40, 1, {}}}, infinite{{4, INFINITY, {}}};
  EXPECT_EQ(recommender->recommend(Query::of(unknown)).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(recommender->recommend(Query::of(infinite)).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(recommender->explain(Query::row(0), 40).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(recommender->score(Query::row(0), std::vector<std::int32_t>{-1}).error().code,
            ErrorCode::out_of_range);
  EXPECT_EQ(recommender->set_parameter("measure", "weight").error().code,
            ErrorCode::failed_precondition);
}

class CountingProgress final : public Progress {
 public:
  explicit CountingProgress(bool stop) : stop_(stop) {}
  void phase(std::string_view, std::int64_t, std::string_view) override {}
  void advance(std::int64_t) override {}
  bool cancelled() const override { return stop_; }

 private:
  bool stop_;
};

TEST_P(EveryRecommender, LeavesNothingHalfWhenStopped) {
  CountingProgress stop(true);
  auto recommender = make_recommender(GetParam()).value();
  const auto report = recommender->fit(two_groups_interactions(), {.progress = &stop});
  EXPECT_EQ(report.has_value(), recommender->fitted());
  if (!report) {
    EXPECT_EQ(report.error().code, ErrorCode::cancelled);
    EXPECT_FALSE(recommender->recommend(Query::row(0)));
  }
}

class EveryRecommenderFault : public EveryRecommender {};
INSTANTIATE_TEST_SUITE_P(Registry, EveryRecommenderFault,
                         ::testing::ValuesIn(recommender_names().begin(),
                                             recommender_names().end()),
                         [](const auto& row) { return row.param; });

// Damage that the checksum sees, and damage behind a right checksum: both are errors, never
// crashes.
TEST_P(EveryRecommenderFault, RefusesDamagedFiles) {
  const auto path = fresh_path(GetParam());
  ASSERT_TRUE(fitted(GetParam(), two_groups_interactions())->save(path));
  const std::string bytes = read_file(path).value();
  Rng rng(3, "damage");
  for (int round = 0; round < 60; ++round) {
    std::string damaged = bytes.substr(0, round < 20 ? rng.below(bytes.size()) : bytes.size());
    if (round >= 20) damaged[rng.below(damaged.size())] ^= static_cast<char>(1 + rng.below(255));
    ASSERT_TRUE(write_file_durably(path, damaged));
    const auto loaded = load_recommender(path);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::data_corruption) << to_string(loaded.error());
  }
}

TEST_P(EveryRecommenderFault, SurvivesArbitraryBytesBehindARightChecksum) {
  const auto path = fresh_path(GetParam());
  const auto original = fitted(GetParam(), two_groups_interactions());
  ASSERT_TRUE(original->save(path));
  const std::string payload = read_checked_file(path, "attune-recommend", 1).value().payload;
  Rng rng(4, "damage");
  for (int round = 0; round < 150; ++round) {
    std::string damaged =
        payload.substr(0, round < 40 ? rng.below(payload.size()) : payload.size());
    for (int i = 0; i < 3 && round >= 40; ++i)
      damaged[rng.below(damaged.size())] = static_cast<char>(rng.below(256));
    ASSERT_TRUE(write_checked_file(path, "attune-recommend", 1, damaged));
    const auto loaded = load_recommender(path);
    if (!loaded) {
      EXPECT_EQ(loaded.error().code, ErrorCode::data_corruption);
      continue;
    }
    // Numbers may differ; questions are answered without a crash.
    if ((*loaded)->interactions().customers() > 0) (void)(*loaded)->recommend(Query::row(0));
  }
  ASSERT_TRUE(write_checked_file(path, "attune-recommend", 2, payload));
  EXPECT_EQ(load_recommender(path).error().code,
            ErrorCode::failed_precondition);  // of a newer Attune
  ASSERT_TRUE(write_checked_file(path, "something-else", 1, payload));
  EXPECT_EQ(load_recommender(path).error().code, ErrorCode::data_corruption);
  EXPECT_EQ(load_recommender(path / "absent").error().code == ErrorCode::data_corruption, false);
}

TEST(MakeRecommender, NamesTheNearest) {
  const auto typo = make_recommender("item-knn");
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().code, ErrorCode::not_found);
  EXPECT_NE(typo.error().message.find("did you mean 'item_knn'"), std::string::npos);
  EXPECT_EQ(recommender_names().size(), 6u);
}

TEST(MakeRecommender, ChecksParametersByName) {
  auto ials = make_recommender("ials").value();
  EXPECT_TRUE(ials->set_parameter("factors", "8"));
  const auto typo = ials->set_parameter("factor", "8");
  EXPECT_EQ(typo.error().code, ErrorCode::not_found);
  EXPECT_NE(typo.error().message.find("factors"), std::string::npos);
  EXPECT_EQ(ials->set_parameter("factors", "0").error().code, ErrorCode::invalid_argument);
}

TEST(Interactions, LeaveOutWhatWasTakenBack) {
  const InteractionLog log{
      .customers = 2, .items = 2, .events = {{0, 0, 2, {5}}, {0, 0, -2, {6}}, {1, 1, 1, {4}}}};
  const Interactions interactions = Interactions::from_log(log).value();
  EXPECT_EQ(interactions.pairs(), 1);
  EXPECT_EQ(interactions.dropped_pairs(), 1);
  EXPECT_EQ(interactions.latest(), Timestamp{4});
  EXPECT_EQ(interactions.by_item(), interactions.by_customer().transposed());
  EXPECT_EQ(Interactions().customers(), 0);
}

}  // namespace
}  // namespace attune::recommend
