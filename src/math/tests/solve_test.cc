#include "attune/math/solve.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::math {
namespace {

MatrixF normal_matrix(std::uint64_t seed, std::int64_t rows, std::int64_t columns) {
  Rng rng(seed, "solve");
  MatrixF m(rows, columns);
  for (float& value : m.data()) value = static_cast<float>(rng.normal());
  return m;
}

// V'V + I by three plain loops.
Matrix positive_definite(const MatrixF& v) {
  Matrix a(v.columns(), v.columns());
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.rows(); ++j) {
      a(i, j) = i == j;
      for (std::int64_t r = 0; r < v.rows(); ++r) a(i, j) += static_cast<double>(v(r, i)) * v(r, j);
    }
  }
  return a;
}

TEST(SolveCholesky, FindsXFromTheLowerTriangleAlone) {
  for (const std::int64_t n : {1, 2, 5, 17, 64}) {
    const Matrix a = positive_definite(normal_matrix(static_cast<std::uint64_t>(n), 2 * n, n));
    MatrixF lower(n, n, -1e9f);
    std::vector<float> x(static_cast<std::size_t>(n)), b(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i)
      x[static_cast<std::size_t>(i)] = static_cast<float>(i % 5 - 2);
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < n; ++j) sum += a(i, j) * x[static_cast<std::size_t>(j)];
      b[static_cast<std::size_t>(i)] = static_cast<float>(sum);
      for (std::int64_t j = 0; j <= i; ++j) lower(i, j) = static_cast<float>(a(i, j));
    }
    ASSERT_TRUE(solve_cholesky(lower, b));
    for (std::size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(b[i], x[i], 1e-3);
  }
}

TEST(SolveCholesky, RefusesWhatIsNotPositiveDefinite) {
  Matrix a(2, 2, {1, 0, 0, -1}), b(2, 1, {1, 1});
  EXPECT_FALSE(solve_cholesky(a, b));
}

TEST(ConjugateGradient, ReachesTheCholeskyAnswerInNSteps) {
  const std::int64_t n = 24;
  const Matrix a = positive_definite(normal_matrix(3, 60, n));
  const auto multiply = [&](std::span<const float> x, std::span<float> out) {
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < n; ++j) sum += a(i, j) * x[static_cast<std::size_t>(j)];
      out[static_cast<std::size_t>(i)] = static_cast<float>(sum);
    }
  };
  std::vector<float> b(n, 1), x(n, 0), scratch(3 * n);
  EXPECT_LE(solve_conjugate_gradient(multiply, b, x, scratch, {.steps = 100, .tolerance = 1e-5}),
            40);
  MatrixF copy(n, n);
  for (std::size_t i = 0; i < copy.data().size(); ++i)
    copy.data()[i] = static_cast<float>(a.data()[i]);
  ASSERT_TRUE(solve_cholesky(copy, b));
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], b[i], 1e-4);
}

TEST(ConjugateGradient, TakesNoStepFromTheAnswer) {
  const auto identity = [](std::span<const float> x, std::span<float> out) {
    std::copy(x.begin(), x.end(), out.begin());
  };
  std::vector<float> b{1, 2}, x = b, scratch(6);
  EXPECT_EQ(solve_conjugate_gradient(identity, b, x, scratch), 0);
}

TEST(AddOuterProducts, AddsTheLowerTriangleOfTheWeightedSum) {
  const MatrixF v = normal_matrix(9, 6, 3);
  const std::vector<std::int32_t> rows{5, 0, 5};
  const std::vector<float> weights{2, 0.5f, 1};
  MatrixF scratch, c(3, 3, 1);
  add_outer_products(v, rows, weights, scratch, c);
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      EXPECT_NEAR(c(i, j), 1 + 3 * v(5, i) * v(5, j) + 0.5f * v(0, i) * v(0, j), 1e-4);
    }
  }
}

TEST(Gramian, IsTheSameToTheBitForAnyThreadCount) {
  const MatrixF v = normal_matrix(4, 20'000, 8);
  const MatrixF one = gramian(v, 1);
  EXPECT_EQ(one, gramian(v, 2));
  EXPECT_EQ(one, gramian(v, 7));
  double sum = 0;
  for (std::int64_t r = 0; r < v.rows(); ++r) sum += static_cast<double>(v(r, 1)) * v(r, 6);
  EXPECT_NEAR(one(1, 6), sum, 1e-2);
}

TEST(Inverse, TimesTheMatrixIsTheIdentity) {
  for (const std::int64_t n : {1, 5, 32, 127, 128, 300}) {
    MatrixF v(n, n + 5);
    Rng rng(7, "inverse", static_cast<std::uint64_t>(n));
    for (float& value : v.data()) value = static_cast<float>(rng.normal());
    MatrixF a(n, n);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = i == j ? 0.3 * static_cast<double>(n) : 0;
        for (std::int64_t c = 0; c < v.columns(); ++c) sum += double{v(i, c)} * v(j, c);
        a(i, j) = static_cast<float>(sum);
      }
    }
    MatrixF one = a, two = a;
    ASSERT_TRUE(invert_positive_definite(one, 1));
    ASSERT_TRUE(invert_positive_definite(two, 2));
    EXPECT_EQ(one, two);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t c = 0; c < n; ++c) sum += double{a(i, c)} * one(c, j);
        ASSERT_NEAR(sum, i == j ? 1 : 0, 2e-4) << n;
      }
    }
  }
}

TEST(Inverse, SaysWhereAMatrixIsNotPositiveDefiniteAndStopsWhenTold) {
  MatrixF a(3, 3);
  a(0, 0) = a(1, 1) = 1;
  a(2, 2) = -1;
  EXPECT_FALSE(invert_positive_definite(a, 1));
  MatrixF b(2, 2);
  b(0, 0) = b(1, 1) = 1;
  EXPECT_FALSE(invert_positive_definite(b, 1, [](std::int64_t) { return false; }));
}

}  // namespace
}  // namespace attune::math
