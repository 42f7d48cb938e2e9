#include "attune/store/data_folder.h"

#include <fstream>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/files.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

TEST(Settings, ReadBackAsTheyWereWritten) {
  const Settings settings{.time_zone = "Asia/Shanghai",
                          .reporting_currency = "CNY",
                          .session_gap_minutes = 45,
                          .keep_days = 30,
                          .threads = 3,
                          .memory_limit_mb = 4096};
  EXPECT_EQ(must(parse_settings(format_settings(settings), "attune.toml")), settings);
  EXPECT_EQ(must(parse_settings(format_settings({}), "attune.toml")), Settings{});
}

TEST(Settings, OfAnEmptyFileAreTheDefaults) {
  EXPECT_EQ(must(parse_settings("", "attune.toml")), Settings{});
}

TEST(Settings, NameLineAndNearestKeyOfAnUnknownOne) {
  const auto refused =
      parse_settings("# mine\ntime_zone = \"UTC\"\nkeep_day = 3\n", "a/attune.toml");
  EXPECT_EQ(code_of(refused), ErrorCode::invalid_argument);
  EXPECT_THAT(message_of(refused), HasSubstr("a/attune.toml:3: there is no setting 'keep_day'"));
  EXPECT_THAT(message_of(refused), HasSubstr("did you mean 'keep_days'?"));
}

TEST(Settings, RefuseWhatDoesNotFitWithPlaceAndRange) {
  const std::pair<const char*, const char*> cases[] = {
      {"time_zone = \"Mars/Olympus\"", "attune.toml:1: time_zone"},
      {"time_zone = 3", "needs a text in quotation marks"},
      {"reporting_currency = \"EURO\"", "attune.toml:1: reporting_currency"},
      {"session_gap_minutes = 0", "whole number from 1 to 1440"},
      {"session_gap_minutes = \"30\"", "whole number from 1 to 1440"},
      {"keep_days = 2.5", "whole number from 1 to 36500"},
      {"memory_limit_mb = 100", "at least 256"},
      {"threads = -1", "whole number from 0 to 1024"},
      {"time_zone = \"UTC", "attune.toml:1:"},
      {"= 3", "attune.toml:1:"},
      {"keep_days = 3\nkeep_days = 4", "attune.toml:2:"},
      {"time_zone = \"\xff\"", "attune.toml:1:"},
  };
  for (const auto& [text, expected] : cases) {
    const auto refused = parse_settings(text, "attune.toml");
    EXPECT_EQ(code_of(refused), ErrorCode::invalid_argument) << text;
    EXPECT_THAT(message_of(refused), HasSubstr(expected)) << text;
  }
}

TEST(DataFolder, IsMadeWithItsFoldersAndOpensAgain) {
  const TempFolder temp;
  const fs::path root = temp / "a/shop";
  {
    const DataFolder folder =
        must(DataFolder::create_or_open(root, {.initial = {.time_zone = "Europe/London"}}));
    EXPECT_TRUE(folder.is_new());
    EXPECT_EQ(folder.settings().time_zone, "Europe/London");
    for (const fs::path& path :
         {folder.journal(), folder.models(), folder.keys(), folder.imports()}) {
      EXPECT_TRUE(fs::is_directory(path)) << path;
    }
    struct stat facts{};
    ASSERT_EQ(::stat(folder.keys().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700u);
  }
  const DataFolder again = must(DataFolder::open(root));
  EXPECT_FALSE(again.is_new());
  EXPECT_EQ(again.settings().time_zone, "Europe/London");
}

TEST(DataFolder, ThatIsNotThereIsNotFound) {
  const TempFolder temp;
  EXPECT_EQ(code_of(DataFolder::open(temp / "none")), ErrorCode::not_found);
  EXPECT_FALSE(fs::exists(temp / "none"));
}

TEST(DataFolder, RefusesAFolderOfOtherThings) {
  const TempFolder temp;
  must(write_file_durably(temp / "thesis.txt", "x"));
  const auto refused = DataFolder::create_or_open(temp.path());
  EXPECT_EQ(code_of(refused), ErrorCode::failed_precondition);
  EXPECT_THAT(message_of(refused), HasSubstr("thesis.txt"));
  EXPECT_FALSE(fs::exists(temp / "lock"));
}

TEST(DataFolder, FinishesOneWhoseMakingWasCutShort) {
  const TempFolder temp;
  fs::create_directory(temp / "journal");
  must(write_file_durably(temp / "lock", "1\nattune\n"));
  must(write_file_durably(temp / "attune.toml", "keep_days = 9\n"));
  const DataFolder folder = must(DataFolder::create_or_open(temp.path()));
  EXPECT_TRUE(folder.is_new());
  EXPECT_EQ(folder.settings().keep_days, 9);
}

TEST(DataFolder, TellsWhoHasItOpen) {
  const TempFolder temp;
  const DataFolder first =
      must(DataFolder::create_or_open(temp.path(), {.command = "attune import orders.csv"}));
  const auto second = DataFolder::open(temp.path());
  EXPECT_EQ(code_of(second), ErrorCode::unavailable);
  EXPECT_THAT(message_of(second), HasSubstr(std::to_string(::getpid())));
  EXPECT_THAT(message_of(second), HasSubstr("attune import orders.csv"));
  const auto holder = must(DataFolder::holder(temp.path()));
  ASSERT_TRUE(holder.has_value());
  EXPECT_EQ(holder->process, ::getpid());
  EXPECT_EQ(holder->command, "attune import orders.csv");
}

TEST(DataFolder, IsFreeOnceItsObjectIsGone) {
  const TempFolder temp;
  {
    DataFolder folder = must(DataFolder::create_or_open(temp.path()));
    const DataFolder moved = std::move(folder);
  }
  EXPECT_FALSE(must(DataFolder::holder(temp.path())).has_value());
  EXPECT_TRUE(DataFolder::open(temp.path()).has_value());
}

TEST(DataFolderFault, IsFreeOnceTheProcessThatHeldItWasKilled) {
  const TempFolder temp;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto folder = DataFolder::create_or_open(temp.path());
    const char byte = folder ? 'y' : 'n';
    (void)!::write(ready[1], &byte, 1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_EQ(code_of(DataFolder::open(temp.path())), ErrorCode::unavailable);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(DataFolder::open(temp.path()).has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(DataFolder, RefusesANewerFormatAndADamagedOne) {
  const TempFolder temp;
  {
    must(DataFolder::create_or_open(temp.path()));
  }
  must(write_file_durably(temp / "format", "attune 99\n"));
  EXPECT_EQ(code_of(DataFolder::open(temp.path())), ErrorCode::failed_precondition);
  for (const char* text : {"", "attune", "attune x", "attune -1", "42", "attune 1 2"}) {
    must(write_file_durably(temp / "format", text));
    EXPECT_EQ(code_of(DataFolder::open(temp.path())), ErrorCode::data_corruption) << text;
  }
}

TEST(DataFolder, MigratesAnOlderFormatStepByStepAndResumesAfterAFailure) {
  const TempFolder temp;
  {
    must(DataFolder::create_or_open(temp.path(), {.format_version = 1}));
  }
  std::vector<int> ran;
  bool fails = true;
  const std::vector<FolderMigration> migrations = {
      {2,
       [&](const fs::path&) -> Status {
         ran.push_back(2);
         return {};
       }},
      {3, [&](const fs::path&) -> Status {
         ran.push_back(3);
         if (fails) return std::unexpected(resource_exhausted("disk full"));
         return {};
       }}};
  const FolderOptions options{.migrations = migrations, .format_version = 3};
  EXPECT_EQ(code_of(DataFolder::open(temp.path(), options)), ErrorCode::resource_exhausted);
  fails = false;
  EXPECT_TRUE(DataFolder::open(temp.path(), options).has_value());
  EXPECT_TRUE(DataFolder::open(temp.path(), options).has_value());
  EXPECT_EQ(ran, (std::vector<int>{2, 3, 3}));
  EXPECT_EQ(code_of(DataFolder::open(temp.path())), ErrorCode::failed_precondition);
}

}  // namespace
}  // namespace attune::store
