// What is looked up or changed one row at a time: a SQLite file. Answers: what do we know about
// this one now?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/store/migration.h"

struct sqlite3_stmt;

namespace attune::store {

class State;

// Bytes that are not text.
struct Blob {
  std::string_view bytes;
};

// A prepared statement on loan from its State, which takes it back when this goes.
//
// Use: bind every parameter (1-based), step until false, read columns (0-based) after a step that
// said true.
// Lifetime: not beyond the State. Views returned by text() and blob() hold until the next step or
// reset.
// Threads: as State.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Bytes are copied. A failure (too large, no such parameter) is kept and returned by the next
  // step.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, double value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, Blob blob);
  Statement& bind(int parameter, std::nullptr_t);
  Statement& bind(int parameter, Timestamp time) { return bind(parameter, time.micros); }
  template <class Kind>
  Statement& bind(int parameter, Id<Kind> id) {
    return bind(parameter, id.value);
  }
  template <class Integer>
    requires std::is_integral_v<Integer>
  Statement& bind(int parameter, Integer value) {
    return bind(parameter, static_cast<std::int64_t>(value));
  }
  template <class T>
  Statement& bind(int parameter, const std::optional<T>& value) {
    return value ? bind(parameter, *value) : bind(parameter, nullptr);
  }
  // Binds parameters 1, 2, 3, … in order.
  template <class... Values>
  Statement& bind_all(const Values&... values) {
    int parameter = 0;
    (bind(++parameter, values), ...);
    return *this;
  }

  // True: there is a row. False: done, and the statement is reset so that it can run again.
  // Errors: see State; already_exists for a broken UNIQUE or PRIMARY KEY.
  Result<bool> step();
  // Steps to the end.
  Status run();
  // Back to before the first row; what is bound stays bound.
  void reset();

  bool is_null(int column) const;
  std::int64_t int64(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  Timestamp time(int column) const { return Timestamp{int64(column)}; }

 private:
  friend class State;
  struct Owner;
  Statement(sqlite3_stmt* statement, Owner* owner) : statement_(statement), owner_(owner) {}
  void give_back();

  sqlite3_stmt* statement_ = nullptr;
  Owner* owner_ = nullptr;
  int failed_ = 0;  // first error code of bind
};

// A transaction that is rolled back unless committed. Lifetime: not beyond the State. Not nestable.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // On an error nothing of the transaction stays.
  Status commit();

 private:
  friend class State;
  explicit Transaction(State* state) : state_(state) {}
  State* state_;
};

enum class Synchronous : std::uint8_t {
  normal,  // a power cut may undo the newest commits, never tears them
  full,    // a commit is on disk when it returns
};

struct StateOptions {
  Synchronous synchronous = Synchronous::normal;
  bool create = true;  // false: not_found where the file is not there
  bool read_only = false;
  bool secure_delete = false;           // deleted bytes are overwritten
  int busy_timeout_ms = 5000;           // how long to wait for another connection's write
  std::int64_t cache_bytes = 64 << 20;  // pages held in memory, at most
  std::string vfs{};                    // name of a registered SQLite VFS; empty: the system's
};

// One connection to a SQLite file in WAL mode.
//
// Invariants: (1) foreign keys are enforced; (2) after an error of a write inside a transaction,
// the transaction can only be rolled back; (3) a cursor set inside a transaction is committed with
// the rows of that transaction or not at all.
// Errors of every member: resource_exhausted (disk full, I/O error), data_corruption (not a
// database, damaged pages), unavailable (another connection writes for longer than
// busy_timeout_ms), permission_denied (read-only), internal (wrong SQL).
// Threads: one thread at a time; for concurrent readers open a State each.
class State {
 public:
  static Result<State> open(const std::filesystem::path& path, const StateOptions& options = {});

  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  ~State();

  // Runs statements without parameters and drops their rows.
  Status execute(std::string_view sql);

  // Takes the statement from the cache (keyed by its text) or compiles it. Cost when cached: one
  // hash look-up.
  Result<Statement> prepare(std::string_view sql);

  // Prepares, binds in order, and steps to the end.
  template <class... Values>
  Status run(std::string_view sql, const Values&... values) {
    ATTUNE_ASSIGN_OR_RETURN(Statement statement, prepare(sql));
    return statement.bind_all(values...).run();
  }

  // First column of the first row; absent where there is no row or it is NULL.
  template <class... Values>
  Result<std::optional<std::int64_t>> find_int64(std::string_view sql, const Values&... values) {
    ATTUNE_ASSIGN_OR_RETURN(Statement statement, prepare(sql));
    ATTUNE_ASSIGN_OR_RETURN(const bool found, statement.bind_all(values...).step());
    if (!found || statement.is_null(0)) return std::optional<std::int64_t>();
    return std::optional<std::int64_t>(statement.int64(0));
  }

  // Starts a write transaction (BEGIN IMMEDIATE). Errors: failed_precondition inside another one.
  Result<Transaction> begin();
  bool in_transaction() const;

  // Runs the migrations that `component` has not run yet, each in a transaction of its own.
  // Errors: failed_precondition where the file is newer than the last migration.
  Status migrate(std::string_view component, std::span<const Migration> migrations);

  // The last sequence number that this store holds, by name; 0 where never set.
  Result<Sequence> cursor(std::string_view name);
  Status set_cursor(std::string_view name, Sequence sequence);

  std::int64_t last_insert_row() const;
  std::int64_t changed_rows() const;  // by the last statement that wrote

  // Reads every page. Errors: data_corruption with the first finding.
  Status check();

  // Moves the write-ahead log into the file and empties it.
  Status checkpoint();

  // Writes a compact copy as of now, without stopping readers. Errors: already_exists where `path`
  // exists.
  Status copy_to(const std::filesystem::path& path);

  const std::filesystem::path& path() const;

 private:
  friend class Transaction;
  explicit State(std::unique_ptr<Statement::Owner> owner);
  std::unique_ptr<Statement::Owner> owner_;
};

}  // namespace attune::store
