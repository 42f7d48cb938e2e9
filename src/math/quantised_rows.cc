#include "attune/math/quantised_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantised_rows.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "attune/math/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Integers = hn::Rebind<std::int32_t, Floats>;
using Bytes = hn::Rebind<std::int8_t, Floats>;

// One block: codes (n, 16), out as wide as `scale`. No lane depends on another.
void block_kernel(const std::int8_t* codes, const float* x, std::size_t n, float* products) {
  const Floats floats;
  const Integers integers;
  const Bytes bytes;
  const std::size_t width = hn::Lanes(floats);
  const auto step = [&](std::size_t j, std::size_t lane, auto sum) HWY_ATTR {
    const auto code = hn::PromoteTo(integers, hn::LoadU(bytes, codes + j * 16 + lane));
    return hn::MulAdd(hn::ConvertTo(floats, code), hn::Set(floats, x[j]), sum);
  };
  for (std::size_t lane = 0; lane < 16; lane += width) {
    auto s0 = hn::Zero(floats), s1 = s0, s2 = s0, s3 = s0;
    std::size_t j = 0;
    for (; j + 4 <= n; j += 4) {
      s0 = step(j, lane, s0);
      s1 = step(j + 1, lane, s1);
      s2 = step(j + 2, lane, s2);
      s3 = step(j + 3, lane, s3);
    }
    for (; j < n; ++j) s0 = step(j, lane, s0);
    hn::StoreU(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), floats, products + lane);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(block_kernel);

namespace {

constexpr double kRounding = 0x1p-24;  // of one float operation
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kChunk = 1024;  // rows whose bounds are held at a time

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

std::vector<ScoredIndex> best_of_all(const MatrixF& rows, std::span<const float> x, TopK top,
                                     const RowFilter& filter) {
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const auto row = static_cast<std::int32_t>(r);
    if (!admits(filter, row)) continue;
    const ScoredIndex entry{dot(rows.row(r), x), row};
    top.offer(std::span(&entry, 1));
  }
  return top.best();
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

QuantisedRows::QuantisedRows(const MatrixF& rows, std::span<const std::uint8_t> present)
    : rows_(rows.rows()), columns_(rows.columns()) {
  const auto padded = static_cast<std::size_t>((rows_ + kBlock - 1) / kBlock * kBlock);
  codes_.resize(padded * static_cast<std::size_t>(columns_));
  scale_.resize(padded);
  slack_.resize(padded, std::numeric_limits<float>::quiet_NaN());
  for (std::int64_t r = 0; r < rows_; ++r) {
    const auto at = static_cast<std::size_t>(r);
    if (!present.empty() && !present[at]) continue;
    const auto row = rows.row(r);
    const double length = length_of(row);
    slack_[at] = kInfinity;
    if (!(length < std::numeric_limits<float>::max())) continue;
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::abs(value));
    const float scale = largest / 127;
    std::int8_t* codes = codes_.data() + r / kBlock * kBlock * columns_ + r % kBlock;
    double lost = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      const auto code = static_cast<std::int8_t>(scale > 0 ? std::lround(row[j] / scale) : 0);
      codes[static_cast<std::int64_t>(j) * kBlock] = code;
      lost += std::pow(double{row[j]} - double{scale} * code, 2);
    }
    scale_[at] = scale;
    const double rounding = (2 * static_cast<double>(columns_) + 8) * kRounding;
    slack_[at] = rounded_up(std::sqrt(lost) + rounding * (length + std::sqrt(lost)));
  }
}

void QuantisedRows::bounds(std::span<const float> x, std::int64_t first, std::span<float> lower,
                           std::span<float> upper) const {
  const float length = rounded_up(length_of(x));
  std::array<float, kBlock> products{};
  for (std::size_t begin = 0; begin < lower.size(); begin += kBlock) {
    const auto at = static_cast<std::size_t>(first) + begin;
    HWY_DYNAMIC_DISPATCH(block_kernel)
    (codes_.data() + at * static_cast<std::size_t>(columns_), x.data(), x.size(), products.data());
    const std::size_t size = std::min<std::size_t>(kBlock, lower.size() - begin);
    for (std::size_t i = 0; i < size; ++i) {
      const float middle = products[i] * scale_[at + i], slack = length * slack_[at + i];
      lower[begin + i] = middle - slack;
      upper[begin + i] = middle + slack;
    }
  }
}

std::vector<ScoredIndex> QuantisedRows::best(const MatrixF& rows, std::span<const float> x, int k,
                                             const RowFilter& filter) const {
  auto top = TopK::create(k);
  if (!top) return {};
  if (!(length_of(x) < std::numeric_limits<float>::max()))
    return best_of_all(rows, x, std::move(*top), filter);
  std::array<float, kChunk> lower, upper;
  std::vector<ScoredIndex> candidates;  // with their upper bounds
  Threshold threshold(static_cast<std::size_t>(std::min<std::int64_t>(k, rows_)));
  for (std::int64_t first = 0; first < rows_; first += kChunk) {
    const auto size = static_cast<std::size_t>(std::min(kChunk, rows_ - first));
    bounds(x, first, std::span(lower).first(size), std::span(upper).first(size));
    for (std::size_t i = 0; i < size; ++i) {
      const auto row = static_cast<std::int32_t>(first + static_cast<std::int64_t>(i));
      if (!(upper[i] >= threshold.value()) || !admits(filter, row)) continue;
      candidates.push_back({upper[i], row});
      if (lower[i] > threshold.value()) threshold.add(lower[i]);
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
