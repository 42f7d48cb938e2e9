#include "attune/learn/splits.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::learn {
namespace {

InteractionLog random_log(std::uint64_t seed, int events) {
  Rng rng(seed, "log");
  InteractionLog log{.customers = 20, .items = 30};
  for (int i = 0; i < events; ++i) {
    log.events.push_back({static_cast<std::int32_t>(rng.below(19)),
                          static_cast<std::int32_t>(rng.below(30)), 1,
                          Timestamp{static_cast<std::int64_t>(rng.below(200))}});
  }
  return log;
}

std::set<std::pair<std::int32_t, std::int32_t>> cells(const math::CsrMatrix& matrix) {
  std::set<std::pair<std::int32_t, std::int32_t>> all;
  for (const auto& t : matrix.triplets()) all.emplace(t.row, t.column);
  return all;
}

TEST(SplitProperty, PutsEveryCellOnExactlyOneSide) {
  for (const SplitKind kind : {SplitKind::random, SplitKind::leave_one_out, SplitKind::time}) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      const InteractionLog log = random_log(seed, 250);
      const Split split = split_interactions(log, {.kind = kind}, seed).value();
      const auto train = cells(split.train), test = cells(split.test);
      std::set<std::pair<std::int32_t, std::int32_t>> all, both;
      for (const auto& event : log.events) all.emplace(event.row, event.column);
      std::ranges::set_intersection(train, test, std::inserter(both, both.end()));
      EXPECT_TRUE(both.empty());
      EXPECT_EQ(train.size() + test.size(), all.size());
    }
  }
}

TEST(Split, TakesTheNearestWholeShareOfEachCustomer) {
  InteractionLog log{.customers = 4, .items = 20};
  const std::vector<int> sizes{1, 2, 8, 13};  // tests 0, 0 (.4), 2 (1.6), 3 (2.6)
  for (std::int32_t c = 0; c < 4; ++c) {
    for (std::int32_t i = 0; i < sizes[static_cast<std::size_t>(c)]; ++i)
      log.events.push_back({c, i, 1, {}});
  }
  const Split split =
      split_interactions(log, {.kind = SplitKind::random, .test_share = 0.2}, 1).value();
  EXPECT_EQ(split.test.row_size(0), 0);
  EXPECT_EQ(split.test.row_size(1), 0);
  EXPECT_EQ(split.test.row_size(2), 2);
  EXPECT_EQ(split.test.row_size(3), 3);
}

TEST(Split, DependsOnSeedAndCustomerButNotOnTheOrderOfEvents) {
  InteractionLog log = random_log(5, 300);
  const Split a = split_interactions(log, {}, 1).value();
  std::ranges::reverse(log.events);
  const Split b = split_interactions(log, {}, 1).value();
  EXPECT_EQ(a.test, b.test);
  EXPECT_NE(cells(a.test), cells(split_interactions(log, {}, 2).value().test));
  std::erase_if(log.events, [](const auto& event) { return event.row == 3; });
  const Split without = split_interactions(log, {}, 1).value();
  for (std::int32_t c = 0; c < 20; ++c) {
    if (c == 3) continue;
    EXPECT_TRUE(std::ranges::equal(a.test.columns_of(c), without.test.columns_of(c)));
  }
}

TEST(Split, LeavesTheLastItemOut) {
  const InteractionLog log{
      .customers = 2,
      .items = 4,
      .events = {
          {0, 2, 1, {30}}, {0, 1, 1, {50}}, {0, 3, 1, {40}}, {0, 2, 1, {60}}, {1, 0, 1, {10}}}};
  const Split split = split_interactions(log, {.kind = SplitKind::leave_one_out}, 9).value();
  EXPECT_EQ(split.test.triplets(), (std::vector<math::Triplet>{{0, 2, 2, {60}}}));
  EXPECT_EQ(split.train.row_size(1), 1);
}

TEST(Split, CutsEverybodyAtOneMomentAndSumsOnEachSide) {
  const InteractionLog log{
      .customers = 2,
      .items = 3,
      .events = {{0, 0, 1, {1}}, {0, 0, 1, {2}}, {1, 1, 1, {3}}, {0, 0, 4, {9}}, {0, 2, 2, {8}}}};
  const Split split =
      split_interactions(log, {.kind = SplitKind::time, .test_share = 0.4}, 1).value();
  EXPECT_EQ(split.cut, Timestamp{3});
  EXPECT_EQ(split.train.triplets(), (std::vector<math::Triplet>{{0, 0, 2, {2}}, {1, 1, 1, {3}}}));
  EXPECT_EQ(split.test.triplets(), (std::vector<math::Triplet>{{0, 2, 2, {8}}}));
  EXPECT_EQ(split.repeats_left_out, 1);
}

TEST(Split, LeavesOutWhatWasTakenBack) {
  const InteractionLog log{
      .customers = 1,
      .items = 3,
      .events = {{0, 0, 1, {1}}, {0, 0, -1, {2}}, {0, 1, 1, {3}}, {0, 2, 1, {4}}}};
  const Split split = split_interactions(log, {.kind = SplitKind::leave_one_out}, 1).value();
  EXPECT_EQ(cells(split.train).size() + cells(split.test).size(), 2u);
}

TEST(Split, SaysWhyItCannotBe) {
  const InteractionLog lonely{.customers = 2, .items = 2, .events = {{0, 0, 1, {}}, {1, 1, 1, {}}}};
  EXPECT_EQ(split_interactions(lonely, {}, 1).error().code, ErrorCode::failed_precondition);
  EXPECT_EQ(split_interactions({}, {.kind = SplitKind::time}, 1).error().code,
            ErrorCode::failed_precondition);
  EXPECT_EQ(split_interactions(lonely, {.test_share = 1}, 1).error().code,
            ErrorCode::invalid_argument);
  EXPECT_NE(parse_split_kind("leave_one_out").error().message.find("did you mean 'leave-one-out'"),
            std::string::npos);
  for (const SplitKind kind : {SplitKind::random, SplitKind::leave_one_out, SplitKind::time}) {
    EXPECT_EQ(parse_split_kind(name_of(kind)).value(), kind);
  }
}

}  // namespace
}  // namespace attune::learn
