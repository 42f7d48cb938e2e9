#include "ease.h"

#include <cmath>

#include <gtest/gtest.h>

#include "attune/math/solve.h"
#include "tests/test_data.h"

namespace attune::recommend {
namespace {

using testing::two_groups_interactions;

TEST(Ease, HasTheCoefficientsOfItsClosedForm) {
  const Interactions interactions = two_groups_interactions();
  Ease ease;
  ASSERT_TRUE(ease.set_parameter("regularisation", "5"));
  ASSERT_TRUE(ease.fit(interactions, {.threads = 2}));
  const std::int64_t n = interactions.items();
  math::Matrix products(n, n), inverse(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    products(i, i) = 5;
    inverse(i, i) = 1;
  }
  const math::CsrMatrix& rows = interactions.by_customer();
  for (std::int32_t c = 0; c < rows.rows(); ++c) {
    for (const std::int32_t i : rows.columns_of(c)) {
      for (const std::int32_t j : rows.columns_of(c)) products(i, j) += 1;
    }
  }
  ASSERT_TRUE(math::solve_cholesky(products, inverse));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const double expected = i == j ? 0 : -inverse(i, j) / inverse(j, j);
      ASSERT_NEAR(ease.coefficients()(i, j), expected, 1e-5);
    }
  }
}

TEST(Ease, SaysHowMuchMemoryItTakesAndRefusesWhatIsBeyond) {
  InteractionLog log{.customers = 1, .items = 2000, .events = {{0, 0, 1, {}}, {0, 1, 1, {}}}};
  const Interactions interactions = Interactions::from_log(log).value();
  Ease small;
  ASSERT_TRUE(small.set_parameter("memory_mb", "10"));
  const auto refused = small.fit(interactions);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
  EXPECT_NE(to_string(refused.error()).find("2000 items"), std::string::npos);
  EXPECT_NE(to_string(refused.error()).find("memory_mb allows 10"), std::string::npos);
  EXPECT_FALSE(small.fitted());
}

TEST(Ease, StopsWhenTold) {
  class Stop final : public Progress {
   public:
    void phase(std::string_view name, std::int64_t, std::string_view) override { seen = name; }
    void advance(std::int64_t) override { ++moved; }
    bool cancelled() const override { return moved > 1; }
    std::string seen;
    int moved = 0;
  } stop;
  Ease ease;
  const auto report = ease.fit(two_groups_interactions(), {.threads = 1, .progress = &stop});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::cancelled);
  EXPECT_NE(stop.seen.find("MiB"), std::string::npos);
}

}  // namespace
}  // namespace attune::recommend
