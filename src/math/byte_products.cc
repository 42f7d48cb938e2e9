#include "byte_products.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "byte_products.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SSE2

namespace hn = hwy::HWY_NAMESPACE;
using Integers = hn::CappedTag<std::int32_t, kByteRows>;
using Shorts = hn::Repartition<std::int16_t, Integers>;
using Bytes = hn::Repartition<std::uint8_t, Integers>;
constexpr std::size_t kWidth = hn::MaxLanes(Integers());

// Products of bytes without and with a sign, two neighbours added; Highway has no name for it yet.
HWY_INLINE hn::Vec<Shorts> pair_sums(hn::Vec<Bytes> a, hn::Vec<Integers> b) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return hn::Vec<Shorts>{_mm512_maddubs_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<Shorts>{_mm256_maddubs_epi16(a.raw, b.raw)};
#else
  return hn::Vec<Shorts>{_mm_maddubs_epi16(a.raw, b.raw)};
#endif
}

// kVectors x 2 vectors of sums in registers, four columns after the other.
template <int Vectors>
HWY_INLINE void multiply_tile(const std::int8_t* x, const std::int32_t* start,
                              const std::uint8_t* rows, std::size_t quads, ByteSums sums) {
  constexpr int kWide = 2;
  const Integers lanes;
  const auto ones = hn::Set(Shorts(), 1);
  const std::uint8_t* columns[kWide];
  hn::Vec<Integers> held[Vectors][kWide];
  for (int w = 0; w < kWide; ++w) {
    const std::size_t row = static_cast<std::size_t>(w) * kWidth;
    columns[w] = rows + row / kByteRows * kByteRows * quads * 4 + row % kByteRows * 4;
    for (int v = 0; v < Vectors; ++v) held[v][w] = hn::Set(lanes, start[v]);
  }
  for (std::size_t q = 0; q < quads; ++q) {
    hn::Vec<Bytes> column[kWide];
    for (int w = 0; w < kWide; ++w) column[w] = hn::LoadU(Bytes(), columns[w] + q * kByteRows * 4);
    for (int v = 0; v < Vectors; ++v) {
      std::int32_t four;
      std::memcpy(&four, x + (static_cast<std::size_t>(v) * quads + q) * 4, sizeof four);
      const auto factor = hn::Set(lanes, four);
      for (int w = 0; w < kWide; ++w) {
        auto none = hn::Zero(lanes);
        held[v][w] = hn::ReorderWidenMulAccumulate(lanes, pair_sums(column[w], factor), ones,
                                                   held[v][w], none);
      }
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    for (int w = 0; w < kWide; ++w)
      hn::StoreU(held[v][w], lanes,
                 sums.data + v * sums.step + static_cast<std::size_t>(w) * kWidth);
  }
}

void multiply_bytes_kernel(ByteVectors vectors, ByteRows rows, std::size_t quads, ByteSums sums) {
#if HWY_TARGET == HWY_AVX3 && defined(__x86_64__)
  static const bool has_vnni = __builtin_cpu_supports("avx512vnni");
  if (has_vnni) {
    multiply_bytes_vnni(vectors, rows, quads, sums);
    return;
  }
#endif
  constexpr std::size_t kVectors = 4;
  for (std::size_t row = 0; row < rows.count; row += 2 * kWidth) {
    const std::uint8_t* panel =
        rows.data + row / kByteRows * kByteRows * quads * 4 + row % kByteRows * 4;
    std::size_t v = 0;
    const auto at = [&] { return ByteSums{sums.data + v * sums.step + row, sums.step}; };
    for (; v + kVectors <= vectors.count; v += kVectors)
      multiply_tile<kVectors>(vectors.data + v * quads * 4, vectors.start + v, panel, quads, at());
    for (; v < vectors.count; ++v)
      multiply_tile<1>(vectors.data + v * quads * 4, vectors.start + v, panel, quads, at());
  }
}

#else

void multiply_bytes_kernel(ByteVectors vectors, ByteRows rows, std::size_t quads, ByteSums sums) {
  for (std::size_t v = 0; v < vectors.count; ++v) {
    const std::int8_t* x = vectors.data + v * quads * 4;
    for (std::size_t row = 0; row < rows.count; ++row) {
      const std::uint8_t* bytes =
          rows.data + row / kByteRows * kByteRows * quads * 4 + row % kByteRows * 4;
      std::int32_t sum = vectors.start[v];
      for (std::size_t q = 0; q < quads; ++q) {
        for (std::size_t j = 0; j < 4; ++j) sum += x[q * 4 + j] * bytes[q * kByteRows * 4 + j];
      }
      sums.data[v * sums.step + row] = sum;
    }
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(multiply_bytes_kernel);

void multiply_bytes(ByteVectors vectors, ByteRows rows, std::size_t quads, ByteSums sums) {
  HWY_DYNAMIC_DISPATCH(multiply_bytes_kernel)(vectors, rows, quads, sums);
}

}  // namespace attune::math
#endif
