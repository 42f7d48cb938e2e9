#include "attune/store/state.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/files.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

State with_table(const fs::path& path) {
  State state = must(State::open(path));
  must(state.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v)"));
  return state;
}

TEST(State, GivesBackEveryKindOfValue) {
  const TempFolder temp;
  State state = with_table(temp / "s.sqlite");
  const std::string bytes("a\0\xff", 3);
  must(state.run("INSERT INTO t VALUES (1, ?)", std::int64_t{-5}));
  must(state.run("INSERT INTO t VALUES (2, ?)", 0.25));
  must(state.run("INSERT INTO t VALUES (3, ?)", "茶"));
  must(state.run("INSERT INTO t VALUES (4, ?)", Blob{bytes}));
  must(state.run("INSERT INTO t VALUES (5, ?)", nullptr));
  must(state.run("INSERT INTO t VALUES (6, ?)", std::string_view()));
  must(state.run("INSERT INTO t VALUES (7, ?)", std::optional<std::int64_t>()));
  must(state.run("INSERT INTO t VALUES (8, ?)", CustomerNumber{77}));
  must(state.run("INSERT INTO t VALUES (9, ?)", Timestamp{123}));
  Statement row = must(state.prepare("SELECT v FROM t ORDER BY k"));
  ASSERT_TRUE(must(row.step()));
  EXPECT_EQ(row.int64(0), -5);
  ASSERT_TRUE(must(row.step()));
  EXPECT_EQ(row.real(0), 0.25);
  ASSERT_TRUE(must(row.step()));
  EXPECT_EQ(row.text(0), "茶");
  ASSERT_TRUE(must(row.step()));
  EXPECT_EQ(row.blob(0), bytes);
  ASSERT_TRUE(must(row.step()));
  EXPECT_TRUE(row.is_null(0));
  ASSERT_TRUE(must(row.step()));
  EXPECT_FALSE(row.is_null(0));
  EXPECT_EQ(row.text(0), "");
  ASSERT_TRUE(must(row.step()));
  EXPECT_TRUE(row.is_null(0));
  ASSERT_TRUE(must(row.step()));
  EXPECT_EQ(row.int64(0), 77);
  ASSERT_TRUE(must(row.step()));
  EXPECT_EQ(row.time(0).micros, 123);
  EXPECT_FALSE(must(row.step()));
}

TEST(State, ReusesStatementsAndKeepsThemApartWhileInUse) {
  const TempFolder temp;
  State state = with_table(temp / "s.sqlite");
  must(state.execute("INSERT INTO t VALUES (1, 10), (2, 20)"));
  const std::string sql = "SELECT v FROM t WHERE k = ?";
  Statement one = must(state.prepare(sql));
  Statement two = must(state.prepare(sql));
  ASSERT_TRUE(must(one.bind(1, 1).step()));
  ASSERT_TRUE(must(two.bind(1, 2).step()));
  EXPECT_EQ(one.int64(0), 10);
  EXPECT_EQ(two.int64(0), 20);
  one = must(state.prepare(sql));
  // What another loan bound is gone.
  EXPECT_FALSE(must(one.step()));
}

TEST(State, KeepsNothingOfATransactionThatWasNotCommitted) {
  const TempFolder temp;
  State state = with_table(temp / "s.sqlite");
  {
    Transaction transaction = must(state.begin());
    must(state.run("INSERT INTO t VALUES (1, 1)"));
    must(state.set_cursor("applier", Sequence{7}));
    EXPECT_EQ(code_of(state.begin()), ErrorCode::failed_precondition);
  }
  EXPECT_EQ(must(state.find_int64("SELECT count(*) FROM t")), 0);
  EXPECT_EQ(must(state.cursor("applier")), Sequence{0});
  {
    Transaction transaction = must(state.begin());
    must(state.run("INSERT INTO t VALUES (1, 1)"));
    must(state.set_cursor("applier", Sequence{7}));
    must(transaction.commit());
  }
  EXPECT_EQ(must(state.find_int64("SELECT count(*) FROM t")), 1);
  EXPECT_EQ(must(state.cursor("applier")), Sequence{7});
  EXPECT_EQ(must(state.cursor("other")), Sequence{0});
}

TEST(State, TellsKindsOfErrorsApart) {
  const TempFolder temp;
  State state = with_table(temp / "s.sqlite");
  must(state.run("INSERT INTO t VALUES (1, 1)"));
  EXPECT_EQ(code_of(state.run("INSERT INTO t VALUES (1, 1)")), ErrorCode::already_exists);
  EXPECT_EQ(code_of(state.execute("SELEKT")), ErrorCode::internal);
  EXPECT_EQ(code_of(state.run("SELECT 1", 2)), ErrorCode::internal);  // no parameter 1
  EXPECT_EQ(code_of(State::open(temp / "none.sqlite", {.create = false})), ErrorCode::not_found);
  EXPECT_EQ(code_of(State::open(temp.path())), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(State::open(temp / "no/such/folder.sqlite")), ErrorCode::not_found);
}

TEST(State, SaysThatAnotherConnectionWrites) {
  const TempFolder temp;
  State first = with_table(temp / "s.sqlite");
  State second = must(State::open(temp / "s.sqlite", {.busy_timeout_ms = 20}));
  Transaction transaction = must(first.begin());
  EXPECT_EQ(code_of(second.begin()), ErrorCode::unavailable);
  EXPECT_EQ(must(second.find_int64("SELECT count(*) FROM t")), 0);  // reading goes on
}

TEST(State, RunsEachMigrationOnceAndRefusesANewerFile) {
  const TempFolder temp;
  const Migration two[] = {{1, "CREATE TABLE a (x); INSERT INTO a VALUES (1)"},
                           {2, "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (2, 2)"}};
  {
    State state = must(State::open(temp / "s.sqlite"));
    must(state.migrate("shop", std::span(two, 1)));
    must(state.migrate("shop", two));
    must(state.migrate("shop", two));
    must(state.migrate("other", std::span<const Migration>()));
    EXPECT_EQ(must(state.find_int64("SELECT count(*) FROM a")), 2);
  }
  State state = must(State::open(temp / "s.sqlite"));
  const auto refused = state.migrate("shop", std::span(two, 1));
  EXPECT_EQ(code_of(refused), ErrorCode::failed_precondition);
  EXPECT_THAT(message_of(refused), HasSubstr("newer Attune"));
}

TEST(State, LeavesNothingOfAMigrationThatFails) {
  const TempFolder temp;
  State state = must(State::open(temp / "s.sqlite"));
  const Migration bad[] = {{1, "CREATE TABLE a (x); INSERT INTO nowhere VALUES (1)"}};
  EXPECT_FALSE(state.migrate("shop", bad).has_value());
  EXPECT_FALSE(state.in_transaction());
  const Migration good[] = {{1, "CREATE TABLE a (x)"}};
  EXPECT_TRUE(state.migrate("shop", good).has_value());
}

TEST(State, CopiesItselfWhole) {
  const TempFolder temp;
  State state = with_table(temp / "s.sqlite");
  must(state.run("INSERT INTO t VALUES (1, 'x')"));
  must(state.copy_to(temp / "copy.sqlite"));
  EXPECT_EQ(code_of(state.copy_to(temp / "copy.sqlite")), ErrorCode::already_exists);
  State copy = must(State::open(temp / "copy.sqlite"));
  EXPECT_EQ(must(copy.find_int64("SELECT count(*) FROM t")), 1);
  must(copy.check());
}

TEST(StateFault, OfAnotherKindOfFileIsCorruptionNotACrash) {
  const TempFolder temp;
  must(write_file_durably(temp / "text.sqlite", std::string(8192, 'x')));
  const auto refused = State::open(temp / "text.sqlite");
  EXPECT_EQ(code_of(refused), ErrorCode::data_corruption);
  EXPECT_THAT(message_of(refused), HasSubstr("text.sqlite"));
}

TEST(StateFault, FindsDamagedPages) {
  const TempFolder temp;
  {
    State state = with_table(temp / "s.sqlite");
    must(state.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        " INSERT INTO t SELECT i, hex(randomblob(50)) FROM n"));
  }
  {
    std::fstream file(temp / "s.sqlite", std::ios::in | std::ios::out | std::ios::binary);
    const std::string noise(4096 * 3, '\x5a');
    file.seekp(4096 * 10);
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
  }
  State state = must(State::open(temp / "s.sqlite"));
  EXPECT_EQ(code_of(state.check()), ErrorCode::data_corruption);
}

}  // namespace
}  // namespace attune::store
