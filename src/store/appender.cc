#include <fmt/format.h>

#include "history_impl.h"

namespace attune::store {

struct Appender::Impl {
  std::shared_ptr<duck::Connection> connection;
  duckdb_appender handle = nullptr;
  duckdb_data_chunk chunk = nullptr;
  std::vector<ColumnSchema> schema;
  std::int64_t rows = 0;
  bool owns_transaction = false;
  bool ended = false;  // failed or finished

  explicit Impl(std::shared_ptr<duck::Connection> to) : connection(std::move(to)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (chunk != nullptr) duckdb_destroy_data_chunk(&chunk);
    abandon();
  }

  // Destroying flushes what is left: the rollback comes after it.
  void abandon() {
    if (handle != nullptr) duckdb_appender_destroy(&handle);
    if (std::exchange(owns_transaction, false)) {
      (void)duck::end(*connection, duck::Ending::rollback);
    }
  }

  Error error();
  Status open(const std::string& table, std::span<const std::string> columns);
};

namespace {

Result<ColumnType> column_type(duckdb_type id, std::string_view column) {
  for (int i = 0; i <= static_cast<int>(ColumnType::blob); ++i) {
    if (duck::type_of(static_cast<ColumnType>(i)) == id) return static_cast<ColumnType>(i);
  }
  return std::unexpected(
      invalid_argument(fmt::format("column '{}' has a type that is not appended to", column)));
}

}  // namespace

Error Appender::Impl::error() {
  ended = true;
  duckdb_error_data data = duckdb_appender_error_data(handle);
  const char* message = duckdb_error_data_message(data);
  Error failed = duck::error_from(message != nullptr ? message : "it failed", connection->what);
  duckdb_destroy_error_data(&data);
  abandon();
  return failed;
}

Status Appender::Impl::open(const std::string& table, std::span<const std::string> columns) {
  if (!connection->in_transaction) {
    ATTUNE_RETURN_IF_ERROR(duck::begin(*connection));
    owns_transaction = true;
  }
  ++connection->statements;
  if (duckdb_appender_create_ext(connection->handle, nullptr, nullptr, table.c_str(), &handle) ==
      DuckDBError) {
    const Error failed = error();
    return std::unexpected(not_found(failed.message));
  }
  for (const std::string& column : columns) {
    if (duckdb_appender_add_column(handle, column.c_str()) == DuckDBError) {
      const Error failed = error();
      return std::unexpected(not_found(failed.message));
    }
  }
  std::vector<duckdb_logical_type> types;
  std::vector<duck::LogicalType> owned;
  const idx_t count = duckdb_appender_column_count(handle);
  for (idx_t i = 0; i < count; ++i) {
    owned.emplace_back(duckdb_appender_column_type(handle, i));
    types.push_back(owned.back().get());
    const std::string column = columns.empty() ? fmt::format("{}.{}", table, i) : columns[i];
    ATTUNE_ASSIGN_OR_RETURN(const ColumnType type, column_type(owned.back().id(), column));
    schema.push_back({column, type});
  }
  chunk = duckdb_create_data_chunk(types.data(), types.size());
  return {};
}

Appender::Appender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Appender::Appender(Appender&&) noexcept = default;
Appender& Appender::operator=(Appender&&) noexcept = default;
Appender::~Appender() = default;

Status Appender::append(std::span<const ColumnSpan> columns) {
  if (impl_->ended) {
    return std::unexpected(
        failed_precondition("this appender has failed before, or is finished; open another"));
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::size_t rows, duck::check_columns(columns, impl_->schema));
  for (std::size_t from = 0; from < rows; from += duck::kVectorRows) {
    const std::size_t count = std::min(duck::kVectorRows, rows - from);
    duckdb_data_chunk_reset(impl_->chunk);
    duck::fill_chunk(impl_->chunk, columns, from, count);
    if (duckdb_append_data_chunk(impl_->handle, impl_->chunk) == DuckDBError) {
      return std::unexpected(impl_->error());
    }
  }
  impl_->rows += static_cast<std::int64_t>(rows);
  return {};
}

Status Appender::finish() {
  if (impl_->ended) {
    return std::unexpected(
        failed_precondition("this appender has failed before, or is finished; open another"));
  }
  if (duckdb_appender_close(impl_->handle) == DuckDBError) return std::unexpected(impl_->error());
  impl_->ended = true;
  if (!std::exchange(impl_->owns_transaction, false)) return {};
  return duck::end(*impl_->connection, duck::Ending::commit);
}

std::int64_t Appender::rows() const { return impl_->rows; }

Result<Appender> History::appender(std::string_view table, std::span<const std::string> columns) {
  auto impl = std::make_unique<Appender::Impl>(impl_->connection);
  ATTUNE_RETURN_IF_ERROR(impl->open(std::string(table), columns));
  return Appender(std::move(impl));
}

}  // namespace attune::store
