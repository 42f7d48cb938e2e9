// What State and Journal share of SQLite: opening with our settings, and errors in our words.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "attune/base/error.h"

struct sqlite3;

namespace attune::store {

struct SqliteOptions {
  bool create = true;
  bool read_only = false;
  bool full_sync = false;
  bool secure_delete = false;
  int busy_timeout_ms = 5000;
  std::int64_t cache_bytes = 2 << 20;
  std::string_view vfs;
};

// Opens in WAL mode; close with close_sqlite. Not safe for two threads at a time.
Result<sqlite3*> open_sqlite(const std::filesystem::path& path, const SqliteOptions& options);
void close_sqlite(sqlite3* connection);

// The error of the last call on `connection`, which returned `code`.
Error sqlite_error(sqlite3* connection, int code, std::string_view doing,
                   const std::filesystem::path& path);

Status run_sqlite(sqlite3* connection, const std::string& sql, const std::filesystem::path& path);

}  // namespace attune::store
