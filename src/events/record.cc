#include "attune/events/record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "refusal.h"

namespace attune::events {
namespace {

constexpr std::string_view kParquetMagic = "PAR1";
constexpr std::size_t kKeptBytes = std::size_t{64} << 10;
constexpr std::size_t kRawBytes = std::size_t{64} << 10;

}  // namespace

std::string_view name(FileFormat format) {
  switch (format) {
    case FileFormat::csv:
      return "csv";
    case FileFormat::jsonl:
      return "jsonl";
    case FileFormat::parquet:
      return "parquet";
  }
  return "unknown";
}

Result<FileFormat> parse_file_format(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, FileFormat>, 7> kNames{
      {{"csv", FileFormat::csv},
       {"tsv", FileFormat::csv},
       {"txt", FileFormat::csv},
       {"jsonl", FileFormat::jsonl},
       {"ndjson", FileFormat::jsonl},
       {"json", FileFormat::jsonl},
       {"parquet", FileFormat::parquet}}};
  const std::string lower = ascii_lower(trim(text));
  std::vector<std::string> names;
  for (const auto& [known, format] : kNames) {
    if (known == lower) return format;
    names.emplace_back(known);
  }
  return std::unexpected(invalid_argument(
      fmt::format("'{}' is not a file format; csv, tsv, jsonl, json and parquet are{}",
                  quoted(text), did_you_mean(lower, names))));
}

void RecordBatch::clear(std::size_t columns) {
  columns_ = columns;
  cells_.clear();
  places_.clear();
  rejected_.clear();
  kept_.clear();
  kept_used_ = kept_capacity_ = 0;
}

char* RecordBatch::reserve_text(std::size_t bytes) {
  if (bytes > text_capacity_) {
    text_ = std::make_unique_for_overwrite<char[]>(bytes);
    text_capacity_ = bytes;
  }
  return text_.get();
}

std::string_view RecordBatch::keep(std::string_view text) {
  if (kept_capacity_ - kept_used_ < text.size() || kept_.empty()) {
    kept_capacity_ = std::max(kKeptBytes, text.size());
    kept_.push_back(std::make_unique_for_overwrite<char[]>(kept_capacity_));
    kept_used_ = 0;
  }
  char* const place = kept_.back().get() + kept_used_;
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  kept_used_ += text.size();
  return {place, text.size()};
}

void RecordBatch::widen(std::size_t columns) {
  if (columns <= columns_) return;
  std::vector<std::string_view> wider(rows() * columns);
  for (std::size_t i = 0; i < rows(); ++i) {
    std::ranges::copy(row(i), wider.begin() + static_cast<std::ptrdiff_t>(i * columns));
  }
  cells_ = std::move(wider);
  columns_ = columns;
}

Result<const RecordBatch*> RecordReader::sample() {
  if (sample_ == nullptr) {
    sample_ = std::make_unique<RecordBatch>();
    ATTUNE_ASSIGN_OR_RETURN(sample_more_, read_batch(*sample_));
    sample_waiting_ = true;
  }
  return sample_.get();
}

Result<bool> RecordReader::next(RecordBatch& batch) {
  if (!sample_waiting_) return read_batch(batch);
  sample_waiting_ = false;
  batch = std::move(*sample_);
  *sample_ = RecordBatch();
  return sample_more_;
}

std::string cut_raw(std::string_view raw) { return std::string(raw.substr(0, kRawBytes)); }

std::int64_t column_of(std::string_view line, std::size_t at) {
  std::int64_t column = 1;
  for (const char c : line.substr(0, at)) column += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return column;
}

std::string refusal_message(std::string_view file, std::int64_t line, std::int64_t column,
                            std::string_view what, std::string_view remedy) {
  if (column == 0) return fmt::format("{}, line {}: {}; {}", file, line, what, remedy);
  return fmt::format("{}, line {}, column {}: {}; {}", file, line, column, what, remedy);
}

Result<std::unique_ptr<RecordReader>> open_records(const std::filesystem::path& path,
                                                   const ReadOptions& options) {
  ATTUNE_ASSIGN_OR_RETURN(auto source, ByteSource::open(path, {options.encoding}));
  const bool parquet = source->head().starts_with(kParquetMagic);
  if (options.format.value_or(FileFormat::csv) == FileFormat::parquet ||
      (parquet && !options.format)) {
    return open_parquet(path);
  }
  return open_records(std::move(source), options);
}

Result<std::unique_ptr<RecordReader>> open_records(std::unique_ptr<ByteSource> source,
                                                   const ReadOptions& options) {
  const FileFormat format = options.format.value_or(guess_format(source->head(), source->name()));
  switch (format) {
    case FileFormat::csv:
      return open_csv(std::move(source), options);
    case FileFormat::jsonl:
      return open_json(std::move(source), options);
    case FileFormat::parquet:
      break;
  }
  return std::unexpected(invalid_argument(
      fmt::format("{} is Parquet, which can be read from a file on disk only; save it unpacked",
                  source->name())));
}

FileFormat guess_format(std::string_view head, std::string_view file) {
  if (head.starts_with(kParquetMagic)) return FileFormat::parquet;
  const std::string lower = ascii_lower(file);
  const std::string_view text = trim(head.substr(0, 4096));
  const bool object = text.starts_with('{');
  const bool array = text.starts_with('[') && trim(text.substr(1)).starts_with('{');
  const bool named = lower.find(".json") != lower.npos || lower.find(".ndjson") != lower.npos;
  const bool named_table = lower.find(".csv") != lower.npos || lower.find(".tsv") != lower.npos;
  return named || ((object || array) && !named_table) ? FileFormat::jsonl : FileFormat::csv;
}

}  // namespace attune::events
