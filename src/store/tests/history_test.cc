#include "attune/store/history.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include <sys/resource.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/files.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

const HistoryOptions kSmall{.threads = 2, .memory_limit_bytes = 512 << 20};

std::int64_t count(History& history, std::string_view table) {
  return must(history.find_int64(fmt::format("SELECT count(*) FROM {}", table))).value_or(-1);
}

TEST(History, GivesBackEveryKindOfValue) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  QueryResult result = must(history.query(
      "SELECT $1::BIGINT AS i, $2::DOUBLE, $3::VARCHAR, $4::BLOB, $5::BOOLEAN, $6::TIMESTAMP,"
      " $7::UBIGINT, NULL::BIGINT, 5::TINYINT, 7::SMALLINT, 123456789012::HUGEINT, "
      "1.25::DECIMAL(9,2),"
      " 'b'::ENUM('a', 'b'), DATE '1970-01-03', NULL, 2.5::FLOAT,"
      " TIMESTAMP_MS '1969-12-31 23:59:59.999', 'a text that is longer than twelve bytes'",
      {std::int64_t{-5}, 0.25, std::string_view("茶"), Blob{std::string_view("a\0\xff", 3)}, true,
       Timestamp{-1}, std::uint64_t{1} << 63}));
  EXPECT_EQ(result.column_name(0), "i");
  EXPECT_EQ(result.column_type(0), "BIGINT");
  const Chunk row = must(result.next());
  ASSERT_EQ(row.rows(), 1u);
  EXPECT_EQ(row.int64(0)[0], -5);
  EXPECT_EQ(row.real(1)[0], 0.25);
  EXPECT_EQ(row.text(2, 0), "茶");
  EXPECT_EQ(row.blob(3, 0), std::string_view("a\0\xff", 3));
  EXPECT_EQ(row.int64(4)[0], 1);
  EXPECT_EQ(row.time(5)[0].micros, -1);
  EXPECT_EQ(row.uint64(6)[0], std::uint64_t{1} << 63);
  EXPECT_TRUE(row.is_null(7, 0));
  EXPECT_EQ(row.int64(8)[0], 5);
  EXPECT_EQ(row.real(9)[0], 7.0);
  EXPECT_EQ(row.int64(10)[0], 123456789012);
  EXPECT_EQ(row.real(11)[0], 1.25);
  EXPECT_EQ(row.text(12, 0), "b");
  EXPECT_EQ(row.int64(13)[0], 2);
  EXPECT_EQ(row.time(13)[0].micros, 2 * kMicrosPerDay);
  EXPECT_TRUE(row.is_null(14, 0));
  EXPECT_EQ(row.real(15)[0], 2.5);
  EXPECT_EQ(row.time(16)[0].micros, -1000);
  EXPECT_EQ(row.text(17, 0), "a text that is longer than twelve bytes");
  EXPECT_EQ(must(result.next()).rows(), 0u);
  EXPECT_EQ(must(result.next()).rows(), 0u);
}

TEST(History, StreamsManyChunksAndEndsWithTheNextStatement) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  QueryResult all = must(history.query("SELECT range FROM range(100000)"));
  std::int64_t sum = 0;
  must(all.for_each([&](const Chunk& chunk) -> Status {
    for (const std::int64_t value : chunk.int64(0)) sum += value;
    return {};
  }));
  EXPECT_EQ(sum, std::int64_t{99999} * 100000 / 2);
  QueryResult overtaken = must(history.query("SELECT range FROM range(100000)"));
  must(overtaken.next());
  must(history.execute("SELECT 1"));
  EXPECT_EQ(code_of(overtaken.next()), ErrorCode::failed_precondition);
}

TEST(History, OutlivesItselfInAResult) {
  const TempFolder temp;
  auto history = std::make_unique<History>(must(History::open(temp / "h.duckdb", kSmall)));
  QueryResult result = must(history->query("SELECT 42"));
  history.reset();
  EXPECT_EQ(must(result.next()).int64(0)[0], 42);
}

TEST(History, RefusesAHugeintThatDoesNotFit) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  QueryResult result =
      must(history.query("SELECT 170141183460469231731687303715884105727::HUGEINT"));
  EXPECT_EQ(code_of(result.next()), ErrorCode::out_of_range);
}

TEST(History, TellsKindsOfErrorsApart) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  EXPECT_EQ(code_of(history.execute("SELEKT 1")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(history.query("SELECT * FROM nowhere")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(history.query("SELECT $1", {})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(history.query("SELECT [1, 2]")), ErrorCode::invalid_argument);
  must(history.execute("CREATE TABLE t (x INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)"));
  EXPECT_EQ(code_of(history.execute("INSERT INTO t VALUES (1)")), ErrorCode::already_exists);
  EXPECT_EQ(code_of(history.execute("INSERT INTO t VALUES ('x')")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(History::open(temp / "none.duckdb", {.create = false})), ErrorCode::not_found);
  EXPECT_EQ(code_of(History::open(temp.path())), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(History::open(temp / "no/folder.duckdb")), ErrorCode::not_found);
  EXPECT_EQ(code_of(history.appender("nowhere")), ErrorCode::not_found);
}

TEST(History, ReachesNoOtherFileAndKeepsItsSettings) {
  const TempFolder temp;
  must(write_file_durably(temp / "secret.csv", "a,b\n1,2\n"));
  History history = must(History::open(temp / "h.duckdb", kSmall));
  const std::string file = (temp / "secret.csv").string();
  for (const std::string& sql :
       {fmt::format("SELECT * FROM read_csv('{}')", file), fmt::format("SELECT * FROM '{}'", file),
        fmt::format("COPY (SELECT 1) TO '{}'", (temp / "out.csv").string()),
        fmt::format("ATTACH '{}'", (temp / "other.duckdb").string()),
        std::string("SELECT * FROM read_text('/etc/hostname')"), std::string("INSTALL httpfs"),
        std::string("LOAD httpfs"), std::string("SET enable_external_access = true"),
        std::string("SET memory_limit = '100GB'")}) {
    EXPECT_FALSE(history.execute(sql).has_value()) << sql;
  }
  EXPECT_FALSE(fs::exists(temp / "out.csv"));
}

// Threads of this process that help statements of histories along.
int helping_threads() {
  int found = 0;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    found += name == "attune-history";
  }
  return found;
}

// A thread bears its name a moment after it began.
bool helping_threads_become(int wanted) {
  for (int tries = 0; tries < 1000 && helping_threads() != wanted; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return helping_threads() == wanted;
}

TEST(History, LeavesStatementsToThreadsOfTheCallers) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", {.threads = 3}));
  must(history.execute("CREATE TABLE t AS SELECT range AS x FROM range(500000)"));
  constexpr std::string_view kSum = "SELECT sum(x)::BIGINT FROM t";
  constexpr std::int64_t kAll = std::int64_t{500'000} * 499'999 / 2;
  EXPECT_TRUE(helping_threads_become(2));
  EXPECT_EQ(must(history.find_int64(kSum)), kAll);
  {
    const History::OwnThreads alone(history);
    EXPECT_EQ(helping_threads(), 0);
    EXPECT_EQ(must(history.find_int64(kSum)), kAll);
    std::vector<std::jthread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&] {
        const History::OwnThreads nested(history);
        History mine = must(history.connect());
        EXPECT_EQ(must(mine.find_int64(kSum)), kAll);
        EXPECT_EQ(helping_threads(), 0);
      });
    }
  }
  EXPECT_TRUE(helping_threads_become(2));
  EXPECT_EQ(must(history.find_int64(kSum)), kAll);
}

TEST(History, SpillsLargeSortsWithinItsMemoryLimit) {
  const TempFolder temp;
  History history =
      must(History::open(temp / "h.duckdb", {.threads = 1, .memory_limit_bytes = 100 << 20}));
  must(history.execute(
      "CREATE TABLE big AS SELECT hash(range) AS h, range AS r FROM range(8000000)"));
  must(history.execute("CREATE TABLE sorted AS SELECT * FROM big ORDER BY h"));
  EXPECT_EQ(count(history, "sorted"), 8'000'000);
}

TEST(History, KeepsNothingOfARolledBackTransaction) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute("CREATE TABLE t (x BIGINT)"));
  must(history.begin());
  EXPECT_EQ(code_of(history.begin()), ErrorCode::failed_precondition);
  must(history.execute("INSERT INTO t VALUES (1)"));
  must(history.set_cursor("applier", Sequence{9}));
  must(history.rollback());
  EXPECT_EQ(count(history, "t"), 0);
  EXPECT_EQ(must(history.cursor("applier")), Sequence{0});
  must(history.begin());
  EXPECT_EQ(must(history.run("INSERT INTO t VALUES (?), (?)", {std::int64_t{1}, std::int64_t{2}})),
            2);
  must(history.set_cursor("applier", Sequence{9}));
  must(history.set_cursor("applier", Sequence{10}));
  must(history.commit());
  EXPECT_EQ(code_of(history.commit()), ErrorCode::failed_precondition);
  EXPECT_EQ(count(history, "t"), 2);
  EXPECT_EQ(must(history.cursor("applier")), Sequence{10});
  must(history.set_cursor("applier", Sequence{11}));
  EXPECT_EQ(must(history.cursor("applier")), Sequence{11});
}

TEST(History, RunsEachMigrationOnceAndRefusesANewerFile) {
  const TempFolder temp;
  const Migration two[] = {{1, "CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (1)"},
                           {2, "ALTER TABLE a ADD COLUMN y BIGINT; INSERT INTO a VALUES (2, 2)"}};
  {
    History history = must(History::open(temp / "h.duckdb", kSmall));
    must(history.migrate("shop", std::span(two, 1)));
    must(history.migrate("shop", two));
    must(history.migrate("shop", two));
  }
  History history = must(History::open(temp / "h.duckdb", kSmall));
  EXPECT_EQ(count(history, "a"), 2);
  EXPECT_EQ(code_of(history.migrate("shop", std::span(two, 1))), ErrorCode::failed_precondition);
  const Migration bad[] = {{1, "CREATE TABLE b (x BIGINT); INSERT INTO nowhere VALUES (1)"}};
  EXPECT_FALSE(history.migrate("other", bad).has_value());
  EXPECT_FALSE(history.in_transaction());
  EXPECT_FALSE(history.execute("SELECT * FROM b").has_value());
}

TEST(History, InterruptsALongQuery) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  std::atomic<bool> done = false;
  std::thread stopper([&] {
    while (!done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      history.interrupt();
    }
  });
  const auto stopped = history.find_int64(
      "SELECT count(*) FROM range(3000000) a, range(3000000) b WHERE a.range * 3 = b.range + 1");
  done = true;
  stopper.join();
  EXPECT_EQ(code_of(stopped), ErrorCode::cancelled);
  EXPECT_EQ(must(history.find_int64("SELECT 7")), 7);
}

TEST(History, ServesASecondConnectionSideBySide) {
  const TempFolder temp;
  History writer = must(History::open(temp / "h.duckdb", kSmall));
  History reader = must(writer.connect());
  must(writer.execute("CREATE TABLE t (x BIGINT)"));
  must(writer.begin());
  must(writer.execute("INSERT INTO t VALUES (1)"));
  EXPECT_EQ(count(reader, "t"), 0);
  must(writer.commit());
  EXPECT_EQ(count(reader, "t"), 1);
}

TEST(History, LeavesNoLogBehindWhenClosed) {
  const TempFolder temp;
  {
    History history = must(History::open(temp / "h.duckdb", kSmall));
    must(history.execute("CREATE TABLE t AS SELECT range FROM range(1000)"));
    QueryResult unread = must(history.query("SELECT * FROM t"));
  }
  EXPECT_FALSE(fs::exists(temp / "h.duckdb.wal"));
  EXPECT_FALSE(fs::exists(temp / "h.duckdb.part"));
}

TEST(History, HoldsNothingOpenAfterLookingUpANumber) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute("CREATE TABLE many AS SELECT range AS n FROM range(100000)"));
  EXPECT_EQ(*must(history.find_int64("SELECT n FROM many ORDER BY n")), 0);
  must(history.copy_to(temp / "copy.duckdb"));
}

TEST(History, CopiesItselfBetweenCommits) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute("CREATE TABLE t (x BIGINT, y BIGINT)"));
  std::atomic<bool> stop = false;
  std::thread writer([&, connection = must(history.connect())]() mutable {
    for (std::int64_t i = 0; !stop; ++i) {
      must(connection.begin());
      must(connection.run("INSERT INTO t VALUES (?, 1)", {i}));
      must(connection.run("INSERT INTO t VALUES (?, -1)", {i}));
      must(connection.commit());
    }
  });
  for (int round = 0; round < 5; ++round) {
    const fs::path copy = temp / fmt::format("copy-{}.duckdb", round);
    must(history.copy_to(copy));
    History other = must(History::open(copy, kSmall));
    EXPECT_EQ(must(other.find_int64("SELECT coalesce(sum(y), 0) FROM t")), 0);
  }
  stop = true;
  writer.join();
  EXPECT_EQ(code_of(history.copy_to(temp / "copy-0.duckdb")), ErrorCode::already_exists);
  must(history.begin());
  EXPECT_EQ(code_of(history.copy_to(temp / "x.duckdb")), ErrorCode::failed_precondition);
}

}  // namespace
}  // namespace attune::store
