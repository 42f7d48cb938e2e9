#include "attune/store/history.h"

#include <atomic>
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

struct Columns {
  std::vector<std::uint8_t> b, u8;
  std::vector<std::int16_t> i16;
  std::vector<std::int32_t> i32;
  std::vector<std::int64_t> i64, t;
  std::vector<std::uint64_t> u64;
  std::vector<double> d;
  std::vector<std::uint8_t> present;
  std::string bytes;
  std::vector<std::uint32_t> offsets = {0};

  explicit Columns(std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) {
      b.push_back(i % 2);
      u8.push_back(static_cast<std::uint8_t>(i));
      i16.push_back(static_cast<std::int16_t>(-i));
      i32.push_back(static_cast<std::int32_t>(i * 1000));
      i64.push_back(static_cast<std::int64_t>(i) * -1'000'000'007);
      u64.push_back(i * 0x9E3779B97F4A7C15ull);
      d.push_back(static_cast<double>(i) / 8);
      t.push_back(static_cast<std::int64_t>(i) * 1'000'001 - 5'000'000);
      present.push_back(i % 3 != 0);
      bytes += std::string(i % 30, static_cast<char>('a' + i % 26)) + "é";
      offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
    }
  }
  std::vector<ColumnSpan> spans() const {
    return {ColumnSpan::boolean(b),
            ColumnSpan::uint8(u8),
            ColumnSpan::int16(i16),
            ColumnSpan::int32(i32),
            ColumnSpan::int64(i64),
            ColumnSpan::uint64(u64),
            ColumnSpan::float64(d).with_present(present),
            ColumnSpan::timestamp(std::span<const std::int64_t>(t)),
            ColumnSpan::text(bytes, offsets).with_present(present),
            ColumnSpan::blob(bytes, offsets)};
  }
};

// DuckDB takes rows of a failed commit back, but not the bytes of their texts, and gives those to
// the next row. A disk that is full is played by a limit on the size of files.
TEST(History, KeepsTextsApartAfterACommitThatFoundNoRoom) {
  TempFolder temp;
  std::optional<History> history = must(History::open(temp / "h.duckdb"));
  must(history->execute("CREATE TABLE t (i BIGINT, name VARCHAR, bytes BLOB)"));
  const auto append = [&](int from, int to) -> Status {
    ATTUNE_RETURN_IF_ERROR(history->begin());
    const auto rows = [&]() -> Status {
      for (int i = from; i < to; ++i) {
        const std::string name = fmt::format("name-{}", i);
        ATTUNE_ASSIGN_OR_RETURN(
            const auto one, history->run("INSERT INTO t VALUES ($1, $2, $3)",
                                         {std::int64_t{i}, std::string_view(name), Blob{name}}));
        EXPECT_EQ(one, 1);
      }
      return history->commit();
    };
    Status done = rows();
    if (!done && history->in_transaction()) (void)history->rollback();
    return done;
  };
  must(append(0, 50));
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  int failed = 0;
  {
    // Room for no more than the log has by now.
    const rlimit small{static_cast<rlim_t>(std::filesystem::file_size(temp / "h.duckdb.wal")),
                       before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    for (int round = 0; round < 4; ++round) {
      const Status done = append(50 + 10 * round, 60 + 10 * round);
      failed += !done;
      if (!done) {
        EXPECT_EQ(done.error().code, ErrorCode::resource_exhausted) << done.error().message;
      }
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
  }
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(failed, 4);
  must(append(90, 120));
  const auto check = [&] {
    EXPECT_EQ(must(history->find_int64("SELECT count(*) FROM t")), 80);
    EXPECT_EQ(must(history->find_int64("SELECT count(*) FROM t WHERE name = 'name-' || i AND "
                                       "bytes = encode('name-' || i)")),
              80);
  };
  check();
  history.reset();
  history = must(History::open(temp / "h.duckdb"));
  check();
}

// DuckDB's checkpoint waits for whoever reads a table, and a result that nobody will read on would
// hold it for ever.
TEST(History, HoldsNothingByAResultThatWasNotReadToItsEnd) {
  TempFolder temp;
  History history = must(History::open(temp / "h.duckdb"));
  must(history.execute("CREATE TABLE t AS SELECT range AS i FROM range(100000)"));
  must(history.set_cursor("events", Sequence{3}));
  const auto copy = [&](const char* name) {
    History other = must(history.connect());
    must(other.copy_to(temp / name));
  };
  {
    QueryResult result = must(history.query("SELECT i FROM t"));
    EXPECT_EQ(must(result.next()).rows(), 2048u);
  }
  copy("copy-1.duckdb");
  EXPECT_EQ(must(history.find_int64("SELECT i FROM t")), 0);
  copy("copy-2.duckdb");
  EXPECT_EQ(must(history.cursor("events")), Sequence{3});
  copy("copy-3.duckdb");
  // Inside a transaction, whose rows stay.
  must(history.begin());
  must(history.execute("INSERT INTO t VALUES (-1)"));
  {
    QueryResult result = must(history.query("SELECT i FROM t"));
    must(result.next());
  }
  must(history.commit());
  EXPECT_EQ(must(history.find_int64("SELECT count(*) FROM t")), 100'001);
}

TEST(Appender, WritesEveryTypeAcrossChunks) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute(
      "CREATE TABLE t (b BOOLEAN, u8 UTINYINT, i16 SMALLINT, i32 INTEGER, i64 BIGINT,"
      " u64 UBIGINT, d DOUBLE, t TIMESTAMP, s VARCHAR, x BLOB)"));
  const Columns columns(5000);
  Appender appender = must(history.appender("t"));
  must(appender.append(columns.spans()));
  must(appender.append(columns.spans()));
  must(appender.append(Columns(0).spans()));
  must(appender.finish());
  EXPECT_EQ(appender.rows(), 10'000);
  QueryResult result = must(history.query("SELECT * FROM t"));
  std::size_t row = 0;
  must(result.for_each([&](const Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i, ++row) {
      const std::size_t at = row % 5000;
      EXPECT_EQ(chunk.int64(0)[i], columns.b[at]);
      EXPECT_EQ(chunk.int64(1)[i], columns.u8[at]);
      EXPECT_EQ(chunk.int64(2)[i], columns.i16[at]);
      EXPECT_EQ(chunk.int64(3)[i], columns.i32[at]);
      EXPECT_EQ(chunk.int64(4)[i], columns.i64[at]);
      EXPECT_EQ(chunk.uint64(5)[i], columns.u64[at]);
      EXPECT_EQ(chunk.is_null(6, i), columns.present[at] == 0);
      if (columns.present[at]) {
        EXPECT_EQ(chunk.real(6)[i], columns.d[at]);
      }
      EXPECT_EQ(chunk.time(7)[i].micros, columns.t[at]);
      const std::string_view text = columns.spans()[8].bytes(at);
      EXPECT_EQ(chunk.text(8, i), columns.present[at] ? text : std::string_view());
      EXPECT_EQ(chunk.blob(9, i), text);
    }
    return {};
  }));
  EXPECT_EQ(row, 10'000u);
}

TEST(Appender, FillsOtherColumnsWithTheirDefaults) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute("CREATE TABLE t (a BIGINT DEFAULT 7, b BIGINT)"));
  const std::vector<std::string> names = {"b"};
  Appender appender = must(history.appender("t", names));
  const std::vector<std::int64_t> values = {1, 2};
  const ColumnSpan columns[] = {ColumnSpan::int64(values)};
  must(appender.append(columns));
  must(appender.finish());
  EXPECT_EQ(must(history.find_int64("SELECT sum(a) * 100 + sum(b) FROM t")), 1403);
  const std::vector<std::string> wrong = {"c"};
  EXPECT_EQ(code_of(history.appender("t", wrong)), ErrorCode::not_found);
}

TEST(Appender, LeavesNothingWithoutFinishAndIsPartOfTheTransaction) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute("CREATE TABLE t (a BIGINT)"));
  const std::vector<std::int64_t> values(300'000, 1);
  const ColumnSpan columns[] = {ColumnSpan::int64(values)};
  {
    Appender appender = must(history.appender("t"));
    must(appender.append(columns));
  }
  EXPECT_EQ(count(history, "t"), 0);
  must(history.begin());
  {
    Appender appender = must(history.appender("t"));
    must(appender.append(columns));
    must(appender.finish());
  }
  must(history.rollback());
  EXPECT_EQ(count(history, "t"), 0);
}

TEST(Appender, RefusesWrongShapesTypesOffsetsAndBytes) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute("CREATE TABLE t (a BIGINT, s VARCHAR)"));
  Appender appender = must(history.appender("t"));
  const std::vector<std::int64_t> two = {1, 2};
  const std::vector<std::int32_t> narrow = {1, 2};
  const std::vector<std::uint32_t> offsets = {0, 1, 2}, backwards = {0, 2, 1}, beyond = {0, 1, 9};
  const std::vector<std::uint8_t> one_present = {1};
  const ColumnSpan good = ColumnSpan::text("ab", offsets);
  const std::vector<std::vector<ColumnSpan>> wrong = {
      {ColumnSpan::int64(two)},
      {ColumnSpan::int32(narrow), good},
      {ColumnSpan::int64(std::span(two).first(1)), good},
      {ColumnSpan::int64(two).with_present(one_present), good},
      {ColumnSpan::int64(two), ColumnSpan::text("ab", backwards)},
      {ColumnSpan::int64(two), ColumnSpan::text("ab", beyond)},
      {ColumnSpan::int64(two), ColumnSpan::text("a\xff", offsets)},
      {ColumnSpan::int64(two), ColumnSpan::text("\xc3\xa9", offsets)}};  // cut inside a letter
  for (const auto& columns : wrong) {
    EXPECT_EQ(code_of(appender.append(columns)), ErrorCode::invalid_argument);
  }
  const ColumnSpan right[] = {ColumnSpan::int64(two), good};
  must(appender.append(right));
  must(appender.finish());
  EXPECT_EQ(count(history, "t"), 2);
  EXPECT_EQ(code_of(appender.append(right)), ErrorCode::failed_precondition);
}

TEST(Appender, ReportsABrokenKeyAndLeavesTheTableAsItWas) {
  const TempFolder temp;
  History history = must(History::open(temp / "h.duckdb", kSmall));
  must(history.execute("CREATE TABLE t (a BIGINT PRIMARY KEY); INSERT INTO t VALUES (2)"));
  const std::vector<std::int64_t> values = {1, 2};
  const ColumnSpan columns[] = {ColumnSpan::int64(values)};
  Appender appender = must(history.appender("t"));
  must(appender.append(columns));
  EXPECT_EQ(code_of(appender.finish()), ErrorCode::already_exists);
  EXPECT_EQ(count(history, "t"), 1);
}

class HistoryFault : public testing::Test {
 protected:
  void SetUp() override {
    {
      History history = must(History::open(file_, kSmall));
      must(history.execute(
          "CREATE TABLE t AS SELECT range AS a, hash(range) AS b FROM range(300000)"));
    }
    bytes_ = must(read_file(file_));
  }
  // Opens and reads everything; the first error.
  Status use() {
    auto history = History::open(file_, kSmall);
    if (!history) return std::unexpected(history.error());
    auto sum = history->query("SELECT a, b FROM t");
    if (!sum) return std::unexpected(sum.error());
    return sum->for_each([](const Chunk&) -> Status { return {}; });
  }
  TempFolder temp_;
  fs::path file_ = temp_ / "h.duckdb";
  std::string bytes_;
};

TEST_F(HistoryFault, CutShortAtAnyLengthIsCorruptionNotACrash) {
  for (const double part : {0.0, 0.00001, 0.001, 0.01, 0.3, 0.6, 0.9, 0.999}) {
    const auto size = static_cast<std::size_t>(part * static_cast<double>(bytes_.size()));
    must(write_file_durably(file_, std::string_view(bytes_).substr(0, size)));
    const Status used = use();
    EXPECT_EQ(code_of(used), ErrorCode::data_corruption) << size << ": " << message_of(used);
    EXPECT_THAT(message_of(used), HasSubstr("h.duckdb"));
  }
}

TEST_F(HistoryFault, OfAnotherKindOrWithDamagedBlocksIsCorruptionNotACrash) {
  must(write_file_durably(file_, std::string(100'000, 'x')));
  EXPECT_EQ(code_of(use()), ErrorCode::data_corruption);
  must(write_file_durably(file_, "SQLite format 3\0" + std::string(50'000, '\0')));
  EXPECT_EQ(code_of(use()), ErrorCode::data_corruption);
  for (std::size_t at = 12'288; at + 262'144 < bytes_.size(); at += 262'144) {
    std::string damaged = bytes_;
    for (std::size_t i = 0; i < 64; ++i) damaged[at + 5000 + i] ^= '\x55';
    must(write_file_durably(file_, damaged));
    const Status used = use();
    if (used) continue;  // bytes that nothing refers to
    EXPECT_EQ(used.error().code, ErrorCode::data_corruption) << message_of(used);
  }
}

}  // namespace
}  // namespace attune::store
