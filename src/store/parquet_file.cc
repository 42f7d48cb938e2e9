#include <algorithm>
#include <array>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/store/tables.h"
#include "duck.h"
#include "duck_result.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "PAR1";
constexpr std::int64_t kSmallest = 12;  // magic, footer length, magic

// What the file's first bytes say it is, for who named the wrong one.
std::string_view looks_like(std::string_view head) {
  if (head.starts_with("PARE")) return "an encrypted Parquet file; decrypt it first";
  if (head.starts_with("PK")) return "a ZIP or Excel file; save it as CSV";
  if (head.starts_with("\x1f\x8b")) return "a gzip file; import it under its own name";
  if (head.starts_with("\x28\xb5\x2f\xfd")) return "a zstd file; import it under its own name";
  if (head.starts_with("ORC")) return "an ORC file; convert it to Parquet or CSV";
  if (head.starts_with("Obj\x01")) return "an Avro file; convert it to Parquet or CSV";
  if (!first_invalid_utf8(head)) return "text, perhaps CSV or JSON Lines";
  return "something else";
}

Error cut_short(const fs::path& path, std::string_view what) {
  return data_corruption(
      fmt::format("{} is cut short or damaged: {}; get it again", path.string(), what));
}

// Whether both ends are those of a Parquet file, before DuckDB sees it.
Status check_ends(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::unexpected(error_from_errno("open", path));
  struct stat facts{};
  std::array<char, 4> head{};
  std::array<char, 8> tail{};
  const bool known = ::fstat(file, &facts) == 0;
  const ssize_t got = ::pread(file, head.data(), head.size(), 0);
  const ssize_t end =
      ::pread(file, tail.data(), tail.size(), std::max<off_t>(facts.st_size - 8, 0));
  ::close(file);
  if (known && S_ISDIR(facts.st_mode)) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is a folder; name a file in it", path.string())));
  }
  if (!known || got < 0) return std::unexpected(error_from_errno("read", path));
  const std::string_view begins(head.data(), static_cast<std::size_t>(got));
  if (begins.empty()) {
    return std::unexpected(invalid_argument(fmt::format("{} is empty", path.string())));
  }
  if (begins != kMagic) {
    return std::unexpected(invalid_argument(
        fmt::format("{} is not a Parquet file: it begins with {} and looks like {}", path.string(),
                    attune::quoted(begins), looks_like(begins))));
  }
  if (facts.st_size < kSmallest || end != 8 || std::string_view(tail.data() + 4, 4) != kMagic) {
    return std::unexpected(cut_short(path, "it does not end as a Parquet file does"));
  }
  std::uint32_t footer = 0;
  std::memcpy(&footer, tail.data(), sizeof footer);
  if (footer == 0 || footer + kSmallest > facts.st_size) {
    return std::unexpected(cut_short(path, fmt::format("its footer says {} bytes", footer)));
  }
  return {};
}

// Bytes of the file that do not decode are the file's fault, whatever DuckDB calls it.
Error as_damage(Error error, const fs::path& path) {
  if (error.code == ErrorCode::resource_exhausted &&
      error.message.find("IO Error") == std::string::npos) {
    return error;
  }
  if (error.code == ErrorCode::cancelled || error.code == ErrorCode::permission_denied)
    return error;
  return cut_short(path, error.message);
}

}  // namespace

struct ParquetFile::Impl {
  fs::path path;
  std::shared_ptr<duck::Connection> connection;
  std::vector<ParquetColumn> columns;
  std::int64_t rows = 0;

  std::string source() const {
    return fmt::format("read_parquet({})", duck::literal(fs::absolute(path).string()));
  }
  Status connect(const TableOptions& options);
  Status describe();
  Result<QueryResult> read(bool as_text);
};

Status ParquetFile::Impl::connect(const TableOptions& options) {
  auto settings = duck::common_settings(options.threads, options.memory_limit_bytes, {});
  settings.emplace_back("temp_directory", "");
  ATTUNE_ASSIGN_OR_RETURN(auto database, duck::open_database({}, settings));
  ATTUNE_ASSIGN_OR_RETURN(connection, duck::connect(database, path.string()));
  return duck::execute(
      *connection,
      fmt::format(
          "SET TimeZone = 'UTC'; SET allowed_paths = [{}]; SET enable_external_access = false;"
          " SET lock_configuration = true",
          duck::literal(fs::absolute(path).string())));
}

Status ParquetFile::Impl::describe() {
  ATTUNE_ASSIGN_OR_RETURN(
      QueryResult names,
      duck::query(
          connection,
          fmt::format("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {})", source()),
          {}));
  ATTUNE_RETURN_IF_ERROR(names.for_each([&](const Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      columns.push_back({std::string(chunk.text(0, i)), std::string(chunk.text(1, i))});
    }
    return {};
  }));
  ATTUNE_ASSIGN_OR_RETURN(
      QueryResult counts,
      duck::query(connection,
                  fmt::format("SELECT num_rows::BIGINT FROM parquet_file_metadata({})",
                              duck::literal(fs::absolute(path).string())),
                  {}));
  ATTUNE_ASSIGN_OR_RETURN(const Chunk chunk, counts.next());
  if (chunk.rows() > 0) rows = chunk.int64(0)[0];
  return {};
}

Result<QueryResult> ParquetFile::Impl::read(bool as_text) {
  constexpr std::array<std::string_view, 20> kReadable = {
      "BOOLEAN",   "TINYINT",     "SMALLINT",     "INTEGER",      "BIGINT",
      "UTINYINT",  "USMALLINT",   "UINTEGER",     "UBIGINT",      "HUGEINT",
      "FLOAT",     "DOUBLE",      "DATE",         "VARCHAR",      "BLOB",
      "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"};
  std::string list;
  for (const ParquetColumn& column : columns) {
    const bool readable = std::ranges::find(kReadable, column.type) != kReadable.end() ||
                          column.type.starts_with("DECIMAL");
    const std::string name = duck::identifier(column.name);
    if (!list.empty()) list += ", ";
    list += as_text || !readable ? fmt::format("CAST({} AS VARCHAR) AS {}", name, name) : name;
  }
  auto result = duck::query(connection, fmt::format("SELECT {} FROM {}", list, source()), {});
  if (!result) return std::unexpected(as_damage(result.error(), path));
  return result;
}

ParquetFile::ParquetFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ParquetFile::ParquetFile(ParquetFile&&) noexcept = default;
ParquetFile& ParquetFile::operator=(ParquetFile&&) noexcept = default;
ParquetFile::~ParquetFile() = default;

Result<ParquetFile> ParquetFile::open(const fs::path& path, const TableOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check_ends(path));
  auto impl = std::make_unique<Impl>();
  std::error_code error;
  impl->path = fs::absolute(path, error);
  ATTUNE_RETURN_IF_ERROR(impl->connect(options));
  if (Status described = impl->describe(); !described) {
    return std::unexpected(as_damage(described.error(), path));
  }
  return ParquetFile(std::move(impl));
}

std::span<const ParquetColumn> ParquetFile::columns() const { return impl_->columns; }
std::int64_t ParquetFile::row_count() const { return impl_->rows; }
Result<QueryResult> ParquetFile::read_text() { return impl_->read(true); }
Result<QueryResult> ParquetFile::read_typed() { return impl_->read(false); }

}  // namespace attune::store
