// DuckDB's C API in our words: instances, connections, results. Only this module's sources include
// it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <duckdb.h>

#include "attune/base/error.h"
#include "attune/store/columns.h"
#include "task_threads.h"

namespace attune::store::duck {

inline constexpr std::size_t kVectorRows = 2048;

// Lets many writers in, or one that copies the file while none writes.
//
// A writer that comes while a copier waits steps back for at most two seconds: a steady stream of
// transactions does not keep the copier out, and a thread that needs two connections to end its
// transaction does not wait for ever.
class CommitGate {
 public:
  void enter();
  void leave();
  // False where writers stayed inside for `seconds`.
  bool close(int seconds);
  void reopen();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int writers_ = 0;
  bool copier_waits_ = false;
  bool closed_ = false;
};

// Inside the gate for a scope, where `gate` is not null.
class GateHold {
 public:
  explicit GateHold(CommitGate* gate) : gate_(gate) {
    if (gate_ != nullptr) gate_->enter();
  }
  GateHold(GateHold&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  GateHold& operator=(GateHold&&) = delete;
  ~GateHold() {
    if (gate_ != nullptr) gate_->leave();
  }

 private:
  CommitGate* gate_;
};

using Setting = std::pair<std::string, std::string>;

// One instance: a file, or memory where `path` is empty.
struct Database {
  duckdb_database handle = nullptr;
  std::filesystem::path path;
  std::vector<Setting> settings;
  int helpers = 0;  // threads beside those that run statements
  TaskThreads task_threads;
  CommitGate gate;
  // A commit failed, for want of room most often. DuckDB takes its rows back but not the bytes of
  // their texts, and gives those to the next row: nothing may be committed until it is opened anew,
  // which the next statement outside of a transaction does.
  std::atomic<bool> damaged{false};
  std::mutex committing;  // so that no commit comes between a failed one and `damaged`
  // POSIX locks go when any descriptor of the file is closed: the one that copies reads through
  // stays open until DuckDB has closed the file.
  int copy_descriptor = -1;

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();
};

// `helpers`: how many threads of ours work for its statements, where the settings leave DuckDB none
// of its own (external_threads = threads).
Result<std::shared_ptr<Database>> open_database(const std::filesystem::path& path,
                                                std::span<const Setting> settings, int helpers = 0);

// The settings that hold for every instance of ours: no extensions from outside.
std::vector<Setting> common_settings(int threads, std::int64_t memory_limit_bytes,
                                     const std::filesystem::path& temp_folder);

// Results keep their connection, connections their database.
struct Connection {
  std::shared_ptr<Database> database;
  duckdb_connection handle = nullptr;
  bool in_transaction = false;
  std::uint64_t statements = 0;  // run so far: tells a result that it has been overtaken
  std::string what;              // the file that errors name

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The gate that a statement has to hold on its own: none inside a transaction, which holds it.
  CommitGate* gate() { return in_transaction ? nullptr : &database->gate; }
};

Result<std::shared_ptr<Connection>> connect(std::shared_ptr<Database> database, std::string what);

// Opens a damaged instance anew, outside of transactions. Errors: unavailable while another
// connection to it lives; those of opening, and then it stays damaged.
Status mend(Connection& connection);

// The error that DuckDB's message stands for, with the file it is about.
Error error_from(std::string_view message, std::string_view what);

Status execute(Connection& connection, const std::string& sql);

// Runs a prepared statement, leaving the cores to whoever works for it. `result` is the caller's to
// destroy where it ran; `streams`: its rows are made while they are read.
Status run(Connection& connection, duckdb_prepared_statement statement, bool streams,
           duckdb_result& result);

// A statement that failed so outside of a transaction damages the instance.
bool harms(const Error& error);

// Explicit transactions, inside the gate from begin to end.
// Errors: failed_precondition for a begin inside one, an end outside.
Status begin(Connection& connection);
enum class Ending { commit, rollback };
Status end(Connection& connection, Ending ending);

Result<QueryResult> query(const std::shared_ptr<Connection>& connection, std::string_view sql,
                          std::span<const Value> parameters);

// "it's" in quotes for SQL: 'it''s'; and "a name" as an identifier.
std::string literal(std::string_view text);
std::string identifier(std::string_view name);

// Our type as DuckDB's, and its name in SQL.
duckdb_type type_of(ColumnType type);
std::string_view sql_name(ColumnType type);

// Owned handles of the C API.
class LogicalType {
 public:
  explicit LogicalType(duckdb_logical_type handle) : handle_(handle) {}
  explicit LogicalType(ColumnType type) : handle_(duckdb_create_logical_type(type_of(type))) {}
  LogicalType(LogicalType&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  LogicalType& operator=(LogicalType&&) = delete;
  ~LogicalType() {
    if (handle_ != nullptr) duckdb_destroy_logical_type(&handle_);
  }
  duckdb_logical_type get() const { return handle_; }
  duckdb_type id() const { return duckdb_get_type_id(handle_); }

 private:
  duckdb_logical_type handle_;
};

// Copies rows `from` .. `from + count` of the columns into an empty chunk of the same types. Text
// and blobs are not copied: the chunk refers to the columns' bytes.
void fill_chunk(duckdb_data_chunk chunk, std::span<const ColumnSpan> columns, std::size_t from,
                std::size_t count);

// Whether `columns` are `schema`'s types, all of one length, sound, and texts UTF-8. Result: the
// number of rows.
Result<std::size_t> check_columns(std::span<const ColumnSpan> columns,
                                  std::span<const ColumnSchema> schema);

}  // namespace attune::store::duck
