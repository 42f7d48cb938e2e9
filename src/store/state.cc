#include "attune/store/state.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

#include "attune/base/files.h"
#include "sqlite_connection.h"

namespace attune::store {

// The connection and its idle statements. Statements refer to it: its address stays.
struct Statement::Owner {
  sqlite3* connection = nullptr;
  std::filesystem::path path;
  bool bookkeeping_ready = false;
  // Keyed by the SQL text that SQLite keeps with each statement.
  std::unordered_multimap<std::string_view, sqlite3_stmt*> idle;

  ~Owner() {
    for (const auto& [sql, statement] : idle) sqlite3_finalize(statement);
    close_sqlite(connection);
  }
  Error error(int code, std::string_view doing) const {
    return sqlite_error(connection, code, doing, path);
  }
};

namespace {
constexpr std::size_t kIdleMax = 256;
}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)),
      owner_(other.owner_),
      failed_(other.failed_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(owner_, other.owner_);
  std::swap(failed_, other.failed_);
  return *this;
}

Statement::~Statement() { give_back(); }

void Statement::give_back() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  if (owner_->idle.size() < kIdleMax) {
    owner_->idle.emplace(sqlite3_sql(statement_), statement_);
  } else {
    sqlite3_finalize(statement_);
  }
  statement_ = nullptr;
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, parameter, value);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::bind(int parameter, double value) {
  const int code = sqlite3_bind_double(statement_, parameter, value);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL, an empty view is an empty text.
  const int code = sqlite3_bind_text64(statement_, parameter, text.data() ? text.data() : "",
                                       text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::bind(int parameter, Blob blob) {
  const int code =
      sqlite3_bind_blob64(statement_, parameter, blob.bytes.data() ? blob.bytes.data() : "",
                          blob.bytes.size(), SQLITE_TRANSIENT);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::bind(int parameter, std::nullptr_t) {
  const int code = sqlite3_bind_null(statement_, parameter);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Result<bool> Statement::step() {
  if (failed_ != SQLITE_OK) {
    const int code = std::exchange(failed_, SQLITE_OK);
    return std::unexpected(owner_->error(code, "bind a value for"));
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  Error failed = owner_->error(code, "use");
  sqlite3_reset(statement_);
  return std::unexpected(std::move(failed));
}

Status Statement::run() {
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, step());
    if (!more) return {};
  }
}

void Statement::reset() { sqlite3_reset(statement_); }

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Statement::int64(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already: nothing to do then.
  if (state_ != nullptr && state_->in_transaction()) (void)state_->execute("ROLLBACK");
}

Status Transaction::commit() {
  ATTUNE_CHECK(state_ != nullptr, "a transaction is committed once");
  State* state = std::exchange(state_, nullptr);
  if (!state->in_transaction()) {
    return std::unexpected(failed_precondition(
        fmt::format("the transaction on {} was rolled back by an error before it was committed",
                    state->path().string())));
  }
  Status committed = state->execute("COMMIT");
  if (!committed && state->in_transaction()) (void)state->execute("ROLLBACK");
  return committed;
}

State::State(std::unique_ptr<Statement::Owner> owner) : owner_(std::move(owner)) {}
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;
State::~State() = default;

Result<State> State::open(const std::filesystem::path& path, const StateOptions& options) {
  ATTUNE_ASSIGN_OR_RETURN(sqlite3 * connection,
                          open_sqlite(path, {.create = options.create,
                                             .read_only = options.read_only,
                                             .full_sync = options.synchronous == Synchronous::full,
                                             .secure_delete = options.secure_delete,
                                             .busy_timeout_ms = options.busy_timeout_ms,
                                             .cache_bytes = options.cache_bytes,
                                             .vfs = options.vfs}));
  auto owner = std::make_unique<Statement::Owner>();
  owner->connection = connection;
  owner->path = path;
  return State(std::move(owner));
}

Status State::execute(std::string_view sql) {
  return run_sqlite(owner_->connection, std::string(sql), owner_->path);
}

Result<Statement> State::prepare(std::string_view sql) {
  if (const auto found = owner_->idle.find(sql); found != owner_->idle.end()) {
    sqlite3_stmt* statement = found->second;
    owner_->idle.erase(found);
    return Statement(statement, owner_.get());
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(owner_->connection, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return std::unexpected(owner_->error(code, "use"));
  if (statement == nullptr) return std::unexpected(invalid_argument("there is no SQL to run"));
  return Statement(statement, owner_.get());
}

Result<Transaction> State::begin() {
  if (in_transaction()) {
    return std::unexpected(failed_precondition(
        fmt::format("a transaction on {} is open already", owner_->path.string())));
  }
  ATTUNE_RETURN_IF_ERROR(execute("BEGIN IMMEDIATE"));
  return Transaction(this);
}

bool State::in_transaction() const { return sqlite3_get_autocommit(owner_->connection) == 0; }

Status State::migrate(std::string_view component, std::span<const Migration> migrations) {
  ATTUNE_RETURN_IF_ERROR(
      execute("CREATE TABLE IF NOT EXISTS attune_schema"
              "(component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"));
  ATTUNE_ASSIGN_OR_RETURN(
      const auto found,
      find_int64("SELECT version FROM attune_schema WHERE component = ?", component));
  const std::int64_t version = found.value_or(0);
  const auto newest = static_cast<std::int64_t>(migrations.size());
  if (version > newest) {
    return std::unexpected(failed_precondition(
        fmt::format("{} holds version {} of '{}', this program knows up to {}; use a newer Attune",
                    owner_->path.string(), version, component, newest)));
  }
  for (std::int64_t next = version; next < newest; ++next) {
    const Migration& migration = migrations[static_cast<std::size_t>(next)];
    ATTUNE_CHECK(migration.version == next + 1, "migrations count 1, 2, 3, …");
    ATTUNE_ASSIGN_OR_RETURN(Transaction transaction, begin());
    ATTUNE_RETURN_IF_ERROR(execute(migration.sql));
    ATTUNE_RETURN_IF_ERROR(
        run("INSERT INTO attune_schema VALUES (?, ?)"
            " ON CONFLICT (component) DO UPDATE SET version = excluded.version",
            component, migration.version));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
  }
  return {};
}

namespace {
constexpr std::string_view kCreateCursors =
    "CREATE TABLE IF NOT EXISTS attune_cursors"
    "(name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID";
}  // namespace

Result<Sequence> State::cursor(std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(const auto table,
                          find_int64("SELECT 1 FROM sqlite_schema WHERE name = 'attune_cursors'"));
  if (!table) return Sequence{};
  ATTUNE_ASSIGN_OR_RETURN(const auto found,
                          find_int64("SELECT sequence FROM attune_cursors WHERE name = ?", name));
  return Sequence{found.value_or(0)};
}

Status State::set_cursor(std::string_view name, Sequence sequence) {
  if (!owner_->bookkeeping_ready) {
    ATTUNE_RETURN_IF_ERROR(execute(kCreateCursors));
    // Rolled back with a transaction around it, the table has to be made again.
    owner_->bookkeeping_ready = !in_transaction();
  }
  return run(
      "INSERT INTO attune_cursors VALUES (?, ?)"
      " ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence",
      name, sequence);
}

std::int64_t State::last_insert_row() const {
  return sqlite3_last_insert_rowid(owner_->connection);
}

std::int64_t State::changed_rows() const { return sqlite3_changes64(owner_->connection); }

Status State::check() {
  ATTUNE_ASSIGN_OR_RETURN(Statement statement, prepare("PRAGMA integrity_check(1)"));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, statement.step());
  if (found && statement.text(0) == "ok") return {};
  return std::unexpected(data_corruption(fmt::format("{} is damaged: {}; restore it from a backup",
                                                     owner_->path.string(), statement.text(0))));
}

Status State::checkpoint() { return execute("PRAGMA wal_checkpoint(TRUNCATE)"); }

Status State::copy_to(const std::filesystem::path& path) {
  if (std::filesystem::exists(path)) {
    return std::unexpected(already_exists(fmt::format("{} is there already", path.string())));
  }
  ATTUNE_RETURN_IF_ERROR(run("VACUUM INTO ?", std::string_view(path.native())));
  return sync_path(path);
}

const std::filesystem::path& State::path() const { return owner_->path; }

}  // namespace attune::store
