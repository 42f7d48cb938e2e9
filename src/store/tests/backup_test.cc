#include "attune/store/backup.h"

#include <atomic>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/files.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

void write(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// A folder with something in every store.
class Shop {
 public:
  explicit Shop(const fs::path& root, bool fresh = true)
      : folder(must(DataFolder::create_or_open(root))),
        journal(must(Journal::open(folder.journal()))),
        history(must(
            History::open(folder.history_file(), {.threads = 2, .memory_limit_bytes = 256 << 20}))),
        state(must(State::open(folder.state_file()))),
        vault(must(Vault::open(folder.keys()))) {
    if (!fresh) return;
    must(history.execute("CREATE TABLE rows AS SELECT range AS n FROM range(5000)"));
    must(state.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)"));
    const CustomerNumber ada{1};
    must(vault.create_keys(std::span(&ada, 1)));
    must(state.run("INSERT INTO t VALUES (1, ?)",
                   Blob{must(vault.seal(ada, "email", "ada@x.org"))}));
    for (int i = 0; i < 20; ++i) must(journal.append({1, fmt::format("event {}", i)}));
    fs::create_directories(folder.models() / "ials/1");
    write(folder.models() / "ials/1/factors", std::string(3'000'000, 'f'));
    fs::create_directories(folder.imports() / "7");
    write(folder.imports() / "7/chunk-0", "rows");
    write(folder.imports() / "7/chunk-1.part", "half");
  }
  BackupSources sources() { return {folder, journal, history, state, vault}; }

  DataFolder folder;
  Journal journal;
  History history;
  State state;
  Vault vault;
};

std::vector<std::string> names(const BackupContents& contents) {
  std::vector<std::string> all;
  for (const BackupMember& member : contents.members) all.push_back(member.name);
  return all;
}

TEST(Backup, RestoresEveryStore) {
  const TempFolder temp;
  Shop shop(temp / "shop");
  const BackupContents made = must(
      backup(shop.sources(), temp / "b.attune", {.include_keys = true, .made_at = Timestamp{42}}));
  EXPECT_EQ(made.file_bytes, fs::file_size(temp / "b.attune"));
  EXPECT_FALSE(fs::exists(temp / "b.attune.part"));
  EXPECT_FALSE(fs::exists(temp / "b.attune.copies"));
  const BackupContents checked = must(verify_backup(temp / "b.attune"));
  EXPECT_EQ(names(checked), names(made));
  EXPECT_EQ(checked.made_at.micros, 42);
  EXPECT_TRUE(checked.has_keys);
  must(restore(temp / "b.attune", temp / "new/place"));
  Shop other(temp / "new/place", false);
  EXPECT_FALSE(other.folder.is_new());
  EXPECT_EQ(must(other.history.find_int64("SELECT sum(n) FROM rows")), 4999 * 5000 / 2);
  EXPECT_EQ(other.journal.last_sequence(), Sequence{20});
  EXPECT_EQ(other.vault.key_id(), shop.vault.key_id());
  Statement row = must(other.state.prepare("SELECT v FROM t"));
  ASSERT_TRUE(must(row.step()));
  EXPECT_EQ(must(other.vault.open(CustomerNumber{1}, "email", row.blob(0))), "ada@x.org");
  EXPECT_EQ(must(read_file(other.folder.models() / "ials/1/factors")), std::string(3'000'000, 'f'));
  EXPECT_TRUE(fs::exists(other.folder.imports() / "7/chunk-0"));
  EXPECT_FALSE(fs::exists(other.folder.imports() / "7/chunk-1.part"));
  struct stat facts{};
  ASSERT_EQ(::stat((other.folder.keys() / "master.key").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST(Backup, LeavesKeysOutUnlessTold) {
  const TempFolder temp;
  Shop shop(temp / "shop");
  const BackupContents made = must(backup(shop.sources(), temp / "b", {}));
  EXPECT_FALSE(made.has_keys);
  for (const std::string& name : names(made)) EXPECT_FALSE(name.starts_with("keys")) << name;
  must(restore(temp / "b", temp / "new"));
  const auto refused = Vault::open(temp / "new/keys", {.key_id = shop.vault.key_id()});
  EXPECT_EQ(code_of(refused), ErrorCode::failed_precondition);
}

TEST(Backup, TakenWhileOthersWriteIsNeverAheadOfItsJournal) {
  const TempFolder temp;
  Shop shop(temp / "shop");
  std::atomic<bool> stop = false;
  std::thread applier([&, history = must(shop.history.connect()),
                       state = must(State::open(shop.folder.state_file()))]() mutable {
    while (!stop) {
      const Sequence sequence = must(shop.journal.append({1, "live"}));
      must(history.begin());
      must(history.run("INSERT INTO rows VALUES (?)", {sequence.value}));
      must(history.set_cursor("applier", sequence));
      must(history.commit());
      Transaction transaction = must(state.begin());
      must(state.set_cursor("applier", sequence));
      must(transaction.commit());
    }
  });
  for (int round = 0; round < 3; ++round) {
    const fs::path file = temp / fmt::format("b{}", round);
    must(backup(shop.sources(), file, {.include_keys = true}));
    must(restore(file, temp / fmt::format("r{}", round)));
    Shop other(temp / fmt::format("r{}", round), false);
    must(other.journal.covers("history", must(other.history.cursor("applier"))));
    must(other.journal.covers("state", must(other.state.cursor("applier"))));
    must(other.state.check());
  }
  stop = true;
  applier.join();
}

TEST(Backup, RefusesAFileThatIsThereAndATargetThatIsNotEmpty) {
  const TempFolder temp;
  Shop shop(temp / "shop");
  must(backup(shop.sources(), temp / "b", {}));
  EXPECT_EQ(code_of(backup(shop.sources(), temp / "b", {})), ErrorCode::already_exists);
  EXPECT_EQ(code_of(backup(shop.sources(), temp / "no/b", {})), ErrorCode::not_found);
  EXPECT_EQ(code_of(restore(temp / "b", temp / "shop")), ErrorCode::already_exists);
  fs::create_directory(temp / "empty");
  EXPECT_TRUE(restore(temp / "b", (temp / "empty").string() + "/").has_value());
  EXPECT_TRUE(DataFolder::exists(temp / "empty"));
}

TEST(Backup, AppliesTheSuppressionHookBeforeTheFolderHasItsName) {
  const TempFolder temp;
  Shop shop(temp / "shop");
  must(backup(shop.sources(), temp / "b", {}));
  bool called = false;
  const RestoreOptions refuses{.before_publish = [&](const fs::path& unpacked) -> Status {
    called = DataFolder::exists(unpacked) && !fs::exists(temp / "new");
    return std::unexpected(permission_denied("no"));
  }};
  EXPECT_EQ(code_of(restore(temp / "b", temp / "new", refuses)), ErrorCode::permission_denied);
  EXPECT_TRUE(called);
  EXPECT_FALSE(fs::exists(temp / "new"));
}

class Impatient final : public Progress {
 public:
  void phase(std::string_view, std::int64_t, std::string_view) override {}
  void advance(std::int64_t) override { ++calls_; }
  bool cancelled() const override { return calls_ >= 2; }

 private:
  int calls_ = 0;
};

TEST(Backup, CancelledLeavesNothingBehind) {
  const TempFolder temp;
  Shop shop(temp / "shop");
  Impatient first;
  EXPECT_EQ(code_of(backup(shop.sources(), temp / "b", {.progress = &first})),
            ErrorCode::cancelled);
  must(backup(shop.sources(), temp / "b", {}));
  Impatient second;
  EXPECT_EQ(code_of(restore(temp / "b", temp / "new", {.progress = &second})),
            ErrorCode::cancelled);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(temp.path())) {
    left.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(left, testing::UnorderedElementsAre("shop", "b"));
}

TEST(BackupFault, NamesTheMemberThatIsCutShortOrAltered) {
  const TempFolder temp;
  Shop shop(temp / "shop");
  must(backup(shop.sources(), temp / "b", {.include_keys = true}));
  const std::string good = must(read_file(temp / "b"));
  for (std::size_t i = 0; i < 60; ++i) {
    const std::size_t at = i < 20 ? i : good.size() * (i - 19) / 41;
    write(temp / "cut", std::string_view(good).substr(0, at));
    const auto cut = restore(temp / "cut", temp / "new");
    EXPECT_EQ(code_of(cut), at < 8 ? ErrorCode::invalid_argument : ErrorCode::data_corruption)
        << at;
    EXPECT_THAT(message_of(cut), HasSubstr((temp / "cut").string()));
    if (at > 1000) {
      EXPECT_THAT(message_of(cut), HasSubstr("member '"));
    }
    std::string altered = good;
    altered[at == good.size() ? at - 1 : at] ^= '\x10';
    write(temp / "altered", altered);
    const auto refused = restore(temp / "altered", temp / "new");
    ASSERT_FALSE(refused.has_value()) << at;
    ASSERT_FALSE(fs::exists(temp / "new")) << at;
  }
  write(temp / "longer", good + "x");
  EXPECT_EQ(code_of(verify_backup(temp / "longer")), ErrorCode::data_corruption);
  write(temp / "other", "some text that is no backup");
  EXPECT_EQ(code_of(verify_backup(temp / "other")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(verify_backup(temp / "none")), ErrorCode::not_found);
  EXPECT_EQ(code_of(verify_backup(temp.path())), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace attune::store
