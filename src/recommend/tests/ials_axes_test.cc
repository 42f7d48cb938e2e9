// Fits that are large enough for a half sweep along principal axes, in which the result must not
// show.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "attune/math/kernels.h"
#include "ials.h"
#include "tests/test_data.h"

namespace attune::recommend {
namespace {

using testing::history_of;

Ials ials_of(std::vector<std::pair<std::string, std::string>> parameters) {
  Ials ials;
  parameters.insert(
      parameters.begin(),
      {{"factors", "24"}, {"alpha", "0.05"}, {"regularisation", "0.03"}, {"weights", "binary"}});
  for (const auto& [name, value] : parameters) EXPECT_TRUE(ials.set_parameter(name, value));
  return ials;
}

// Half of the customers have few entries and are solved through them, half have many and descend.
Interactions of_many_rows(std::int32_t customers, std::int32_t items) {
  InteractionLog log = testing::two_groups(1, {customers, items, 20});
  int place = 0;
  std::erase_if(log.events, [&place](const auto& event) {
    return event.row % 4 < 2 && place++ % 20 > event.row % 9;
  });
  return Interactions::from_log(std::move(log)).value();
}

// Many customers: their half sweep goes along the axes of the items. Many items: the other one.
class IalsAxes : public ::testing::TestWithParam<std::pair<std::int32_t, std::int32_t>> {
 protected:
  Interactions interactions_ = of_many_rows(GetParam().first, GetParam().second);
};
INSTANTIATE_TEST_SUITE_P(Shapes, IalsAxes,
                         ::testing::Values(std::pair{6000, 60}, std::pair{60, 6000},
                                           std::pair{9000, 9000}));

TEST_P(IalsAxes, ComeToWhatExactSolutionsComeTo) {
  Ials exact = ials_of({{"solver", "cholesky"}, {"iterations", "12"}});
  Ials fast = ials_of({{"iterations", "12"}, {"conjugate_gradient_steps", "8"}});
  const double wanted = exact.fit(interactions_).value().objective;
  EXPECT_NEAR(fast.fit(interactions_).value().objective, wanted, 1e-4 * wanted);
  double largest = 0, apart = 0;  // the axes are those of the start: vectors can be compared
  for (std::size_t i = 0; i < exact.item_vectors().data().size(); ++i) {
    const double a = exact.item_vectors().data()[i], b = fast.item_vectors().data()[i];
    largest = std::max(largest, std::abs(a));
    apart = std::max(apart, std::abs(a - b));
  }
  EXPECT_LT(apart, 0.02 * largest);
}

TEST_P(IalsAxes, FoldAnUnchangedHistoryInToTheStoredVector) {
  Ials ials = ials_of({{"iterations", "4"}});
  ASSERT_TRUE(ials.fit(interactions_));
  for (std::int32_t c = 0; c < 60; ++c) {
    const auto history = history_of(interactions_, c);
    const auto items = interactions_.by_customer().columns_of(c);
    const auto stored = ials.score(Query::row(c), items).value(),
               folded = ials.score(Query::of(history), items).value();
    for (std::size_t i = 0; i < items.size(); ++i) EXPECT_NEAR(stored[i], folded[i], 2e-5) << c;
  }
}

TEST_P(IalsAxes, ComeOutAlikeOnEveryInstructionSetAndTheSameOnAnyNumberOfThreads) {
  math::MatrixF wanted;
  for (const std::string& set : math::instruction_sets()) {
    ASSERT_TRUE(math::use_instruction_set(set));
    Ials one = ials_of({{"iterations", "3"}}), two = ials_of({{"iterations", "3"}});
    ASSERT_TRUE(one.fit(interactions_, {.threads = 1}));
    ASSERT_TRUE(two.fit(interactions_, {.threads = 2}));
    EXPECT_EQ(one.customer_vectors(), two.customer_vectors());
    EXPECT_EQ(one.item_vectors(), two.item_vectors());
    if (wanted.empty()) wanted = one.item_vectors();
    for (std::size_t i = 0; i < wanted.data().size(); ++i)
      ASSERT_NEAR(one.item_vectors().data()[i], wanted.data()[i], 2e-4) << set;
  }
  ASSERT_TRUE(math::use_instruction_set(math::instruction_sets().front()));
}

TEST_P(IalsAxes, NeverRaiseTheObjective) {
  double before = INFINITY;
  for (int iterations = 1; iterations < 6; ++iterations) {
    Ials ials = ials_of({{"iterations", std::to_string(iterations)}});
    const double now = ials.fit(interactions_).value().objective;
    EXPECT_LE(now, before * (1 + 1e-6));
    before = now;
  }
}

TEST_P(IalsAxes, StayFiniteWithoutRegularisation) {
  Ials ials = ials_of({{"iterations", "3"}, {"regularisation", "0"}});
  const auto report = ials.fit(interactions_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(
      std::ranges::all_of(ials.item_vectors().data(), [](float v) { return std::isfinite(v); }));
}

}  // namespace
}  // namespace attune::recommend
