#include "attune/math/quantised_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantised_rows.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "attune/math/kernels.h"
#include "quantised_scan.h"
#include "safe_bounds.h"

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Integers = hn::Rebind<std::int32_t, Floats>;

// Sums of code times step of x over all columns, for as many rows as a vector has lanes: codes
// (pairs, 16, 2), x (pairs).
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE hn::Vec<Integers> sums_of(const std::int8_t* codes, const std::int32_t* x,
                                     std::size_t pairs) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < pairs; ++j, codes += 32)
    sum += codes[0] * static_cast<std::int16_t>(x[j]) + codes[1] * (x[j] >> 16);
  return hn::Set(Integers(), sum);
}
#else
using Shorts = hn::Repartition<std::int16_t, Integers>;
using Bytes = hn::Rebind<std::int8_t, Shorts>;

// sum + the products of a and b, two neighbours added in each lane.
HWY_INLINE hn::Vec<Integers> add_products(hn::Vec<Shorts> a, hn::Vec<Shorts> b,
                                          hn::Vec<Integers> sum) {
#if HWY_ARCH_X86
  // Elsewhere its lanes come in another order.
  auto none = hn::Zero(Integers());
  return hn::ReorderWidenMulAccumulate(Integers(), a, b, sum, none);
#else
  const auto odd = [](auto v) HWY_ATTR { return hn::ShiftRight<16>(hn::BitCast(Integers(), v)); };
  const auto even = [](auto v) HWY_ATTR {
    return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(Integers(), v)));
  };
  return hn::Add(sum, hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b))));
#endif
}

HWY_INLINE hn::Vec<Integers> sums_of(const std::int8_t* codes, const std::int32_t* x,
                                     std::size_t pairs) {
  const auto step = [&](std::size_t j, auto sum) HWY_ATTR {
    const auto code = hn::PromoteTo(Shorts(), hn::LoadU(Bytes(), codes + j * 32));
    return add_products(code, hn::BitCast(Shorts(), hn::Set(Integers(), x[j])), sum);
  };
  auto s0 = hn::Zero(Integers()), s1 = s0;
  std::size_t j = 0;
  for (; j + 2 <= pairs; j += 2) {
    s0 = step(j, s0);
    s1 = step(j + 1, s1);
  }
  if (j < pairs) s0 = step(j, s0);
  return hn::Add(s0, s1);
}
#endif

// Bounds of `blocks` blocks: codes (blocks, pairs, 16, 2), all others (blocks * 16) but `x` (pairs)
// and `hits` (blocks), set where an upper bound reaches the threshold. No lane depends on another,
// and sums are whole numbers: every instruction set gives the same bounds.
void scan_kernel(const ScanArguments& a, std::size_t blocks) {
  const Floats floats;
  const std::size_t width = hn::Lanes(floats);
  const auto x_length = hn::Set(floats, a.x_length + a.x_lost), x_lost = hn::Set(floats, a.x_lost),
             x_scale = hn::Set(floats, a.x_scale), threshold = hn::Set(floats, a.threshold);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::int8_t* codes = a.codes + block * a.pairs * 32;
    bool hit = false;
    for (std::size_t lane = 0; lane < 16; lane += width) {
      const auto sums = sums_of(codes + lane * 2, a.x, a.pairs);
      const std::size_t at = block * 16 + lane;
      const auto scale = hn::Mul(x_scale, hn::LoadU(floats, a.scale + at));
      const auto middle = hn::Mul(hn::ConvertTo(floats, sums), scale);
      const auto slack = hn::MulAdd(x_length, hn::LoadU(floats, a.slack + at),
                                    hn::Mul(x_lost, hn::LoadU(floats, a.length + at)));
      const auto upper = hn::Add(middle, slack);
      hn::StoreU(hn::Sub(middle, slack), floats, a.lower + at);
      hn::StoreU(upper, floats, a.upper + at);
      hit = hit || !hn::AllFalse(floats, hn::Ge(upper, threshold));
    }
    a.hits[block] = hit;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(scan_kernel);

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLongest = std::numeric_limits<float>::max();
constexpr std::size_t kBlock = 16;
constexpr std::size_t kChunk = 1024;         // rows whose bounds are held at a time
constexpr std::int32_t kMostSteps = 127;     // of a number of a row
constexpr std::int32_t kMostXSteps = 32767;  // of a number of x

// The k-th largest of what was added.
class Threshold {
 public:
  explicit Threshold(std::size_t k) : k_(k) { heap_.reserve(k); }
  void add(float lower) {
    if (heap_.size() == k_) {
      std::ranges::pop_heap(heap_, std::greater());
      heap_.pop_back();
    }
    heap_.push_back(lower);
    std::ranges::push_heap(heap_, std::greater());
    if (heap_.size() == k_) value_ = heap_.front();
  }
  float value() const { return value_; }

 private:
  std::size_t k_;
  std::vector<float> heap_;  // smallest in front
  float value_ = -kInfinity;
};

}  // namespace

struct QuantisedRows::Chunk {
  std::array<float, kChunk> lower, upper;
  std::array<bool, kChunk / kBlock> hits;
  std::size_t size;
};

// x in 16 bits a number, or fewer where sums of that many columns would not fit into 32.
struct QuantisedRows::Steps {
  explicit Steps(std::span<const float> x)
      : pairs((x.size() + 1) / 2), length(rounded_up(length_of(x))) {
    if (!finite()) {
      length = std::numeric_limits<float>::quiet_NaN();  // and so is every bound
      return;
    }
    const auto most = static_cast<std::int32_t>(
        std::clamp<std::size_t>(std::numeric_limits<std::int32_t>::max() /
                                    (kMostSteps * std::max<std::size_t>(2 * pairs.size(), 1)),
                                1, kMostXSteps));
    scale = largest_of(x) / static_cast<float>(most);
    const double taken = round_to_steps(x, scale, most, [&](std::size_t j, int steps) {
      pairs[j / 2] |=
          static_cast<std::int32_t>((static_cast<std::uint32_t>(steps) & 0xffff) << (j % 2 * 16));
    });
    // Never nothing, so that a row of endless length keeps endless bounds.
    lost = rounded_up(taken + double{length} * 0x1p-30);
  }
  bool finite() const { return length < kLongest; }

  std::vector<std::int32_t> pairs;
  float scale = 0, length, lost = 0;
};

QuantisedRows::QuantisedRows(const MatrixF& rows, std::span<const std::uint8_t> present)
    : pairs_((static_cast<std::size_t>(rows.columns()) + 1) / 2) {
  const double rounding = rounding_of(static_cast<std::size_t>(rows.columns()));
  std::vector<std::pair<float, std::int32_t>> order;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    if (!present.empty() && !present[static_cast<std::size_t>(r)]) continue;
    const float length = rounded_up(length_of(rows.row(r)));
    order.emplace_back(length < kLongest ? length : kInfinity, static_cast<std::int32_t>(r));
  }
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  const std::size_t padded = (order.size() + kBlock - 1) / kBlock * kBlock;
  codes_.resize(padded * pairs_ * 2);
  scale_.resize(padded);
  slack_.resize(padded);
  length_.resize(padded);
  for (const auto& [length, row] : order) {
    const std::size_t at = rows_.size();
    rows_.push_back(row);
    length_[at] = slack_[at] = length;
    if (length == kInfinity) continue;
    const auto numbers = rows.row(row);
    const float scale = largest_of(numbers) / kMostSteps;
    std::int8_t* codes = codes_.data() + at / kBlock * kBlock * pairs_ * 2 + at % kBlock * 2;
    const double lost = round_to_steps(numbers, scale, kMostSteps, [&](std::size_t j, int steps) {
      codes[j / 2 * kBlock * 2 + j % 2] = static_cast<std::int8_t>(steps);
    });
    scale_[at] = scale;
    slack_[at] = rounded_up(lost + rounding * (double{length} + lost));
    length_[at] = rounded_up(double{length} * (1 + rounding));
  }
}

void QuantisedRows::scan(const Steps& x, std::size_t first, float threshold, Chunk& chunk) const {
  chunk.size = std::min(kChunk, rows_.size() - first);
  HWY_DYNAMIC_DISPATCH(scan_kernel)
  ({.codes = codes_.data() + first * pairs_ * 2,
    .x = x.pairs.data(),
    .scale = scale_.data() + first,
    .slack = slack_.data() + first,
    .length = length_.data() + first,
    .pairs = pairs_,
    .x_scale = x.scale,
    .x_length = x.length,
    .x_lost = x.lost,
    .threshold = threshold,
    .lower = chunk.lower.data(),
    .upper = chunk.upper.data(),
    .hits = chunk.hits.data()},
   (chunk.size + kBlock - 1) / kBlock);
}

void QuantisedRows::bounds(std::span<const float> x, std::span<float> lower,
                           std::span<float> upper) const {
  Chunk chunk;
  const Steps steps(x);
  for (std::size_t first = 0; first < rows_.size(); first += kChunk) {
    scan(steps, first, kInfinity, chunk);
    for (std::size_t i = 0; i < chunk.size; ++i) {
      const auto row = static_cast<std::size_t>(rows_[first + i]);
      lower[row] = chunk.lower[i];
      upper[row] = chunk.upper[i];
    }
  }
}

std::vector<ScoredIndex> QuantisedRows::best(const MatrixF& rows, std::span<const float> x, int k,
                                             const RowFilter& filter) const {
  auto top = TopK::create(k);
  if (!top || empty()) return {};
  const Steps steps(x);
  Chunk chunk;
  std::vector<ScoredIndex> candidates;  // with their upper bounds
  Threshold threshold(std::min(static_cast<std::size_t>(k), rows_.size()));
  for (std::size_t first = 0; first < rows_.size(); first += kChunk) {
    if (length_[first] * steps.length < threshold.value()) break;  // NaN: never
    scan(steps, first, threshold.value(), chunk);
    for (std::size_t i = 0; i < chunk.size; ++i) {
      if (i % kBlock == 0 && !chunk.hits[i / kBlock] && steps.finite()) {
        i += kBlock - 1;
        continue;
      }
      const std::int32_t row = rows_[first + i];
      if (chunk.upper[i] < threshold.value() || !filter.admits(row)) continue;
      candidates.push_back({chunk.upper[i], row});
      if (chunk.lower[i] > threshold.value()) threshold.add(chunk.lower[i]);
    }
  }
  for (const ScoredIndex& candidate : candidates) {
    if (candidate.score < threshold.value()) continue;
    const ScoredIndex entry{dot(rows.row(candidate.index), x), candidate.index};
    top->offer(std::span(&entry, 1));
  }
  return top->best();
}

}  // namespace attune::math
#endif
