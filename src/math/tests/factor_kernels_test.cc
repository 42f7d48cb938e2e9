#include "attune/math/factor_kernels.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"

namespace attune::math {
namespace {

// Entries of one row among 50 vectors, some of them twice, and a scalar reference for each kernel.
struct Case {
  Case(std::int64_t entries, std::int64_t wide) : count(entries), width(wide), vectors(50, wide) {
    Rng rng(1, "factor kernels");
    for (float& value : vectors.data()) value = static_cast<float>(rng.normal());
    for (std::int64_t j = 0; j < width; ++j) x.push_back(static_cast<float>(0.3 * rng.normal()));
    for (std::int64_t i = 0; i < count + 3; ++i) {
      rows.push_back(static_cast<std::int32_t>(rng.below(50)));
      weights.push_back(static_cast<float>(0.5 + rng.uniform()));
    }
  }
  EntryVectors entries() const {
    return {vectors.data().data(), width, rows.data(), weights.data(), count, 3};
  }
  double at(std::int64_t entry, std::int64_t column) const {
    return vectors(rows[static_cast<std::size_t>(entry)], column);
  }
  double weight(std::int64_t entry) const { return weights[static_cast<std::size_t>(entry)]; }
  double product(std::int64_t entry) const {
    double sum = 0;
    for (std::int64_t j = 0; j < width; ++j) sum += at(entry, j) * x[static_cast<std::size_t>(j)];
    return sum;
  }

  std::int64_t count, width;
  MatrixF vectors;
  std::vector<float> x, weights;
  std::vector<std::int32_t> rows;
};

class FactorKernels : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(use_instruction_set(GetParam())); }
  void TearDown() override { ASSERT_TRUE(use_instruction_set(instruction_sets().front())); }
};
INSTANTIATE_TEST_SUITE_P(Every, FactorKernels, ::testing::ValuesIn(instruction_sets()),
                         [](const auto& row) { return row.param; });

TEST_P(FactorKernels, FindMissesLikePlainLoops) {
  for (const std::int64_t width : {16, 48, 64}) {
    for (std::int64_t count = 0; count < 20; ++count) {
      const Case c(count, width);
      std::vector<float> each(static_cast<std::size_t>(count));
      find_misses(c.entries(), c.x.data(), each.data());
      for (std::int64_t i = 0; i < count; ++i)
        EXPECT_NEAR(each[static_cast<std::size_t>(i)], 1 - c.product(i), 1e-4);
    }
  }
}

// A row's system in the open, and how far an x is from solving it.
struct RowCase : Case {
  RowCase(std::int64_t entries, std::int64_t wide) : Case(entries, wide) {
    for (std::int64_t j = 0; j < width; ++j) shared.push_back(static_cast<float>(0.1 + j % 7));
  }
  RowSystem system() const { return {entries(), shared.data(), 0.3f}; }
  // Largest of |A x - b|.
  double residual(const std::vector<float>& solution) const {
    double largest = 0;
    for (std::int64_t j = 0; j < width; ++j) {
      double sum =
          (shared[static_cast<std::size_t>(j)] + 0.3) * solution[static_cast<std::size_t>(j)];
      for (std::int64_t i = 0; i < count; ++i) {
        double product = 0;
        for (std::int64_t k = 0; k < width; ++k)
          product += at(i, k) * solution[static_cast<std::size_t>(k)];
        sum += weight(i) * (product - 1) * at(i, j);
      }
      largest = std::max(largest, std::abs(sum));
    }
    return largest;
  }
  std::vector<float> shared;
};

TEST_P(FactorKernels, SolveShortRowsExactly) {
  for (const std::int64_t width : {16, 48, 64}) {
    for (std::int64_t count = 1; count < 20; ++count) {
      const RowCase c(count, width);
      std::vector<float> scratch(static_cast<std::size_t>(short_row_scratch(count, width)));
      std::vector<float> x(static_cast<std::size_t>(width), 7);
      ASSERT_TRUE(solve_short_row(c.system(), scratch.data(), x.data()));
      EXPECT_LT(c.residual(x), 2e-4) << count << " entries of width " << width;
    }
  }
}

// At most `steps` steps from x; whether the last one was small.
bool descend(const RowCase& c, int steps, std::vector<float>& x) {
  std::vector<float> residual(x.size(), 0), direction(x.size()), product(x.size()),
      inverse(x.size());
  Descent descent{x.data(), residual.data(), direction.data(), product.data(), inverse.data()};
  start_descent(c.system(), descent);
  for (int step = 0; step < steps; ++step) {
    std::ranges::fill(product, 0.0f);
    if (advance_descent(c.system(), descent, 1e-6f)) return true;
  }
  return false;
}

TEST_P(FactorKernels, DescendToTheSolutionFromAnywhere) {
  for (const std::int64_t width : {16, 48, 64}) {
    for (const std::int64_t count : {1, 7, 8, 40}) {
      const RowCase c(count, width);
      std::vector<float> x = c.x;
      EXPECT_TRUE(descend(c, 200, x));
      EXPECT_LT(c.residual(x), 1e-3) << count << " entries of width " << width;
    }
  }
}

TEST_P(FactorKernels, EveryStepOfADescentComesCloser) {
  const RowCase c(40, 64);
  std::vector<float> before(64, 0);
  for (const int steps : {3, 6, 12}) {
    std::vector<float> x(64, 0);
    EXPECT_FALSE(descend(c, steps, x));
    EXPECT_LT(c.residual(x), 0.7 * c.residual(before)) << steps;
    before = x;
  }
}

TEST_P(FactorKernels, BuildAndSolveSubspacesLikePlainLoops) {
  for (const std::int64_t size : {16, 32}) {
    for (const std::int64_t count : {0, 1, 7, 200}) {
      const Case c(count, 64);
      const std::int64_t first = 16;
      std::vector<float> misses(static_cast<std::size_t>(count), 0.25f);
      std::vector<float> system(static_cast<std::size_t>(size * size), 0),
          gradient(static_cast<std::size_t>(size), 0.5f);
      for (std::int64_t i = 0; i < size; ++i) system[static_cast<std::size_t>(i * size + i)] = 2;
      add_subspace(c.entries(), first, size, misses.data(), system.data(), gradient.data());
      std::vector<double> reference(system.size());
      for (std::int64_t i = 0; i < size; ++i) {
        double right = 0.5;
        for (std::int64_t e = 0; e < count; ++e) right += c.weight(e) * 0.25 * c.at(e, first + i);
        EXPECT_NEAR(gradient[static_cast<std::size_t>(i)], right, 1e-3);
        for (std::int64_t j = 0; j <= i; ++j) {
          double sum = i == j ? 2 : 0;
          for (std::int64_t e = 0; e < count; ++e)
            sum += c.weight(e) * c.at(e, first + i) * c.at(e, first + j);
          EXPECT_NEAR(system[static_cast<std::size_t>(i * size + j)], sum, 2e-3);
          reference[static_cast<std::size_t>(i * size + j)] =
              reference[static_cast<std::size_t>(j * size + i)] = sum;
        }
      }
      std::vector<float> solution = gradient;
      ASSERT_TRUE(solve_small(size, system.data(), solution.data()));
      for (std::int64_t i = 0; i < size; ++i) {
        double product = 0;
        for (std::int64_t j = 0; j < size; ++j) {
          product += reference[static_cast<std::size_t>(i * size + j)] *
                     solution[static_cast<std::size_t>(j)];
        }
        EXPECT_NEAR(product, gradient[static_cast<std::size_t>(i)], 1e-3);
      }
    }
  }
}

TEST_P(FactorKernels, LowerMissesByOneGroupOfColumns) {
  const Case c(11, 48);
  std::vector<float> misses(11, 1.0f);
  lower_misses(c.entries(), 32, c.x.data(), misses.data());
  for (std::int64_t i = 0; i < 11; ++i) {
    double left = 1;
    for (std::int64_t j = 0; j < 16; ++j)
      left -= c.at(i, 32 + j) * c.x[static_cast<std::size_t>(j)];
    EXPECT_NEAR(misses[static_cast<std::size_t>(i)], left, 1e-5);
  }
}

TEST_P(FactorKernels, SolveSmallSystemsOfAnySize) {
  for (std::int64_t size = 1; size < 40; ++size) {
    const std::int64_t wide = padded_columns(size);
    std::vector<float> system(static_cast<std::size_t>(size * wide), 0),
        b(static_cast<std::size_t>(wide), 0);
    for (std::int64_t i = 0; i < size; ++i) {
      for (std::int64_t j = 0; j <= i; ++j)
        system[static_cast<std::size_t>(i * wide + j)] =
            i == j ? 4.0f : 1.0f / static_cast<float>(size);
      b[static_cast<std::size_t>(i)] =
          4 + (static_cast<float>(size) - 1) / static_cast<float>(size);
    }
    ASSERT_TRUE(solve_small(size, system.data(), b.data()));
    for (std::int64_t i = 0; i < size; ++i) EXPECT_NEAR(b[static_cast<std::size_t>(i)], 1, 1e-5);
  }
}

TEST_P(FactorKernels, RefuseASystemThatIsNotPositiveDefinite) {
  std::vector<float> system(256, 1.0f), b(16, 1.0f);
  system[0] = -1;
  EXPECT_FALSE(solve_small(16, system.data(), b.data()));
}

}  // namespace
}  // namespace attune::math
