#include "attune/store/history.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/cores.h"
#include "attune/base/files.h"
#include "copy_file.h"
#include "history_impl.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSmallestFile = 3 * 4096;  // DuckDB's headers
constexpr int kCopyWaitSeconds = 60;

std::int64_t half_of_memory() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  const auto page = ::sysconf(_SC_PAGE_SIZE);
  return pages > 0 && page > 0 ? std::int64_t{pages} * page / 2 : std::int64_t{2} << 30;
}

int threads_of(const HistoryOptions& options) {
  return options.threads > 0 ? options.threads : usable_cores();
}

std::vector<duck::Setting> settings_for(const fs::path& path, const HistoryOptions& options) {
  const std::int64_t memory =
      options.memory_limit_bytes > 0 ? options.memory_limit_bytes : half_of_memory();
  auto settings = duck::common_settings(
      threads_of(options), memory,
      options.temp_folder.empty() ? fs::path(path.string() + ".tmp") : options.temp_folder);
  // None of DuckDB's own: those that open() starts can be put to rest.
  settings.emplace_back("external_threads", std::to_string(threads_of(options)));
  settings.emplace_back("access_mode", options.read_only ? "READ_ONLY" : "READ_WRITE");
  settings.emplace_back("enable_external_access", "false");
  // A commit that passes this writes a checkpoint first, and whatever is committed meanwhile waits:
  // often and short rather than seldom and long.
  settings.emplace_back("checkpoint_threshold", "16MB");
  // What a query or a commit needed goes back to the system within seconds, not when the next one
  // happens to run.
  settings.emplace_back("allocator_background_threads", "true");
  settings.emplace_back("lock_configuration", "true");
  return settings;
}

// Makes the file under another name first: what bears the history's name is always whole.
Status make_file(const fs::path& path, const HistoryOptions& options) {
  const fs::path part = path.string() + ".part";
  std::error_code error;
  fs::remove(part, error);
  fs::remove(part.string() + ".wal", error);
  {
    ATTUNE_ASSIGN_OR_RETURN(auto database, duck::open_database(part, settings_for(path, options)));
    ATTUNE_ASSIGN_OR_RETURN(auto connection, duck::connect(database, part.string()));
    ATTUNE_RETURN_IF_ERROR(duck::execute(*connection, "CHECKPOINT"));
  }
  ATTUNE_RETURN_IF_ERROR(sync_path(part));
  fs::rename(part, path, error);
  if (error) {
    errno = error.value();
    return std::unexpected(error_from_errno("create", path));
  }
  return sync_path(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

// DuckDB would take some files of other kinds for orders to load an extension.
Status check_magic(const fs::path& path) {
  std::array<char, 12> head{};
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::unexpected(error_from_errno("open", path));
  const ssize_t got = ::pread(file, head.data(), head.size(), 0);
  ::close(file);
  if (got == 12 && std::string_view(head.data() + 8, 4) == "DUCK") return {};
  return std::unexpected(data_corruption(
      fmt::format("{} is not a DuckDB file, or its beginning is damaged; restore it from a backup",
                  path.string())));
}

Status check_file(const fs::path& path, const HistoryOptions& options) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno != ENOENT) return std::unexpected(error_from_errno("open", path));
    if (!options.create || options.read_only) {
      return std::unexpected(not_found(fmt::format("there is no {}", path.string())));
    }
    return make_file(path, options);
  }
  if (S_ISDIR(facts.st_mode)) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is a folder; a file belongs there", path.string())));
  }
  ATTUNE_RETURN_IF_ERROR(check_magic(path));
  if (facts.st_size < kSmallestFile) {
    return std::unexpected(
        data_corruption(fmt::format("{} has {} bytes and is cut short; restore it from a backup",
                                    path.string(), facts.st_size)));
  }
  return {};
}

}  // namespace

History::History(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
History::History(History&&) noexcept = default;
History& History::operator=(History&&) noexcept = default;
History::~History() = default;

Result<History> History::open(const fs::path& path, const HistoryOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check_file(path, options));
  ATTUNE_ASSIGN_OR_RETURN(auto database, duck::open_database(path, settings_for(path, options),
                                                             threads_of(options) - 1));
  auto impl = std::make_unique<Impl>();
  ATTUNE_ASSIGN_OR_RETURN(impl->connection, duck::connect(database, path.string()));
  return History(std::move(impl));
}

Result<History> History::connect() const {
  auto impl = std::make_unique<Impl>();
  ATTUNE_ASSIGN_OR_RETURN(impl->connection,
                          duck::connect(impl_->connection->database, impl_->connection->what));
  return History(std::move(impl));
}

History::OwnThreads::OwnThreads(const History& history)
    : database_(history.impl_->connection->database) {
  database_->task_threads.rest();
}

History::OwnThreads::~OwnThreads() { database_->task_threads.go_on(); }

const fs::path& History::path() const { return impl_->connection->database->path; }
bool History::in_transaction() const { return impl_->connection->in_transaction; }
void History::interrupt() { duckdb_interrupt(impl_->connection->handle); }

Status History::execute(std::string_view sql) {
  const duck::GateHold hold(impl_->connection->gate());
  return duck::execute(*impl_->connection, std::string(sql));
}

Result<QueryResult> History::query(std::string_view sql, std::span<const Value> parameters) {
  return duck::query(impl_->connection, sql, parameters);
}

Result<std::optional<std::int64_t>> History::find_int64(std::string_view sql,
                                                        std::span<const Value> parameters) {
  return impl_->first_int64(sql, parameters);
}

Result<std::int64_t> History::run(std::string_view sql, std::initializer_list<Value> parameters) {
  ATTUNE_ASSIGN_OR_RETURN(const auto changed, find_int64(sql, parameters));
  return changed.value_or(0);
}

Status History::begin() { return duck::begin(*impl_->connection); }
Status History::commit() { return duck::end(*impl_->connection, duck::Ending::commit); }
Status History::rollback() { return duck::end(*impl_->connection, duck::Ending::rollback); }

Status History::Impl::note(std::string_view table, std::string_view name, std::int64_t number) {
  const Value row[] = {name, number};
  ATTUNE_ASSIGN_OR_RETURN(
      const auto changed,
      first_int64(fmt::format("UPDATE {} SET number = $2 WHERE name = $1", table), row));
  if (changed.value_or(0) > 0) return {};
  ATTUNE_ASSIGN_OR_RETURN(const auto added,
                          first_int64(fmt::format("INSERT INTO {} VALUES ($1, $2)", table), row));
  ATTUNE_CHECK(added == 1, "an INSERT of one row adds one");
  return {};
}

Result<std::optional<std::int64_t>> History::Impl::noted(std::string_view table,
                                                         std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(const bool there, has_table(table));
  if (!there) return std::optional<std::int64_t>();
  const Value names[] = {name};
  return first_int64(fmt::format("SELECT number FROM {} WHERE name = $1", table), names);
}

Result<bool> History::Impl::has_table(std::string_view table) {
  if (std::ranges::find(tables_seen, table) != tables_seen.end()) return true;
  const Value names[] = {table};
  ATTUNE_ASSIGN_OR_RETURN(
      const auto found,
      first_int64("SELECT 1::BIGINT FROM duckdb_tables() WHERE table_name = $1", names));
  if (!found) return false;
  // One of this transaction may be taken back with it.
  if (!connection->in_transaction) tables_seen.emplace_back(table);
  return true;
}

Result<std::optional<std::int64_t>> History::Impl::first_int64(std::string_view sql,
                                                               std::span<const Value> parameters) {
  ATTUNE_ASSIGN_OR_RETURN(QueryResult result, duck::query(connection, sql, parameters));
  std::optional<std::int64_t> first;
  bool begun = false;
  // To the end: until then the query's transaction is open, and nothing can be copied or moved.
  ATTUNE_RETURN_IF_ERROR(result.for_each([&](const Chunk& chunk) -> Status {
    if (!begun && !chunk.is_null(0, 0)) first = chunk.int64(0)[0];
    begun = true;
    return {};
  }));
  return first;
}

Status History::migrate(std::string_view component, std::span<const Migration> migrations) {
  ATTUNE_RETURN_IF_ERROR(execute(
      "CREATE TABLE IF NOT EXISTS attune_schema (name VARCHAR NOT NULL, number BIGINT NOT NULL)"));
  ATTUNE_ASSIGN_OR_RETURN(const auto found, impl_->noted("attune_schema", component));
  const std::int64_t version = found.value_or(0);
  const auto newest = static_cast<std::int64_t>(migrations.size());
  if (version > newest) {
    return std::unexpected(failed_precondition(
        fmt::format("{} holds version {} of '{}', this program knows up to {}; use a newer Attune",
                    path().string(), version, component, newest)));
  }
  for (std::int64_t next = version; next < newest; ++next) {
    const Migration& migration = migrations[static_cast<std::size_t>(next)];
    ATTUNE_CHECK(migration.version == next + 1, "migrations count 1, 2, 3, …");
    ATTUNE_RETURN_IF_ERROR(begin());
    Status ran = execute(migration.sql);
    if (ran) ran = impl_->note("attune_schema", component, next + 1);
    if (!ran) {
      (void)rollback();
      return ran;
    }
    ATTUNE_RETURN_IF_ERROR(commit());
  }
  return {};
}

Status History::Impl::make_cursors() {
  ATTUNE_ASSIGN_OR_RETURN(const bool there, has_table("attune_cursors"));
  if (there) return {};
  return duck::execute(
      *connection, "CREATE TABLE attune_cursors (name VARCHAR NOT NULL, number BIGINT NOT NULL)");
}

Result<Sequence> History::cursor(std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(const auto found, impl_->noted("attune_cursors", name));
  return Sequence{found.value_or(0)};
}

Status History::set_cursor(std::string_view name, Sequence sequence) {
  const bool alone = !in_transaction();
  if (alone) ATTUNE_RETURN_IF_ERROR(begin());
  Status set = impl_->make_cursors();
  if (set) set = impl_->note("attune_cursors", name, sequence.value);
  if (!alone) return set;
  if (!set) {
    (void)rollback();
    return set;
  }
  return commit();
}

Status History::checkpoint() {
  const duck::GateHold hold(impl_->connection->gate());
  return duck::execute(*impl_->connection, "CHECKPOINT");
}

Status History::copy_to(const fs::path& path) {
  duck::Connection& connection = *impl_->connection;
  duck::Database& database = *connection.database;
  if (connection.in_transaction) {
    return std::unexpected(failed_precondition("a copy is made outside of transactions"));
  }
  if (!database.gate.close(kCopyWaitSeconds)) {
    return std::unexpected(unavailable(fmt::format(
        "{} is being written for more than {} s; try again", connection.what, kCopyWaitSeconds)));
  }
  Status copied = duck::execute(connection, "CHECKPOINT");
  if (copied && database.copy_descriptor < 0) {
    database.copy_descriptor = ::open(database.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (database.copy_descriptor < 0) {
      copied = std::unexpected(error_from_errno("open", database.path));
    }
  }
  if (copied) copied = copy_descriptor(database.copy_descriptor, path);
  database.gate.reopen();
  return copied;
}

}  // namespace attune::store
