#include "ranked_candidates.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ranked_candidates.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Integers = hn::Rebind<std::int32_t, Floats>;

// The whole part of (bound - from) * scale, from 0 to `last`. Shapes: bounds, buckets (count),
// count a multiple of 16.
void buckets_kernel(const float* bounds, std::size_t count, float from, float scale, float last,
                    std::int32_t* buckets) {
  const Floats lanes;
  for (std::size_t i = 0; i < count; i += hn::Lanes(lanes)) {
    const auto place =
        hn::Mul(hn::Sub(hn::LoadU(lanes, bounds + i), hn::Set(lanes, from)), hn::Set(lanes, scale));
    const auto inside = hn::Min(hn::Max(place, hn::Zero(lanes)), hn::Set(lanes, last));
    hn::StoreU(hn::ConvertTo(Integers(), inside), Integers(), buckets + i);
  }
}

// The least bound of those in this bucket or above; `most` where there is none less.
float least_from_kernel(const float* bounds, const std::int32_t* buckets, std::size_t count,
                        std::int32_t bucket, float most) {
  const Floats lanes;
  auto least = hn::Set(lanes, most);
  for (std::size_t i = 0; i < count; i += hn::Lanes(lanes)) {
    const auto below = hn::Lt(hn::LoadU(Integers(), buckets + i), hn::Set(Integers(), bucket));
    const auto bound = hn::LoadU(lanes, bounds + i);
    least = hn::Min(least, hn::IfThenElse(hn::RebindMask(lanes, below), least, bound));
  }
  return hn::GetLane(hn::MinOfLanes(lanes, least));
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(buckets_kernel);
HWY_EXPORT(least_from_kernel);

namespace {

constexpr std::size_t kLanes = 16;  // of the widest vector

constexpr std::size_t whole_vectors(std::size_t count) {
  return (count + kLanes - 1) / kLanes * kLanes;
}

}  // namespace

RankedCandidates::RankedCandidates(std::size_t k, std::size_t room)
    : k_(k),
      room_(room),
      next_(k + 1),
      lower_(whole_vectors(std::min<std::size_t>(k, 1024) + 2 * room)),
      upper_(lower_.size()),
      rows_(lower_.size()) {}

void RankedCandidates::make_room() {
  if (count_ >= next_) {
    tidy();
    next_ = count_ + std::max(k_, count_ / 2);
  }
  if (count_ + room_ <= rows_.size()) return;
  for (auto* bounds : {&lower_, &upper_}) bounds->resize(2 * rows_.size());
  rows_.resize(lower_.size());
}

// The k-th largest is looked for among whole buckets: some more than k may be at or above the
// threshold, which is the least lower bound in its bucket. Four counts take turns, as many bounds
// one after the other fall into the same few buckets.
void RankedCandidates::raise_threshold() {
  constexpr std::size_t kBuckets = 256;
  const float from = std::max(least_, threshold_);
  const float scale = kBuckets / std::max(most_ - from, 1e-30f);
  const std::size_t whole = whole_vectors(count_);
  std::fill(lower_.begin() + static_cast<std::ptrdiff_t>(count_),
            lower_.begin() + static_cast<std::ptrdiff_t>(whole), kInfinity);
  thread_local std::vector<std::int32_t> buckets;
  buckets.resize(whole);
  HWY_DYNAMIC_DISPATCH(buckets_kernel)
  (lower_.data(), whole, from, scale, kBuckets - 1, buckets.data());
  std::array<std::array<std::uint32_t, kBuckets>, 4> sizes{};
  for (std::size_t i = 0; i < count_; ++i) ++sizes[i % 4][static_cast<std::size_t>(buckets[i])];
  std::size_t bucket = kBuckets, above = 0;
  while (above < k_) {
    --bucket;
    for (const auto& turn : sizes) above += turn[bucket];
  }
  const float least = HWY_DYNAMIC_DISPATCH(least_from_kernel)(
      lower_.data(), buckets.data(), whole, static_cast<std::int32_t>(bucket), most_);
  threshold_ = std::max(threshold_, least);
}

void RankedCandidates::tidy() {
  if (count_ <= k_) return;
  raise_threshold();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    lower_[kept] = lower_[i];
    upper_[kept] = upper_[i];
    rows_[kept] = rows_[i];
    kept += upper_[i] >= threshold_ ? 1 : 0;
  }
  count_ = kept;
}

RowMarks::RowMarks(std::span<const std::int32_t> rows) : rows_(rows) {
  for (const std::int32_t row : rows) {
    const auto bit = static_cast<std::uint32_t>(row) % kBits;
    bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
}

bool RowMarks::found(std::int32_t row) const { return std::ranges::binary_search(rows_, row); }

}  // namespace attune::math
#endif
