// Products of dense matrices in single precision, with the instructions of this CPU. Answers: what
// do many rows make of many columns at once?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "attune/math/matrix.h"

namespace attune::math {

// Columns come in groups of this many: a matrix whose rows are padded with zeros to a multiple of
// it has no ragged end on any instruction set.
inline constexpr std::int64_t kProductColumns = 16;

// `columns` rounded up to whole groups.
constexpr std::int64_t padded_columns(std::int64_t columns) {
  return (columns + kProductColumns - 1) / kProductColumns * kProductColumns;
}

// Where the elements of a left side lie: (i, j) at data[i * row_step + j * column_step], so that a
// matrix and its transpose are read alike.
struct LeftSide {
  const float* data;
  std::ptrdiff_t row_step;
  std::ptrdiff_t column_step;
};

// Rows of a matrix, each `step` numbers after the one before.
struct RightSide {
  const float* data;
  std::ptrdiff_t step;
};
struct Target {
  float* data;
  std::ptrdiff_t step;
};

// c += a * b. Shapes: a (m, k), b (k, n), c (m, n); n a multiple of kProductColumns.
// Determinism: an element of c is one sum over k in rising order, so it depends neither on m and n
// nor on the place in c; instruction sets differ by the rounding of a product before its addition
// (fused or not): k * 6e-8 of sum |a b|.
// Cost: 2 m n k operations, 60 to 90 % of what the CPU can do while b (k, 32) stays in its caches:
// blocks of up to 512 rows of b.
void multiply_add(std::int64_t m, std::int64_t n, std::int64_t k, LeftSide a, RightSide b,
                  Target c);

// c = a * b, otherwise alike.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, LeftSide a, RightSide b, Target c);

// Lower triangle of c += rows' rows. Shapes: rows (count, n), c (n, n), steps as told, n a multiple
// of kProductColumns; what lies above the diagonal of c may be written too.
void add_gramian(std::int64_t count, std::int64_t n, RightSide rows, Target c);

}  // namespace attune::math
