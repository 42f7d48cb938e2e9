// What draws a customer to an item. Answers: how much more likely is this one chosen than its
// neighbour?
#pragma once

#include <array>
#include <cstdint>

namespace attune::simulate {

inline constexpr int kCategoryCount = 12;
inline constexpr int kStyleCount = 8;
using Style = std::array<float, kStyleCount>;

struct Tastes {
  std::array<float, kCategoryCount> categories{};  // shares, sum 1
  Style style{};                                   // liked directions of style, each about N(0, 1)
  float price_sensitivity = 0;                     // power of price / usual price of the category
};

// The largest affinity there is: more liking than this changes nothing.
inline constexpr double kAffinityMax = 2;

// Log-odds of an item against another of its category that is equally popular:
// min(kAffinityMax, style . item_style - price_sensitivity * log_price_ratio).
// Units: `log_price_ratio` is log(price / usual price of the category).
double affinity(const Tastes& tastes, const Style& item_style, double log_price_ratio);

}  // namespace attune::simulate
