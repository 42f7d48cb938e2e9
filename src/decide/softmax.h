// Weights exp(score / temperature) of those left to choose from, the same bits on every machine.
// Private to decide.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "attune/decide/policy.h"

namespace attune::decide {

// exp(x) for x <= 0, 0 below -700. Within 2 units in the last place; made of operations that IEEE
// 754 fixes, which the library's exp is not.
double exp_of_negative(double x);

// The candidates left, in the order of the shortlist, with weights relative to the best of them.
class SoftmaxWeights {
 public:
  SoftmaxWeights(std::span<const Candidate> shortlist, double temperature);

  std::size_t size() const { return weights_.size(); }
  // Positive and finite while any candidate is left.
  double total() const { return total_; }
  double weight(std::size_t position) const { return weights_[position]; }
  std::size_t candidate(std::size_t position) const { return candidates_[position]; }
  // The first position at which the running sum passes `point`; 0 <= point < total().
  std::size_t at(double point) const;
  void remove(std::size_t position);

 private:
  void refresh();

  std::vector<std::size_t> candidates_;
  std::vector<double> exponents_;  // standardised score / temperature
  std::vector<double> weights_;    // exp(exponent - base_)
  double base_ = 0;
  double total_ = 0;
};

}  // namespace attune::decide
