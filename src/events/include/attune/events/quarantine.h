// Rows that were refused, in a file that can be mended and imported again. Answers: which rows are
// missing, why, and how do I get them in?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/events/record.h"

namespace attune::events {

// Columns that come before the file's own; readers leave them out of wildcards.
inline constexpr std::string_view kQuarantineLine = "attune_line";
inline constexpr std::string_view kQuarantineReason = "attune_reason";
inline constexpr std::string_view kQuarantineMessage = "attune_message";

// The format of a file that QuarantineWriter wrote, told by how it begins. Absent: another wrote
// it. Errors: those of ByteSource::open.
Result<std::optional<FileFormat>> quarantine_format(const std::filesystem::path& file);
// How such a file is read, whatever is `stated` of the file that its rows came from.
ReadOptions quarantine_reading(FileFormat format, const ReadOptions& stated);

// Writes refused rows with the file's own columns, behind the three above: comma-separated with a
// header for tables (rows of CSV and Parquet), JSON Lines for JSON. A row with too few or too many
// cells keeps them, so that it is refused again until it is mended. The same mapping or preset
// reads the file. The file is created at the first row (mode 0600: it holds what customers are
// called).
class QuarantineWriter {
 public:
  QuarantineWriter(std::filesystem::path path, FileFormat source_format,
                   std::vector<std::string> columns);
  ~QuarantineWriter();
  QuarantineWriter(QuarantineWriter&&) noexcept;
  QuarantineWriter& operator=(QuarantineWriter&&) noexcept;

  // Errors: resource_exhausted (disk full), permission_denied, not_found.
  Status add(std::span<const Rejected> rows);
  // Writes out and syncs. Nothing to do when no row came.
  Status close();
  std::int64_t rows() const { return rows_; }
  const std::filesystem::path& path() const {
    return path_;
  }  // ".csv" or ".jsonl" is up to the caller

 private:
  struct File;
  Status open();
  Rejected without_bookkeeping(const Rejected& row) const;
  std::filesystem::path path_;
  FileFormat format_;
  std::vector<std::string> columns_;
  std::unique_ptr<File> file_;
  std::int64_t rows_ = 0;
  std::int64_t last_line_ = 0;
  std::string last_raw_;
};

}  // namespace attune::events
