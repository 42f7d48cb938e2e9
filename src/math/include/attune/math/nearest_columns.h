// The nearest of some centres for many rows. Answers: which centre, and by how much was it nearer
// than the next?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attune/math/aligned.h"
#include "attune/math/matrix.h"

namespace attune::math {

// Centres side by side, for many rows at once.
// Threads: share freely.
class NearestColumns {
 public:
  // Shapes: centres (k, d). k >= 1.
  explicit NearestColumns(const MatrixF& centres);

  // For each row x: the centre c with the smallest |c|^2 / 2 - x.c (the nearest one), that number,
  // and by how much it lies below the next: 0 where they cannot be told apart, infinity where k
  // is 1. Shapes: rows (m * d) row-major, nearest, least and gap (m). Precision: both sums are
  // float; |error| <= (d + 3) * 2^-24 * (|c|^2 / 2 + |x||c|) of each. Missing values: what a row
  // gets whose products overflow means nothing. Cost: 2 k d operations a row.
  void find(std::span<const float> rows, std::span<std::int32_t> nearest, std::span<float> least,
            std::span<float> gap) const;

 private:
  std::int64_t width_ = 0;       // centres, padded to whole groups
  std::int64_t columns_ = 0;     // d
  AlignedVector<float> turned_;  // (d, width)
  AlignedVector<float> halves_;  // (width) |c|^2 / 2, infinite for padding
};

}  // namespace attune::math
