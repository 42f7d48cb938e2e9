#include "attune/math/kernels.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::math {
namespace {

std::vector<float> random_floats(std::uint64_t seed, std::size_t n) {
  Rng rng(seed, "kernels");
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

TEST(Kernels, AgreeWithPlainLoopsAtEveryLength) {
  for (std::size_t n = 0; n < 150; ++n) {
    const auto a = random_floats(n, n), b = random_floats(n + 1000, n);
    double product = 0, distance = 0, size = 0;
    for (std::size_t i = 0; i < n; ++i) {
      product += static_cast<double>(a[i]) * b[i];
      size += std::abs(static_cast<double>(a[i]) * b[i]);
      distance += std::pow(static_cast<double>(a[i]) - b[i], 2);
    }
    EXPECT_NEAR(dot(a, b), product, 1e-6 * size + 1e-12);
    EXPECT_NEAR(squared_distance(a, b), distance, 1e-5 * distance + 1e-12);
    auto y = b;
    axpy(1.5f, a, y);
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(y[i], b[i] + 1.5f * a[i], 1e-5);
  }
}

TEST(Kernels, ScoreEveryRowLikeOneDot) {
  const std::size_t n = 37, count = 11;
  const auto rows = random_floats(1, n * count), x = random_floats(2, n);
  std::vector<float> out(count);
  dot_rows(rows, x, out);
  for (std::size_t r = 0; r < count; ++r)
    EXPECT_EQ(out[r], dot(std::span(rows).subspan(r * n, n), x));
}

TEST(Kernels, TakeSumsAboveABoundOnEveryInstructionSet) {
  for (const std::string& set : instruction_sets()) {
    ASSERT_TRUE(use_instruction_set(set));
    for (std::size_t n = 0; n < 70; ++n) {
      std::vector<float> sums = random_floats(n, n), lengths = random_floats(n + 1, n);
      for (float& length : lengths) length = std::abs(length);
      const std::vector<float> before = sums;
      std::vector<std::int32_t> places(n);
      std::vector<float> found(n);
      const std::size_t count = take_above(sums, lengths, 2, 0.5f, 0.25f, places, found);
      std::size_t expected = 0;
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_EQ(sums[i], 0);
        if (!(before[i] > 0.25f * (2 * lengths[i] + 0.5f))) continue;
        ASSERT_LT(expected, count);
        EXPECT_EQ(places[expected], static_cast<std::int32_t>(i));
        EXPECT_EQ(found[expected++], before[i]);
      }
      EXPECT_EQ(expected, count);
    }
  }
  ASSERT_TRUE(use_instruction_set(instruction_sets().front()));
}

TEST(Kernels, NameTheInstructionSet) { EXPECT_GT(std::string(instruction_set()).size(), 2u); }

}  // namespace
}  // namespace attune::math
