// Where a TableWriter's rows go, by format.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "attune/base/error.h"
#include "attune/store/columns.h"
#include "attune/store/tables.h"

namespace attune::store {

// Writes rows, already checked against the schema, into a file that is not yet under its name.
class TableSink {
 public:
  virtual ~TableSink() = default;
  virtual Status append(std::span<const ColumnSpan> columns, std::size_t rows) = 0;
  virtual Status finish() = 0;  // all rows are in the file, not yet synced
};

Result<std::unique_ptr<TableSink>> make_text_sink(const std::filesystem::path& path,
                                                  std::span<const ColumnSchema> schema,
                                                  TableFormat format);
Result<std::unique_ptr<TableSink>> make_parquet_sink(const std::filesystem::path& path,
                                                     std::span<const ColumnSchema> schema,
                                                     const TableOptions& limits);

}  // namespace attune::store
