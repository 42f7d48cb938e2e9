#include "attune/math/quantised_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"

namespace attune::math {
namespace {

MatrixF random_rows(std::uint64_t seed, std::int64_t rows, std::int64_t columns) {
  MatrixF matrix(rows, columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    Rng rng(seed, "rows", static_cast<std::uint64_t>(r));
    const double length = std::exp(rng.normal());
    for (float& value : matrix.row(r)) value = static_cast<float>(length * rng.normal());
  }
  return matrix;
}

// Reference: every row in full.
std::vector<ScoredIndex> score_all(const MatrixF& rows, std::span<const float> x, int k,
                                   const std::function<bool(std::int32_t)>& accepts) {
  TopK top = TopK::create(k).value();
  for (std::int32_t r = 0; r < rows.rows(); ++r) {
    const std::vector<ScoredIndex> entry{{dot(rows.row(r), x), r}};
    if (accepts(r)) top.offer(entry);
  }
  return top.best();
}

TEST(QuantisedRows, HoldEveryProductBetweenTheirBounds) {
  for (const std::int64_t columns : {1, 3, 16, 64, 130, 512}) {
    const MatrixF rows = random_rows(7, 333, columns), queries = random_rows(8, 20, columns);
    const QuantisedRows quantised(rows);
    std::vector<float> lower(333), upper(333);
    for (std::int64_t q = 0; q < queries.rows(); ++q) {
      quantised.bounds(queries.row(q), lower, upper);
      for (std::int64_t r = 0; r < rows.rows(); ++r) {
        const float product = dot(rows.row(r), queries.row(q));
        EXPECT_LE(lower[static_cast<std::size_t>(r)], product) << columns << " " << r;
        EXPECT_GE(upper[static_cast<std::size_t>(r)], product) << columns << " " << r;
      }
    }
  }
}

TEST(QuantisedRows, BoundTightlyEnoughToLeaveMostRowsOut) {
  const MatrixF rows = random_rows(1, 5'000, 64), query = random_rows(2, 1, 64);
  const auto best = QuantisedRows(rows).best(rows, query.row(0), 20);
  std::vector<float> lower(5'000), upper(5'000);
  QuantisedRows(rows).bounds(query.row(0), lower, upper);
  const auto open = std::ranges::count_if(upper, [&](float u) { return u >= best.back().score; });
  EXPECT_LT(open, 100);
}

TEST(QuantisedRows, FindTheListThatScoringEveryRowGives) {
  Rng rng(3, "cases");
  for (int round = 0; round < 200; ++round) {
    const auto n = static_cast<std::int64_t>(1 + rng.below(3'000));
    const auto columns = static_cast<std::int64_t>(1 + rng.below(100));
    MatrixF rows = random_rows(static_cast<std::uint64_t>(round), n, columns);
    // Ties, and rows of zeros.
    for (std::int64_t r = 0; r < n; r += 5)
      std::ranges::copy(rows.row(n - 1 - r), rows.row(r).begin());
    if (n > 3) std::ranges::fill(rows.row(3), 0.0f);
    const MatrixF query = random_rows(static_cast<std::uint64_t>(round) + 1'000, 1, columns);
    std::vector<std::uint8_t> allowed(static_cast<std::size_t>(n)), present(allowed);
    std::vector<std::int32_t> left_out;
    for (std::size_t r = 0; r < allowed.size(); ++r) {
      allowed[r] = rng.below(3) > 0;
      present[r] = rng.below(10) > 0;
      if (rng.below(20) == 0) left_out.push_back(static_cast<std::int32_t>(r));
    }
    const auto odd = [](std::int32_t r) { return r % 7 != 1; };
    const auto accepts = [&](std::int32_t r) {
      return present[static_cast<std::size_t>(r)] && allowed[static_cast<std::size_t>(r)] &&
             !std::ranges::binary_search(left_out, r) && odd(r);
    };
    const int k = 1 + static_cast<int>(rng.below(150));
    EXPECT_EQ(QuantisedRows(rows, present)
                  .best(rows, query.row(0), k,
                        {.allowed = allowed, .left_out = left_out, .accepts = odd}),
              score_all(rows, query.row(0), k, accepts))
        << round;
  }
}

TEST(QuantisedRows, LookInFullAtRowsAndQueriesThatAreNotFinite) {
  MatrixF rows = random_rows(4, 40, 8);
  rows(7, 2) = std::numeric_limits<float>::infinity();
  rows(9, 1) = std::nanf("");
  const auto all = [](std::int32_t) { return true; };
  std::vector<float> x(8, 1);
  EXPECT_EQ(QuantisedRows(rows).best(rows, x, 5), score_all(rows, x, 5, all));
  x[2] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(QuantisedRows(rows).best(rows, x, 5), score_all(rows, x, 5, all));
}

TEST(QuantisedRows, FindNothingWhereThereIsNothing) {
  const MatrixF rows = random_rows(4, 4, 8);
  const std::vector<std::uint8_t> none(4);
  EXPECT_TRUE(QuantisedRows(rows, none).best(rows, rows.row(0), 5).empty());
  EXPECT_TRUE(QuantisedRows().best(MatrixF(), {}, 5).empty());
}

}  // namespace
}  // namespace attune::math
