#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/store/tables.h"
#include "duck.h"
#include "table_sink.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;
constexpr std::array<std::string_view, 3> kFormats = {"csv", "jsonl", "parquet"};

Status check_schema(std::span<const ColumnSchema> columns) {
  if (columns.empty()) return std::unexpected(invalid_argument("a table needs a column"));
  std::set<std::string> seen;
  for (const ColumnSchema& column : columns) {
    // DuckDB, and many a reader of CSV, do not tell "Id" and "id" apart.
    if (!seen.insert(ascii_lower(column.name)).second) {
      return std::unexpected(
          invalid_argument(fmt::format("two columns are named '{}'", column.name)));
    }
    if (column.name.empty() || first_invalid_utf8(column.name)) {
      return std::unexpected(invalid_argument(
          fmt::format("a column cannot be named {}", attune::quoted(column.name))));
    }
  }
  return {};
}

}  // namespace

Result<TableFormat> parse_table_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, ascii_lower(name));
  if (found != kFormats.end()) return static_cast<TableFormat>(found - kFormats.begin());
  return std::unexpected(invalid_argument(
      fmt::format("there is no format '{}'; choose csv, jsonl or parquet", attune::quoted(name))));
}

std::string_view name(TableFormat format) { return kFormats[static_cast<std::size_t>(format)]; }

struct TableWriter::Impl {
  fs::path path;
  fs::path part;
  std::vector<ColumnSchema> schema;
  std::unique_ptr<TableSink> sink;
  std::int64_t rows = 0;
  bool ended = false;

  ~Impl() {
    sink.reset();
    std::error_code ignored;
    fs::remove(part, ignored);
  }
};

TableWriter::TableWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableWriter::TableWriter(TableWriter&&) noexcept = default;
TableWriter& TableWriter::operator=(TableWriter&&) noexcept = default;
TableWriter::~TableWriter() = default;

Result<TableWriter> TableWriter::create(const fs::path& path, std::span<const ColumnSchema> columns,
                                        const TableWriterOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check_schema(columns));
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is a folder; name a file in it", path.string())));
  }
  if (!options.overwrite && fs::exists(path, error)) {
    return std::unexpected(
        already_exists(fmt::format("{} is there already; name another", path.string())));
  }
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->part = fs::absolute(path.string() + ".part", error);
  impl->schema.assign(columns.begin(), columns.end());
  if (options.format == TableFormat::parquet) {
    ATTUNE_ASSIGN_OR_RETURN(impl->sink,
                            make_parquet_sink(impl->part, impl->schema, options.limits));
  } else {
    ATTUNE_ASSIGN_OR_RETURN(impl->sink, make_text_sink(impl->part, impl->schema, options.format));
  }
  return TableWriter(std::move(impl));
}

Status TableWriter::append(std::span<const ColumnSpan> columns) {
  if (impl_->ended) {
    return std::unexpected(failed_precondition(
        fmt::format("{} has failed or is finished; begin again", impl_->path.string())));
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::size_t rows, duck::check_columns(columns, impl_->schema));
  if (rows == 0) return {};
  Status appended = impl_->sink->append(columns, rows);
  if (!appended) impl_->ended = true;
  impl_->rows += static_cast<std::int64_t>(rows);
  return appended;
}

Status TableWriter::finish() {
  if (std::exchange(impl_->ended, true)) {
    return std::unexpected(failed_precondition(
        fmt::format("{} has failed or is finished; begin again", impl_->path.string())));
  }
  ATTUNE_RETURN_IF_ERROR(impl_->sink->finish());
  ATTUNE_RETURN_IF_ERROR(sync_path(impl_->part));
  std::error_code error;
  fs::rename(impl_->part, impl_->path, error);
  if (error) {
    errno = error.value();
    return std::unexpected(error_from_errno("rename onto", impl_->path));
  }
  return sync_path(impl_->path.has_parent_path() ? impl_->path.parent_path() : fs::path("."));
}

std::int64_t TableWriter::rows() const { return impl_->rows; }

}  // namespace attune::store
