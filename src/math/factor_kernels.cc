#include "attune/math/factor_kernels.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factor_kernels.cc"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;
constexpr std::int64_t kWidth = static_cast<std::int64_t>(hn::MaxLanes(Floats()));
constexpr std::int64_t kGroup = 8;         // entries worked on together
constexpr std::int64_t kFetched = 16;      // entries from here on are asked for
constexpr std::int64_t kCached = 131'072;  // numbers that a second pass finds in a core's caches

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void store_sums(const Vector* v, float* sums) {
  for (int i = 0; i < 4; ++i) sums[i] = hn::GetLane(v[i]);
}
#else
using Four = hn::FixedTag<float, 4>;

template <class Lanes>
HWY_INLINE hn::Vec<Four> fold(Lanes lanes, hn::Vec<Lanes> v) {
  if constexpr (hn::MaxLanes(Lanes()) == 4) {
    return v;
  } else {
    const hn::Half<Lanes> half;
    return fold(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
  (void)lanes;
}

// The sums of lanes of four vectors.
HWY_INLINE void store_sums(const Vector* v, float* sums) {
  const Floats lanes;
  const Four four;
  const auto a = fold(lanes, v[0]), b = fold(lanes, v[1]), c = fold(lanes, v[2]),
             d = fold(lanes, v[3]);
  const auto ab = hn::Add(hn::InterleaveLower(four, a, b), hn::InterleaveUpper(four, a, b));
  const auto cd = hn::Add(hn::InterleaveLower(four, c, d), hn::InterleaveUpper(four, c, d));
  hn::StoreU(hn::Add(hn::ConcatLowerLower(four, cd, ab), hn::ConcatUpperUpper(four, cd, ab)), four,
             sums);
}
#endif

HWY_INLINE float sum_of(Vector v) { return hn::GetLane(hn::SumOfLanes(Floats(), v)); }

// products[i] = v_i[0 .. width) . x for the kGroup vectors at `at`.
HWY_INLINE void dot_group(const float* const* at, std::int64_t width, const float* x,
                          float* products) {
  const Floats lanes;
  Vector sums[kGroup];
  for (auto& sum : sums) sum = hn::Zero(lanes);
  for (std::int64_t j = 0; j < width; j += kWidth) {
    const auto own = hn::LoadU(lanes, x + j);
    for (std::int64_t i = 0; i < kGroup; ++i)
      sums[i] = hn::MulAdd(hn::LoadU(lanes, at[i] + j), own, sums[i]);
  }
  for (std::int64_t i = 0; i < kGroup; i += 4) store_sums(sums + i, products + i);
}

// out += scale_i v_i over the group.
HWY_INLINE void add_group(const float* const* at, std::int64_t width, const float* scales,
                          float* out) {
  const Floats lanes;
  Vector factors[kGroup];
  for (std::int64_t i = 0; i < kGroup; ++i) factors[i] = hn::Set(lanes, scales[i]);
  for (std::int64_t j = 0; j < width; j += kWidth) {
    auto even = hn::LoadU(lanes, out + j), odd = hn::Zero(lanes);
    for (std::int64_t i = 0; i < kGroup; i += 2) {
      even = hn::MulAdd(factors[i], hn::LoadU(lanes, at[i] + j), even);
      odd = hn::MulAdd(factors[i + 1], hn::LoadU(lanes, at[i + 1] + j), odd);
    }
    hn::StoreU(hn::Add(even, odd), lanes, out + j);
  }
}

// Where the vectors of entries `first` ... lie; places beyond the end repeat the last one.
HWY_INLINE std::int64_t locate(const EntryVectors& e, std::int64_t first, const float** at) {
  const std::int64_t left = e.count - first;
  const std::int64_t size = left < kGroup ? left : kGroup;
  for (std::int64_t i = 0; i < kGroup; ++i) {
    const std::int64_t place = first + (i < size ? i : size - 1);
    at[i] = e.vectors + static_cast<std::int64_t>(e.rows[place]) * e.width;
  }
  return size;
}

HWY_INLINE void fetch(const EntryVectors& e, std::int64_t first, std::int64_t count) {
  constexpr std::int64_t kLine = 16;  // floats of a cache line
  const std::int64_t known = e.count + e.ahead;
  for (std::int64_t i = first; i < first + count && i < known; ++i) {
    const float* vector = e.vectors + static_cast<std::int64_t>(e.rows[i]) * e.width;
    for (std::int64_t j = 0; j < e.width; j += kLine) hwy::Prefetch(vector + j);
  }
}

template <bool Misses>
HWY_INLINE void add_fitted(const EntryVectors& e, const float* x, float* out) {
  const float* at[kGroup];
  float scales[kGroup];
  const bool beyond_caches = e.count * e.width > kCached;
  for (std::int64_t first = 0; first < e.count; first += kGroup) {
    const std::int64_t size = locate(e, first, at);
    if (Misses || beyond_caches) fetch(e, first + kFetched, kGroup);
    dot_group(at, e.width, x, scales);
    for (std::int64_t i = 0; i < kGroup; ++i) {
      const float weight = i < size ? e.weights[first + i] : 0;
      scales[i] = weight * (Misses ? 1 - scales[i] : scales[i]);
    }
    add_group(at, e.width, scales, out);
  }
}

void find_misses_kernel(const EntryVectors& e, const float* x, float* misses) {
  const float* at[kGroup];
  float products[kGroup];
  for (std::int64_t first = 0; first < e.count; first += kGroup) {
    const std::int64_t size = locate(e, first, at);
    fetch(e, first + kFetched, kGroup);
    dot_group(at, e.width, x, products);
    for (std::int64_t i = 0; i < size; ++i) misses[first + i] = 1 - products[i];
  }
}

void lower_misses_kernel(const EntryVectors& e, std::int64_t column, const float* step,
                         float* misses) {
  const float* at[kGroup];
  float products[kGroup];
  EntryVectors part = e;
  part.vectors += column;
  for (std::int64_t first = 0; first < e.count; first += kGroup) {
    const std::int64_t size = locate(part, first, at);
    dot_group(at, kProductColumns, step, products);
    for (std::int64_t i = 0; i < size; ++i) misses[first + i] -= products[i];
  }
}

// The rows `row` ... of one vector's width of columns of the system.
template <int Rows>
HWY_INLINE void add_outer(const EntryVectors& e, std::int64_t begin, std::int64_t end,
                          std::int64_t row, std::int64_t column, float* out, std::int64_t step) {
  const Floats lanes;
  Vector sums[Rows];
  for (int r = 0; r < Rows; ++r) sums[r] = hn::LoadU(lanes, out + r * step);
  for (std::int64_t i = begin; i < end; ++i) {
    const float* vector = e.vectors + static_cast<std::int64_t>(e.rows[i]) * e.width;
    const auto right = hn::Mul(hn::Set(lanes, e.weights[i]), hn::LoadU(lanes, vector + column));
    for (int r = 0; r < Rows; ++r)
      sums[r] = hn::MulAdd(hn::Set(lanes, vector[row + r]), right, sums[r]);
  }
  for (int r = 0; r < Rows; ++r) hn::StoreU(sums[r], lanes, out + r * step);
}

void add_subspace_kernel(const EntryVectors& e, std::int64_t first, std::int64_t size,
                         const float* misses, float* system, float* gradient) {
  constexpr int kRows = kWidth == 16 ? 16 : 8;
  constexpr std::int64_t kChunk = 128;  // entries whose numbers stay in the first cache
  const Floats lanes;
  for (std::int64_t begin = 0; begin < e.count; begin += kChunk) {
    const std::int64_t end = begin + kChunk < e.count ? begin + kChunk : e.count;
    for (std::int64_t row = 0; row < size; row += kRows) {
      for (std::int64_t column = 0; column < row + kRows; column += kWidth) {
        add_outer<kRows>(e, begin, end, first + row, first + column, system + row * size + column,
                         size);
      }
    }
    for (std::int64_t column = 0; column < size; column += kWidth) {
      auto sum = hn::LoadU(lanes, gradient + column);
      for (std::int64_t i = begin; i < end; ++i) {
        const float* vector = e.vectors + static_cast<std::int64_t>(e.rows[i]) * e.width;
        sum = hn::MulAdd(hn::Set(lanes, e.weights[i] * misses[i]),
                         hn::LoadU(lanes, vector + first + column), sum);
      }
      hn::StoreU(sum, lanes, gradient + column);
    }
  }
}

// y[from ...) += scale x[from ...), from rounded down to whole vectors.
HWY_INLINE void axpy_tail(float scale, const float* x, float* y, std::int64_t from,
                          std::int64_t size) {
  const Floats lanes;
  const auto factor = hn::Set(lanes, scale);
  for (std::int64_t j = from / kWidth * kWidth; j < size; j += kWidth)
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(lanes, x + j), hn::LoadU(lanes, y + j)), lanes, y + j);
}

// A = U'U with U upper, row after row.
bool solve_small_kernel(std::int64_t n, float* u, float* b) {
  const Floats lanes;
  const std::int64_t wide = padded_columns(n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) u[i * wide + j] = u[j * wide + i];
  }
  for (std::int64_t k = 0; k < n; ++k) {
    float* row = u + k * wide;
    if (!(row[k] > 0)) return false;
    const auto factor = hn::Set(lanes, 1 / std::sqrt(row[k]));
    const std::int64_t diagonal = k / kWidth * kWidth;
    for (std::int64_t j = diagonal; j < n; j += kWidth)
      hn::StoreU(hn::Mul(factor, hn::LoadU(lanes, row + j)), lanes, row + j);
    for (std::int64_t j = diagonal; j < k; ++j) row[j] = 0;
    for (std::int64_t i = k + 1; i < n; ++i) axpy_tail(-row[i], row, u + i * wide, i, n);
    b[k] /= row[k];
    const float solved = b[k];
    axpy_tail(-solved, row, b, k, n);
    b[k] = solved;
  }
  for (std::int64_t k = n - 1; k >= 0; --k) {
    float sum = b[k];
    for (std::int64_t j = k + 1; j < n; ++j) sum -= u[k * wide + j] * b[j];
    b[k] = sum / u[k * wide + k];
  }
  return true;
}

// system + 1 = U U' + 1 of the `count` rows of U at `scaled`, its lower triangle.
HWY_INLINE void meet_each_other(const float* scaled, std::int64_t count, std::int64_t width,
                                float* system) {
  const std::int64_t wide = padded_columns(count);
  const float* at[kGroup];
  float products[kGroup];
  for (std::int64_t first = 0; first < count; first += kGroup) {
    for (std::int64_t i = 0; i < kGroup; ++i)
      at[i] = scaled + (first + i < count ? first + i : count - 1) * width;
    for (std::int64_t row = first; row < count; ++row) {
      dot_group(at, width, scaled + row * width, products);
      for (std::int64_t i = 0; i < kGroup && first + i <= row; ++i)
        system[row * wide + first + i] = products[i];
    }
  }
  for (std::int64_t i = 0; i < count; ++i) system[i * wide + i] += 1;
}

// With U = sqrt(weight) V diag^-1/2: x = diag^-1/2 U' (1 + U U')^-1 sqrt(weight).
bool solve_short_row_kernel(const RowSystem& s, float* scratch, float* x) {
  const Floats lanes;
  const EntryVectors& e = s.entries;
  const std::int64_t width = e.width, wide = padded_columns(e.count);
  float *roots = scratch, *scaled = roots + width, *system = scaled + e.count * width,
        *b = system + e.count * wide;
  for (std::int64_t j = 0; j < width; j += kWidth) {
    const auto diagonal = hn::Add(hn::LoadU(lanes, s.shared + j), hn::Set(lanes, s.ridge));
    hn::StoreU(hn::Div(hn::Set(lanes, 1), hn::Sqrt(diagonal)), lanes, roots + j);
    hn::StoreU(hn::Zero(lanes), lanes, x + j);
  }
  for (std::int64_t i = 0; i < (e.count + 1) * wide; ++i) system[i] = 0;
  fetch(e, kFetched, e.count);
  for (std::int64_t i = 0; i < e.count; ++i) {
    const float* vector = e.vectors + static_cast<std::int64_t>(e.rows[i]) * width;
    b[i] = std::sqrt(e.weights[i]);
    const auto root = hn::Set(lanes, b[i]);
    for (std::int64_t j = 0; j < width; j += kWidth) {
      const auto own = hn::Mul(hn::LoadU(lanes, vector + j), hn::LoadU(lanes, roots + j));
      hn::StoreU(hn::Mul(root, own), lanes, scaled + i * width + j);
    }
  }
  meet_each_other(scaled, e.count, width, system);
  if (!solve_small_kernel(e.count, system, b)) return false;
  for (std::int64_t first = 0; first < e.count; first += kGroup) {
    const float* at[kGroup];
    float scales[kGroup];
    for (std::int64_t i = 0; i < kGroup; ++i) {
      const bool there = first + i < e.count;
      at[i] = scaled + (there ? first + i : e.count - 1) * width;
      scales[i] = there ? b[first + i] : 0;
    }
    add_group(at, width, scales, x);
  }
  for (std::int64_t j = 0; j < width; j += kWidth)
    hn::StoreU(hn::Mul(hn::LoadU(lanes, x + j), hn::LoadU(lanes, roots + j)), lanes, x + j);
  return true;
}

// out += sign diag p
HWY_INLINE void add_diagonal_product(const RowSystem& s, const float* p, float sign, float* out) {
  const Floats lanes;
  const auto ridge = hn::Set(lanes, s.ridge), factor = hn::Set(lanes, sign);
  for (std::int64_t j = 0; j < s.entries.width; j += kWidth) {
    const auto diagonal = hn::Mul(factor, hn::Add(hn::LoadU(lanes, s.shared + j), ridge));
    const auto before = hn::LoadU(lanes, out + j);
    hn::StoreU(hn::MulAdd(diagonal, hn::LoadU(lanes, p + j), before), lanes, out + j);
  }
}

void start_descent_kernel(const RowSystem& s, Descent& d) {
  const Floats lanes;
  add_diagonal_product(s, d.x, -1, d.residual);
  add_fitted<true>(s.entries, d.x, d.residual);
  auto error = hn::Zero(lanes);
  for (std::int64_t j = 0; j < s.entries.width; j += kWidth) {
    const auto diagonal = hn::Add(hn::LoadU(lanes, s.shared + j), hn::Set(lanes, s.ridge));
    const auto inverse = hn::Div(hn::Set(lanes, 1), diagonal);
    const auto residual = hn::LoadU(lanes, d.residual + j);
    const auto direction = hn::Mul(inverse, residual);
    hn::StoreU(inverse, lanes, d.inverse + j);
    hn::StoreU(direction, lanes, d.direction + j);
    error = hn::MulAdd(residual, direction, error);
  }
  d.error = sum_of(error);
}

HWY_INLINE float curvature_of(const Descent& d, std::int64_t width) {
  const Floats lanes;
  auto sum = hn::Zero(lanes);
  for (std::int64_t j = 0; j < width; j += kWidth)
    sum = hn::MulAdd(hn::LoadU(lanes, d.direction + j), hn::LoadU(lanes, d.product + j), sum);
  return sum_of(sum);
}

bool advance_descent_kernel(const RowSystem& s, Descent& d, float enough) {
  const Floats lanes;
  const std::int64_t width = s.entries.width;
  add_diagonal_product(s, d.direction, 1, d.product);
  add_fitted<false>(s.entries, d.direction, d.product);
  const float curvature = curvature_of(d, width);
  if (!(curvature > 0)) return d.error == 0;
  const auto length = hn::Set(lanes, d.error / curvature);
  auto error = hn::Zero(lanes), moved = error, size = error;
  for (std::int64_t j = 0; j < width; j += kWidth) {
    const auto step = hn::Mul(length, hn::LoadU(lanes, d.direction + j));
    const auto x = hn::Add(hn::LoadU(lanes, d.x + j), step);
    const auto residual =
        hn::NegMulAdd(length, hn::LoadU(lanes, d.product + j), hn::LoadU(lanes, d.residual + j));
    const auto next = hn::Mul(hn::LoadU(lanes, d.inverse + j), residual);
    hn::StoreU(x, lanes, d.x + j);
    hn::StoreU(residual, lanes, d.residual + j);
    hn::StoreU(next, lanes, d.product + j);
    error = hn::MulAdd(residual, next, error);
    moved = hn::MulAdd(step, step, moved);
    size = hn::MulAdd(x, x, size);
  }
  const float left = sum_of(error);
  const auto turn = hn::Set(lanes, left / d.error);
  for (std::int64_t j = 0; j < width; j += kWidth) {
    const auto next = hn::LoadU(lanes, d.product + j);
    hn::StoreU(hn::MulAdd(turn, hn::LoadU(lanes, d.direction + j), next), lanes, d.direction + j);
  }
  d.error = left;
  return sum_of(moved) <= enough * enough * sum_of(size);
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(solve_short_row_kernel);
HWY_EXPORT(start_descent_kernel);
HWY_EXPORT(advance_descent_kernel);
HWY_EXPORT(find_misses_kernel);
HWY_EXPORT(lower_misses_kernel);
HWY_EXPORT(add_subspace_kernel);
HWY_EXPORT(solve_small_kernel);

bool solve_short_row(const RowSystem& system, float* scratch, float* x) {
  return HWY_DYNAMIC_DISPATCH(solve_short_row_kernel)(system, scratch, x);
}
void start_descent(const RowSystem& system, Descent& descent) {
  HWY_DYNAMIC_DISPATCH(start_descent_kernel)(system, descent);
}
bool advance_descent(const RowSystem& system, Descent& descent, float enough) {
  return HWY_DYNAMIC_DISPATCH(advance_descent_kernel)(system, descent, enough);
}
void find_misses(const EntryVectors& entries, const float* x, float* misses) {
  HWY_DYNAMIC_DISPATCH(find_misses_kernel)(entries, x, misses);
}
void lower_misses(const EntryVectors& entries, std::int64_t first, const float* step,
                  float* misses) {
  HWY_DYNAMIC_DISPATCH(lower_misses_kernel)(entries, first, step, misses);
}
void add_subspace(const EntryVectors& entries, std::int64_t first, std::int64_t size,
                  const float* misses, float* system, float* gradient) {
  HWY_DYNAMIC_DISPATCH(add_subspace_kernel)
  (entries, first, size, misses, system, gradient);
}
bool solve_small(std::int64_t size, float* system, float* b) {
  return HWY_DYNAMIC_DISPATCH(solve_small_kernel)(size, system, b);
}

}  // namespace attune::math
#endif
