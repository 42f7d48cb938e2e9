#include "attune/measure/covariates.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/measure/arm_estimate.h"

namespace attune::measure {
namespace {

struct Drawn {
  std::vector<std::int32_t> arm;
  std::vector<double> outcome, before, other;
  std::vector<std::vector<double>> by_arm{2};
};

Drawn drawn(std::size_t customers, double effect) {
  Rng random(11, "test.covariates");
  Drawn d;
  for (std::size_t i = 0; i < customers; ++i) {
    const std::int32_t arm = random.chance(.3) ? 1 : 0;
    const double before = random.gamma(2, 3), other = random.normal() + .3 * before;
    d.arm.push_back(arm);
    d.before.push_back(before);
    d.other.push_back(other);
    d.outcome.push_back(2 * before - other + random.normal() * 4 + effect * arm);
    d.by_arm[static_cast<std::size_t>(arm)].push_back(d.outcome.back());
  }
  return d;
}

std::vector<double> influence_of(const Drawn& d) {
  const std::vector<std::vector<double>> each{influences(MetricKind::mean, d.by_arm[0], {}),
                                              influences(MetricKind::mean, d.by_arm[1], {})};
  std::vector<std::size_t> next(2, 0);
  std::vector<double> all;
  for (const std::int32_t a : d.arm) {
    const auto arm = static_cast<std::size_t>(a);
    all.push_back(each[arm][next[arm]++]);
  }
  return all;
}

// Least squares of the outcome on intercept, arm and covariates, by Gaussian elimination of the
// normal equations. Returns (intercept, effect, slopes...).
std::vector<double> ordinary_least_squares(const Drawn& d,
                                           const std::vector<std::vector<double>>& covariates) {
  const std::size_t p = 2 + covariates.size();
  std::vector<std::vector<double>> m(p, std::vector<double>(p + 1, 0));
  for (std::size_t i = 0; i < d.arm.size(); ++i) {
    std::vector<double> x{1, static_cast<double>(d.arm[i])};
    for (const auto& column : covariates) x.push_back(column[i]);
    for (std::size_t r = 0; r < p; ++r) {
      for (std::size_t c = 0; c < p; ++c) m[r][c] += x[r] * x[c];
      m[r][p] += x[r] * d.outcome[i];
    }
  }
  for (std::size_t k = 0; k < p; ++k) {
    for (std::size_t r = 0; r < p; ++r) {
      if (r == k) continue;
      const double factor = m[r][k] / m[k][k];
      for (std::size_t c = k; c <= p; ++c) m[r][c] -= factor * m[k][c];
    }
  }
  std::vector<double> solution;
  for (std::size_t k = 0; k < p; ++k) solution.push_back(m[k][p] / m[k][k]);
  return solution;
}

double adjusted_difference(const CovariateFit& fit, const Drawn& d) {
  return mean_of(d.by_arm[1]).value - adjustment_of(fit, 1) - mean_of(d.by_arm[0]).value +
         adjustment_of(fit, 0);
}

TEST(FitCovariates, GivesTheSlopesAndTheEffectOfLeastSquares) {
  const Drawn d = drawn(500, 1);
  const std::vector<double> wanted = ordinary_least_squares(d, {d.before, d.other});
  const std::vector<std::span<const double>> covariates{d.before, d.other};
  const CovariateFit fit = fit_covariates(d.arm, 2, influence_of(d), covariates);
  EXPECT_EQ(fit.rank, 2U);
  EXPECT_NEAR(fit.theta[0], wanted[2], 1e-9);
  EXPECT_NEAR(fit.theta[1], wanted[3], 1e-9);
  EXPECT_NEAR(adjusted_difference(fit, d), wanted[1], 1e-9);
}

TEST(FitCovariates, LeavesTheShareOfVariationThatCorrelationSays) {
  const Drawn d = drawn(500, 1);
  const std::vector<double> influence = influence_of(d);
  const std::vector<std::span<const double>> covariates{d.before, d.other};
  const CovariateFit fit = fit_covariates(d.arm, 2, influence, covariates);
  const std::vector<double> left = adjusted_influences(fit, d.arm, influence, covariates);
  double before = 0, after = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    before += influence[i] * influence[i];
    after += left[i] * left[i];
  }
  EXPECT_NEAR(after / before, 1 - fit.correlation * fit.correlation, 1e-12);
  EXPECT_GT(fit.correlation, .8);
}

TEST(FitCovariates, OneCovariateIsCovarianceOverVariance) {
  const Drawn d = drawn(200, 0);
  const std::vector<std::span<const double>> covariates{d.before};
  const std::vector<double> influence = influence_of(d);
  const CovariateFit fit = fit_covariates(d.arm, 2, influence, covariates);
  std::vector<double> mean(2, 0), count(2, 0);
  for (std::size_t i = 0; i < d.arm.size(); ++i) {
    mean[static_cast<std::size_t>(d.arm[i])] += d.before[i];
    ++count[static_cast<std::size_t>(d.arm[i])];
  }
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < d.arm.size(); ++i) {
    const auto arm = static_cast<std::size_t>(d.arm[i]);
    const double x = d.before[i] - mean[arm] / count[arm];
    xy += x * influence[i];
    xx += x * x;
    yy += influence[i] * influence[i];
  }
  EXPECT_NEAR(fit.theta[0], xy / xx, 1e-12);
  EXPECT_NEAR(fit.correlation, std::abs(xy) / std::sqrt(xx * yy), 1e-12);
  EXPECT_NEAR(fit.shared_variance, xy * xy / xx / 198 / 200, 1e-12);
}

TEST(FitCovariates, TakesTwinsAndConstantsWithoutHarm) {
  const Drawn d = drawn(300, 1);
  std::vector<double> twin, constant(300, 1e6);
  for (const double x : d.before) twin.push_back(1000 * x + 5);
  const std::vector<double> influence = influence_of(d);
  const std::vector<std::span<const double>> one{d.before}, many{d.before, constant, twin};
  const CovariateFit alone = fit_covariates(d.arm, 2, influence, one);
  const CovariateFit both = fit_covariates(d.arm, 2, influence, many);
  EXPECT_EQ(both.rank, 1U);
  EXPECT_EQ(both.theta[1], 0);
  EXPECT_NEAR(both.correlation, alone.correlation, 1e-9);
  EXPECT_NEAR(adjusted_difference(both, d), adjusted_difference(alone, d), 1e-9);
}

TEST(FitCovariates, FindsNothingInConstants) {
  const Drawn d = drawn(50, 1);
  const std::vector<double> constant(50, 3);
  const std::vector<std::span<const double>> covariates{constant};
  const CovariateFit fit = fit_covariates(d.arm, 2, influence_of(d), covariates);
  EXPECT_EQ(fit.rank, 0U);
  EXPECT_EQ(fit.correlation, 0);
  EXPECT_EQ(fit.shared_variance, 0);
}

TEST(FitCovariates, StandsNoRowsAndNoCovariates) {
  EXPECT_EQ(fit_covariates({}, 2, {}, {}).rank, 0U);
}

}  // namespace
}  // namespace attune::measure
