// What must survive: power cuts at every write, kills, full disks, disks that lie.
#include <atomic>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/store/history.h"
#include "attune/store/journal.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"
#include "fault_vfs.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

// What a workload was told: number -> payload.
using Acknowledged = std::map<std::int64_t, std::string>;

std::string payload_of(int i) {
  return fmt::format("payload {} {}", i, std::string(i * 37 % 900, 'x'));
}

// Appends `count` entries; stops at the first error.
Acknowledged append_until_error(const fs::path& folder, const JournalOptions& options, int from,
                                int count) {
  Acknowledged told;
  auto journal = Journal::open(folder, options);
  if (!journal) return told;
  for (int i = from; i < from + count; ++i) {
    const std::string payload = payload_of(i);
    const auto first = journal->append({1, payload});
    if (!first) break;
    told[first->value] = payload;
  }
  return told;
}

// Everything told is there under its number; what else is there was tried, and is whole.
void expect_holds(const Journal& journal, const Acknowledged& told, int tried) {
  Acknowledged found;
  must(
      journal.read(journal.first_sequence(), 1'000'000, [&](const JournalRecord& record) -> Status {
        found[record.first.value] = record.payload;
        return {};
      }));
  for (const auto& [sequence, payload] : told) {
    ASSERT_TRUE(found.contains(sequence)) << "lost " << sequence;
    ASSERT_EQ(found[sequence], payload) << sequence;
  }
  ASSERT_LE(found.size(), told.size() + 1);
  if (!found.empty()) {
    ASSERT_EQ(found.rbegin()->first, static_cast<std::int64_t>(found.size()));
  }
  for (const auto& [sequence, payload] : found) {
    bool known = false;
    for (int i = 0; i < tried && !known; ++i) known = payload == payload_of(i);
    ASSERT_TRUE(known) << "never appended: " << payload.substr(0, 30);
  }
}

class JournalFaultVfs : public testing::TestWithParam<double> {};

// A power cut before every single write and sync of a workload that makes files, appends, rotates
// and closes; what was not synced survives in no, some or all sectors.
TEST_P(JournalFaultVfs, LosesNothingAcknowledgedWhereverThePowerIsCut) {
  FaultVfs disk("attune-fault");
  constexpr int kEntries = 8;
  std::int64_t points = 0;
  for (std::int64_t point = 1;; ++point) {
    const TempFolder temp;
    const JournalOptions options{.rotate_bytes = 12'000, .vfs = disk.name()};
    disk.revive();
    disk.set_crash_at(point);
    const Acknowledged told = append_until_error(temp.path(), options, 0, kEntries);
    const bool crashed = disk.crashed();
    disk.lose_unsynced(GetParam(), static_cast<std::uint64_t>(point));
    disk.revive();
    {
      auto reopened = Journal::open(temp.path(), options);
      ASSERT_TRUE(reopened.has_value()) << "cut at " << point << ": " << message_of(reopened);
      expect_holds(*reopened, told, kEntries);
      const Sequence before = reopened->last_sequence();
      ASSERT_EQ(must(reopened->append({1, "after"})).value, before.value + 1);
    }
    if (HasFatalFailure()) FAIL() << "cut at " << point;
    if (!crashed) {
      points = point;
      break;
    }
  }
  EXPECT_GT(points, 50);
}
INSTANTIATE_TEST_SUITE_P(Kept, JournalFaultVfs, testing::Values(0.0, 0.3, 0.7, 1.0));

TEST(JournalFaultDisk, IsFullWithAClearErrorAndGoesOnOnceThereIsRoom) {
  FaultVfs disk("attune-fault");
  for (std::int64_t room = 0; room < 120'000; room += 3'001) {
    const TempFolder temp;
    const JournalOptions options{.rotate_bytes = 30'000, .vfs = disk.name()};
    disk.revive();
    auto journal = Journal::open(temp.path(), options);
    ASSERT_TRUE(journal.has_value());
    Acknowledged told;
    disk.set_bytes_left(room);
    bool was_full = false;
    for (int i = 0; i < 60; ++i) {
      const auto first = journal->append({1, payload_of(i)});
      if (first) {
        told[first->value] = payload_of(i);
        continue;
      }
      was_full = true;
      ASSERT_EQ(code_of(first), ErrorCode::resource_exhausted) << message_of(first);
      ASSERT_THAT(message_of(first), HasSubstr("free some space"));
    }
    if (room < 40'000) {
      EXPECT_TRUE(was_full);
    }
    disk.revive();
    const auto later = journal->append({1, payload_of(60)});
    ASSERT_TRUE(later.has_value()) << message_of(later);
    told[later->value] = payload_of(60);
    expect_holds(*journal, told, 61);
    *journal = must(Journal::open(temp.path(), options));
    expect_holds(*journal, told, 61);
  }
}

TEST(JournalFaultDisk, ThatLiesAboutSyncsIsFoundOut) {
  FaultVfs disk("attune-fault");
  const TempFolder temp;
  const JournalOptions options{.vfs = disk.name()};
  const Acknowledged first = append_until_error(temp.path(), options, 0, 5);
  ASSERT_EQ(first.size(), 5u);
  disk.set_lies(true);
  const Acknowledged second = append_until_error(temp.path(), options, 5, 5);
  ASSERT_EQ(second.size(), 5u);
  disk.lose_unsynced(0, 1);
  disk.set_lies(false);
  // Either the loss shows at once, or where a store has come further than the journal.
  const auto journal = Journal::open(temp.path(), options);
  const Status covered = journal ? journal->covers("the history", Sequence{10})
                                 : Status(std::unexpected(journal.error()));
  EXPECT_EQ(code_of(covered), ErrorCode::data_corruption);
}

TEST(StateFaultDisk, KeepsWholeTransactionsWhereverThePowerIsCut) {
  FaultVfs disk("attune-fault");
  for (const double kept : {0.0, 0.5, 1.0}) {
    for (std::int64_t point = 1;; point += 1) {
      const TempFolder temp;
      const StateOptions options{.synchronous = Synchronous::full, .vfs = disk.name()};
      disk.revive();
      disk.set_crash_at(point);
      std::int64_t told = 0;
      [&] {
        auto state = State::open(temp / "s.sqlite", options);
        if (!state || !state->execute("CREATE TABLE t (n INTEGER)")) return;
        for (std::int64_t i = 1; i <= 5; ++i) {
          auto transaction = state->begin();
          if (!transaction || !state->run("INSERT INTO t VALUES (?)", i) ||
              !state->set_cursor("applier", Sequence{i}) || !transaction->commit()) {
            return;
          }
          told = i;
        }
      }();
      const bool crashed = disk.crashed();
      disk.lose_unsynced(kept, static_cast<std::uint64_t>(point));
      disk.revive();
      State state = must(State::open(temp / "s.sqlite", options));
      must(state.check());
      const std::int64_t cursor = must(state.cursor("applier")).value;
      ASSERT_GE(cursor, told) << point;
      ASSERT_LE(cursor, told + 1) << point;
      if (told > 0) {
        ASSERT_EQ(must(state.find_int64("SELECT count(*) FROM t")), cursor) << point;
      }
      if (!crashed) break;
    }
  }
}

TEST(VaultFaultDisk, HasEveryKeyItSaidItMadeWhereverThePowerIsCut) {
  FaultVfs disk("attune-fault");
  for (std::int64_t point = 1;; ++point) {
    const TempFolder temp;
    disk.revive();
    disk.set_crash_at(point);
    std::vector<std::pair<CustomerNumber, std::string>> sealed;
    if (auto vault = Vault::open(temp.path(), {.vfs = disk.name()})) {
      for (std::int64_t i = 1; i <= 4; ++i) {
        const CustomerNumber customer{i};
        if (!vault->create_keys(std::span(&customer, 1))) break;
        sealed.emplace_back(customer, must(vault->seal(customer, "f", "x")));
      }
    }
    const bool crashed = disk.crashed();
    disk.lose_unsynced(0.4, static_cast<std::uint64_t>(point));
    disk.revive();
    auto vault = Vault::open(temp.path(), {.vfs = disk.name()});
    ASSERT_TRUE(vault.has_value()) << point << message_of(vault);
    for (const auto& [customer, bytes] : sealed) {
      ASSERT_EQ(must(vault->open(customer, "f", bytes)), "x") << point;
    }
    if (!crashed) break;
  }
}

// Runs `work` in a child that is killed after `micros`; returns what it wrote into its pipe.
std::string run_and_kill(int micros, const std::function<void(int)>& work) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    try {
      work(ends[1]);
    } catch (...) {
      ::_exit(3);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string told;
  char byte = 0;
  if (::read(ends[0], &byte, 1) == 1) told += byte;  // it has begun
  ::usleep(static_cast<useconds_t>(micros));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  char block[4096];
  for (ssize_t got; (got = ::read(ends[0], block, sizeof block)) > 0;) {
    told.append(block, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  return told;
}

TEST(JournalFaultKill, LosesNothingAcknowledgedToAKilledProcess) {
  const TempFolder temp;
  std::mt19937 random(7);
  std::map<std::int64_t, std::string> told;
  std::int64_t last = 0;
  for (int round = 0; round < 12; ++round) {
    const std::string lines = run_and_kill(static_cast<int>(random() % 60'000), [&](int pipe) {
      Journal journal = must(Journal::open(temp.path(), {.rotate_bytes = 40'000}));
      std::vector<std::thread> pool;
      for (int t = 0; t < 4; ++t) {
        pool.emplace_back([&, t] {
          for (int i = 0;; ++i) {
            const std::string payload = fmt::format("{}/{}/{}", round, t, i);
            const Sequence first = must(journal.append({1, payload}));
            const std::string line = fmt::format("{} {}\n", first.value, payload);
            (void)!::write(pipe, line.data(), line.size());
          }
        });
      }
      for (std::thread& thread : pool) thread.join();
    });
    std::istringstream stream(lines);
    std::int64_t sequence;
    std::string payload;
    while (stream >> sequence >> payload) told[sequence] = payload;
    const Journal journal = must(Journal::open(temp.path()));
    std::map<std::int64_t, std::string> found;
    must(journal.read(Sequence{1}, 10'000'000, [&](const JournalRecord& record) -> Status {
      found[record.first.value] = record.payload;
      return {};
    }));
    for (const auto& [number, text] : told) ASSERT_EQ(found[number], text) << number;
    ASSERT_GE(journal.last_sequence().value, last);
    last = journal.last_sequence().value;
    ASSERT_EQ(static_cast<std::int64_t>(found.size()), last);
  }
  EXPECT_GT(told.size(), 50u);
}

TEST(HistoryFaultKill, HoldsRowsAndCursorTogetherAfterAKill) {
  const TempFolder temp;
  std::mt19937 random(11);
  for (int round = 0; round < 8; ++round) {
    const std::string lines = run_and_kill(static_cast<int>(random() % 150'000), [&](int pipe) {
      History history =
          must(History::open(temp / "h.duckdb", {.threads = 1, .memory_limit_bytes = 256 << 20}));
      must(history.execute("CREATE TABLE IF NOT EXISTS t (n BIGINT)"));
      (void)!::write(pipe, "0\n", 2);
      for (std::int64_t next = must(history.cursor("applier")).value + 1;; ++next) {
        const std::vector<std::int64_t> values(3'000, next);
        const ColumnSpan columns[] = {ColumnSpan::int64(values)};
        must(history.begin());
        {
          Appender appender = must(history.appender("t"));
          must(appender.append(columns));
          must(appender.finish());
        }
        must(history.set_cursor("applier", Sequence{next}));
        must(history.commit());
        const std::string line = fmt::format("{}\n", next);
        (void)!::write(pipe, line.data(), line.size());
      }
    });
    std::int64_t told = 0;
    std::istringstream stream(lines);
    for (std::int64_t number; stream >> number;) told = std::max(told, number);
    History history =
        must(History::open(temp / "h.duckdb", {.threads = 1, .memory_limit_bytes = 256 << 20}));
    const std::int64_t cursor = must(history.cursor("applier")).value;
    EXPECT_GE(cursor, told);
    EXPECT_EQ(must(history.find_int64("SELECT count(*) FROM t")), cursor * 3'000);
  }
}

// Runs `work` in a child whose files may not grow beyond `bytes`; its result is the exit status.
int run_limited(rlim_t bytes, const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int result = 99;
    try {
      result = work();
    } catch (...) {
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

TEST(HistoryFaultDisk, IsFullWithAClearErrorAndItsRowsIntact) {
  const TempFolder temp;
  const int code = run_limited(6 << 20, [&] {
    History history =
        must(History::open(temp / "h.duckdb", {.threads = 1, .memory_limit_bytes = 256 << 20}));
    must(history.execute("CREATE TABLE t (n BIGINT, h UBIGINT)"));
    for (std::int64_t next = 1; next < 1'000; ++next) {
      if (Status begun = history.begin(); !begun) return static_cast<int>(begun.error().code);
      Status written = history.execute(fmt::format(
          "INSERT INTO t SELECT {}, hash(range + {} * 100000) FROM range(20000)", next, next));
      if (written) written = history.set_cursor("applier", Sequence{next});
      if (written) {
        written = history.commit();
      } else {
        (void)history.rollback();
      }
      if (!written) return static_cast<int>(written.error().code);
    }
    return 98;
  });
  EXPECT_EQ(code, static_cast<int>(ErrorCode::resource_exhausted));
  History history =
      must(History::open(temp / "h.duckdb", {.threads = 1, .memory_limit_bytes = 256 << 20}));
  const std::int64_t cursor = must(history.cursor("applier")).value;
  EXPECT_GT(cursor, 0);
  EXPECT_EQ(must(history.find_int64("SELECT count(*) FROM t")), cursor * 20'000);
}

TEST(HistoryFaultProcess, IsUnavailableWhileAnotherProcessHasItOpen) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer follows 64 locks at once; DuckDB's allocator takes more to fork";
#endif
  const TempFolder temp;
  {
    must(History::open(temp / "h.duckdb"));
  }
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto history =
        History::open(temp / "h.duckdb", {.threads = 1, .memory_limit_bytes = 256 << 20});
    // A copy reads the file: the lock has to outlive it.
    const Status copied = history ? history->copy_to(temp / "copy.duckdb") : Status();
    (void)!::write(ends[1], history && copied ? "y" : "n", 1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const auto refused = History::open(temp / "h.duckdb");
  EXPECT_EQ(code_of(refused), ErrorCode::unavailable);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_TRUE(History::open(temp / "h.duckdb").has_value());
}

}  // namespace
}  // namespace attune::store
