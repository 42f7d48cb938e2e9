// Users' own files: Parquet in; CSV, JSON Lines and Parquet out. Answers: what does this file say,
// and how do others get ours?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/store/columns.h"

namespace attune::store {

// Limits of the in-memory instance that works on users' files; it is apart from the history's, and
// reaches no file but the one named.
struct TableOptions {
  int threads = 2;
  std::int64_t memory_limit_bytes = std::int64_t{1} << 30;
};

struct ParquetColumn {
  std::string name;
  std::string type;  // DuckDB's name: "BIGINT", "TIMESTAMP WITH TIME ZONE", "STRUCT(a INTEGER)"
};

// A Parquet file that is being read.
// Threads: one thread at a time. Lifetime: results live on their own.
class ParquetFile {
 public:
  // Errors: not_found; invalid_argument (a folder, not a Parquet file: says what it looks like);
  // data_corruption (cut short, damaged footer); permission_denied. All name the file.
  static Result<ParquetFile> open(const std::filesystem::path& path,
                                  const TableOptions& options = {});

  ParquetFile(ParquetFile&&) noexcept;
  ParquetFile& operator=(ParquetFile&&) noexcept;
  ~ParquetFile();

  std::span<const ParquetColumn> columns() const;
  std::int64_t row_count() const;

  // All rows in the file's order, every cell as text the way SQL casts it (timestamps "2026-11-22
  // 05:09:00", zoned ones in UTC with "+00", lists and structs in DuckDB's literal form); missing
  // cells stay NULL. Memory: a few row groups.
  // Errors while reading: data_corruption naming the file.
  Result<QueryResult> read_text();

  // The same with the file's types; nested ones (LIST, STRUCT, MAP) and those without a reader in
  // Chunk as text.
  Result<QueryResult> read_typed();

 private:
  struct Impl;
  explicit ParquetFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

enum class TableFormat : std::uint8_t { csv, jsonl, parquet };
// Errors: invalid_argument naming the formats there are.
Result<TableFormat> parse_table_format(std::string_view name);
std::string_view name(TableFormat format);

struct TableWriterOptions {
  TableFormat format = TableFormat::csv;
  bool overwrite = true;  // false: already_exists where the file is there
  TableOptions limits{};  // of Parquet
};

// Writes one file, which appears under its name whole, or not at all.
//
// CSV: RFC 4180 with a header line, LF, cells quoted where they hold a comma, quote, CR or LF; a
// missing value is an empty cell, an empty text is "". JSON Lines: one object a line, missing
// values left out. Both: UTF-8, times as ISO 8601 UTC, numbers in the shortest form that reads back
// equal, infinities and NaN as missing; blobs in hexadecimal. Parquet: zstd, the columns' own
// types.
// Memory: a few thousand rows. Threads: one thread at a time. Without finish nothing stays.
class TableWriter {
 public:
  // Errors: invalid_argument (no columns, two of one name); already_exists; not_found (folder);
  // permission_denied.
  static Result<TableWriter> create(const std::filesystem::path& path,
                                    std::span<const ColumnSchema> columns,
                                    const TableWriterOptions& options = {});

  TableWriter(TableWriter&&) noexcept;
  TableWriter& operator=(TableWriter&&) noexcept;
  ~TableWriter();

  // Shapes: as created, all columns with the same number of rows. Errors: invalid_argument (shape,
  // type, text that is not UTF-8), naming column and row; resource_exhausted (disk full).
  Status append(std::span<const ColumnSpan> columns);

  // Makes the file durable and gives it its name.
  Status finish();

  std::int64_t rows() const;

  struct Impl;

 private:
  explicit TableWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::store
