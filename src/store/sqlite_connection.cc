#include "sqlite_connection.h"

#include <cerrno>

#include <fmt/format.h>
#include <sqlite3.h>

#include "attune/base/files.h"

namespace attune::store {
namespace {

Status configure(sqlite3* connection, const std::filesystem::path& path,
                 const SqliteOptions& options) {
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, options.busy_timeout_ms);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  std::string sql = fmt::format(
      "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
      "PRAGMA cache_size=-{};",
      options.cache_bytes / 1024);
  if (!options.read_only) sql += "PRAGMA journal_mode=WAL;";
  sql += options.full_sync ? "PRAGMA synchronous=FULL;" : "PRAGMA synchronous=NORMAL;";
  if (options.secure_delete) sql += "PRAGMA secure_delete=ON;";
  sql +=
      "SELECT count(*) FROM sqlite_schema;";  // reads the header: a file of another kind ends here
  return run_sqlite(connection, sql, path);
}

}  // namespace

Error sqlite_error(sqlite3* connection, int code, std::string_view doing,
                   const std::filesystem::path& path) {
  const char* detail = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  const std::string what = fmt::format("cannot {} {}: {}", doing, path.string(), detail);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return resource_exhausted(what + "; free some space and try again");
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_CORRUPTFS || code == SQLITE_IOERR_DATA) {
        return data_corruption(what + "; the disk may be failing: restore from a backup");
      }
      return resource_exhausted(what + "; check that the disk is there and has space");
    case SQLITE_NOMEM:
      return resource_exhausted(what + "; free some memory");
    case SQLITE_TOOBIG:
      return invalid_argument(what);
    case SQLITE_CORRUPT:
      return data_corruption(what + "; restore it from a backup");
    case SQLITE_NOTADB:
      return data_corruption(what + "; restore it from a backup");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable(what + "; another process or connection writes it");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return permission_denied(what + "; check who owns it");
    case SQLITE_CANTOPEN:
      return not_found(what + "; check the path and who owns it");
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
          code == SQLITE_CONSTRAINT_ROWID) {
        return already_exists(what);
      }
      return failed_precondition(what);
    case SQLITE_INTERRUPT:
      return cancelled(what);
    case SQLITE_RANGE:
      return internal_error(what);
    default:
      return internal_error(what);
  }
}

Status run_sqlite(sqlite3* connection, const std::string& sql, const std::filesystem::path& path) {
  const int code = sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return std::unexpected(
      sqlite_error(connection, sqlite3_extended_errcode(connection), "use", path));
}

Result<sqlite3*> open_sqlite(const std::filesystem::path& path, const SqliteOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is a folder; a file belongs there", path.string())));
  }
  const bool existed = std::filesystem::exists(path, ignored);
  if (!existed && (!options.create || options.read_only)) {
    return std::unexpected(not_found(fmt::format("there is no {}", path.string())));
  }
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
      (options.read_only ? SQLITE_OPEN_READONLY
                         : SQLITE_OPEN_READWRITE | (existed ? 0 : SQLITE_OPEN_CREATE));
  const std::string vfs(options.vfs);
  sqlite3* connection = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &connection, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    Error failed = sqlite_error(connection, code, "open", path);
    sqlite3_close_v2(connection);
    return std::unexpected(std::move(failed));
  }
  Status ready = configure(connection, path, options);
  // SQLite syncs a new file's bytes, not its name in the folder.
  if (ready && !existed) {
    ready = sync_path(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
  }
  if (!ready) {
    sqlite3_close_v2(connection);
    return std::unexpected(std::move(ready).error());
  }
  return connection;
}

void close_sqlite(sqlite3* connection) { sqlite3_close_v2(connection); }

}  // namespace attune::store
