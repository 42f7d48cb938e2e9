// One side of alternating least squares. Answers: given the vectors of the other side, which vector
// fits a row best?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attune/math/csr_matrix.h"
#include "attune/math/matrix.h"

namespace attune::recommend {

// Conjugate gradient steps that leave next to nothing, of rows that are worked out once and for
// all.
inline constexpr int kFinishSteps = 100;

enum class IalsSolver : std::uint8_t {
  cholesky,            // each row exactly [HuKorenVolinsky2008]
  conjugate_gradient,  // a few steps towards it
  subspace,            // exactly along one block of factors after the other [Rendle2021b]
};
// linear and log are divided by their mean over all interactions, so that alpha and regularisation
// mean the same whatever the unit of the weights.
enum class IalsWeights : std::uint8_t {
  binary,  // every interaction counts 1 [Rendle2021]
  linear,  // its weight [HuKorenVolinsky2008]
  log,     // log(1 + weight): slowly more
};

struct IalsParameters {
  int factors = 64;
  int iterations = 16;
  double alpha = 0;  // 0: chosen from the density, see Ials
  double regularisation = 0.01;
  double regularisation_exponent = 1;
  double init_deviation = 0.1;
  IalsWeights weights = IalsWeights::log;
  IalsSolver solver = IalsSolver::conjugate_gradient;
  int conjugate_gradient_steps = 2;
  int subspace = 16;
  double tolerance = 0;
};

// The confidence c that a raw weight stands for: mean 1 over the interactions it was made for.
class IalsConfidence {
 public:
  IalsConfidence() = default;
  IalsConfidence(IalsWeights kind, const math::CsrMatrix& interactions);
  IalsConfidence(IalsWeights kind, float scale) : kind_(kind), scale_(scale) {}
  float scale() const { return scale_; }
  float operator()(float weight) const;

 private:
  IalsWeights kind_ = IalsWeights::binary;
  float scale_ = 1;
};

// lambda of a row with these confidences, against `others` rows of the other side.
double ials_ridge(const IalsParameters& parameters, std::int64_t others,
                  std::span<const float> confidence);

// The quadratic problem of one row against `others` (n, d): A = alpha G + sum c h h' + lambda I, b
// = sum c h.
// Threads: const; one Scratch a thread.
class IalsSystem {
 public:
  // Lifetime: keeps references to all three.
  IalsSystem(const math::MatrixF& others, const math::MatrixF& gramian,
             const IalsParameters& parameters, const IalsConfidence& confidence)
      : others_(others), gramian_(gramian), parameters_(parameters), confidence_(confidence) {}

  struct Scratch {
    math::MatrixF system;
    math::MatrixF outer;
    std::vector<float> confidence;
    std::vector<float> target;
    std::vector<float> vectors;
  };

  // Shapes: rows, weights (entries of the row, raw weights), x (d): the start where the solver is
  // iterative, and the answer.
  // A row without entries gets zeros.
  void solve(std::span<const std::int32_t> rows, std::span<const float> weights, IalsSolver solver,
             Scratch& scratch, std::span<float> x) const;
  // Writes the lower triangle of A into scratch.system and c into scratch.confidence.
  void build(std::span<const std::int32_t> rows, std::span<const float> weights,
             Scratch& scratch) const;

 private:
  void set_confidence(std::span<const float> weights, Scratch& scratch) const;
  void set_target(std::span<const std::int32_t> rows, Scratch& scratch) const;
  void solve_iteratively(std::span<const std::int32_t> rows, int steps, Scratch& scratch,
                         std::span<float> x) const;

  const math::MatrixF& others_;
  const math::MatrixF& gramian_;
  const IalsParameters& parameters_;
  const IalsConfidence& confidence_;
};

}  // namespace attune::recommend
