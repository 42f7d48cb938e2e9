// Rounding to whole steps, and lengths that are not too short. Answers: between what does a product
// of rounded vectors lie?
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace attune::math {

inline constexpr double kRounding = 0x1p-24;  // of one operation in single precision

inline double length_of(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  return std::sqrt(squares);
}

inline float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// At least as large as `value`.
inline float rounded_up(double value) { return static_cast<float>(value * (1 + 0x1p-22)); }

// By how much a product of two vectors of length 1 may be off: two sums of `columns` products in
// any order, and what it takes to make a bound of one.
inline double rounding_of(std::size_t columns) {
  return (2 * static_cast<double>(columns) + 8) * kRounding;
}

// Hands put(column, steps) the whole number of steps of size `scale` nearest to each number, none
// above `most` (where scale is their largest / most, none is); gives the length of what that takes
// from the vector.
template <class Put>
double round_to_steps(std::span<const float> numbers, float scale, int most, Put put) {
  double squares = 0;
  const auto edge = static_cast<float>(most);
  for (std::size_t j = 0; j < numbers.size(); ++j) {
    const float whole = scale > 0 ? std::round(numbers[j] / scale) : 0;
    const auto steps = static_cast<int>(std::min(std::max(whole, -edge), edge));
    put(j, steps);
    const double lost = double{numbers[j]} - double{scale} * steps;
    squares += lost * lost;
  }
  return std::sqrt(squares);
}

}  // namespace attune::math
