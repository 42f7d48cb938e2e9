// The inner loops of factor models over the vectors of one row's entries. Answers: what do the
// vectors of everything that this customer met say about the customer's own?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "attune/math/products.h"

namespace attune::math {

// The entries of one sparse row, each a vector: vectors[rows[i] * width ...], i < count.
// Shapes: width a multiple of kProductColumns; weights (count).
// `ahead`: how many numbers lie in `rows` behind the first `count` that may be read too. Their
// vectors are fetched early: they are the entries of the row that comes next.
struct EntryVectors {
  const float* vectors;
  std::int64_t width;
  const std::int32_t* rows;
  const float* weights;
  std::int64_t count;
  std::int64_t ahead = 0;
};
// Determinism of all below: sums over entries in fixed groups, the same on every instruction set
// but for the rounding of products before their addition and the order of sums within one vector.

// out += sum of weight_i (v_i . x) v_i. Shapes: x, out (width).
void add_projections(const EntryVectors& entries, const float* x, float* out);
// out += sum of weight_i (1 - v_i . x) v_i: the right side of least squares less what x explains.
void add_misses(const EntryVectors& entries, const float* x, float* out);

// misses_i = 1 - v_i . x. Shape: misses (count).
void find_misses(const EntryVectors& entries, const float* x, float* misses);
// misses_i -= v_i[first ...] . step. Shape: step (kProductColumns).
void lower_misses(const EntryVectors& entries, std::int64_t first, const float* step,
                  float* misses);
// system += sum of weight_i u_i u_i', gradient += sum of weight_i miss_i u_i, where u_i are the
// `size` numbers of v_i from `first` on. Shapes: size a multiple of kProductColumns; system (size,
// size), its lower triangle at least; gradient (size).
void add_subspace(const EntryVectors& entries, std::int64_t first, std::int64_t size,
                  const float* misses, float* system, float* gradient);

// Solves system x = b by Cholesky, b becoming x; the upper triangle is read as the transpose of the
// lower one and the system destroyed.
// Shapes: size a multiple of kProductColumns; system (size, size), b (size). False where the system
// is not positive definite to rounding; b is then undefined.
bool solve_small(std::int64_t size, float* system, float* b);

}  // namespace attune::math
