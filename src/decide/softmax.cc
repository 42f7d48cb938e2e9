#include "softmax.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace attune::decide {
namespace {

// Weights are made anew, relative to the best left, when that one's own weight falls below this:
// the others' then keep their full precision.
constexpr double kSmallestBest = 0x1p-64;

// 1 / n! for n from 14 down to 0.
constexpr std::array<double, 15> kInverseFactorials = [] {
  std::array<double, 15> all{};
  double factorial = 1;
  for (std::size_t n = 0; n < all.size(); ++n) {
    if (n > 0) factorial *= static_cast<double>(n);
    all[all.size() - 1 - n] = 1 / factorial;
  }
  return all;
}();

// Mean 0 and deviation 1; all zero where the scores are equal. Scores are first divided by the
// largest, so that no sum overflows.
std::vector<double> standardised(std::span<const Candidate> shortlist) {
  double lowest = std::numeric_limits<double>::infinity(), largest = 0;
  for (const Candidate& candidate : shortlist) {
    if (!std::isfinite(candidate.score)) continue;
    lowest = std::min(lowest, candidate.score);
    largest = std::max(largest, std::fabs(candidate.score));
  }
  std::vector<double> scores(shortlist.size(), 0.0);
  if (largest == 0) return scores;
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double score = shortlist[i].score;
    scores[i] = (std::isfinite(score) ? score : lowest) / largest;
    sum += scores[i];
  }
  const double mean = sum / static_cast<double>(scores.size());
  double squares = 0;
  for (double& score : scores) {
    score -= mean;
    squares += score * score;
  }
  const double deviation = std::sqrt(squares / static_cast<double>(scores.size()));
  for (double& score : scores) score = deviation > 0 ? score / deviation : 0;
  return scores;
}

}  // namespace

double exp_of_negative(double x) {
  if (!(x >= -700)) return 0;
  constexpr double kInverseLn2 = 1.44269504088896338700;
  constexpr double kLn2High = 6.93147180369123816490e-01;  // its last 32 bits are 0
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  // exp(x) = 2^power * exp(rest) with |rest| <= ln(2) / 2; Taylor's series ends below 2^-56.
  const double power = std::floor(x * kInverseLn2 + .5);
  const double rest = (x - power * kLn2High) - power * kLn2Low;
  double sum = 0;
  for (const double factor : kInverseFactorials) sum = sum * rest + factor;
  return std::ldexp(sum, static_cast<int>(power));
}

SoftmaxWeights::SoftmaxWeights(std::span<const Candidate> shortlist, double temperature)
    : candidates_(shortlist.size()),
      exponents_(standardised(shortlist)),
      weights_(shortlist.size()) {
  for (std::size_t i = 0; i < candidates_.size(); ++i) candidates_[i] = i;
  for (double& exponent : exponents_) exponent /= temperature;
  refresh();
}

std::size_t SoftmaxWeights::at(double point) const {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < weights_.size(); ++i) {
    sum += weights_[i];
    if (point < sum) return i;
  }
  return weights_.size() - 1;
}

void SoftmaxWeights::remove(std::size_t position) {
  const auto at = static_cast<std::ptrdiff_t>(position);
  candidates_.erase(candidates_.begin() + at);
  exponents_.erase(exponents_.begin() + at);
  weights_.erase(weights_.begin() + at);
  if (weights_.empty()) return;
  if (*std::ranges::max_element(weights_) < kSmallestBest) return refresh();
  total_ = 0;
  for (const double weight : weights_) total_ += weight;
}

void SoftmaxWeights::refresh() {
  total_ = 0;
  if (exponents_.empty()) return;
  base_ = *std::ranges::max_element(exponents_);
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    weights_[i] = exp_of_negative(exponents_[i] - base_);
    total_ += weights_[i];
  }
}

}  // namespace attune::decide
