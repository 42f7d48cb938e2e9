// Draws what somebody wants. Answers: which category, and which item of it?
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "attune/base/random.h"
#include "attune/simulate/assortment.h"
#include "attune/simulate/taste.h"
#include "season.h"

namespace attune::simulate {

// Draws indices with given weights in O(1): the alias method [Vose1991].
class AliasTable {
 public:
  void build(const std::vector<double>& weights);  // >= 0, positive sum
  std::size_t draw(Rng& random) const;

 private:
  std::vector<double> keep_;
  std::vector<std::int32_t> other_;
};

// P(category) ~ taste * season; P(item | category) ~ popularity on the day * exp(affinity).
class Chooser {
 public:
  explicit Chooser(const std::vector<Item>& items);

  // Takes popularity and season of a day. Cost: O(items).
  void set_day(const std::vector<Item>& items, const Season& season, std::int64_t day);

  int draw_category(const Tastes& tastes, Rng& random) const;
  // By rejection: candidates by popularity, kept with exp(affinity - kAffinityMax).
  // Cost: about five candidates.
  std::int32_t draw_item(const std::vector<Item>& items, const Tastes& tastes, int category,
                         Rng& random) const;

 private:
  std::array<std::vector<std::int32_t>, kCategoryCount> members_;
  std::array<AliasTable, kCategoryCount> tables_;
  std::array<double, kCategoryCount> season_{};
};

}  // namespace attune::simulate
