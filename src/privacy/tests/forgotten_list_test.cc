#include "attune/privacy/forgotten_list.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attune::privacy {
namespace {

using events::IdKey;
using events::IdKind;
using ::testing::ElementsAre;

IdKey key(std::uint64_t number, IdKind kind = IdKind::customer) {
  return {kind, {number * 7, number}};
}

class ForgottenListTest : public ::testing::Test {
 protected:
  ForgottenListTest() {
    char pattern[] = "/tmp/attune-suppression-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~ForgottenListTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file() const { return folder_ / "suppressed.sqlite"; }
  ForgottenList open() const { return *ForgottenList::open(file()); }
  static Status add(ForgottenList& list, std::int64_t at, std::vector<IdKey> ids,
                    std::vector<CustomerNumber> numbers = {}) {
    return list.add(Sequence{at}, ids, numbers);
  }

  std::filesystem::path folder_;
};

TEST_F(ForgottenListTest, MakesNoFileWhileNobodyIsForgotten) {
  ForgottenList list = open();
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.forgotten_at(key(1)), std::nullopt);
  ASSERT_TRUE(list.end_at(Sequence{3}));
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(ForgottenListTest, KeepsWhatWasAddedAndTheNumberOfTheFirstTime) {
  {
    ForgottenList list = open();
    ASSERT_TRUE(add(list, 11, {key(1), key(2, IdKind::anonymous)}, {{5}, {2}}));
    ASSERT_TRUE(add(list, 40, {key(1), key(3)}, {{5}, {7}}));
    EXPECT_EQ(list.forgotten_at(key(1)), Sequence{11});
  }
  struct stat facts{};
  ASSERT_EQ(::stat(file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  ForgottenList list = open();
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(list.forgotten_at(key(1)), Sequence{11});
  EXPECT_EQ(list.forgotten_at(key(1, IdKind::anonymous)), std::nullopt);
  EXPECT_EQ(list.forgotten_at(key(2, IdKind::anonymous)), Sequence{11});
  EXPECT_THAT(list.list(), ElementsAre(ForgottenId{key(1), {11}}, ForgottenId{key(3), {40}},
                                       ForgottenId{key(2, IdKind::anonymous), {11}}));
  EXPECT_THAT(list.numbers(), ElementsAre(ForgottenNumber{{2}, {11}}, ForgottenNumber{{5}, {40}},
                                          ForgottenNumber{{7}, {40}}));
}

TEST_F(ForgottenListTest, IsWholeInItsOneFile) {
  ForgottenList list = open();
  ASSERT_TRUE(add(list, 11, {key(1)}));
  // As somebody would who takes it from a folder that is in use.
  std::filesystem::copy_file(file(), folder_ / "copy");
  EXPECT_EQ(ForgottenList::open(folder_ / "copy")->forgotten_at(key(1)), Sequence{11});
}

TEST_F(ForgottenListTest, EndsWithAJournalThatEndsEarlier) {
  {
    ForgottenList list = open();
    ASSERT_TRUE(add(list, 11, {key(1)}, {{1}}));
    ASSERT_TRUE(add(list, 90, {key(2)}, {{3}, {60}}));
    ASSERT_TRUE(list.end_at(Sequence{50}));
    EXPECT_EQ(list.forgotten_at(key(2)), Sequence{50});
  }
  EXPECT_THAT(open().list(), ElementsAre(ForgottenId{key(1), {11}}, ForgottenId{key(2), {50}}));
  EXPECT_THAT(open().numbers(),
              ElementsAre(ForgottenNumber{{1}, {11}}, ForgottenNumber{{3}, {50}}));
}

TEST_F(ForgottenListTest, RefusesAFileThatIsNone) {
  {
    ForgottenList list = open();
    ASSERT_TRUE(add(list, 11, {key(1)}));
  }
  std::filesystem::resize_file(file(), 700);
  EXPECT_EQ(ForgottenList::open(file()).error().code, ErrorCode::data_corruption);
}

}  // namespace
}  // namespace attune::privacy
