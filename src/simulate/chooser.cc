#include "chooser.h"

#include <cmath>
#include <numeric>

namespace attune::simulate {

void AliasTable::build(const std::vector<double>& weights) {
  const std::size_t n = weights.size();
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  keep_.resize(n);
  other_.resize(n);
  std::vector<std::int32_t> small, large;
  for (std::size_t i = 0; i < n; ++i) {
    keep_[i] = weights[i] * static_cast<double>(n) / total;
    other_[i] = static_cast<std::int32_t>(i);
    (keep_[i] < 1 ? small : large).push_back(static_cast<std::int32_t>(i));
  }
  while (!small.empty() && !large.empty()) {
    const auto poor = static_cast<std::size_t>(small.back());
    const auto rich = static_cast<std::size_t>(large.back());
    small.pop_back();
    other_[poor] = static_cast<std::int32_t>(rich);
    keep_[rich] -= 1 - keep_[poor];
    if (keep_[rich] >= 1) continue;
    large.pop_back();
    small.push_back(static_cast<std::int32_t>(rich));
  }
  // What is left is 1 but for rounding.
  for (const std::int32_t i : small) keep_[static_cast<std::size_t>(i)] = 1;
  for (const std::int32_t i : large) keep_[static_cast<std::size_t>(i)] = 1;
}

std::size_t AliasTable::draw(Rng& random) const {
  const std::size_t i = random.below(keep_.size());
  return random.uniform() < keep_[i] ? i : static_cast<std::size_t>(other_[i]);
}

Chooser::Chooser(const std::vector<Item>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    members_[static_cast<std::size_t>(items[i].category)].push_back(static_cast<std::int32_t>(i));
  }
}

void Chooser::set_day(const std::vector<Item>& items, const Season& season, std::int64_t day) {
  std::vector<double> weights;
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    weights.clear();
    for (const std::int32_t item : members_[c]) {
      weights.push_back(popularity_on(items[static_cast<std::size_t>(item)], day));
    }
    tables_[c].build(weights);
    season_[c] = season.category(static_cast<int>(c), day);
  }
}

int Chooser::draw_category(const Tastes& tastes, Rng& random) const {
  std::array<double, kCategoryCount> wanted{};
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    wanted[c] = static_cast<double>(tastes.categories[c]) * season_[c];
  }
  return static_cast<int>(random.categorical(wanted));
}

std::int32_t Chooser::draw_item(const std::vector<Item>& items, const Tastes& tastes, int category,
                                Rng& random) const {
  const auto c = static_cast<std::size_t>(category);
  // A customer whom nothing pleases takes the last candidate: one in a million draws at usual
  // strengths.
  constexpr int kPatience = 500;
  std::int32_t candidate = 0;
  for (int tried = 0; tried < kPatience; ++tried) {
    candidate = members_[c][tables_[c].draw(random)];
    const Item& item = items[static_cast<std::size_t>(candidate)];
    const double liking = affinity(tastes, item.style, item.log_price_ratio);
    if (random.uniform() < std::exp(liking - kAffinityMax)) break;
  }
  return candidate;
}

}  // namespace attune::simulate
