#include "ials_solver.h"

#include <algorithm>
#include <cmath>

#include "attune/math/kernels.h"
#include "attune/math/solve.h"

namespace attune::recommend {

IalsConfidence::IalsConfidence(IalsWeights kind, const math::CsrMatrix& interactions)
    : kind_(kind) {
  double sum = 0;
  for (const float weight : interactions.weights()) sum += (*this)(weight);
  if (sum > 0) scale_ = static_cast<float>(static_cast<double>(interactions.entries()) / sum);
}

float IalsConfidence::operator()(float weight) const {
  switch (kind_) {
    case IalsWeights::binary:
      return 1;
    case IalsWeights::linear:
      return scale_ * weight;
    case IalsWeights::log:
      return scale_ * std::log1p(weight);
  }
  return 1;
}

double ials_ridge(const IalsParameters& parameters, std::int64_t others,
                  std::span<const float> confidence) {
  double mass = parameters.alpha * static_cast<double>(others);
  for (const float c : confidence) mass += c;
  return parameters.regularisation * std::pow(mass, parameters.regularisation_exponent);
}

void IalsSystem::set_confidence(std::span<const float> weights, Scratch& scratch) const {
  scratch.confidence.resize(weights.size());
  std::ranges::transform(weights, scratch.confidence.begin(), confidence_);
}

void IalsSystem::set_target(std::span<const std::int32_t> rows, Scratch& scratch) const {
  scratch.target.assign(static_cast<std::size_t>(others_.columns()), 0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    math::axpy(scratch.confidence[i], others_.row(rows[i]), scratch.target);
  }
}

void IalsSystem::build(std::span<const std::int32_t> rows, std::span<const float> weights,
                       Scratch& scratch) const {
  set_confidence(weights, scratch);
  const std::int64_t d = others_.columns();
  if (scratch.system.rows() != d) scratch.system = math::MatrixF(d, d);
  const auto alpha = static_cast<float>(parameters_.alpha);
  std::ranges::transform(gramian_.data(), scratch.system.data().begin(),
                         [alpha](float g) { return alpha * g; });
  math::add_outer_products(others_, rows, scratch.confidence, scratch.outer, scratch.system);
  const auto lambda =
      static_cast<float>(ials_ridge(parameters_, others_.rows(), scratch.confidence));
  for (std::int64_t i = 0; i < d; ++i) scratch.system(i, i) += lambda;
}

void IalsSystem::solve(std::span<const std::int32_t> rows, std::span<const float> weights,
                       IalsSolver solver, Scratch& scratch, std::span<float> x) const {
  if (rows.empty()) {
    std::ranges::fill(x, 0.0f);
    return;
  }
  if (solver == IalsSolver::conjugate_gradient) {
    set_confidence(weights, scratch);
    set_target(rows, scratch);
    solve_iteratively(rows, parameters_.conjugate_gradient_steps, scratch, x);
    return;
  }
  build(rows, weights, scratch);
  set_target(rows, scratch);
  if (math::solve_cholesky(scratch.system, std::span<float>(scratch.target))) {
    std::ranges::copy(scratch.target, x.begin());
    return;
  }
  // Not positive definite to rounding (no regularisation, few interactions): conjugate gradients
  // need no factorisation.
  set_target(rows, scratch);
  solve_iteratively(rows, kFinishSteps, scratch, x);
}

void IalsSystem::solve_iteratively(std::span<const std::int32_t> rows, int steps, Scratch& scratch,
                                   std::span<float> x) const {
  const auto alpha = static_cast<float>(parameters_.alpha);
  const auto lambda =
      static_cast<float>(ials_ridge(parameters_, others_.rows(), scratch.confidence));
  const auto multiply = [&](std::span<const float> v, std::span<float> out) {
    math::dot_rows(gramian_.data(), v, out);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = alpha * out[i] + lambda * v[i];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto h = others_.row(rows[i]);
      math::axpy(scratch.confidence[i] * math::dot(h, v), h, out);
    }
  };
  scratch.vectors.resize(3 * x.size());
  math::solve_conjugate_gradient(multiply, scratch.target, x, scratch.vectors, {.steps = steps});
}

}  // namespace attune::recommend
