#include "attune/math/top_k.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

namespace attune::math {
namespace {

bool better(const ScoredIndex& a, const ScoredIndex& b) {
  return a.score != b.score ? a.score > b.score : a.index < b.index;
}

// Whole numbers that rise as entries get worse: without branches to guess, sorting them takes half
// the time of sorting entries.
std::uint64_t rank_of(const ScoredIndex& entry) {
  constexpr std::uint32_t kSign = 0x80000000U;
  const auto bits = std::bit_cast<std::uint32_t>(entry.score + 0.0f);  // -0 counts as 0
  const std::uint32_t rising = (bits & kSign) != 0 ? ~bits : bits | kSign;
  const auto index = static_cast<std::uint32_t>(entry.index) ^ kSign;
  return std::uint64_t{~rising} << 32 | index;
}

ScoredIndex entry_of(std::uint64_t rank) {
  constexpr std::uint32_t kSign = 0x80000000U;
  const auto rising = ~static_cast<std::uint32_t>(rank >> 32);
  const std::uint32_t bits = (rising & kSign) != 0 ? rising & ~kSign : ~rising;
  return {std::bit_cast<float>(bits),
          static_cast<std::int32_t>(static_cast<std::uint32_t>(rank) ^ kSign)};
}

}  // namespace

std::vector<ScoredIndex> best_of(std::span<const ScoredIndex> entries, int k) {
  if (k < 1) return {};
  std::vector<std::uint64_t> ranks;
  ranks.reserve(entries.size());
  for (const ScoredIndex& entry : entries) {
    if (!std::isnan(entry.score)) ranks.push_back(rank_of(entry));
  }
  const std::size_t size = std::min(ranks.size(), static_cast<std::size_t>(k));
  const auto end = ranks.begin() + static_cast<std::ptrdiff_t>(size);
  if (size < ranks.size() / 2) std::ranges::nth_element(ranks, end);
  std::ranges::sort(ranks.begin(), size < ranks.size() / 2 ? end : ranks.end());
  std::vector<ScoredIndex> best;
  best.reserve(size);
  for (const std::uint64_t rank : std::span(ranks).first(size)) best.push_back(entry_of(rank));
  return best;
}

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
