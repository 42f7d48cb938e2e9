// JSON texts as records: one object a line, an array of objects, or objects one behind the other.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/record.h"
#include "json_check.h"
#include "json_flatten.h"
#include "refusal.h"

namespace attune::events {
namespace {

constexpr std::size_t kPadding = 64;
constexpr std::size_t kMaxBatchCells = std::size_t{1} << 21;

class JsonReader final : public RecordReader {
 public:
  JsonReader(std::unique_ptr<ByteSource> source, const ReadOptions& options)
      : source_(std::move(source)), options_(options), flattener_(options) {}

  Status start();

  const std::vector<std::string>& columns() const override { return flattener_.columns(); }
  FileFormat format() const override { return FileFormat::jsonl; }
  const std::string& name() const override { return source_->name(); }
  std::vector<Assumption> assumptions() const override;
  std::int64_t bytes_read() const override { return source_->bytes_read(); }
  std::int64_t bytes_total() const override { return source_->bytes_total(); }
  std::optional<std::size_t> explode_column() const override { return flattener_.explode_column(); }

 protected:
  Result<bool> read_batch(RecordBatch& batch) override;

 private:
  enum class Layout : std::uint8_t { lines, elements };

  std::size_t take_lines(RecordBatch& batch, std::string_view text, bool last);
  std::size_t take_elements(RecordBatch& batch, std::string_view text, bool last);
  std::size_t next_similar_line(std::string_view text, std::size_t at) const;
  void take(RecordBatch& batch, std::string_view record);
  void pass(std::string_view text);
  void reject(RecordBatch& batch, std::string_view record, std::size_t at, std::string_view reason,
              std::string_view what, std::string_view remedy);
  void lay_out(RecordBatch& batch);
  bool full() const {
    return flattener_.starts().size() * std::max<std::size_t>(flattener_.columns().size(), 1) >
           kMaxBatchCells;
  }

  std::unique_ptr<ByteSource> source_;
  ReadOptions options_;
  JsonFlattener flattener_;
  Layout layout_ = Layout::lines;
  std::string carry_;
  std::size_t wanted_ = 0;
  bool ended_ = false;
  bool skipping_ = false;
  std::int64_t line_ = 1;
  std::int64_t offset_ = 0;
  std::vector<FlattenFault> faults_;
};

Status JsonReader::start() {
  wanted_ = options_.block_bytes;
  const std::string_view head = source_->head();
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  if (begin == head.npos) {
    return std::unexpected(invalid_argument(
        fmt::format("{} holds nothing but white space; there is nothing to read in it", name())));
  }
  const std::string_view text = head.substr(begin);
  if (text[0] == '[') {
    layout_ = Layout::elements;
  } else if (text[0] == '{') {
    const std::string_view first = text.substr(0, text.find('\n'));
    const std::size_t length = bracketed_length(text);
    // An object over several lines, and whole as such.
    if (length != text.npos && length > first.size() &&
        !find_json_fault(text.substr(0, length), options_.max_depth)) {
      layout_ = Layout::elements;
    }
    if (length == text.npos && trim(first) == "{") layout_ = Layout::elements;
  }
  return {};
}

std::vector<Assumption> JsonReader::assumptions() const {
  std::vector<Assumption> all;
  if (source_->encoding() != Encoding::utf8 || !source_->encoding_certain()) {
    all.push_back({"encoding", std::string(attune::events::name(source_->encoding())),
                   "guessed from the file's first megabyte"});
  }
  if (flattener_.names_left_out() > 0) {
    all.push_back(
        {"names left out", fmt::format("{} values", flattener_.names_left_out()),
         fmt::format("objects state more than {} different names", options_.max_columns)});
  }
  return all;
}

Result<bool> JsonReader::read_batch(RecordBatch& batch) {
  batch.clear(0);
  flattener_.clear_rows();
  while ((!ended_ || !carry_.empty()) && batch.places().empty() && batch.rejected().empty()) {
    const std::size_t ask = ended_ ? 0 : wanted_;
    char* const text = batch.reserve_text(carry_.size() + ask + kPadding);
    std::memcpy(text, carry_.data(), carry_.size());
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t got, source_->read({text + carry_.size(), ask}));
    const std::size_t size = carry_.size() + got;
    ended_ = ended_ || got < ask;
    std::memset(text + size, 0, kPadding);
    std::size_t used = 0;
    if (skipping_) {
      const void* end = std::memchr(text, '\n', size);
      used = end == nullptr ? size : static_cast<const char*>(end) - text + 1;
      pass({text, used});
      skipping_ = end == nullptr;
    }
    const std::string_view rest(text + used, size - used);
    used += layout_ == Layout::lines ? take_lines(batch, rest, ended_)
                                     : take_elements(batch, rest, ended_);
    carry_.assign(text + used, size - used);
    wanted_ = std::max(options_.block_bytes, carry_.size());
  }
  lay_out(batch);
  return !batch.places().empty() || !batch.rejected().empty();
}

// Counts what is passed over.
void JsonReader::pass(std::string_view text) {
  line_ += std::ranges::count(text, '\n');
  offset_ += static_cast<std::int64_t>(text.size());
}

std::size_t JsonReader::take_lines(RecordBatch& batch, std::string_view text, bool last) {
  std::size_t at = 0;
  while (at < text.size() && !full()) {
    const std::size_t end = text.find('\n', at);
    if (end == text.npos && !last) break;
    const std::size_t next = end == text.npos ? text.size() : end + 1;
    std::string_view line = text.substr(at, (end == text.npos ? text.size() : end) - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > static_cast<std::size_t>(options_.max_line_bytes)) {
      reject(
          batch, line, line.npos, "line_too_long",
          fmt::format("the line is longer than {} bytes", with_thousands(options_.max_line_bytes)),
          "cut it, or raise --max-line-bytes");
    } else if (!trim(line).empty()) {
      take(batch, line);
    }
    pass(text.substr(at, next - at));
    at = next;
  }
  const bool overlong =
      !last && text.size() - at > static_cast<std::size_t>(options_.max_line_bytes);
  if (!overlong || full()) return at;
  const std::string_view rest = text.substr(at);
  reject(batch, rest, rest.npos, "line_too_long",
         fmt::format("the line is longer than {} bytes", with_thousands(options_.max_line_bytes)),
         "cut it, or raise --max-line-bytes");
  pass(rest);
  skipping_ = true;
  return text.size();
}

std::size_t JsonReader::take_elements(RecordBatch& batch, std::string_view text, bool last) {
  std::size_t at = 0;
  while (at < text.size() && !full()) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n,[]", at);
    if (begin == text.npos) {
      pass(text.substr(at));
      return text.size();
    }
    pass(text.substr(at, begin - at));
    at = begin;
    const std::string_view rest = text.substr(at);
    std::size_t length = rest[0] == '{' ? bracketed_length(rest) : rest.find_first_of(",]\n");
    const bool overlong = rest.size() > static_cast<std::size_t>(options_.max_line_bytes);
    if (length == rest.npos && !last && !overlong) return at;
    const std::size_t refused = batch.rejected().size();
    if (length == rest.npos) {
      length = next_similar_line(text, at) - at;
      std::string_view piece = trim(rest.substr(0, length));
      while (piece.ends_with(',')) piece = trim(piece.substr(0, piece.size() - 1));
      take(batch, piece);
    } else {
      take(batch, rest.substr(0, length));
    }
    // A fault may have swallowed what follows: go on at the next line that looks like a beginning.
    const bool spans = rest.substr(0, length).find('\n') != rest.npos;
    if (batch.rejected().size() > refused && spans && flattener_.starts().size() == batch.rows()) {
      length = std::min(length, next_similar_line(text, at) - at);
    }
    pass(text.substr(at, length));
    at += length;
  }
  return at;
}

// The next line that begins with '{' and is indented no deeper than the line of `at`.
std::size_t JsonReader::next_similar_line(std::string_view text, std::size_t at) const {
  const std::size_t line_start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  const std::size_t indent = text.find_first_not_of(" \t", line_start) - line_start;
  std::size_t end = text.find('\n', at);
  while (end != text.npos) {
    const std::size_t next = end + 1;
    const std::size_t first = text.find_first_not_of(" \t", next);
    if (first == text.npos) break;
    if (text[first] == '{' && first - next <= indent) return first;
    end = text.find('\n', next);
  }
  return text.size();
}

void JsonReader::take(RecordBatch& batch, std::string_view record) {
  faults_.clear();
  flattener_.flatten(record, batch, faults_);
  while (batch.places().size() < flattener_.starts().size()) {
    batch.places().push_back({line_, offset_, record});
  }
  for (const FlattenFault& fault : faults_) {
    const bool bytes = fault.reason == "invalid_utf8";
    reject(batch, record, fault.at, fault.reason, fault.what,
           bytes ? "mend the line, or name the file's encoding: --encoding latin-1 or gb18030"
                 : "mend the line; each has to be one JSON object");
  }
}

void JsonReader::reject(RecordBatch& batch, std::string_view record, std::size_t at,
                        std::string_view reason, std::string_view what, std::string_view remedy) {
  Rejected rejected;
  rejected.line = line_;
  if (at != record.npos) {
    const std::string_view before = record.substr(0, at);
    const std::size_t line_start = before.rfind('\n') + 1;
    rejected.line += std::ranges::count(before, '\n');
    rejected.column = column_of(record.substr(line_start), before.size() - line_start);
  }
  rejected.reason = reason;
  rejected.message = refusal_message(name(), rejected.line, rejected.column, what, remedy);
  rejected.raw = cut_raw(record);
  batch.rejections().push_back(std::move(rejected));
}

// Entries become rows of as many cells as there are names.
void JsonReader::lay_out(RecordBatch& batch) {
  const std::size_t width = flattener_.columns().size();
  batch.set_columns(width);
  batch.cells().assign(batch.rows() * width, std::string_view());
  const auto& starts = flattener_.starts();
  const auto& entries = flattener_.entries();
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : entries.size();
    for (std::size_t k = starts[i]; k < end; ++k) {
      batch.cells()[i * width + entries[k].column] = entries[k].cell;
    }
  }
}

}  // namespace

Result<std::unique_ptr<RecordReader>> open_json(std::unique_ptr<ByteSource> source,
                                                const ReadOptions& options) {
  auto reader = std::make_unique<JsonReader>(std::move(source), options);
  ATTUNE_RETURN_IF_ERROR(reader->start());
  return reader;
}

}  // namespace attune::events
