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

// Least squares of one row: A = diag(shared_j + ridge) + rest + sum of weight_i v_i v_i' and b =
// sum of weight_i v_i. `rest` has a zero diagonal; only the caller knows it, and it is nothing
// along the principal axes of the other side's Gramian. Shapes: shared (width), shared_j + ridge >
// 0. Values: weights >= 0.
struct RowSystem {
  EntryVectors entries;
  const float* shared;
  float ridge;
};

// x = A^-1 b where there is no rest, by way of a system of as many unknowns as the row has entries
// [Woodbury1950]: count^2 width / 2 + count^3 / 6 multiply-adds, so for short rows. Shapes: x
// (width), scratch (short_row_scratch). False where rounding leaves nothing to solve; x is then
// undefined.
bool solve_short_row(const RowSystem& system, float* scratch, float* x);
constexpr std::int64_t short_row_scratch(std::int64_t count, std::int64_t width) {
  return (count + 1) * (width + padded_columns(count));
}

// x on its way to A^-1 b by conjugate gradients [HestenesStiefel1952], preconditioned by the
// diagonal. Shapes: (width) each.
struct Descent {
  float *x, *residual, *direction, *product, *inverse;  // inverse: of the diagonal
  float error = 0;                                      // what is left
};
// Works out the first direction. `residual` comes in as -rest x. Cost: 2 count width multiply-adds.
void start_descent(const RowSystem& system, Descent& descent);
// One step. `product` comes in as rest direction. True where nothing was left, or the step changed
// x by at most `enough` of its length. Cost: 2 count width multiply-adds.
bool advance_descent(const RowSystem& system, Descent& descent, float enough);

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
// Shapes: system (size, size), rows padded_columns(size) numbers apart, b (padded_columns(size));
// padding holds finite numbers. False where the system is not positive definite to rounding; b is
// then undefined.
bool solve_small(std::int64_t size, float* system, float* b);

}  // namespace attune::math
