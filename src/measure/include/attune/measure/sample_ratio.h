// Do the arms have as many customers as they were meant to? Answers: was the assignment, or the
// counting, broken?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "attune/measure/estimate.h"

namespace attune::measure {

// Below this p value the arms' sizes are no chance, and no difference between them should be read:
// a sound experiment raises this alarm once in a thousand.
inline constexpr double kSampleRatioAlarm = .001;

struct SampleRatio {
  std::vector<double> expected;  // customers an arm
  double chi_square = 0;
  std::int64_t degrees = 0;
  double p_value = 1;  // of the chi-square distribution
  // Two arms: of the binomial distribution, two-sided, summing what is no likelier than the count
  // seen. Exact at any size; it decides the alarm where it is there.
  std::optional<double> exact_p_value;
  bool alarm = false;
};

// Shapes: counts (arms), shares (arms) on any positive scale, or empty for equal ones.
// Too little: fewer than two arms; more than two where one should have fewer than 5 customers.
// Cost: O(arms), and for two arms O(log n) binomial sums. Source: [Fabijan2019].
Answer<SampleRatio> check_sample_ratio(std::span<const std::int64_t> counts,
                                       std::span<const double> shares = {});

struct Independence {
  double chi_square = 0;
  std::int64_t degrees = 0;
  double p_value = 1;
};
// Whether the share of rows with something (a missing value) is the same in every arm: chi-square
// of the table of arms by yes and no. Shapes: with, of (arms); with[i] <= of[i]. Too little: a cell
// of the table is expected to hold fewer than 5.
Answer<Independence> check_equal_shares(std::span<const std::int64_t> with,
                                        std::span<const std::int64_t> of);

}  // namespace attune::measure
