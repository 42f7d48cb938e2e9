#include "attune/math/csr_matrix.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::math {
namespace {

std::vector<Triplet> random_triplets(Rng& rng, std::int32_t rows, std::int32_t columns, int count) {
  std::vector<Triplet> triplets;
  for (int i = 0; i < count; ++i) {
    triplets.push_back({static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(rows))),
                        static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(columns))),
                        static_cast<float>(rng.below(9)),
                        Timestamp{static_cast<std::int64_t>(rng.below(1000))}});
  }
  return triplets;
}

TEST(CsrMatrixProperty, HoldsThoseTripletsAloneThatAreTaken) {
  for (std::uint64_t round = 0; round < 50; ++round) {
    Rng rng(round);
    const auto triplets = random_triplets(rng, 7, 5, static_cast<int>(rng.below(60)));
    const auto early = [](const Triplet& t) { return t.time < Timestamp{500}; };
    std::vector<Triplet> taken;
    std::ranges::copy_if(triplets, std::back_inserter(taken), early);
    EXPECT_EQ(CsrMatrix::from_triplets(7, 5, triplets, early)->triplets(),
              CsrMatrix::from_triplets(7, 5, taken)->triplets());
  }
}

TEST(CsrMatrixProperty, HoldsTheSumsAndLatestTimesThatAMapHolds) {
  for (std::uint64_t round = 0; round < 200; ++round) {
    Rng rng(round);
    const auto triplets = random_triplets(rng, 7, 5, static_cast<int>(rng.below(60)));
    std::map<std::pair<std::int32_t, std::int32_t>, std::pair<float, Timestamp>> cells;
    for (const Triplet& t : triplets) {
      auto& cell = cells[{t.row, t.column}];
      cell.first += t.weight;
      cell.second = std::max(cell.second, t.time);
    }
    const CsrMatrix matrix = CsrMatrix::from_triplets(7, 5, triplets).value();
    std::vector<Triplet> expected;
    for (const auto& [place, cell] : cells)
      expected.push_back({place.first, place.second, cell.first, cell.second});
    EXPECT_EQ(matrix.triplets(), expected);
    EXPECT_EQ(matrix.transposed().transposed(), matrix);
    for (std::int32_t r = 0; r < 7; ++r) {
      for (std::int32_t c = 0; c < 5; ++c) {
        const auto cell = cells.find({r, c});
        EXPECT_EQ(matrix.contains(r, c), cell != cells.end());
        EXPECT_EQ(matrix.weight(r, c), cell == cells.end() ? 0 : cell->second.first);
        EXPECT_EQ(matrix.transposed().weight(c, r), matrix.weight(r, c));
      }
    }
  }
}

TEST(CsrMatrix, LosesOneRowAndKeepsTheOthersInPlace) {
  const std::vector<Triplet> cells{{0, 1, 2, {}}, {1, 0, 3, {}}, {1, 2, 4, {}}, {2, 2, 5, {}}};
  const CsrMatrix matrix = CsrMatrix::from_triplets(3, 3, cells).value().without_row(1);
  EXPECT_EQ(matrix.triplets(), (std::vector<Triplet>{{0, 1, 2, {}}, {2, 2, 5, {}}}));
  EXPECT_EQ(matrix.rows(), 3);
}

TEST(CsrMatrix, KeepsItsPositivePart) {
  const std::vector<Triplet> cells{{0, 1, 2, {9}}, {0, 1, -2, {8}}, {1, 0, -3, {}}, {2, 2, 5, {7}}};
  const CsrMatrix matrix = CsrMatrix::from_triplets(3, 3, cells).value().positive_part();
  EXPECT_EQ(matrix.triplets(), (std::vector<Triplet>{{2, 2, 5, {7}}}));
  EXPECT_EQ(matrix.rows(), 3);
}

TEST(CsrMatrix, NamesTheEntryThatLiesOutside) {
  const auto outside =
      CsrMatrix::from_triplets(2, 2, std::vector<Triplet>{{0, 0, 1, {}}, {0, 2, 1, {}}});
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().code, ErrorCode::out_of_range);
  EXPECT_NE(outside.error().message.find("entry 1 lies at (0, 2)"), std::string::npos);
  EXPECT_FALSE(CsrMatrix::from_triplets(2, 2, std::vector<Triplet>{{-1, 0, 1, {}}}));
  EXPECT_FALSE(CsrMatrix::from_triplets(2, 2, std::vector<Triplet>{{0, 0, std::nanf(""), {}}}));
  EXPECT_FALSE(CsrMatrix::from_triplets(-1, 2, {}));
}

TEST(CsrMatrix, RefusesSumsBeyondFloat) {
  EXPECT_FALSE(
      CsrMatrix::from_triplets(1, 1, std::vector<Triplet>{{0, 0, 3e38f, {}}, {0, 0, 3e38f, {}}}));
}

TEST(CsrMatrix, RefusesPartsThatBreakAnInvariant) {
  EXPECT_TRUE(CsrMatrix::from_parts(2, {0, 1, 2}, {0, 1}, {1, 2}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {}, {}, {}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {1, 2}, {0, 1}, {1, 2}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {0, 2, 1}, {0, 1}, {1, 2}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {0, 5}, {0, 1}, {1, 2}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {0, 2}, {1, 1}, {1, 2}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {0, 2}, {0, 2}, {1, 2}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {0, 2}, {0, 1}, {1}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {0, 2}, {0, 1}, {1, INFINITY}, {}));
  EXPECT_FALSE(CsrMatrix::from_parts(2, {0, 2}, {0, 1}, {1, 2}, {Timestamp{1}}));
  EXPECT_FALSE(CsrMatrix::from_parts(-1, {0}, {}, {}, {}));
}

}  // namespace
}  // namespace attune::math
