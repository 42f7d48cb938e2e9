// Highway's set of instructions that includes these asks for more than the CPUs that have them
// (its release 1.0.3), so this one kernel is written for them by hand.
#include <cstring>

#include "byte_products.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace attune::math {
namespace {

#define ATTUNE_VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

// kVectors x 32 sums in registers, four columns after the other.
template <int Vectors>
ATTUNE_VNNI inline __attribute__((always_inline)) void multiply_tile(const std::int8_t* x,
                                                                     const std::int32_t* start,
                                                                     const std::uint8_t* rows,
                                                                     std::size_t quads,
                                                                     ByteSums sums) {
  constexpr std::size_t kWide = 2;
  __m512i held[Vectors][kWide];
  for (std::size_t v = 0; v < Vectors; ++v) {
    for (std::size_t w = 0; w < kWide; ++w) held[v][w] = _mm512_set1_epi32(start[v]);
  }
  for (std::size_t q = 0; q < quads; ++q) {
    __m512i column[kWide];
    for (std::size_t w = 0; w < kWide; ++w)
      column[w] = _mm512_loadu_si512(rows + (w * quads + q) * kByteRows * 4);
    for (std::size_t v = 0; v < Vectors; ++v) {
      std::int32_t four;
      std::memcpy(&four, x + (v * quads + q) * 4, sizeof four);
      const __m512i factor = _mm512_set1_epi32(four);
      for (std::size_t w = 0; w < kWide; ++w)
        held[v][w] = _mm512_dpbusd_epi32(held[v][w], column[w], factor);
    }
  }
  for (std::size_t v = 0; v < Vectors; ++v) {
    for (std::size_t w = 0; w < kWide; ++w)
      _mm512_storeu_si512(sums.data + v * sums.step + w * kByteRows, held[v][w]);
  }
}

}  // namespace

ATTUNE_VNNI void multiply_bytes_vnni(ByteVectors vectors, ByteRows rows, std::size_t quads,
                                     ByteSums sums) {
  constexpr std::size_t kVectors = 12;
  for (std::size_t row = 0; row < rows.count; row += 2 * kByteRows) {
    const std::uint8_t* panel = rows.data + row * quads * 4;
    const auto at = [&](std::size_t v) {
      return ByteSums{sums.data + v * sums.step + row, sums.step};
    };
    std::size_t v = 0;
    for (; v + kVectors <= vectors.count; v += kVectors)
      multiply_tile<kVectors>(vectors.data + v * quads * 4, vectors.start + v, panel, quads, at(v));
    for (; v + 4 <= vectors.count; v += 4)
      multiply_tile<4>(vectors.data + v * quads * 4, vectors.start + v, panel, quads, at(v));
    for (; v < vectors.count; ++v)
      multiply_tile<1>(vectors.data + v * quads * 4, vectors.start + v, panel, quads, at(v));
  }
}

#undef ATTUNE_VNNI

}  // namespace attune::math
#endif
