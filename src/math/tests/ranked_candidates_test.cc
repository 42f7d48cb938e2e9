#include "../ranked_candidates.h"

#include <algorithm>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::math {
namespace {

// What came with bounds; a reference keeps all of it.
struct Given {
  std::vector<float> lower, upper;
  void add(float low, float high) {
    lower.push_back(low);
    upper.push_back(high);
  }
};

void check(const RankedCandidates& candidates, const Given& given, std::size_t k) {
  const float threshold = candidates.threshold();
  if (given.lower.size() > k) {
    ASSERT_GE(std::ranges::count_if(given.lower, [&](float low) { return low >= threshold; }),
              static_cast<std::ptrdiff_t>(k));
  }
  std::vector<std::int32_t> rows(candidates.rows().begin(), candidates.rows().end());
  std::ranges::sort(rows);
  for (std::size_t i = 0; i < given.upper.size(); ++i) {
    if (given.upper[i] < threshold) continue;
    ASSERT_TRUE(std::ranges::binary_search(rows, static_cast<std::int32_t>(i))) << i;
  }
}

TEST(RankedCandidates, KeepAllThatMayBeAmongTheBest) {
  constexpr std::size_t kRoom = 64;
  for (const std::size_t k : {1u, 10u, 300u}) {
    for (const float width : {0.0f, 0.01f, 1e6f}) {
      Rng rng(1, "candidates", k);
      RankedCandidates candidates(k, kRoom);
      Given given;
      for (int group = 0; group < 40; ++group) {
        for (std::size_t i = 0; i < kRoom; ++i) {
          const float low = group % 5 == 0 ? 1.0f : static_cast<float>(rng.normal() * (group + 1));
          const auto row = static_cast<std::int32_t>(given.lower.size());
          given.add(low, low + width);
          if (low + width >= candidates.threshold()) candidates.add(row, low, low + width);
        }
        candidates.make_room();
        check(candidates, given, k);
      }
      candidates.tidy();
      check(candidates, given, k);
      std::vector<float> sorted = given.lower;
      std::ranges::sort(sorted, std::greater<>{});
      EXPECT_LE(candidates.threshold(), sorted[k - 1]);
      // Of bounds that tell rows apart some more than k are left.
      if (width == 0.0f) {
        EXPECT_LT(candidates.rows().size(), 3 * k + 10 * kRoom);
      }
    }
  }
}

TEST(RankedCandidates, AllOfOneBoundStay) {
  RankedCandidates candidates(3, 8);
  for (std::int32_t row = 0; row < 8; ++row) candidates.add(row, 0, 0);
  candidates.make_room();
  candidates.tidy();
  EXPECT_EQ(candidates.threshold(), 0);
  EXPECT_EQ(candidates.rows().size(), 8u);
}

TEST(RowMarks, HoldTheirRowsAlone) {
  const std::vector<std::int32_t> rows{0, 5, 1023, 1029, 70000};
  const RowMarks marks(rows);
  for (std::int32_t row = 0; row < 80000; ++row)
    EXPECT_EQ(marks.holds(row), std::ranges::binary_search(rows, row)) << row;
  EXPECT_FALSE(RowMarks({}).holds(0));
}

}  // namespace
}  // namespace attune::math
