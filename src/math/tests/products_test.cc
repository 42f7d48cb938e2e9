#include "attune/math/products.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"
#include "attune/math/solve.h"

namespace attune::math {
namespace {

MatrixF random_matrix(std::uint64_t seed, std::int64_t rows, std::int64_t columns) {
  MatrixF m(rows, columns);
  Rng rng(seed, "products");
  for (float& value : m.data()) value = static_cast<float>(rng.normal());
  return m;
}

class EveryInstructionSet : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(use_instruction_set(GetParam())); }
  void TearDown() override { ASSERT_TRUE(use_instruction_set(instruction_sets().front())); }
};
INSTANTIATE_TEST_SUITE_P(Products, EveryInstructionSet, ::testing::ValuesIn(instruction_sets()),
                         [](const auto& row) { return row.param; });

TEST_P(EveryInstructionSet, MultipliesLikePlainLoops) {
  for (const std::int64_t m : {1, 2, 3, 5, 6, 13, 40}) {
    for (const std::int64_t n : {16, 32, 48}) {
      for (const std::int64_t k : {0, 1, 7, 64}) {
        const MatrixF a = random_matrix(1, m, k), b = random_matrix(2, k, n);
        const MatrixF before = random_matrix(3, m, n);
        MatrixF c = before, d = before;
        MatrixF turned(k, m);
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < k; ++j) turned(j, i) = a(i, j);
        }
        multiply_add(m, n, k, {a.data().data(), k, 1}, {b.data().data(), n}, {c.data().data(), n});
        multiply_add(m, n, k, {turned.data().data(), 1, m}, {b.data().data(), n},
                     {d.data().data(), n});
        EXPECT_EQ(c, d);
        MatrixF zero(m, n), fresh = before;
        multiply_add(m, n, k, {a.data().data(), k, 1}, {b.data().data(), n},
                     {zero.data().data(), n});
        multiply(m, n, k, {a.data().data(), k, 1}, {b.data().data(), n}, {fresh.data().data(), n});
        EXPECT_EQ(zero, fresh);
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            double sum = before(i, j), size = std::abs(sum);
            for (std::int64_t s = 0; s < k; ++s) {
              sum += double{a(i, s)} * b(s, j);
              size += std::abs(double{a(i, s)} * b(s, j));
            }
            ASSERT_NEAR(c(i, j), sum, 1e-6 * size) << m << " " << n << " " << k;
          }
        }
      }
    }
  }
}

TEST_P(EveryInstructionSet, MakesGramiansWithinTheStatedError) {
  for (const std::int64_t d : {5, 16, 40}) {
    const MatrixF v = random_matrix(4, 9000, d);
    const MatrixF one = gramian(v, 1), two = gramian(v, 2);
    EXPECT_EQ(one, two);
    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j < d; ++j) {
        double sum = 0, size = 0;
        for (std::int64_t r = 0; r < v.rows(); ++r) {
          sum += double{v(r, i)} * v(r, j);
          size += std::abs(double{v(r, i)} * v(r, j));
        }
        ASSERT_NEAR(one(i, j), sum, 1e-5 * size);
      }
    }
  }
}

TEST(Products, RefuseInstructionsThatTheCpuLacks) {
  EXPECT_FALSE(use_instruction_set("PDP11"));
  EXPECT_EQ(instruction_set(), instruction_sets().front());
}

}  // namespace
}  // namespace attune::math
