// Narrower intervals from what was known before the experiment (CUPED). Answers: how much of the
// metric's variation did the customers bring with them?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace attune::measure {

// A least-squares fit of the metric's influence on covariates within arms.
struct CovariateFit {
  std::vector<double> theta;      // one a covariate
  std::vector<double> centre;     // the covariate's mean over all arms: what values are adjusted to
  std::vector<double> arm_means;  // (arms, covariates), row-major
  std::size_t rank = 0;           // covariates that add something to those before them
  // Multiple correlation of metric and covariates within arms: intervals shrink to
  // sqrt(1 - correlation²) of their width.
  double correlation = 0;
  // Variance of the adjustment that all arms share, theta' Var(x) theta / n: CompareOptions.
  double shared_variance = 0;
};

// Theta is pooled: one for all arms, from deviations within arms, so that it takes nothing from the
// effect. Covariates must be known before the assignment, or else they may hold a part of it.
// Shapes: arm (n) in 0 .. arms-1; influence (n), centred within arms; covariates p spans of (n),
// finite. Missing values are the caller's (a mean and a column that marks them, as `analyse` does).
// Collinear and constant covariates are harmless: the solution of least norm is taken.
// Cost: O(n p²). Determinism: sums in the order of rows.
// Source: [Deng2013] (eq. 4 and appendix; we centre within arms, where the paper pools them).
CovariateFit fit_covariates(std::span<const std::int32_t> arm, std::size_t arms,
                            std::span<const double> influence,
                            std::span<const std::span<const double>> covariates);

// What is left of each customer's influence, centred within arms. Shapes as above.
std::vector<double> adjusted_influences(const CovariateFit& fit, std::span<const std::int32_t> arm,
                                        std::span<const double> influence,
                                        std::span<const std::span<const double>> covariates);

// How far an arm's value has to be moved down for its customers having begun higher than all.
double adjustment_of(const CovariateFit& fit, std::size_t arm);

}  // namespace attune::measure
