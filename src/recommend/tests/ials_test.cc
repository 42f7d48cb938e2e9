#include "ials.h"

#include <cmath>

#include <gtest/gtest.h>

#include "attune/math/kernels.h"
#include "attune/math/solve.h"
#include "tests/test_data.h"

namespace attune::recommend {
namespace {

using testing::history_of;
using testing::two_groups_interactions;

Ials make(std::vector<std::pair<std::string, std::string>> parameters) {
  Ials ials;
  parameters.insert(parameters.begin(),
                    {{"factors", "6"}, {"alpha", "0.2"}, {"regularisation", "0.05"}});
  for (const auto& [name, value] : parameters) EXPECT_TRUE(ials.set_parameter(name, value));
  return ials;
}

// Reference: the objective as written in ials.h, over every pair, binary weights.
double objective(const math::MatrixF& w, const math::MatrixF& h, const math::CsrMatrix& rows,
                 double alpha, double lambda) {
  const auto product = [&](std::int64_t u, std::int64_t i) {
    double sum = 0;
    for (std::int64_t f = 0; f < w.columns(); ++f) sum += static_cast<double>(w(u, f)) * h(i, f);
    return sum;
  };
  const auto square = [](const math::MatrixF& m, std::int64_t r) {
    double sum = 0;
    for (const float x : m.row(r)) sum += static_cast<double>(x) * x;
    return sum;
  };
  double total = 0;
  for (std::int32_t u = 0; u < rows.rows(); ++u) {
    for (std::int32_t i = 0; i < rows.columns(); ++i) {
      total += alpha * std::pow(product(u, i), 2) +
               (rows.contains(u, i) ? std::pow(product(u, i) - 1, 2) : 0);
    }
    total +=
        lambda * (static_cast<double>(rows.row_size(u)) + alpha * rows.columns()) * square(w, u);
  }
  const math::CsrMatrix columns = rows.transposed();
  for (std::int32_t i = 0; i < columns.rows(); ++i) {
    total +=
        lambda * (static_cast<double>(columns.row_size(i)) + alpha * rows.rows()) * square(h, i);
  }
  return total;
}

TEST(Ials, ReportsTheObjectiveThatTheDefinitionGives) {
  const Interactions interactions = two_groups_interactions();
  Ials ials = make({{"weights", "binary"}, {"solver", "cholesky"}, {"iterations", "300"}});
  const FitReport report = ials.fit(interactions).value();
  EXPECT_TRUE(report.converged);
  const double expected = objective(ials.customer_vectors(), ials.item_vectors(),
                                    interactions.by_customer(), 0.2, 0.05);
  EXPECT_NEAR(report.objective * static_cast<double>(interactions.pairs()), expected,
              1e-3 * expected);
}

TEST(Ials, StandsAtAMinimumOfItsObjectiveInEveryCustomerDirection) {
  const Interactions interactions = two_groups_interactions();
  Ials ials = make({{"weights", "binary"}, {"iterations", "3"}});
  ASSERT_TRUE(ials.fit(interactions));
  const auto at = [&](float step, std::int64_t u, std::int64_t f) {
    math::MatrixF moved = ials.customer_vectors();
    moved(u, f) += step;
    return objective(moved, ials.item_vectors(), interactions.by_customer(), 0.2, 0.05);
  };
  for (std::int64_t u = 0; u < 60; u += 7) {
    for (std::int64_t f = 0; f < 6; ++f) {
      const double slope = (at(0.01f, u, f) - at(-0.01f, u, f)) / 0.02;
      EXPECT_NEAR(slope, 0, 1e-3);
    }
  }
}

TEST(Ials, NeverRaisesTheObjective) {
  for (const char* solver : {"cholesky", "conjugate_gradient", "subspace"}) {
    double before = INFINITY;
    for (int iterations = 1; iterations < 12; ++iterations) {
      Ials ials =
          make({{"solver", solver}, {"factors", "40"}, {"iterations", std::to_string(iterations)}});
      const double now = ials.fit(two_groups_interactions()).value().objective;
      EXPECT_LE(now, before * (1 + 1e-6)) << solver;
      before = now;
    }
  }
}

TEST(Ials, SolversAgreeOnceConverged) {
  const Interactions interactions = two_groups_interactions();
  for (const char* factors : {"6", "40"}) {
    Ials exact = make({{"solver", "cholesky"}, {"iterations", "200"}, {"factors", factors}});
    const double wanted = exact.fit(interactions).value().objective;
    for (const char* solver : {"conjugate_gradient", "subspace"}) {
      for (const char* subspace : {"16", "32"}) {
        Ials other = make({{"solver", solver},
                           {"iterations", "200"},
                           {"factors", factors},
                           {"subspace", subspace}});
        EXPECT_NEAR(other.fit(interactions).value().objective, wanted, 1e-3 * wanted);
      }
    }
  }
}

TEST(Ials, ComesOutAlikeOnEveryInstructionSetAndTheSameOnAnyNumberOfThreads) {
  const Interactions interactions = two_groups_interactions();
  for (const char* solver : {"cholesky", "conjugate_gradient", "subspace"}) {
    math::MatrixF wanted;
    for (const std::string& set : math::instruction_sets()) {
      ASSERT_TRUE(math::use_instruction_set(set));
      Ials one = make({{"solver", solver}, {"factors", "24"}, {"iterations", "5"}});
      Ials two = make({{"solver", solver}, {"factors", "24"}, {"iterations", "5"}});
      ASSERT_TRUE(one.fit(interactions, {.threads = 1}));
      ASSERT_TRUE(two.fit(interactions, {.threads = 2}));
      EXPECT_EQ(one.customer_vectors(), two.customer_vectors());
      EXPECT_EQ(one.item_vectors(), two.item_vectors());
      if (wanted.empty()) wanted = one.item_vectors();
      for (std::size_t i = 0; i < wanted.data().size(); ++i)
        ASSERT_NEAR(one.item_vectors().data()[i], wanted.data()[i], 2e-4) << solver << " " << set;
    }
  }
  ASSERT_TRUE(math::use_instruction_set(math::instruction_sets().front()));
}

TEST(Ials, FoldsAnUnchangedHistoryInToTheStoredVector) {
  const Interactions interactions = two_groups_interactions();
  for (const char* weights : {"binary", "linear", "log"}) {
    Ials ials = make({{"weights", weights}});
    ASSERT_TRUE(ials.fit(interactions));
    std::vector<std::int32_t> items(40);
    for (std::int32_t i = 0; i < 40; ++i) items[static_cast<std::size_t>(i)] = i;
    for (std::int32_t c = 0; c < 60; ++c) {
      const auto history = history_of(interactions, c);
      const auto stored = ials.score(Query::row(c), items).value(),
                 folded = ials.score(Query::of(history), items).value();
      for (std::size_t i = 0; i < items.size(); ++i) EXPECT_NEAR(stored[i], folded[i], 1e-5);
    }
  }
}

TEST(Ials, StaysTheSameWhenEveryWeightIsScaled) {
  InteractionLog log = testing::two_groups(), tenfold = log;
  for (auto& event : tenfold.events) event.weight *= 10;
  Ials a = make({{"weights", "linear"}}), b = make({{"weights", "linear"}});
  const double x = a.fit(Interactions::from_log(log).value()).value().objective;
  const double y = b.fit(Interactions::from_log(tenfold).value()).value().objective;
  EXPECT_NEAR(x, y, 1e-4 * x);
}

TEST(Ials, ListsWhatScoringEveryItemWouldList) {
  const Interactions interactions = two_groups_interactions();
  Ials ials = make({});
  ASSERT_TRUE(ials.fit(interactions));
  std::vector<std::int32_t> every(static_cast<std::size_t>(interactions.items()));
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = static_cast<std::int32_t>(i);
  for (std::int32_t c = 0; c < interactions.customers(); ++c) {
    const std::vector<float> scores = ials.score(Query::row(c), every).value();
    for (const bool seen : {false, true}) {
      auto top = math::TopK::create(3).value();
      for (const std::int32_t i : every) {
        const std::vector<ScoredIndex> entry{{scores[static_cast<std::size_t>(i)], i}};
        if (seen || !interactions.by_customer().contains(c, i)) top.offer(entry);
      }
      EXPECT_EQ(ials.recommend(Query::row(c), {.k = 3, .include_seen = seen}).value(), top.best());
    }
  }
}

TEST(Ials, StopsEarlyWhereToleranceAllows) {
  Ials ials = make({{"iterations", "500"}, {"tolerance", "0.001"}});
  const FitReport report = ials.fit(two_groups_interactions()).value();
  EXPECT_LT(report.iterations, 400);
  EXPECT_TRUE(report.converged);
  EXPECT_TRUE(report.warnings.empty());
}

TEST(Ials, WorksWithoutRegularisationOnMoreFactorsThanData) {
  InteractionLog log{.customers = 2, .items = 2, .events = {{0, 0, 1, {}}, {1, 1, 1, {}}}};
  Ials ials;
  ASSERT_TRUE(ials.set_parameter("regularisation", "0"));
  ASSERT_TRUE(ials.set_parameter("alpha", "0"));
  const auto report = ials.fit(Interactions::from_log(log).value());
  if (!report) return;  // saying so is right as well
  EXPECT_TRUE(std::isfinite(ials.score(Query::row(0), std::vector<std::int32_t>{0}).value()[0]));
}

}  // namespace
}  // namespace attune::recommend
