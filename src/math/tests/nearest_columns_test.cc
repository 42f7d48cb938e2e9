#include "attune/math/nearest_columns.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"

namespace attune::math {
namespace {

MatrixF drawn_matrix(std::uint64_t seed, std::int64_t rows, std::int64_t columns) {
  MatrixF m(rows, columns);
  Rng rng(seed, "nearest columns");
  for (float& value : m.data()) value = static_cast<float>(rng.normal());
  return m;
}

TEST(NearestColumns, FindWhatPlainLoopsFindOnEveryInstructionSet) {
  for (const std::string& set : instruction_sets()) {
    ASSERT_TRUE(use_instruction_set(set));
    for (const std::int64_t k : {1, 2, 31, 32, 33, 100}) {
      for (const std::int64_t d : {1, 3, 16}) {
        const MatrixF centres = drawn_matrix(1, k, d), rows = drawn_matrix(2, 23, d);
        std::vector<std::int32_t> nearest(23);
        std::vector<float> least(23), gap(23);
        NearestColumns(centres).find(rows.data(), nearest, least, gap);
        for (std::int64_t r = 0; r < 23; ++r) {
          double best = INFINITY, second = INFINITY;
          std::int64_t place = 0;
          for (std::int64_t c = 0; c < k; ++c) {
            double score = 0;
            for (std::int64_t j = 0; j < d; ++j)
              score += centres(c, j) * (0.5 * centres(c, j) - rows(r, j));
            if (score < best) {
              second = best;
              best = score;
              place = c;
            } else {
              second = std::min(second, score);
            }
          }
          const auto at = static_cast<std::size_t>(r);
          if (second - best > 1e-4) {
            ASSERT_EQ(nearest[at], place) << set;
          }
          ASSERT_NEAR(least[at], best, 1e-4) << set;
          if (k > 1) {
            ASSERT_NEAR(gap[at], second - best, 1e-4) << set;
          }
        }
      }
    }
  }
  ASSERT_TRUE(use_instruction_set(instruction_sets().front()));
}

TEST(NearestColumns, HaveNoGapBetweenEqualCentresAndNoneWhereNumbersOverflow) {
  MatrixF centres(3, 2, 1.0f);
  centres(2, 0) = 9;
  const std::vector<float> rows{1, 1, 3e38f, -3e38f};
  std::vector<std::int32_t> nearest(2);
  std::vector<float> least(2), gap(2);
  NearestColumns(centres).find(rows, nearest, least, gap);
  EXPECT_EQ(gap[0], 0);
  EXPECT_LT(nearest[0], 2);
  EXPECT_FALSE(gap[1] > 0 && std::isfinite(gap[1]));
}

}  // namespace
}  // namespace attune::math
