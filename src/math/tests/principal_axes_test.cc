#include "attune/math/principal_axes.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/solve.h"

namespace attune::math {
namespace {

MatrixF normal_vectors(std::int64_t rows, std::int64_t columns, std::int64_t used) {
  Rng rng(3, "principal axes");
  MatrixF m(rows, columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < used; ++j) m(r, j) = static_cast<float>(rng.normal());
  }
  return m;
}

TEST(PrincipalAxes, MakeAGramianADiagonal) {
  MatrixF vectors = normal_vectors(200, 32, 30);
  const PrincipalAxes found = principal_axes(gramian(vectors, 1), 30);
  turn(vectors, found.axes, 1);
  const MatrixF turned = gramian(vectors, 1);
  for (std::int64_t i = 0; i < 32; ++i) {
    for (std::int64_t j = 0; j < 32; ++j)
      EXPECT_NEAR(turned(i, j), i == j ? found.strengths[static_cast<std::size_t>(i)] : 0, 1e-3);
  }
}

TEST(PrincipalAxes, LeavePaddingAlone) {
  const PrincipalAxes found = principal_axes(gramian(normal_vectors(9, 32, 20), 1), 20);
  for (std::int64_t i = 0; i < 32; ++i) {
    for (std::int64_t j = 20; j < 32; ++j) {
      EXPECT_EQ(found.axes(i, j), i == j ? 1 : 0);
      EXPECT_EQ(found.axes(j, i), i == j ? 1 : 0);
    }
  }
  for (std::size_t j = 20; j < 32; ++j) EXPECT_EQ(found.strengths[j], 0);
}

TEST(PrincipalAxes, AreNeverOfNegativeStrength) {  // 9 vectors span 9 of 20 dimensions
  const PrincipalAxes found = principal_axes(gramian(normal_vectors(9, 32, 20), 1), 20);
  for (const float strength : found.strengths) EXPECT_GE(strength, 0);
}

TEST(Turn, TurnsThereAndBackAndOnlyWhatIsWanted) {
  const MatrixF vectors = normal_vectors(150, 16, 16);
  const PrincipalAxes found = principal_axes(gramian(vectors, 1), 16);
  MatrixF back(16, 16);
  for (std::int64_t i = 0; i < 16; ++i) {
    for (std::int64_t j = 0; j < 16; ++j) back(j, i) = found.axes(i, j);
  }
  MatrixF some = vectors;
  turn(some, found.axes, 2, [](std::int64_t row) { return row % 3 == 0; });
  for (std::int64_t r = 0; r < 150; ++r) {
    double own = 0;
    for (std::int64_t i = 0; i < 16; ++i) own += double{vectors(r, i)} * found.axes(i, 5);
    EXPECT_NEAR(some(r, 5), r % 3 == 0 ? own : vectors(r, 5), 1e-5);
  }
  turn(some, back, 1, [](std::int64_t row) { return row % 3 == 0; });
  for (std::size_t i = 0; i < some.data().size(); ++i)
    EXPECT_NEAR(some.data()[i], vectors.data()[i], 1e-5);
}

TEST(PrincipalAxes, SayWhereTheMatrixIsNotFinite) {
  MatrixF matrix(16, 16);
  for (std::int64_t i = 0; i < 16; ++i) matrix(i, i) = 1;
  matrix(3, 2) = matrix(2, 3) = std::nanf("");
  const PrincipalAxes found = principal_axes(matrix, 16);
  EXPECT_TRUE(std::ranges::any_of(found.strengths, [](float s) { return std::isnan(s); }));
}

}  // namespace
}  // namespace attune::math
