#include "attune/base/files.h"

#include <csignal>
#include <cstdlib>
#include <fstream>

#include <sys/resource.h>

#include <gtest/gtest.h>

#include "attune/base/passing_files.h"

namespace attune {
namespace {

class CheckedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/attune-files-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ / "model.bin";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string message() const {
    const auto read = read_checked_file(path_, "ATTUNE-MODEL", 2);
    return read ? "" : to_string(read.error());
  }
  void rewrite(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

TEST_F(CheckedFile, GivesBackWhatWasWritten) {
  const std::string payload("some\0bytes", 10);
  ASSERT_TRUE(write_checked_file(path_, "ATTUNE-MODEL", 2, payload));
  const auto read = read_checked_file(path_, "ATTUNE-MODEL", 2);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->payload, payload);
  EXPECT_EQ(read->version, 2u);
  ASSERT_TRUE(write_checked_file(path_, "ATTUNE-MODEL", 1, ""));
  EXPECT_EQ(read_checked_file(path_, "ATTUNE-MODEL", 2)->payload, "");
}

TEST_F(CheckedFile, RefusesEveryCutAndEveryFlippedByte) {
  ASSERT_TRUE(write_checked_file(path_, "ATTUNE-MODEL", 2, "twelve bytes"));
  const std::string whole = *read_file(path_);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    rewrite(whole.substr(0, cut));
    EXPECT_NE(message(), "") << "cut at " << cut;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    rewrite(flipped);
    EXPECT_NE(message(), "") << "flipped " << i;
  }
}

TEST_F(CheckedFile, TellsKindsOfTroubleApart) {
  EXPECT_NE(message().find("not_found"), std::string::npos);
  ASSERT_TRUE(write_checked_file(path_, "ATTUNE-MODEL", 3, "x"));
  EXPECT_NE(message().find("newer version"), std::string::npos);
  ASSERT_TRUE(write_checked_file(path_, "OTHER", 1, "x"));
  EXPECT_NE(message().find("not a whole ATTUNE-MODEL file"), std::string::npos);
}

TEST_F(CheckedFile, LeavesTheOldBytesWhenTheDiskIsFull) {
  ASSERT_TRUE(write_file_durably(path_, "old"));
  const auto failed = write_file_durably("/dev/full/none", "new");
  ASSERT_FALSE(failed);
  EXPECT_EQ(*read_file(path_), "old");
}

// The same bytes, whichever way they took, on a disk and on a file system in memory.
TEST_F(CheckedFile, PassesTheCacheByWithoutAnotherResult) {
  for (const std::filesystem::path& folder : {folder_, std::filesystem::path("/dev/shm")}) {
    const std::filesystem::path passed = folder / ("passed-" + folder_.filename().string());
    for (const std::size_t size : {0u, 1u << 20, (1u << 20) + 1, (4u << 20) - 48, 5'000'011u}) {
      std::string payload(size, 'x');
      for (std::size_t i = 0; i < size; i += 97) payload[i] = static_cast<char>(i);
      ASSERT_TRUE(write_checked_file(path_, "ATTUNE-MODEL", 2, payload));
      ASSERT_TRUE(write_passing_file(passed, "ATTUNE-MODEL", 2, payload));
      read_ahead(passed);
      EXPECT_TRUE(*read_file(passed) == *read_file(path_)) << size;
      read_for_good(passed);
      EXPECT_TRUE(*read_file(passed) == *read_file(path_)) << size;
      EXPECT_FALSE(std::filesystem::exists(passed.string() + ".part"));
    }
    std::filesystem::remove(passed);
  }
  read_ahead(folder_ / "nowhere");
  read_for_good(folder_ / "nowhere");
}

TEST_F(CheckedFile, LeavesTheOldBytesWhenThereIsNoRoomForALargeOne) {
  ASSERT_TRUE(write_checked_file(path_, "ATTUNE-MODEL", 2, "old"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{3 << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status failed =
      write_passing_file(path_, "ATTUNE-MODEL", 2, std::string(std::size_t{8} << 20, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::resource_exhausted);
  EXPECT_NE(failed.error().message.find("model.bin"), std::string::npos);
  EXPECT_EQ(read_checked_file(path_, "ATTUNE-MODEL", 2)->payload, "old");
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".part"));
}

TEST(ReadFile, ReadsWhatTellsNoLength) {
  EXPECT_NE(read_file("/proc/self/status")->find("VmPeak"), std::string::npos);
}

TEST(ReadFile, NamesAFolderAndTheLimit) {
  EXPECT_EQ(read_file("/tmp").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(read_file("/no/such/file").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace attune
