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

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Integers = hn::Rebind<std::int32_t, Floats>;
using Bytes = hn::Rebind<std::int8_t, Floats>;

// Bounds of `blocks` blocks: codes (blocks, n, 16), all others (blocks * 16) but `hits` (blocks),
// set where an upper bound reaches the threshold. No lane depends on another.
void scan_kernel(const ScanArguments& a, std::size_t blocks) {
  const Floats floats;
  const Integers integers;
  const Bytes bytes;
  const std::size_t width = hn::Lanes(floats);
  const auto length = hn::Set(floats, a.length), threshold = hn::Set(floats, a.threshold);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::int8_t* codes = a.codes + block * a.n * 16;
    bool hit = false;
    for (std::size_t lane = 0; lane < 16; lane += width) {
      const auto step = [&](std::size_t j, auto sum) HWY_ATTR {
        const auto code = hn::PromoteTo(integers, hn::LoadU(bytes, codes + j * 16 + lane));
        return hn::MulAdd(hn::ConvertTo(floats, code), hn::Set(floats, a.x[j]), sum);
      };
      auto s0 = hn::Zero(floats), s1 = s0, s2 = s0, s3 = s0;
      std::size_t j = 0;
      for (; j + 4 <= a.n; j += 4) {
        s0 = step(j, s0);
        s1 = step(j + 1, s1);
        s2 = step(j + 2, s2);
        s3 = step(j + 3, s3);
      }
      for (; j < a.n; ++j) s0 = step(j, s0);
      const std::size_t at = block * 16 + lane;
      const auto sum = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
      const auto middle = hn::Mul(sum, hn::LoadU(floats, a.scale + at));
      const auto slack = hn::Mul(length, hn::LoadU(floats, a.slack + at));
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

constexpr double kRounding = 0x1p-24;  // of one float operation
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLongest = std::numeric_limits<float>::max();
constexpr std::size_t kBlock = 16;
constexpr std::size_t kChunk = 1024;  // rows whose bounds are held at a time

double length_of(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  return std::sqrt(squares);
}

// At least as large as `value`.
float rounded_up(double value) { return static_cast<float>(value * (1 + 0x1p-22)); }

bool admits(const RowFilter& filter, std::int32_t row) {
  return (filter.allowed.empty() || filter.allowed[static_cast<std::size_t>(row)]) &&
         !std::ranges::binary_search(filter.left_out, row) &&
         (!filter.accepts || filter.accepts(row));
}

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

QuantisedRows::QuantisedRows(const MatrixF& rows, std::span<const std::uint8_t> present)
    : columns_(static_cast<std::size_t>(rows.columns())) {
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
  codes_.resize(padded * columns_);
  scale_.resize(padded);
  slack_.resize(padded);
  length_.resize(padded);
  for (const auto& [length, row] : order) {
    const std::size_t at = rows_.size();
    rows_.push_back(row);
    length_[at] = slack_[at] = length;
    if (length == kInfinity) continue;
    const auto numbers = rows.row(row);
    float largest = 0;
    for (const float number : numbers) largest = std::max(largest, std::abs(number));
    const float scale = largest / 127;
    std::int8_t* codes = codes_.data() + at / kBlock * kBlock * columns_ + at % kBlock;
    double lost = 0;
    for (std::size_t j = 0; j < columns_; ++j) {
      const auto code = static_cast<std::int8_t>(scale > 0 ? std::lround(numbers[j] / scale) : 0);
      codes[j * kBlock] = code;
      lost += std::pow(double{numbers[j]} - double{scale} * code, 2);
    }
    scale_[at] = scale;
    const double rounding = (2 * static_cast<double>(columns_) + 8) * kRounding;
    slack_[at] = rounded_up(std::sqrt(lost) + rounding * (double{length} + std::sqrt(lost)));
    length_[at] = rounded_up(double{length} * (1 + rounding));
  }
}

void QuantisedRows::scan(std::span<const float> x, std::size_t first, float threshold,
                         Chunk& chunk) const {
  chunk.size = std::min(kChunk, rows_.size() - first);
  HWY_DYNAMIC_DISPATCH(scan_kernel)
  ({.codes = codes_.data() + first * columns_,
    .x = x.data(),
    .scale = scale_.data() + first,
    .slack = slack_.data() + first,
    .n = columns_,
    .length = rounded_up(length_of(x)),
    .threshold = threshold,
    .lower = chunk.lower.data(),
    .upper = chunk.upper.data(),
    .hits = chunk.hits.data()},
   (chunk.size + kBlock - 1) / kBlock);
}

void QuantisedRows::bounds(std::span<const float> x, std::span<float> lower,
                           std::span<float> upper) const {
  Chunk chunk;
  for (std::size_t first = 0; first < rows_.size(); first += kChunk) {
    scan(x, first, kInfinity, chunk);
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
  const float length = rounded_up(length_of(x));
  // Not comparable: every row in full.
  const float reach = length < kLongest ? length : std::numeric_limits<float>::quiet_NaN();
  Chunk chunk;
  std::vector<ScoredIndex> candidates;  // with their upper bounds
  Threshold threshold(std::min(static_cast<std::size_t>(k), rows_.size()));
  for (std::size_t first = 0; first < rows_.size(); first += kChunk) {
    if (length_[first] * reach < threshold.value()) break;
    scan(x, first, threshold.value(), chunk);
    for (std::size_t i = 0; i < chunk.size; ++i) {
      if (i % kBlock == 0 && !chunk.hits[i / kBlock] && reach == length) {
        i += kBlock - 1;
        continue;
      }
      const std::int32_t row = rows_[first + i];
      if (chunk.upper[i] < threshold.value() || !admits(filter, row)) continue;
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
