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

// The other side as a half sweep needs it. Shapes: vectors (n, width); gramian (width, width), of
// the vectors; width a multiple of math::kProductColumns.
struct OtherSide {
  const math::MatrixF& vectors;
  const math::MatrixF& gramian;
};

// Rows are worked on in blocks of neighbours: what all of a block share (products with the Gramian)
// is one dense product, and the vectors that a block meets stay in a core's second cache while its
// rows are improved. Blocks depend on the data alone and no row on another, so the result does not
// depend on the thread count.
class IalsSweep {
 public:
  // Works out confidences, ridges (against `others` rows of the other side) and blocks, once for
  // all sweeps.
  // Lifetime: keeps references to `rows`, `parameters` and `confidence`.
  IalsSweep(const math::CsrMatrix& rows, const IalsParameters& parameters,
            const IalsConfidence& confidence, std::int32_t others, int threads);

  // Improves x (rows, width) by the solver of the parameters; rows without entries become zero.
  // Errors: cancelled.
  Status improve(const OtherSide& others, math::MatrixF& x, const FitOptions& options) const;
  // Brings x to the minimum: conjugate gradients until a step changes a vector by less than 1e-6 of
  // its length; where that does not come about, Cholesky. Errors: cancelled.
  Status finish(const OtherSide& others, math::MatrixF& x, const FitOptions& options) const;

  // Sum over rows of ridge |x|^2, and with `errors` of c (x.h - 1)^2 over the entries.
  double objective(const OtherSide& others, const math::MatrixF& x, bool errors, int threads) const;

 private:
  // Rows begin ... end - 1.
  struct Block {
    std::int32_t begin, end;
  };
  class Worker;

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
