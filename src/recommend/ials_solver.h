// One side of alternating least squares. Answers: given the vectors of the other side, which vector fits a row best?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attune/math/matrix.h"
#include "ials.h"

namespace attune::recommend {

// The confidence c of a raw weight.
float ials_confidence(IalsWeights kind, float weight);

// The quadratic problem of one row against `others` (n, d): A = alpha G + sum c h h' + lambda I, b = sum c h.
// Threads: const; one Scratch a thread.
class IalsSystem {
 public:
  // Lifetime: keeps references to all three.
  IalsSystem(const math::MatrixF& others, const math::MatrixF& gramian,
             const IalsParameters& parameters)
      : others_(others), gramian_(gramian), parameters_(parameters) {}

  struct Scratch {
    math::MatrixF system;
    math::MatrixF outer;
    std::vector<float> confidence;
    std::vector<float> target;
    std::vector<float> vectors;
  };

  // Shapes: rows, weights (entries of the row, raw weights), x (d): the start where the solver is iterative, and the answer.
  // A row without entries gets zeros.
  void solve(std::span<const std::int32_t> rows, std::span<const float> weights, IalsSolver solver,
             Scratch& scratch, std::span<float> x) const;
  // Writes the lower triangle of A into scratch.system and c into scratch.confidence.
  void build(std::span<const std::int32_t> rows, std::span<const float> weights,
             Scratch& scratch) const;
  // lambda of a row with these confidences.
  double ridge(std::span<const float> confidence) const;

 private:
  void set_confidence(std::span<const float> weights, Scratch& scratch) const;
  void set_target(std::span<const std::int32_t> rows, Scratch& scratch) const;
  void solve_iteratively(std::span<const std::int32_t> rows, Scratch& scratch,
                         std::span<float> x) const;

  const math::MatrixF& others_;
  const math::MatrixF& gramian_;
  const IalsParameters& parameters_;
};

}  // namespace attune::recommend
