// One half of an iteration of alternating least squares, for all rows. Answers: how do the vectors
// of one side become better, given those of the other, as fast as memory and arithmetic allow?
#pragma once

#include <cstdint>
#include <vector>

#include "attune/math/factor_kernels.h"
#include "attune/recommend/recommender.h"
#include "ials_solver.h"

namespace attune::recommend {

// Vectors whose columns are padded with zeros to a multiple of math::kProductColumns.
math::MatrixF pad_columns(const math::MatrixF& vectors);
// The first `columns` columns.
math::MatrixF cut_columns(math::MatrixF vectors, std::int64_t columns);

// The other side as a half sweep needs it. Along the principal axes of its Gramian, what the
// systems of all rows share is a diagonal: no step of any row multiplies by a whole Gramian, a row
// with few entries is solved exactly by a system of that many unknowns, and the diagonal is a good
// preconditioner for the others. Shapes: vectors (n, width); gramian (width, width), of the
// vectors; width a multiple of math::kProductColumns.
struct OtherSide {
  const math::MatrixF& vectors;
  const math::MatrixF& gramian;
  bool along_axes = false;  // the Gramian is a diagonal
};

// Rows are worked on in blocks of neighbours: what a Gramian that is no diagonal makes of them is
// one dense product, and the vectors that a block meets stay in a core's second cache while its
// rows are improved. Blocks depend on the data alone and no row on another, so the result does not
// depend on the thread count.
class IalsSweep {
 public:
  // Works out confidences, ridges (against `others` rows of the other side) and blocks, once for
  // all sweeps.
  // Lifetime: keeps references to `rows`, `parameters` and `confidence`.
  IalsSweep(const math::CsrMatrix& rows, const IalsParameters& parameters,
            const IalsConfidence& confidence, std::int32_t others, int threads);

  // Whether improve() is faster after turning `others` vectors to their principal axes, and finding
  // these, than without.
  bool worth_turning(std::int64_t others) const;
  // Turns along `axes` those rows of x that improve() or finish() start from; the others need none.
  void turn_starts(math::MatrixF& x, const math::MatrixF& axes, int threads) const;
  // Improves x (rows, width) by the solver of the parameters; rows without entries become zero.
  // Errors: cancelled.
  Status improve(const OtherSide& others, math::MatrixF& x, const FitOptions& options) const;
  // Brings x to the minimum: conjugate gradients until a step changes a vector by at most 1e-6 of
  // its length; where that does not come about, Cholesky. Errors: cancelled.
  Status finish(const OtherSide& others, math::MatrixF& x, const FitOptions& options) const;

  // Sum over rows of ridge |x|^2, and with `errors` of c (x.h - 1)^2 over the entries.
  double objective(const math::MatrixF& others, const math::MatrixF& x, bool errors,
                   int threads) const;

 private:
  // Rows begin ... end - 1.
  struct Block {
    std::int32_t begin, end;
  };
  struct Shared;
  class Worker;

  bool is_short(std::int64_t row) const;
  Status for_blocks(const OtherSide& others, math::MatrixF& x, const FitOptions& options,
                    void (Worker::*work)(Block)) const;

  const math::CsrMatrix& rows_;
  const IalsParameters& parameters_;
  const IalsConfidence& confidence_;
  std::vector<float> weights_;  // confidence of each entry
  std::vector<float> ridges_;   // of each row
  std::vector<Block> blocks_;
};

}  // namespace attune::recommend
