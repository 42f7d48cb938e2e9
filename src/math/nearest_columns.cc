#include "attune/math/nearest_columns.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nearest_columns.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Integers = hn::Rebind<std::int32_t, Floats>;
using Vector = hn::Vec<Floats>;
constexpr std::int64_t kWidth = static_cast<std::int64_t>(hn::MaxLanes(Floats()));

// The smallest of each lane so far, where it was, and the next smallest.
struct Lanewise {
  Vector best, second;
  hn::Vec<Integers> place;
};

HWY_INLINE void settle(const Lanewise& lanes, std::int32_t* nearest, float* least, float* gap) {
  const Floats floats;
  const Integers integers;
  const auto best = hn::MinOfLanes(floats, lanes.best);
  const auto winners = hn::Eq(lanes.best, best);
  const auto next = hn::MinOfLanes(floats, hn::IfThenElse(winners, lanes.second, lanes.best));
  HWY_ALIGN std::int32_t places[kWidth];
  hn::Store(lanes.place, integers, places);
  const auto first = hn::FindFirstTrue(floats, winners);
  *nearest = places[first < 0 ? 0 : first];
  *least = hn::GetLane(best);
  const bool tied = hn::CountTrue(floats, winners) != 1;
  *gap = tied ? 0 : hn::GetLane(next) - *least;
}

template <int Rows>
HWY_INLINE void find_rows(const float* rows, std::int64_t d, const float* turned,
                          const float* halves, std::int64_t width, std::int32_t* nearest,
                          float* least, float* gap) {
  constexpr int kVectors = 2;
  const Floats floats;
  const Integers integers;
  Lanewise found[Rows];
  for (auto& lanes : found) {
    lanes.best = lanes.second = hn::Set(floats, std::numeric_limits<float>::infinity());
    lanes.place = hn::Zero(integers);
  }
  for (std::int64_t column = 0; column < width; column += kVectors * kWidth) {
    Vector scores[Rows][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const auto half = hn::LoadU(floats, halves + column + v * kWidth);
      for (int r = 0; r < Rows; ++r) scores[r][v] = half;
    }
    for (std::int64_t j = 0; j < d; ++j) {
      Vector centres[kVectors];
      for (int v = 0; v < kVectors; ++v)
        centres[v] = hn::LoadU(floats, turned + j * width + column + v * kWidth);
      for (int r = 0; r < Rows; ++r) {
        const auto x = hn::Set(floats, rows[r * d + j]);
        for (int v = 0; v < kVectors; ++v)
          scores[r][v] = hn::NegMulAdd(x, centres[v], scores[r][v]);
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      const auto places = hn::Iota(integers, static_cast<std::int32_t>(column + v * kWidth));
      for (int r = 0; r < Rows; ++r) {
        Lanewise& lanes = found[r];
        const auto score = scores[r][v];
        const auto nearer = hn::Lt(score, lanes.best);
        lanes.second = hn::Min(lanes.second, hn::Max(score, lanes.best));
        lanes.best = hn::Min(score, lanes.best);
        lanes.place = hn::IfThenElse(hn::RebindMask(integers, nearer), places, lanes.place);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) settle(found[r], nearest + r, least + r, gap + r);
}

void find_kernel(const float* rows, std::int64_t count, std::int64_t d, const float* turned,
                 const float* halves, std::int64_t width, std::int32_t* nearest, float* least,
                 float* gap) {
  constexpr int kRows = 4;
  std::int64_t r = 0;
  for (; r + kRows <= count; r += kRows)
    find_rows<kRows>(rows + r * d, d, turned, halves, width, nearest + r, least + r, gap + r);
  for (; r < count; ++r)
    find_rows<1>(rows + r * d, d, turned, halves, width, nearest + r, least + r, gap + r);
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(find_kernel);

NearestColumns::NearestColumns(const MatrixF& centres) : columns_(centres.columns()) {
  constexpr std::int64_t kGroup = 32;  // what every instruction set works on together
  width_ = (centres.rows() + kGroup - 1) / kGroup * kGroup;
  turned_.assign(static_cast<std::size_t>(width_ * columns_), 0);
  halves_.assign(static_cast<std::size_t>(width_), std::numeric_limits<float>::infinity());
  for (std::int64_t c = 0; c < centres.rows(); ++c) {
    double squares = 0;
    for (std::int64_t j = 0; j < columns_; ++j) {
      turned_[static_cast<std::size_t>(j * width_ + c)] = centres(c, j);
      squares += double{centres(c, j)} * centres(c, j);
    }
    halves_[static_cast<std::size_t>(c)] = static_cast<float>(squares / 2);
  }
}

void NearestColumns::find(std::span<const float> rows, std::span<std::int32_t> nearest,
                          std::span<float> least, std::span<float> gap) const {
  HWY_DYNAMIC_DISPATCH(find_kernel)
  (rows.data(), static_cast<std::int64_t>(nearest.size()), columns_, turned_.data(), halves_.data(),
   width_, nearest.data(), least.data(), gap.data());
}

}  // namespace attune::math
#endif
