// Symmetric positive definite systems of a few hundred unknowns. Answers: which x makes A x = b?
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "attune/math/matrix.h"

namespace attune::math {

// Solves A x = b by a Cholesky factorisation in place. Only the lower triangle of A is read; A is
// destroyed, b becomes x.
// Shapes: a (n, n), b (n, m) row-major: m right-hand sides, one a column.
// Returns false where A is not positive definite to rounding; then b holds nothing useful.
// Cost: n^3 / 3 + 2 n^2 m operations. Threads: independent calls from any thread.
bool solve_cholesky(MatrixF& a, MatrixF& b);
bool solve_cholesky(Matrix& a, Matrix& b);

// The same for one right-hand side. Shapes: a (n, n), b (n).
bool solve_cholesky(MatrixF& a, std::span<float> b);

// Replaces a symmetric positive definite matrix by its inverse; only the lower triangle is read.
// Shapes: a (n, n). Blocks of 128 rows are swept out one after the other [Goodnight1979]: a block's
// own inverse in double, all else a product in float. Returns false where a is not positive
// definite to rounding; a then holds nothing useful. Determinism: the same for any thread count.
// Cost: n^3 operations, memory for 300 n numbers beside. `step` is called after each block with the
// rows done, and stops the work by returning false.
bool invert_positive_definite(MatrixF& a, int threads,
                              const std::function<bool(std::int64_t)>& step = {});

struct ConjugateGradientOptions {
  int steps = 3;            // at most
  double tolerance = 1e-6;  // stops once |residual| <= tolerance * |b|
};

// Improves x towards the solution of A x = b with conjugate gradients [HestenesStiefel1952].
// `multiply(p, out)` writes A p.
// Shapes: b, x (n). x is the start and receives the answer. Returns the steps taken.
// Cost: a call of `multiply` and 10 n operations a step. Scratch: (3 n) given by the caller.
int solve_conjugate_gradient(
    const std::function<void(std::span<const float>, std::span<float>)>& multiply,
    std::span<const float> b, std::span<float> x, std::span<float> scratch,
    const ConjugateGradientOptions& options = {});

// lower triangle of c += weight_1 v_1 v_1' + ... for the rows v_i named by `rows` of `vectors`.
// Shapes: c (d, d), vectors (n, d), weights (rows.size()), scratch: resized as needed.
// Determinism: depends on the order of `rows` only.
void add_outer_products(const MatrixF& vectors, std::span<const std::int32_t> rows,
                        std::span<const float> weights, MatrixF& scratch, MatrixF& c);

// Gramian V'V of all rows, full square. Shape: (d, d). Deterministic for any thread count: sums of
// at most 4096 rows in float, in fixed order, added in double. So an element is off by at most 4096
// * 6e-8 = 2.5e-4 of the sum of |products|, and rounding errors that cancel leave less than 1e-5
// (tested).
MatrixF gramian(const MatrixF& vectors, int threads);

}  // namespace attune::math
