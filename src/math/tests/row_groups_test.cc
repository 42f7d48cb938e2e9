#include "../row_groups.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"

namespace attune::math {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

MatrixF drawn(std::uint64_t seed, std::int64_t rows, std::int64_t columns) {
  MatrixF m(rows, columns);
  Rng rng(seed, "row groups", 0);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (float& value : m.row(r))
      value = static_cast<float>(rng.normal() * (rng.uniform() < .1 ? 20 : 1));
  }
  return m;
}

template <class Groups>
class RowGroups : public ::testing::Test {};
using Kinds = ::testing::Types<FullGroups, ByteGroups>;
TYPED_TEST_SUITE(RowGroups, Kinds);

// With no threshold every row is found, and dot lies between its bounds; with one, exactly those
// whose upper bound reaches it are. After some vectors have gone the others keep theirs.
TYPED_TEST(RowGroups, BoundProductsAndFindThoseThatReach) {
  for (const std::int64_t d : {1, 6, 64, 129}) {
    const MatrixF rows = drawn(1, 600, d), queries = drawn(2, 15, d);
    std::vector<std::int32_t> order(600);
    std::iota(order.rbegin(), order.rend(), 0);
    std::vector<std::span<const float>> vectors;
    for (std::int64_t q = 0; q < 15; ++q) vectors.push_back(queries.row(q));
    const TypeParam groups(rows, order);
    typename TypeParam::Block block(groups, vectors);
    std::vector<std::size_t> places(15);
    std::iota(places.begin(), places.end(), 0);
    for (std::size_t group = 0; group < 3; ++group) {
      block.multiply(group);
      for (std::size_t v = 0; v < places.size(); ++v) {
        Reaching all, some;
        block.reaching(v, -kInfinity, all);
        ASSERT_EQ(all.count, kRowGroup);
        const float threshold = all.upper[7];
        block.reaching(v, threshold, some);
        std::size_t next = 0;
        for (std::size_t i = 0; i < kRowGroup; ++i) {
          ASSERT_EQ(all.place[i], static_cast<std::int32_t>(i));
          if (all.upper[i] >= threshold) {
            ASSERT_LT(next, some.count);
            ASSERT_EQ(some.place[next], static_cast<std::int32_t>(i));
            ASSERT_EQ(some.upper[next], all.upper[i]);
            ++next;
          }
          if (group * kRowGroup + i >= order.size()) continue;
          const float score = dot(rows.row(order[group * kRowGroup + i]), vectors[places[v]]);
          ASSERT_LE(all.lower[i], score);
          ASSERT_GE(all.upper[i], score);
        }
        ASSERT_EQ(next, some.count);
      }
      std::vector<std::size_t> kept;
      for (std::size_t v = group; v < places.size(); v += 2) kept.push_back(v);
      block.keep(kept);
      for (std::size_t i = 0; i < kept.size(); ++i) places[i] = places[kept[i]];
      places.resize(kept.size());
    }
  }
}

// Of vectors without great numbers bytes lose some hundredths: rows are ruled out by far.
TEST(ByteGroups, BoundsAreNarrow) {
  MatrixF rows(256, 128), query(1, 128);
  Rng rng(3, "row groups", 1);
  for (std::int64_t r = 0; r < 256; ++r) {
    for (float& value : rows.row(r)) value = static_cast<float>(rng.normal());
  }
  for (float& value : query.row(0)) value = static_cast<float>(rng.normal());
  std::vector<std::int32_t> order(256);
  std::iota(order.begin(), order.end(), 0);
  const std::vector<std::span<const float>> vectors{query.row(0)};
  const ByteGroups groups(rows, order);
  ByteGroups::Block block(groups, vectors);
  block.multiply(0);
  Reaching found;
  block.reaching(0, -kInfinity, found);
  for (std::size_t i = 0; i < found.count; ++i)
    EXPECT_LT(found.upper[i] - found.lower[i], .06f * 128);
}

}  // namespace
}  // namespace attune::math
