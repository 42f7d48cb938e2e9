#include "attune/math/products.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "products.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
constexpr std::int64_t kWidth = static_cast<std::int64_t>(hn::MaxLanes(Floats()));

// kRows x kVectors vectors of c in registers, one step of k after the other.
template <bool Add, int Rows, int Vectors>
HWY_INLINE void multiply_tile(std::int64_t k, const LeftSide& a, const RightSide& b,
                              const Target& c) {
  const Floats lanes;
  hn::Vec<Floats> sums[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      sums[r][v] = Add ? hn::LoadU(lanes, c.data + r * c.step + v * kWidth) : hn::Zero(lanes);
    }
  }
  const float* left = a.data;
  const float* right = b.data;
  for (std::int64_t step = 0; step < k; ++step) {
    hn::Vec<Floats> columns[Vectors];
    for (int v = 0; v < Vectors; ++v) columns[v] = hn::LoadU(lanes, right + v * kWidth);
    for (int r = 0; r < Rows; ++r) {
      const auto factor = hn::Set(lanes, left[r * a.row_step]);
      for (int v = 0; v < Vectors; ++v) sums[r][v] = hn::MulAdd(factor, columns[v], sums[r][v]);
    }
    left += a.column_step;
    right += b.step;
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v)
      hn::StoreU(sums[r][v], lanes, c.data + r * c.step + v * kWidth);
  }
}

template <bool Add, int Vectors>
HWY_INLINE void multiply_columns(std::int64_t m, std::int64_t k, LeftSide a, const RightSide& b,
                                 Target c) {
  constexpr int kRows = 6;
  const auto advance = [&](std::int64_t rows) {
    a.data += rows * a.row_step;
    c.data += rows * c.step;
    m -= rows;
  };
  while (m >= kRows) {
    multiply_tile<Add, kRows, Vectors>(k, a, b, c);
    advance(kRows);
  }
  if (m >= 4) {
    multiply_tile<Add, 4, Vectors>(k, a, b, c);
    advance(4);
  }
  if (m >= 2) {
    multiply_tile<Add, 2, Vectors>(k, a, b, c);
    advance(2);
  }
  if (m >= 1) multiply_tile<Add, 1, Vectors>(k, a, b, c);
}

template <bool Add>
HWY_INLINE void multiply_all(std::int64_t m, std::int64_t n, std::int64_t k, const LeftSide& a,
                             const RightSide& b, const Target& c) {
  std::int64_t column = 0;
  for (; column + 2 * kWidth <= n; column += 2 * kWidth) {
    multiply_columns<Add, 2>(m, k, a, {b.data + column, b.step}, {c.data + column, c.step});
  }
  for (; column < n; column += kWidth) {
    multiply_columns<Add, 1>(m, k, a, {b.data + column, b.step}, {c.data + column, c.step});
  }
}

void multiply_kernel(std::int64_t m, std::int64_t n, std::int64_t k, const LeftSide& a,
                     const RightSide& b, const Target& c) {
  multiply_all<false>(m, n, k, a, b, c);
}
void multiply_add_kernel(std::int64_t m, std::int64_t n, std::int64_t k, const LeftSide& a,
                         const RightSide& b, const Target& c) {
  multiply_all<true>(m, n, k, a, b, c);
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(multiply_kernel);
HWY_EXPORT(multiply_add_kernel);

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, LeftSide a, RightSide b, Target c) {
  HWY_DYNAMIC_DISPATCH(multiply_kernel)(m, n, k, a, b, c);
}

void multiply_add(std::int64_t m, std::int64_t n, std::int64_t k, LeftSide a, RightSide b,
                  Target c) {
  HWY_DYNAMIC_DISPATCH(multiply_add_kernel)(m, n, k, a, b, c);
}

void add_gramian(std::int64_t count, std::int64_t n, RightSide rows, Target c) {
  constexpr std::int64_t kBand = 2 * kProductColumns;  // columns of c worked on together
  for (std::int64_t first = 0; first < n; first += kBand) {
    const std::int64_t columns = first + kBand <= n ? kBand : n - first;
    multiply_add(n - first, columns, count, {rows.data + first, 1, rows.step},
                 {rows.data + first, rows.step}, {c.data + first * c.step + first, c.step});
  }
}

}  // namespace attune::math
#endif
