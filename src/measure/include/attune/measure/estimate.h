// What every figure of this module looks like. Answers: how much, how sure is that, and if there is
// too little data to say, why, and how much would do?
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace attune::measure {

// A figure with how sure it is. Invariant: low <= value <= high, all finite.
struct Estimate {
  double value = 0;
  double low = 0;  // of the interval at the level asked for, two-sided
  double high = 0;
  double standard_error = 0;
  friend bool operator==(const Estimate&, const Estimate&) = default;
};

// Why no figure is given. This is an answer, no error: the data are read and in order, and say too
// little.
struct TooLittle {
  std::string why;  // one sentence part: "control has 3 conversions, 10 are needed in each arm"
  // Customers in the arm that has too few, at which it would be enough if what comes is like what
  // is here; absent where the data cannot tell, or no number of customers would do.
  std::optional<std::int64_t> enough = {};
  friend bool operator==(const TooLittle&, const TooLittle&) = default;
};

template <class T>
using Answer = std::expected<T, TooLittle>;

// Confidence of an interval unless told otherwise: of 100 such intervals about 95 hold the truth.
inline constexpr double kLevel = .95;

}  // namespace attune::measure
