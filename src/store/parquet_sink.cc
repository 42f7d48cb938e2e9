#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "duck.h"
#include "table_sink.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

// Rows on their way from who appends them to the thread that runs DuckDB's COPY. The appending
// thread waits until its rows are copied: nothing is stored in between.
class RowFeed {
 public:
  explicit RowFeed(std::span<const ColumnSchema> schema) : schema_(schema) {}
  std::span<const ColumnSchema> schema() const { return schema_; }

  // Hands over rows and waits until they are taken. False where the other side has stopped.
  bool give(std::span<const ColumnSpan> columns, std::size_t rows) {
    std::unique_lock lock(mutex_);
    columns_ = columns;
    rows_ = rows;
    taken_ = 0;
    delivered_ = 0;
    changed_.notify_all();
    changed_.wait(lock, [&] { return taken_ == rows_ || stopped_; });
    columns_ = {};
    rows_ = taken_ = delivered_ = 0;
    return !stopped_;
  }

  // No more rows; `abandoned`: those given so far are not wanted either.
  void close(bool abandoned) {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    abandoned_ = abandoned;
    changed_.notify_all();
  }

  void stop() {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  // Fills `chunk` with the next rows; none at the end. False where they are not wanted any more.
  // Being called again says that what was delivered before has been copied.
  bool take(duckdb_data_chunk chunk) {
    std::unique_lock lock(mutex_);
    taken_ = delivered_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return delivered_ < rows_ || closed_; });
    if (abandoned_) return false;
    const std::size_t count = std::min(duck::kVectorRows, rows_ - delivered_);
    if (count > 0) duck::fill_chunk(chunk, columns_, delivered_, count);
    duckdb_data_chunk_set_size(chunk, count);
    delivered_ += count;
    return true;
  }

 private:
  std::span<const ColumnSchema> schema_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::span<const ColumnSpan> columns_;
  std::size_t rows_ = 0;
  std::size_t delivered_ = 0;  // to DuckDB
  std::size_t taken_ = 0;      // and copied by it
  bool closed_ = false;
  bool abandoned_ = false;
  bool stopped_ = false;
};

void bind_feed(duckdb_bind_info info) {
  const auto* feed = static_cast<const RowFeed*>(duckdb_bind_get_extra_info(info));
  for (const ColumnSchema& column : feed->schema()) {
    const duck::LogicalType type(column.type);
    duckdb_bind_add_result_column(info, column.name.c_str(), type.get());
  }
}

void start_feed(duckdb_init_info info) { duckdb_init_set_max_threads(info, 1); }

void pull_feed(duckdb_function_info info, duckdb_data_chunk chunk) {
  auto* feed = static_cast<RowFeed*>(duckdb_function_get_extra_info(info));
  if (!feed->take(chunk)) duckdb_function_set_error(info, "the writer was abandoned");
}

Status register_feed(duck::Connection& connection, RowFeed* feed) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, "attune_rows");
  duckdb_table_function_set_extra_info(function, feed, nullptr);
  duckdb_table_function_set_bind(function, bind_feed);
  duckdb_table_function_set_init(function, start_feed);
  duckdb_table_function_set_function(function, pull_feed);
  const duckdb_state state = duckdb_register_table_function(connection.handle, function);
  duckdb_destroy_table_function(&function);
  if (state == DuckDBSuccess) return {};
  return std::unexpected(internal_error("DuckDB takes no table function"));
}

class ParquetSink final : public TableSink {
 public:
  ParquetSink(const fs::path& path, std::span<const ColumnSchema> schema)
      : path_(path), feed_(schema) {}
  ParquetSink(const ParquetSink&) = delete;
  ParquetSink& operator=(const ParquetSink&) = delete;
  ~ParquetSink() override { join(/*abandoned=*/true); }

  Status start(const TableOptions& limits) {
    auto settings = duck::common_settings(limits.threads, limits.memory_limit_bytes, {});
    settings.emplace_back("temp_directory", "");
    ATTUNE_ASSIGN_OR_RETURN(auto database, duck::open_database({}, settings));
    ATTUNE_ASSIGN_OR_RETURN(connection_, duck::connect(database, path_.string()));
    ATTUNE_RETURN_IF_ERROR(duck::execute(
        *connection_, fmt::format("SET allowed_paths = [{}]; SET enable_external_access = false;"
                                  " SET lock_configuration = true",
                                  duck::literal(path_.string()))));
    ATTUNE_RETURN_IF_ERROR(register_feed(*connection_, &feed_));
    thread_ = std::thread([this] {
      copied_ = duck::execute(
          *connection_, fmt::format("COPY (SELECT * FROM attune_rows()) TO {} (FORMAT "
                                    "parquet, COMPRESSION zstd, USE_TMP_FILE false)",
                                    duck::literal(std::filesystem::absolute(path_).string())));
      feed_.stop();
    });
    return {};
  }

  Status append(std::span<const ColumnSpan> columns, std::size_t rows) override {
    if (feed_.give(columns, rows)) return {};
    join(/*abandoned=*/true);
    if (copied_) return std::unexpected(internal_error("the Parquet writer stopped early"));
    return copied_;
  }

  Status finish() override {
    join(/*abandoned=*/false);
    return copied_;
  }

 private:
  void join(bool abandoned) {
    if (!thread_.joinable()) return;
    feed_.close(abandoned);
    thread_.join();
  }

  fs::path path_;
  RowFeed feed_;
  std::shared_ptr<duck::Connection> connection_;
  Status copied_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<TableSink>> make_parquet_sink(const fs::path& path,
                                                     std::span<const ColumnSchema> schema,
                                                     const TableOptions& limits) {
  // Made by us first: a folder that is not there or closed is told now, in our words.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return std::unexpected(error_from_errno("create", path));
  ::close(file);
  auto sink = std::make_unique<ParquetSink>(path, schema);
  ATTUNE_RETURN_IF_ERROR(sink->start(limits));
  return std::unique_ptr<TableSink>(std::move(sink));
}

}  // namespace attune::store
