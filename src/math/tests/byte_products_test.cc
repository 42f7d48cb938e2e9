#include "../byte_products.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"

namespace attune::math {
namespace {

struct Bytes {
  Bytes(std::size_t vectors, std::size_t rows, std::size_t width, bool extreme) : quads(width) {
    Rng rng(5, "bytes", width);
    const auto whole = [&](int most) {
      if (extreme) return rng.uniform() < .5 ? -most : most;
      return static_cast<int>(rng.uniform() * (2 * most + 1)) - most;
    };
    for (std::size_t i = 0; i < vectors * quads * 4; ++i)
      x.push_back(static_cast<std::int8_t>(whole(kMostVectorSteps)));
    for (std::size_t i = 0; i < rows * quads * 4; ++i)
      y.push_back(static_cast<std::uint8_t>(whole(kMostRowSteps) + kRowZero));
    for (std::size_t v = 0; v < vectors; ++v) start.push_back(static_cast<std::int32_t>(v) * 1000);
  }

  std::int32_t reference(std::size_t vector, std::size_t row) const {
    std::int32_t sum = start[vector];
    for (std::size_t j = 0; j < quads * 4; ++j) {
      const std::size_t panel = row / kByteRows * quads + j / 4;
      sum += x[vector * quads * 4 + j] * y[(panel * kByteRows + row % kByteRows) * 4 + j % 4];
    }
    return sum;
  }

  std::size_t quads;
  std::vector<std::int8_t> x;
  std::vector<std::uint8_t> y;
  std::vector<std::int32_t> start;
};

// All vectors from 1 to 30 meet every width of a tile; at the edge two products fill 16 bits.
TEST(ByteProducts, AreTheSameWholeNumbersOnEveryInstructionSet) {
  constexpr std::size_t kRows = 64, kStep = 70;
  for (const std::string& set : instruction_sets()) {
    ASSERT_TRUE(use_instruction_set(set));
    for (const std::size_t quads : {std::size_t{1}, std::size_t{2}, std::size_t{33}}) {
      for (const bool extreme : {false, true}) {
        const Bytes bytes(30, kRows, quads, extreme);
        for (const std::size_t count : {1u, 3u, 4u, 5u, 12u, 17u, 30u}) {
          std::vector<std::int32_t> sums(count * kStep, -7);
          multiply_bytes({bytes.x.data(), bytes.start.data(), count}, {bytes.y.data(), kRows},
                         quads, {sums.data(), kStep});
          for (std::size_t v = 0; v < count; ++v) {
            for (std::size_t r = 0; r < kStep; ++r)
              ASSERT_EQ(sums[v * kStep + r], r < kRows ? bytes.reference(v, r) : -7)
                  << set << " " << quads << " " << v << " " << r;
          }
        }
      }
    }
  }
  ASSERT_TRUE(use_instruction_set(instruction_sets().front()));
}

// What two products side by side and a sum of the most columns come to still fits.
TEST(ByteProducts, FitTheirTypes) {
  constexpr int kMostByte = kRowZero + kMostRowSteps;
  EXPECT_LE(2 * kMostByte * kMostVectorSteps, 32767);
  EXPECT_LE(std::int64_t{kMostByte} * kMostVectorSteps * 4 * std::int64_t{kMostQuads} +
                std::int64_t{kRowZero} * kMostVectorSteps * 4 * std::int64_t{kMostQuads},
            std::int64_t{2147483647});
}

}  // namespace
}  // namespace attune::math
