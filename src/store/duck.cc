#include "duck.h"

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

namespace attune::store::duck {

void CommitGate::enter() {
  std::unique_lock lock(mutex_);
  if (copier_waits_) {
    changed_.wait_for(lock, std::chrono::seconds(2), [&] { return !copier_waits_; });
  }
  changed_.wait(lock, [&] { return !closed_; });
  ++writers_;
}

void CommitGate::leave() {
  const std::scoped_lock lock(mutex_);
  --writers_;
  changed_.notify_all();
}

bool CommitGate::close(int seconds) {
  std::unique_lock lock(mutex_);
  copier_waits_ = true;
  const bool alone = changed_.wait_for(lock, std::chrono::seconds(seconds),
                                       [&] { return writers_ == 0 && !closed_; });
  copier_waits_ = false;
  if (alone) closed_ = true;
  changed_.notify_all();
  return alone;
}

void CommitGate::reopen() {
  const std::scoped_lock lock(mutex_);
  closed_ = false;
  changed_.notify_all();
}

Database::~Database() {
  task_threads.stop();
  if (handle != nullptr) duckdb_close(&handle);
  if (copy_descriptor >= 0) ::close(copy_descriptor);
}

Connection::~Connection() {
  if (handle == nullptr) return;
  if (in_transaction) (void)end(*this, Ending::rollback);
  duckdb_disconnect(&handle);
}

namespace {

// What the beginning of DuckDB's messages, or a word in them, stands for. The first that fits
// counts.
struct Meaning {
  std::string_view words;
  ErrorCode code;
  std::string_view remedy;
};
constexpr std::array<Meaning, 34> kMeanings{{
    {"Could not set lock on file", ErrorCode::unavailable,
     "another process has it open: wait for it"},
    {"Conflicting lock", ErrorCode::unavailable, "another process has it open: wait for it"},
    {"No space left", ErrorCode::resource_exhausted, "free some space and try again"},
    {"Disk quota exceeded", ErrorCode::resource_exhausted, "free some space and try again"},
    {"File too large", ErrorCode::resource_exhausted, "free some space and try again"},
    {"No such file or directory", ErrorCode::not_found, "check the path"},
    {"transaction is aborted", ErrorCode::failed_precondition, "roll it back"},
    {"Duplicate key", ErrorCode::already_exists, ""},
    {"NOT NULL constraint", ErrorCode::invalid_argument, ""},
    {"INTERRUPT", ErrorCode::cancelled, ""},
    {"Interrupted", ErrorCode::cancelled, ""},
    {"Out of Memory", ErrorCode::resource_exhausted, "raise memory_limit_mb, or use fewer threads"},
    {"not a valid DuckDB database file", ErrorCode::data_corruption, "restore it from a backup"},
    {"Corrupt", ErrorCode::data_corruption, "restore it from a backup"},
    {"corrupt", ErrorCode::data_corruption, "restore it from a backup"},
    {"Could not read enough bytes", ErrorCode::data_corruption, "it is cut short: get it again"},
    {"checksum", ErrorCode::data_corruption, "restore it from a backup"},
    {"Serialization Error", ErrorCode::data_corruption, "restore it from a backup"},
    {"TransactionContext Error", ErrorCode::unavailable, "try again"},
    {"Permission denied", ErrorCode::permission_denied, "check who owns it"},
    {"Permission Error", ErrorCode::permission_denied, ""},
    {"Constraint Error", ErrorCode::already_exists, ""},
    {"Parser Error", ErrorCode::invalid_argument, ""},
    {"Binder Error", ErrorCode::invalid_argument, ""},
    {"Catalog Error", ErrorCode::invalid_argument, ""},
    {"Conversion Error", ErrorCode::invalid_argument, ""},
    {"Invalid Input Error", ErrorCode::invalid_argument, ""},
    {"Invalid Error", ErrorCode::invalid_argument, ""},
    {"Out of Range Error", ErrorCode::out_of_range, ""},
    {"Not implemented Error", ErrorCode::invalid_argument, ""},
    {"Mismatch Type Error", ErrorCode::invalid_argument, ""},
    {"Dependency Error", ErrorCode::failed_precondition, ""},
    {"database has been invalidated", ErrorCode::failed_precondition, "open it again"},
    {"IO Error", ErrorCode::resource_exhausted, "check that the disk is there and has space"},
}};

void set(duckdb_config config, const Setting& setting, std::string& refused) {
  if (duckdb_set_config(config, setting.first.c_str(), setting.second.c_str()) == DuckDBError) {
    refused = setting.first;
  }
}

}  // namespace

Error error_from(std::string_view message, std::string_view what) {
  ErrorCode code = ErrorCode::internal;
  std::string_view remedy;
  for (const Meaning& meaning : kMeanings) {
    if (message.find(meaning.words) == std::string_view::npos) continue;
    code = meaning.code;
    remedy = meaning.remedy;
    break;
  }
  // DuckDB tells callers on further lines what a person at its prompt might do.
  message = message.substr(0, message.find("\n\nStack Trace"));
  while (message.ends_with('\n')) message.remove_suffix(1);
  return {code, fmt::format("{}: {}{}{}", what, message, remedy.empty() ? "" : "; ", remedy), {}};
}

std::vector<Setting> common_settings(int threads, std::int64_t memory_limit_bytes,
                                     const std::filesystem::path& temp_folder) {
  std::vector<Setting> settings = {
      {"autoload_known_extensions", "false"},
      {"autoinstall_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_unsigned_extensions", "false"},
      {"memory_limit", fmt::format("{}B", memory_limit_bytes)},
  };
  if (threads > 0) settings.emplace_back("threads", std::to_string(threads));
  if (!temp_folder.empty()) settings.emplace_back("temp_directory", temp_folder.string());
  return settings;
}

namespace {

Status open_instance(Database& database) {
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) == DuckDBError) {
    return std::unexpected(internal_error("DuckDB gives no configuration"));
  }
  std::string refused;
  for (const Setting& setting : database.settings) set(config, setting, refused);
  if (!refused.empty()) {
    duckdb_destroy_config(&config);
    return std::unexpected(internal_error("DuckDB does not know the setting " + refused));
  }
  const std::filesystem::path& path = database.path;
  char* message = nullptr;
  const duckdb_state state =
      duckdb_open_ext(path.empty() ? nullptr : path.c_str(), &database.handle, config, &message);
  duckdb_destroy_config(&config);
  if (state != DuckDBError) {
    database.task_threads.start(database.handle, database.helpers);
    return {};
  }
  Error failed = error_from(message != nullptr ? message : "cannot open it", path.string());
  if (message != nullptr) duckdb_free(message);
  return std::unexpected(std::move(failed));
}

Status failed_with(const char* message, const Connection& connection) {
  return std::unexpected(error_from(message != nullptr ? message : "it failed", connection.what));
}

Status run_sql(Connection& connection, const std::string& sql) {
  ++connection.statements;
  duckdb_result result;
  Status ran;
  if (duckdb_query(connection.handle, sql.c_str(), &result) == DuckDBError)
    ran = failed_with(duckdb_result_error(&result), connection);
  duckdb_destroy_result(&result);
  return ran;
}

// Until the result can be had, or none will be. While all that is left to do is another thread's,
// DuckDB would ask again at once: a core that turns and does nothing.
void work_until_ready(duckdb_pending_result pending) {
  constexpr std::chrono::microseconds kPause{50};
  constexpr int kAskedBefore = 20;  // a short query is over before it pays to sleep
  for (int idle = 0;;) {
    const duckdb_pending_state state = duckdb_pending_execute_task(pending);
    if (duckdb_pending_execution_is_finished(state)) return;
    if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE && ++idle > kAskedBefore) {
      std::this_thread::sleep_for(kPause);
    } else if (state != DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
      idle = 0;
    }
  }
}

// By the way of queries: a commit writes a checkpoint where the log has grown enough, and another
// thread may work on that for long.
Status commit(Connection& connection) {
  ++connection.statements;
  duckdb_prepared_statement statement = nullptr;
  duckdb_result result;
  Status ran;
  if (duckdb_prepare(connection.handle, "COMMIT", &statement) == DuckDBError) {
    ran = failed_with(duckdb_prepare_error(statement), connection);
  } else {
    ran = run(connection, statement, false, result);
    if (ran) duckdb_destroy_result(&result);
  }
  duckdb_destroy_prepare(&statement);
  return ran;
}

}  // namespace

Status run(Connection& connection, duckdb_prepared_statement statement, bool streams,
           duckdb_result& result) {
  duckdb_pending_result pending = nullptr;
  Status ran;
  if ((streams ? duckdb_pending_prepared_streaming(statement, &pending)
               : duckdb_pending_prepared(statement, &pending)) == DuckDBError) {
    ran = failed_with(duckdb_pending_error(pending), connection);
  } else {
    work_until_ready(pending);
    if (duckdb_execute_pending(pending, &result) == DuckDBError) {
      ran = failed_with(duckdb_result_error(&result), connection);
      duckdb_destroy_result(&result);
    }
  }
  duckdb_destroy_pending(&pending);
  return ran;
}

Result<std::shared_ptr<Database>> open_database(const std::filesystem::path& path,
                                                std::span<const Setting> settings, int helpers) {
  auto database = std::make_shared<Database>();
  database->path = path;
  database->settings.assign(settings.begin(), settings.end());
  database->helpers = helpers;
  ATTUNE_RETURN_IF_ERROR(open_instance(*database));
  return database;
}

Status mend(Connection& connection) {
  Database& database = *connection.database;
  if (!database.damaged || connection.in_transaction) return {};
  if (connection.database.use_count() > 1) {
    return std::unexpected(unavailable(
        fmt::format("{} is to be opened anew after a commit failed, and is still in use; try again",
                    connection.what)));
  }
  ++connection.statements;  // what was not read to its end has ended
  if (connection.handle != nullptr) duckdb_disconnect(&connection.handle);
  database.task_threads.stop();
  if (database.handle != nullptr) duckdb_close(&database.handle);
  if (database.copy_descriptor >= 0) ::close(std::exchange(database.copy_descriptor, -1));
  ATTUNE_RETURN_IF_ERROR(open_instance(database));
  if (duckdb_connect(database.handle, &connection.handle) == DuckDBError) {
    return std::unexpected(internal_error("cannot connect to " + connection.what));
  }
  database.damaged = false;
  return {};
}

Result<std::shared_ptr<Connection>> connect(std::shared_ptr<Database> database, std::string what) {
  auto connection = std::make_shared<Connection>();
  connection->database = std::move(database);
  connection->what = std::move(what);
  if (duckdb_connect(connection->database->handle, &connection->handle) == DuckDBError) {
    return std::unexpected(internal_error("cannot connect to " + connection->what));
  }
  return connection;
}

bool harms(const Error& error) {
  switch (error.code) {
    case ErrorCode::resource_exhausted:
    case ErrorCode::unavailable:
    case ErrorCode::internal:
      return true;
    case ErrorCode::failed_precondition:
      return error.message.find("invalidated") != std::string::npos;
    default:
      return false;
  }
}

Status execute(Connection& connection, const std::string& sql) {
  ATTUNE_RETURN_IF_ERROR(mend(connection));
  if (connection.in_transaction) return run_sql(connection, sql);
  // A transaction of its own.
  const std::scoped_lock lock(connection.database->committing);
  Status done = run_sql(connection, sql);
  if (!done && harms(done.error())) connection.database->damaged = true;
  return done;
}

Status begin(Connection& connection) {
  if (connection.in_transaction) {
    return std::unexpected(
        failed_precondition(fmt::format("a transaction on {} is open already", connection.what)));
  }
  ATTUNE_RETURN_IF_ERROR(mend(connection));
  connection.database->gate.enter();
  if (Status begun = run_sql(connection, "BEGIN TRANSACTION"); !begun) {
    connection.database->gate.leave();
    return begun;
  }
  connection.in_transaction = true;
  return {};
}

Status end(Connection& connection, Ending ending) {
  if (!connection.in_transaction) {
    return std::unexpected(
        failed_precondition(fmt::format("no transaction is open on {}", connection.what)));
  }
  Database& database = *connection.database;
  Status ended;
  {
    const std::scoped_lock lock(database.committing);
    if (ending == Ending::commit && database.damaged) {
      ended = std::unexpected(unavailable(
          fmt::format("another commit to {} failed meanwhile; try again", connection.what)));
    } else {
      ended = ending == Ending::commit ? commit(connection) : run_sql(connection, "ROLLBACK");
      if (!ended && ending == Ending::commit) database.damaged = true;
    }
    // A commit that fails has been rolled back by DuckDB; where it has not, this does.
    if (!ended) (void)run_sql(connection, "ROLLBACK");
  }
  connection.in_transaction = false;
  database.gate.leave();
  return ended;
}

std::string literal(std::string_view text) {
  std::string quoted_text = "'";
  for (const char c : text) quoted_text.append(c == '\'' ? 2 : 1, c);
  return quoted_text + "'";
}

std::string identifier(std::string_view name) {
  std::string quoted_name = "\"";
  for (const char c : name) quoted_name.append(c == '"' ? 2 : 1, c);
  return quoted_name + "\"";
}

}  // namespace attune::store::duck
