#include <cmath>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "table_sink.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBufferBytes = 1 << 20;

void append_csv_text(std::string_view text, std::string& out) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_json_text(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

bool is_missing(const ColumnSpan& column, std::size_t row) {
  if (!column.is_present(row)) return true;
  return column.type() == ColumnType::float64 && !std::isfinite(column.value<double>(row));
}

// A cell that is there. Texts go through `text`, which quotes them as the format does.
template <class Text>
void append_cell(const ColumnSpan& column, std::size_t row, std::string& out, Text text) {
  const auto number = [&](auto value) { fmt::format_to(std::back_inserter(out), "{}", value); };
  switch (column.type()) {
    case ColumnType::boolean:
      out += column.value<std::uint8_t>(row) ? "true" : "false";
      break;
    case ColumnType::uint8:
      number(column.value<std::uint8_t>(row));
      break;
    case ColumnType::int16:
      number(column.value<std::int16_t>(row));
      break;
    case ColumnType::int32:
      number(column.value<std::int32_t>(row));
      break;
    case ColumnType::int64:
      number(column.value<std::int64_t>(row));
      break;
    case ColumnType::uint64:
      number(column.value<std::uint64_t>(row));
      break;
    case ColumnType::float64:
      number(column.value<double>(row));
      break;
    case ColumnType::timestamp:
      text(format_iso(Timestamp{column.value<std::int64_t>(row)}), out);
      break;
    case ColumnType::text:
      text(column.bytes(row), out);
      break;
    case ColumnType::blob:
      text(hexadecimal(column.bytes(row)), out);
      break;
  }
}

class TextSink : public TableSink {
 public:
  TextSink(fs::path path, int file) : path_(std::move(path)), file_(file) {}
  TextSink(const TextSink&) = delete;
  TextSink& operator=(const TextSink&) = delete;
  ~TextSink() override { ::close(file_); }

  Status append(std::span<const ColumnSpan> columns, std::size_t rows) override {
    for (std::size_t row = 0; row < rows; ++row) {
      append_row(columns, row);
      if (buffer_.size() >= kBufferBytes) ATTUNE_RETURN_IF_ERROR(flush());
    }
    return {};
  }
  Status finish() override { return flush(); }

 protected:
  virtual void append_row(std::span<const ColumnSpan> columns, std::size_t row) = 0;
  std::string buffer_;

 private:
  Status flush() {
    for (std::size_t done = 0; done < buffer_.size();) {
      const ssize_t put = ::write(file_, buffer_.data() + done, buffer_.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return std::unexpected(error_from_errno("write", path_));
      done += static_cast<std::size_t>(put);
    }
    buffer_.clear();
    return {};
  }

  fs::path path_;
  int file_;
};

class CsvSink final : public TextSink {
 public:
  CsvSink(fs::path path, int file, std::span<const ColumnSchema> schema)
      : TextSink(std::move(path), file) {
    for (const ColumnSchema& column : schema) {
      if (&column != schema.data()) buffer_ += ',';
      append_csv_text(column.name, buffer_);
    }
    buffer_ += '\n';
  }

 private:
  void append_row(std::span<const ColumnSpan> columns, std::size_t row) override {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) buffer_ += ',';
      if (!is_missing(columns[i], row)) {
        append_cell(columns[i], row, buffer_, append_csv_text);
      } else if (columns.size() == 1) {
        buffer_ += "\"\"";  // readers pass over empty lines
      }
    }
    buffer_ += '\n';
  }
};

// The first line names every field, so that a reader knows them all; later ones leave out what is
// missing.
class JsonLinesSink final : public TextSink {
 public:
  JsonLinesSink(fs::path path, int file, std::span<const ColumnSchema> schema)
      : TextSink(std::move(path), file) {
    for (const ColumnSchema& column : schema) {
      keys_.emplace_back();
      append_json_text(column.name, keys_.back());
      keys_.back() += ':';
    }
  }

 private:
  void append_row(std::span<const ColumnSpan> columns, std::size_t row) override {
    char separator = '{';
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool missing = is_missing(columns[i], row);
      if (missing && !first_) continue;
      buffer_ += separator;
      separator = ',';
      buffer_ += keys_[i];
      if (missing) {
        buffer_ += "null";
      } else {
        append_cell(columns[i], row, buffer_, append_json_text);
      }
    }
    buffer_ += separator == '{' ? "{}\n" : "}\n";
    first_ = false;
  }

  bool first_ = true;

  std::vector<std::string> keys_;
};

}  // namespace

Result<std::unique_ptr<TableSink>> make_text_sink(const fs::path& path,
                                                  std::span<const ColumnSchema> schema,
                                                  TableFormat format) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return std::unexpected(error_from_errno("create", path));
  std::unique_ptr<TableSink> sink;
  if (format == TableFormat::csv) {
    sink = std::make_unique<CsvSink>(path, file, schema);
  } else {
    sink = std::make_unique<JsonLinesSink>(path, file, schema);
  }
  return sink;
}

}  // namespace attune::store
