// All that happened, by the column, for questions over many rows: a DuckDB file. Answers: how many,
// how much, since when?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/store/columns.h"
#include "attune/store/migration.h"

namespace attune::store {

class Appender;

namespace duck {
struct Database;
}

struct HistoryOptions {
  int threads = 0;                      // 0: as many as the machine has
  std::int64_t memory_limit_bytes = 0;  // 0: half of the machine's memory
  std::filesystem::path temp_folder{};  // where large sorts spill; empty: "<file>.tmp"
  bool read_only = false;
  bool create = true;  // false: not_found where the file is not there
};

// A connection to a history file, which stays open while any connection to it lives.
//
// Invariants: (1) the instance reaches no file but its own and loads no extension, whatever SQL it
// is given; (2) without begin() every statement is a transaction of its own; (3) a cursor set
// inside a transaction is committed with that transaction's rows or not at all.
// Errors of every member: data_corruption (not a DuckDB file, cut short, damaged), unavailable
// (another process has it open; a conflicting write of another connection), resource_exhausted
// (memory limit, disk full), cancelled (interrupt), invalid_argument (SQL that does not parse or
// bind, a value that does not convert), already_exists (broken UNIQUE), internal.
// Threads: one thread at a time for each connection, interrupt() from any; connections run side by
// side.
class History {
 public:
  // A file is opened once in a process (a data folder's lock sees to that); more connections come
  // from connect.
  static Result<History> open(const std::filesystem::path& path,
                              const HistoryOptions& options = {});

  // Another connection to the same file.
  Result<History> connect() const;

  History(History&&) noexcept;
  History& operator=(History&&) noexcept;
  ~History();  // rolls back; the last connection to go writes a checkpoint

  // Runs statements without parameters and drops their rows.
  Status execute(std::string_view sql);

  // Runs one statement with $1, $2, … or ? bound to `parameters`; rows are made while they are
  // read.
  Result<QueryResult> query(std::string_view sql, std::span<const Value> parameters = {});
  Result<QueryResult> query(std::string_view sql, std::initializer_list<Value> parameters) {
    return query(sql, std::span(parameters.begin(), parameters.size()));
  }

  // First column of the first row; absent where there is no row or it is NULL.
  Result<std::optional<std::int64_t>> find_int64(std::string_view sql,
                                                 std::span<const Value> parameters = {});
  Result<std::optional<std::int64_t>> find_int64(std::string_view sql,
                                                 std::initializer_list<Value> parameters) {
    return find_int64(sql, std::span(parameters.begin(), parameters.size()));
  }

  // Runs one statement that writes, with parameters; returns the number of rows changed.
  Result<std::int64_t> run(std::string_view sql, std::initializer_list<Value> parameters);

  // Explicit transactions. Errors: failed_precondition for begin inside one, commit and rollback
  // outside.
  Status begin();
  Status commit();
  Status rollback();
  bool in_transaction() const;

  // Opens `table` for bulk append; `columns` names those given, in order (empty: all of the table,
  // in its order), the rest take their defaults. Errors: not_found (table or column).
  Result<Appender> appender(std::string_view table, std::span<const std::string> columns = {});

  Status migrate(std::string_view component, std::span<const Migration> migrations);
  Result<Sequence> cursor(std::string_view name);
  Status set_cursor(std::string_view name, Sequence sequence);

  // Stops what this connection runs: it ends with `cancelled`. From any thread.
  void interrupt();

  // While one lives, statements of every connection are worked on by the threads that run them and
  // by no others: for a caller that brings a thread a core itself, each with a connection. Making
  // one waits until the others have put down what they work on.
  class OwnThreads {
   public:
    explicit OwnThreads(const History& history);
    OwnThreads(const OwnThreads&) = delete;
    OwnThreads& operator=(const OwnThreads&) = delete;
    ~OwnThreads();

   private:
    std::shared_ptr<duck::Database> database_;
  };

  // Moves the write-ahead log into the file. Errors: unavailable while another connection is in a
  // transaction.
  Status checkpoint();

  // Checkpoints, then writes a copy of the file, holding back commits of every connection
  // meanwhile. Errors: already_exists; failed_precondition inside a transaction.
  Status copy_to(const std::filesystem::path& path);

  const std::filesystem::path& path() const;

  struct Impl;

 private:
  explicit History(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Appends columns of rows to a table of the history.
//
// Invariants: inside a transaction of the connection the rows are part of it, in the order
// appended; outside, the appender is a transaction of its own, which finish commits. One that goes
// without finish leaves no rows outside, and any of its rows inside: roll that transaction back.
// Cost: copies each value once; 12 numeric columns: more than 1.3 million rows a second and core.
// Lifetime: not beyond its History, which runs no other statement meanwhile. Threads: one thread at
// a time.
class Appender {
 public:
  Appender(Appender&&) noexcept;
  Appender& operator=(Appender&&) noexcept;
  ~Appender();

  // Shapes: as many columns as the appender has, all with the same number of rows (any, also 0), of
  // the table's types: boolean BOOLEAN, uint8 UTINYINT, int16 SMALLINT, int32 INTEGER, int64
  // BIGINT, uint64 UBIGINT, float64 DOUBLE, timestamp TIMESTAMP, text VARCHAR, blob BLOB. Errors:
  // invalid_argument (shape, type, offsets, text that is not UTF-8), naming the column;
  // already_exists (UNIQUE); those of History.
  Status append(std::span<const ColumnSpan> columns);

  // Hands all rows to the table. The appender is of no more use.
  Status finish();

  std::int64_t rows() const;  // appended so far

  struct Impl;
  explicit Appender(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::store
