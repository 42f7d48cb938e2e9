#include "attune/events/quarantine.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "cells.h"

namespace attune::events {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{1} << 20;

void append_csv_cell(std::string& line, std::string_view cell, bool first) {
  if (!first) line += ',';
  const bool quoted = cell.find_first_of(",\"\r\n") != cell.npos ||
                      (!cell.empty() && (cell.front() == ' ' || cell.back() == ' '));
  if (!quoted) {
    line += cell;
    return;
  }
  line += '"';
  for (const char c : cell) {
    line += c;
    if (c == '"') line += '"';
  }
  line += '"';
}

std::string csv_line(const Rejected& row) {
  std::string line;
  append_csv_cell(line, fmt::format("{}", row.line), true);
  append_csv_cell(line, row.reason, false);
  append_csv_cell(line, row.message, false);
  for (const std::string& cell : row.cells) append_csv_cell(line, cell, false);
  return line + "\n";
}

// The object again, with three members in front; what is no object stands in a text of its own.
std::string json_line(const Rejected& row) {
  std::string line = "{";
  append_json_string(line, kQuarantineLine);
  line += fmt::format(":{},", row.line);
  append_json_string(line, kQuarantineReason);
  line += ':';
  append_json_string(line, row.reason);
  line += ',';
  append_json_string(line, kQuarantineMessage);
  line += ':';
  append_json_string(line, row.message);
  const std::string_view raw = trim(row.raw);
  if (raw.starts_with('{') && raw.find('\n') == raw.npos) {
    const std::string_view rest = trim(raw.substr(1));
    line += rest == "}" ? "" : ",";
    line += rest;
  } else {
    line += ",\"attune_raw\":";
    append_json_string(line, raw);
    line += '}';
  }
  return line + "\n";
}

}  // namespace

Result<std::optional<FileFormat>> quarantine_format(const std::filesystem::path& file) {
  ATTUNE_ASSIGN_OR_RETURN(const auto source, ByteSource::open(file));
  const std::string table =
      fmt::format("{},{},{}", kQuarantineLine, kQuarantineReason, kQuarantineMessage);
  if (source->head().starts_with(table)) return std::optional(FileFormat::csv);
  const std::string object = fmt::format("{{\"{}\":", kQuarantineLine);
  if (source->head().starts_with(object)) return std::optional(FileFormat::jsonl);
  return std::optional<FileFormat>();
}

ReadOptions quarantine_reading(FileFormat format, const ReadOptions& stated) {
  ReadOptions reading = stated;
  reading.format = format;
  reading.encoding = Encoding::utf8;
  reading.columns.clear();
  if (format != FileFormat::csv) return reading;
  reading.delimiter = ",";
  reading.has_header = true;
  reading.quote = '"';
  return reading;
}

struct QuarantineWriter::File {
  int fd = -1;
  std::string pending;

  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd >= 0) ::close(fd);
  }

  Status flush(const std::filesystem::path& path) {
    std::string_view rest = pending;
    while (!rest.empty()) {
      const ssize_t written = ::write(fd, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return std::unexpected(error_from_errno("write", path));
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    pending.clear();
    return {};
  }
};

QuarantineWriter::QuarantineWriter(std::filesystem::path path, FileFormat source_format,
                                   std::vector<std::string> columns)
    : path_(std::move(path)), format_(source_format), columns_(std::move(columns)) {}
QuarantineWriter::~QuarantineWriter() = default;
QuarantineWriter::QuarantineWriter(QuarantineWriter&&) noexcept = default;
QuarantineWriter& QuarantineWriter::operator=(QuarantineWriter&&) noexcept = default;

Status QuarantineWriter::open() {
  file_ = std::make_unique<File>();
  file_->fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file_->fd < 0) {
    const Error failed = error_from_errno("create", path_);
    file_.reset();
    return std::unexpected(failed);
  }
  if (format_ == FileFormat::jsonl) return {};
  std::string& header = file_->pending;
  append_csv_cell(header, kQuarantineLine, true);
  append_csv_cell(header, kQuarantineReason, false);
  append_csv_cell(header, kQuarantineMessage, false);
  for (const std::string& column : columns_) {
    if (!column.starts_with("attune_")) append_csv_cell(header, column, false);
  }
  header += '\n';
  return {};
}

Status QuarantineWriter::add(std::span<const Rejected> rows) {
  if (rows.empty()) return {};
  if (file_ == nullptr) ATTUNE_RETURN_IF_ERROR(open());
  for (const Rejected& row : rows) {
    const bool json = format_ == FileFormat::jsonl;
    // Several records may come of one JSON object: it is written once.
    if (!json || row.line != last_line_ || row.raw != last_raw_) {
      file_->pending += json ? json_line(row) : csv_line(without_bookkeeping(row));
      last_line_ = row.line;
      if (json) last_raw_ = row.raw;
    }
    ++rows_;
    if (file_->pending.size() >= kFlushBytes) ATTUNE_RETURN_IF_ERROR(file_->flush(path_));
  }
  return {};
}

// A quarantine file that is read again has the three columns already.
Rejected QuarantineWriter::without_bookkeeping(const Rejected& row) const {
  Rejected plain = row;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < plain.cells.size(); ++i) {
    if (i < columns_.size() && columns_[i].starts_with("attune_")) continue;
    if (kept != i) plain.cells[kept] = std::move(plain.cells[i]);
    ++kept;
  }
  plain.cells.resize(kept);
  return plain;
}

Status QuarantineWriter::close() {
  if (file_ == nullptr) return {};
  ATTUNE_RETURN_IF_ERROR(file_->flush(path_));
  if (::fsync(file_->fd) != 0) return std::unexpected(error_from_errno("sync", path_));
  file_.reset();
  return {};
}

}  // namespace attune::events
