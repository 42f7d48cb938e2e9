#include "attune/math/parallel.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace attune::math {
namespace {

TEST(ParallelFor, CoversEveryIndexOnceForAnyThreadCount) {
  for (const int threads : {1, 2, 5, 0}) {
    for (const std::int64_t count : {0, 1, 7, 1000}) {
      std::vector<std::atomic<int>> touched(static_cast<std::size_t>(count));
      std::atomic<bool> in_order = true;
      parallel_for(count, 7, threads, [&](std::int64_t begin, std::int64_t end, int slot) {
        if (begin % 7 != 0 || end - begin > 7 || slot < 0 || slot >= thread_count(threads))
          in_order = false;
        for (std::int64_t i = begin; i < end; ++i) ++touched[static_cast<std::size_t>(i)];
      });
      EXPECT_TRUE(in_order);
      for (const auto& times : touched) EXPECT_EQ(times, 1);
    }
  }
}

TEST(ParallelFor, GivesASlotToOneCallAtATime) {
  std::vector<std::atomic<int>> busy(4);
  std::atomic<bool> shared = false;
  parallel_for(2000, 1, 4, [&](std::int64_t, std::int64_t, int slot) {
    if (busy[static_cast<std::size_t>(slot)].fetch_add(1) != 0) shared = true;
    busy[static_cast<std::size_t>(slot)].fetch_sub(1);
  });
  EXPECT_FALSE(shared);
}

TEST(ParallelFor, HandsAnExceptionToTheCaller) {
  EXPECT_THROW(parallel_for(100, 1, 2,
                            [](std::int64_t begin, std::int64_t, int) {
                              if (begin == 50) throw std::runtime_error("no");
                            }),
               std::runtime_error);
}

}  // namespace
}  // namespace attune::math
