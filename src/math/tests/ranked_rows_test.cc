#include "attune/math/ranked_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"

namespace attune::math {
namespace {

MatrixF shrinking_rows(std::uint64_t seed, std::int64_t rows, std::int64_t columns) {
  MatrixF m(rows, columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    Rng rng(seed, "ranked rows", static_cast<std::uint64_t>(r));
    const double length = 1 / std::sqrt(1 + 0.1 * static_cast<double>(r % 97));
    for (float& value : m.row(r)) value = static_cast<float>(length * rng.normal());
  }
  return m;
}

// Reference: every admitted row by `dot`.
std::vector<ScoredIndex> in_full(const MatrixF& rows, const RowQuery& query, int k,
                                 const RowFilter& filter) {
  TopK top = TopK::create(k).value();
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const auto index = static_cast<std::int32_t>(r);
    if (!filter.allowed.empty() && !filter.allowed[static_cast<std::size_t>(r)]) continue;
    if (std::ranges::binary_search(query.left_out, index)) continue;
    if (filter.accepts && !filter.accepts(index)) continue;
    const ScoredIndex entry{dot(rows.row(r), query.x), index};
    top.offer(std::span(&entry, 1));
  }
  return top.best();
}

TEST(RankedRows, ListsWhatScoringEveryRowWouldList) {
  for (const std::int64_t d : {3, 16, 40}) {
    for (const std::int64_t n : {1, 100, 128, 1000}) {
      MatrixF rows = shrinking_rows(1, n, d);
      // Equal rows: ties have to go to the lower one.
      for (std::int64_t r = 10; r < n; r += 10)
        std::ranges::copy(rows.row(r - 1), rows.row(r).begin());
      const MatrixF queries = shrinking_rows(2, 20, d);
      std::vector<std::uint8_t> allowed(static_cast<std::size_t>(n), 1);
      for (std::size_t r = 0; r < allowed.size(); r += 7) allowed[r] = 0;
      const std::vector<std::int32_t> seen{1, 2, 5, 50, 99, 500};
      const RowFilter filters[] = {
          {}, {.allowed = allowed}, {.accepts = [](std::int32_t r) { return r % 3 != 0; }}};
      for (const bool every : {false, true}) {
        const RankedRows ranked(rows, {}, every);
        for (const RowFilter& filter : filters) {
          for (const int k : {1, 10, 150}) {
            std::vector<RowQuery> block;
            for (std::int64_t q = 0; q < 20; ++q)
              block.push_back(
                  {.x = queries.row(q),
                   .left_out = q % 2 ? std::span(seen) : std::span<const std::int32_t>{}});
            std::vector<std::vector<ScoredIndex>> lists(block.size());
            ranked.best(block, k, filter, lists);
            for (std::size_t q = 0; q < block.size(); ++q)
              ASSERT_EQ(lists[q], in_full(rows, block[q], k, filter)) << n << " " << d << " " << k;
          }
        }
      }
    }
  }
}

TEST(RankedRows, ListsTheSameWhereNumbersAreNotFinite) {
  MatrixF rows = shrinking_rows(3, 200, 8);
  rows(4, 2) = std::numeric_limits<float>::infinity();
  rows(5, 1) = std::numeric_limits<float>::quiet_NaN();
  const MatrixF queries = shrinking_rows(4, 3, 8);
  const RankedRows ranked(rows);
  std::vector<std::vector<ScoredIndex>> lists(3);
  std::vector<RowQuery> block;
  for (std::int64_t q = 0; q < 3; ++q) block.push_back({.x = queries.row(q)});
  ranked.best(block, 9, {}, lists);
  for (std::size_t q = 0; q < 3; ++q) EXPECT_EQ(lists[q], in_full(rows, block[q], 9, {}));
}

// Lengths of which some products vanish and others are more than a float holds.
TEST(RankedRows, ListsTheSameWhereProductsAreTinyOrHuge) {
  MatrixF rows = shrinking_rows(6, 600, 12);
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const float scale = r % 3 == 0 ? 1e-18f : 1;
    for (float& value : rows.row(r)) value *= r % 50 == 0 ? 0 : scale;
  }
  constexpr float scales[] = {0, 1e-42f, 1e-30f, 1e-22f, 1e-14f, 1, 1e14f, 1e16f, 1e38f};
  constexpr std::int64_t kQueries = std::size(scales);
  MatrixF queries = shrinking_rows(7, kQueries, 12);
  std::vector<RowQuery> block;
  for (std::int64_t q = 0; q < kQueries; ++q) {
    for (float& value : queries.row(q)) value *= scales[q];
    block.push_back({.x = queries.row(q)});
  }
  for (const bool every : {false, true}) {
    std::vector<std::vector<ScoredIndex>> lists(block.size());
    RankedRows(rows, {}, every).best(block, 40, {}, lists);
    for (std::size_t q = 0; q < block.size(); ++q)
      EXPECT_EQ(lists[q], in_full(rows, block[q], 40, {})) << scales[q];
  }
}

// Groups of which the last is so short that its numbers have next to no digits.
TEST(RankedRows, ListsTheSameWhereRowsAreTooShortForBytes) {
  constexpr float kLeast = 0x1p-149f;
  MatrixF rows(768, 2);
  for (std::int64_t r = 0; r < 768; ++r) {
    rows(r, 0) = r < 256 ? -1 : r < 512 ? 9500 * kLeast : 11938 * kLeast;
    rows(r, 1) = r >= 256 && r < 512 ? 12065 * kLeast : 0;
  }
  MatrixF query(1, 2);
  query(0, 0) = 1;
  const std::vector<RowQuery> block{{.x = query.row(0)}};
  std::vector<std::vector<ScoredIndex>> lists(1);
  RankedRows(rows).best(block, 1, {}, lists);
  EXPECT_EQ(lists[0], in_full(rows, block[0], 1, {}));
}

TEST(RankedRows, LeaveOutRowsThatAreNotPresent) {
  const MatrixF rows = shrinking_rows(5, 50, 4);
  std::vector<std::uint8_t> present(50, 0);
  present[7] = present[30] = 1;
  std::vector<std::vector<ScoredIndex>> lists(1);
  const RowQuery query{.x = rows.row(0)};
  RankedRows(rows, present).best(std::span(&query, 1), 5, {}, lists);
  EXPECT_EQ(lists[0], in_full(rows, query, 5, {.allowed = present}));
  EXPECT_EQ(lists[0].size(), 2u);
}

}  // namespace
}  // namespace attune::math
