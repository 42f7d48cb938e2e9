// Directions in which vectors spread, and turning towards them. Answers: along which axes is a
// Gramian nothing but its diagonal?
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "attune/math/matrix.h"

namespace attune::math {

struct PrincipalAxes {
  MatrixF axes;                  // (n, n), orthogonal, an axis a column
  std::vector<float> strengths;  // (n) of each axis: its eigenvalue, never negative
};

// Eigenvectors and eigenvalues of a symmetric matrix that is not negative, such as a Gramian;
// worked out in double, rounded to float. The first `used` rows and columns count; the axes behind
// are those of the coordinates, of strength 0. Shapes: symmetric (n, n), used <= n. Cost: 9 used^3
// operations on one thread. The order of the axes says nothing. Missing values: strengths that
// are not numbers, where the matrix holds some.
PrincipalAxes principal_axes(const MatrixF& symmetric, std::int64_t used);

// Rows of `vectors` become coordinates along the axes: v' axes. Those for which `wanted` is false
// stay as they are; none: all turn. Shapes: vectors (m, n), axes (n, n), n a multiple of
// kProductColumns. Determinism: the same for any thread count.
void turn(MatrixF& vectors, const MatrixF& axes, int threads,
          const std::function<bool(std::int64_t)>& wanted = {});

}  // namespace attune::math
