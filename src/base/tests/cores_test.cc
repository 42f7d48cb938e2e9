#include "attune/base/cores.h"

#include <algorithm>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace attune {
namespace {

TEST(Cores, ReadsTheQuotaOfAControlGroup) {
  EXPECT_EQ(cores_of_quota("200000 100000\n"), 2);
  EXPECT_EQ(cores_of_quota("150000 100000\n"), 2) << "one and a half is two threads";
  EXPECT_EQ(cores_of_quota("1000 100000\n"), 1);
  EXPECT_EQ(cores_of_quota("9223372036854775807 1"), 1 << 16);
  for (const char* unlimited :
       {"max 100000\n", "", "100000", "0 100000", "-1 100000", "1 0", "x y"})
    EXPECT_EQ(cores_of_quota(unlimited), std::nullopt) << unlimited;
}

TEST(Cores, AreAtLeastOneAndNoMoreThanThereAre) {
  EXPECT_GE(usable_cores(), 1);
  EXPECT_LE(usable_cores(), static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
}

}  // namespace
}  // namespace attune
