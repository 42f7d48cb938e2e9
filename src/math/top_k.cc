#include "attune/math/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace attune::math {
namespace {

bool better(const ScoredIndex& a, const ScoredIndex& b) {
  return a.score != b.score ? a.score > b.score : a.index < b.index;
}

}  // namespace

Result<TopK> TopK::create(int k) {
  if (k < 1 || k > kMaxK) {
    return std::unexpected(invalid_argument(fmt::format(
        "k is {}, but a list holds 1 to {} items; ask for fewer, or export all scores", k, kMaxK)));
  }
  return TopK(k);
}

void TopK::offer(std::span<const float> scores, std::int32_t first_index) {
  // Most scores of a long row lie below the worst entry held: they cost one comparison.
  float worst = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] < worst) continue;
    take({scores[i], first_index + static_cast<std::int32_t>(i)});
    if (heap_.size() == capacity_) worst = heap_.front().score;
  }
}

void TopK::offer(std::span<const ScoredIndex> entries) {
  for (const ScoredIndex& entry : entries) take(entry);
}

void TopK::take(ScoredIndex entry) {
  if (std::isnan(entry.score)) {
    ++nan_count_;
    return;
  }
  if (heap_.size() == capacity_) {
    if (!better(entry, heap_.front())) return;
    std::ranges::pop_heap(heap_, better);
    heap_.pop_back();
  }
  heap_.push_back(entry);
  std::ranges::push_heap(heap_, better);
}

std::vector<ScoredIndex> TopK::best() const {
  std::vector<ScoredIndex> sorted = heap_;
  std::ranges::sort(sorted, better);
  return sorted;
}

}  // namespace attune::math
