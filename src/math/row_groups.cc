#include "row_groups.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "row_groups.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "attune/math/products.h"
#include "byte_products.h"
#include "safe_bounds.h"

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Writes the places of numbers that are at least `least`, rising; gives how many there are. Shapes:
// numbers (kRowGroup), places (kRowGroup + kPlacesBeyond), of which those beyond the last are
// written, too.
template <class Number>
HWY_INLINE std::size_t places_from(const Number* numbers, Number least, std::int32_t* places) {
  const hn::CappedTag<Number, 16> lanes;
  const hn::RebindToSigned<decltype(lanes)> integers;
  const std::size_t width = hn::Lanes(lanes);
  const auto bound = hn::Set(lanes, least);
  const auto numbers_at = [&](std::size_t i) { return hn::LoadU(lanes, numbers + i); };
  std::size_t found = 0;
  for (std::size_t i = 0; i < kRowGroup; i += 2 * width) {
    if (hn::AllTrue(lanes, hn::Lt(hn::Max(numbers_at(i), numbers_at(i + width)), bound))) continue;
    for (const std::size_t j : {i, i + width}) {
      const auto mask = hn::RebindMask(integers, hn::Not(hn::Lt(numbers_at(j), bound)));
      const auto here = hn::Iota(integers, static_cast<std::int32_t>(j));
      hn::StoreU(hn::Compress(here, mask), integers, places + found);
      found += hn::CountTrue(integers, mask);
    }
  }
  return found;
}

std::size_t scores_from_kernel(const float* scores, float least, std::int32_t* places) {
  return places_from(scores, least, places);
}
std::size_t sums_from_kernel(const std::int32_t* sums, std::int32_t least, std::int32_t* places) {
  return places_from(sums, least, places);
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(scores_from_kernel);
HWY_EXPORT(sums_from_kernel);

namespace {

constexpr std::size_t kPanel = 32;
// From a vector's scores to the next one's: not a power of two, so that they do not all meet in one
// place of the cache.
constexpr std::size_t kStep = kRowGroup + 16;

std::size_t whole_groups(std::size_t rows) {
  return (rows + kRowGroup - 1) / kRowGroup * kRowGroup;
}

// Moves the elements of `width` numbers at these places to the front.
template <class Numbers>
void keep_places(Numbers& numbers, std::size_t width, std::span<const std::size_t> places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(places[i] * width);
    std::copy(from, from + static_cast<std::ptrdiff_t>(width),
              numbers.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  numbers.resize(places.size() * width);
}

}  // namespace

FullGroups::FullGroups(const MatrixF& rows, std::span<const std::int32_t> order)
    : columns_(static_cast<std::size_t>(rows.columns())),
      panels_(whole_groups(order.size()) * columns_) {
  for (std::size_t at = 0; at < order.size(); ++at) {
    const auto numbers = rows.row(order[at]);
    longest_ = std::max(longest_, rounded_up(length_of(numbers)));
    float* panel = panels_.data() + at / kPanel * kPanel * columns_ + at % kPanel;
    for (std::size_t j = 0; j < columns_; ++j) panel[j * kPanel] = numbers[j];
  }
}

FullGroups::Block::Block(const FullGroups& groups, std::span<const std::span<const float>> vectors)
    : groups_(groups) {
  for (const std::span<const float> x : vectors) {
    vectors_.insert(vectors_.end(), x.begin(), x.end());
    off_.push_back(rounded_up(rounding_of(x.size()) * length_of(x) * groups.longest_));
  }
}

void FullGroups::Block::keep(std::span<const std::size_t> places) {
  keep_places(vectors_, groups_.columns_, places);
  keep_places(off_, 1, places);
}

void FullGroups::Block::multiply(std::size_t group) {
  const auto d = static_cast<std::int64_t>(groups_.columns_);
  scores_.resize(off_.size() * kStep);
  const float* panels = groups_.panels_.data() + group * kRowGroup * groups_.columns_;
  for (std::size_t panel = 0; panel < kRowGroup; panel += kPanel) {
    math::multiply(static_cast<std::int64_t>(off_.size()), kPanel, d, {vectors_.data(), d, 1},
                   {panels + panel * groups_.columns_, kPanel}, {scores_.data() + panel, kStep});
  }
}

void FullGroups::Block::reaching(std::size_t vector, float threshold, Reaching& found) const {
  const float* scores = scores_.data() + vector * kStep;
  const float off = off_[vector];
  found.count =
      HWY_DYNAMIC_DISPATCH(scores_from_kernel)(scores, threshold - off, found.place.data());
  for (std::size_t i = 0; i < found.count; ++i) {
    const float score = scores[found.place[i]];
    found.lower[i] = score - off;
    found.upper[i] = score + off;
  }
}

bool ByteGroups::fits(std::int64_t columns) {
  return columns <= static_cast<std::int64_t>(4 * kMostQuads);
}

ByteGroups::ByteGroups(const MatrixF& rows, std::span<const std::int32_t> order)
    : quads_((static_cast<std::size_t>(rows.columns()) + 3) / 4),
      bytes_(whole_groups(order.size()) * quads_ * 4, kRowZero) {
  slack_.reserve(whole_groups(order.size()));
  length_.reserve(whole_groups(order.size()));
  for (std::size_t first = 0; first < order.size(); first += kRowGroup) {
    add_group(rows, order.subspan(first, std::min(kRowGroup, order.size() - first)),
              bytes_.data() + first * quads_ * 4);
  }
}

void ByteGroups::add_group(const MatrixF& rows, std::span<const std::int32_t> members,
                           std::uint8_t* bytes) {
  float largest = 0;
  for (const std::int32_t row : members) largest = std::max(largest, largest_of(rows.row(row)));
  Group group{.scale = largest / kMostRowSteps};
  const double rounding = rounding_of(static_cast<std::size_t>(rows.columns()));
  for (std::size_t at = 0; at < members.size(); ++at) {
    const auto numbers = rows.row(members[at]);
    std::uint8_t* to = bytes + at / kByteRows * kByteRows * quads_ * 4 + at % kByteRows * 4;
    const double lost =
        round_to_steps(numbers, group.scale, kMostRowSteps, [&](std::size_t j, int steps) {
          to[j / 4 * kByteRows * 4 + j % 4] = static_cast<std::uint8_t>(steps + kRowZero);
        });
    const double length = length_of(numbers);
    slack_.push_back(rounded_up(lost + rounding * (length + lost)));
    length_.push_back(rounded_up(length * (1 + rounding)));
    group.slack = std::max(group.slack, slack_.back());
    group.length = std::max(group.length, length_.back());
  }
  groups_.push_back(group);
  slack_.resize(groups_.size() * kRowGroup);
  length_.resize(groups_.size() * kRowGroup);
}

ByteGroups::Block::Block(const ByteGroups& groups, std::span<const std::span<const float>> vectors)
    : groups_(groups), steps_(vectors.size() * groups.quads_ * 4) {
  for (std::size_t v = 0; v < vectors.size(); ++v) {
    const std::span<const float> x = vectors[v];
    const float scale = largest_of(x) / kMostVectorSteps;
    std::int32_t sum = 0;
    std::int8_t* to = steps_.data() + v * groups.quads_ * 4;
    const double lost = round_to_steps(x, scale, kMostVectorSteps, [&](std::size_t j, int steps) {
      to[j] = static_cast<std::int8_t>(steps);
      sum += steps;
    });
    const double length = length_of(x);
    start_.push_back(-kRowZero * sum);
    rounded_.push_back(
        {.scale = scale, .length = rounded_up(length + lost), .lost = rounded_up(lost)});
  }
}

void ByteGroups::Block::keep(std::span<const std::size_t> places) {
  keep_places(steps_, groups_.quads_ * 4, places);
  keep_places(start_, 1, places);
  keep_places(rounded_, 1, places);
}

void ByteGroups::Block::multiply(std::size_t group) {
  group_ = group;
  sums_.resize(start_.size() * kStep);
  const std::uint8_t* bytes = groups_.bytes_.data() + group * kRowGroup * groups_.quads_ * 4;
  multiply_bytes({steps_.data(), start_.data(), start_.size()}, {bytes, kRowGroup}, groups_.quads_,
                 {sums_.data(), kStep});
}

// No row of the group whose sum is smaller reaches the threshold.
std::int32_t ByteGroups::Block::least_sum(const Rounded& x, float threshold) const {
  using Limits = std::numeric_limits<std::int32_t>;
  const Group& group = groups_.groups_[group_];
  const double slack = double{x.length} * group.slack + double{x.lost} * group.length;
  const double unit = double{x.scale} * group.scale;
  if (!(unit > 0)) return Limits::min();
  const double sums = (threshold - slack) / unit;
  return static_cast<std::int32_t>(std::clamp(sums - 1 - std::abs(sums) * 0x1p-20,
                                              double{Limits::min()}, double{Limits::max()}));
}

void ByteGroups::Block::reaching(std::size_t vector, float threshold, Reaching& found) const {
  const Rounded& x = rounded_[vector];
  const std::int32_t* sums = sums_.data() + vector * kStep;
  const float* slacks = groups_.slack_.data() + group_ * kRowGroup;
  const float* lengths = groups_.length_.data() + group_ * kRowGroup;
  const float unit = x.scale * groups_.groups_[group_].scale;
  const std::size_t places =
      HWY_DYNAMIC_DISPATCH(sums_from_kernel)(sums, least_sum(x, threshold), found.place.data());
  found.count = 0;
  for (std::size_t i = 0; i < places; ++i) {
    const std::int32_t place = found.place[i];
    const float middle = static_cast<float>(sums[place]) * unit;
    const float slack = x.length * slacks[place] + x.lost * lengths[place];
    if (middle + slack < threshold) continue;
    found.place[found.count] = place;
    found.lower[found.count] = middle - slack;
    found.upper[found.count] = middle + slack;
    ++found.count;
  }
}

}  // namespace attune::math
#endif
