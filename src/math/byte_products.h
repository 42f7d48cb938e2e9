// Products of rows in a byte a number, as whole numbers. Answers: what do many vectors make of many
// rows at once, four columns an instruction?
#pragma once

#include <cstddef>
#include <cstdint>

namespace attune::math {

// Rows come in panels of this many.
inline constexpr std::size_t kByteRows = 16;

// Numbers of a row are whole numbers from -127 to 127, kept as that plus 128; those of a vector
// from -63 to 63, so that two products side by side fit into 16 bits.
inline constexpr int kMostRowSteps = 127;
inline constexpr int kMostVectorSteps = 63;
inline constexpr int kRowZero = 128;
inline constexpr std::size_t kMostQuads = 16384;  // of whose products sums fit into 32 bits

// Vectors (count, quads, 4): four columns side by side.
struct ByteVectors {
  const std::int8_t* data;
  const std::int32_t* start;  // (count), what a vector's sums begin with
  std::size_t count;
};
// Rows (count / 16, quads, 16, 4): four columns of 16 rows side by side.
struct ByteRows {
  const std::uint8_t* data;
  std::size_t count;  // a multiple of 2 * kByteRows
};
struct ByteSums {
  std::int32_t* data;
  std::size_t step;  // from a vector's sums to the next one's
};

// sums = start + vectors * rows', of the bytes as they are kept: a start of -kRowZero times the sum
// of the vector makes them those of the numbers. Shapes: sums (vectors.count, rows.count); quads up
// to kMostQuads. Whole numbers: every instruction set gives the same.
// Cost: on one core 2 times as many products a second as multiply_add, 3 to 4 times with AVX-512
// VNNI, while the vectors' bytes and those of 32 rows stay in its caches.
void multiply_bytes(ByteVectors vectors, ByteRows rows, std::size_t quads, ByteSums sums);

#if defined(__x86_64__)
// The same with the instructions of AVX-512 VNNI, which add four products to a sum at once; to be
// called only where the CPU has them.
void multiply_bytes_vnni(ByteVectors vectors, ByteRows rows, std::size_t quads, ByteSums sums);
#endif

}  // namespace attune::math
