#include "attune/measure/covariates.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "attune/base/error.h"

namespace attune::measure {
namespace {

using Covariates = std::span<const std::span<const double>>;

// A column whose deviation within arms is below this part of its size is constant to rounding.
constexpr double kConstantBelow = 1e-9;
// Pivots of the correlation matrix below this part of the largest are collinear.
constexpr double kCollinearBelow = 1e-9;

void set_means(CovariateFit& fit, std::span<const std::int32_t> arm, std::size_t arms,
               Covariates covariates) {
  const std::size_t count = covariates.size();
  std::vector<double> rows(arms, 0);
  for (const std::int32_t a : arm) ++rows[static_cast<std::size_t>(a)];
  fit.centre.assign(count, 0);
  fit.arm_means.assign(arms * count, 0);
  for (std::size_t j = 0; j < count; ++j) {
    for (std::size_t i = 0; i < arm.size(); ++i)
      fit.arm_means[static_cast<std::size_t>(arm[i]) * count + j] += covariates[j][i];
    for (std::size_t a = 0; a < arms; ++a) {
      fit.centre[j] += fit.arm_means[a * count + j] / static_cast<double>(arm.size());
      if (rows[a] > 0) fit.arm_means[a * count + j] /= rows[a];
    }
  }
}

struct Products {
  Eigen::MatrixXd xx;
  Eigen::VectorXd xy;
  double yy = 0;
  std::vector<double> size;  // sum of squares about 0, to tell constants by
};

Products products_within_arms(const CovariateFit& fit, std::span<const std::int32_t> arm,
                              std::span<const double> influence, Covariates covariates) {
  const auto count = static_cast<Eigen::Index>(covariates.size());
  Products sums{Eigen::MatrixXd::Zero(count, count), Eigen::VectorXd::Zero(count), 0,
                std::vector<double>(covariates.size(), 0)};
  Eigen::VectorXd x(count);
  for (std::size_t i = 0; i < arm.size(); ++i) {
    const double* means = &fit.arm_means[static_cast<std::size_t>(arm[i]) * covariates.size()];
    for (std::size_t j = 0; j < covariates.size(); ++j) {
      x[static_cast<Eigen::Index>(j)] = covariates[j][i] - means[j];
      sums.size[j] += covariates[j][i] * covariates[j][i];
    }
    sums.xx.noalias() += x * x.transpose();
    sums.xy += x * influence[i];
    sums.yy += influence[i] * influence[i];
  }
  return sums;
}

}  // namespace

CovariateFit fit_covariates(std::span<const std::int32_t> arm, std::size_t arms,
                            std::span<const double> influence, Covariates covariates) {
  ATTUNE_CHECK(arm.size() == influence.size(), "an influence for each customer");
  CovariateFit fit;
  fit.theta.assign(covariates.size(), 0);
  if (arm.empty() || covariates.empty()) return fit;
  set_means(fit, arm, arms, covariates);
  Products sums = products_within_arms(fit, arm, influence, covariates);
  // To correlations, so that units do not decide what is collinear.
  Eigen::VectorXd scale = sums.xx.diagonal().cwiseSqrt();
  for (Eigen::Index j = 0; j < scale.size(); ++j) {
    const double size = std::sqrt(sums.size[static_cast<std::size_t>(j)]);
    scale[j] = scale[j] > kConstantBelow * size ? 1 / scale[j] : 0;
  }
  const Eigen::MatrixXd correlations = scale.asDiagonal() * sums.xx * scale.asDiagonal();
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> solver;
  solver.setThreshold(kCollinearBelow);
  solver.compute(correlations);
  const Eigen::VectorXd theta =
      scale.asDiagonal() * solver.solve(Eigen::VectorXd(scale.asDiagonal() * sums.xy));
  const double explained = std::max(0., theta.dot(sums.xy));
  fit.rank = static_cast<std::size_t>(solver.rank());
  std::ranges::copy(theta, fit.theta.begin());
  fit.correlation = sums.yy > 0 ? std::sqrt(std::min(1., explained / sums.yy)) : 0;
  const auto n = static_cast<double>(arm.size());
  if (arm.size() > arms) fit.shared_variance = explained / (n - static_cast<double>(arms)) / n;
  return fit;
}

std::vector<double> adjusted_influences(const CovariateFit& fit, std::span<const std::int32_t> arm,
                                        std::span<const double> influence, Covariates covariates) {
  std::vector<double> left(influence.begin(), influence.end());
  const std::size_t count = covariates.size();
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double* means = &fit.arm_means[static_cast<std::size_t>(arm[i]) * count];
    for (std::size_t j = 0; j < count; ++j) left[i] -= fit.theta[j] * (covariates[j][i] - means[j]);
  }
  return left;
}

double adjustment_of(const CovariateFit& fit, std::size_t arm) {
  double adjustment = 0;
  const std::size_t count = fit.theta.size();
  for (std::size_t j = 0; j < count; ++j)
    adjustment += fit.theta[j] * (fit.arm_means[arm * count + j] - fit.centre[j]);
  return adjustment;
}

}  // namespace attune::measure
