// Text tables as records: block-wise, with cells as views into the block.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <simdjson.h>

#include "attune/base/text.h"
#include "attune/events/record.h"
#include "csv_dialect.h"
#include "csv_scanner.h"
#include "refusal.h"

namespace attune::events {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What is odd about a block's bytes, so that its records are looked at one by one.
struct BlockDoubts {
  bool nul = false;
  bool invalid_utf8 = false;
  bool replaced = false;
  bool any() const { return nul || invalid_utf8 || replaced; }
};

class CsvReader final : public RecordReader {
 public:
  CsvReader(std::unique_ptr<ByteSource> source, const ReadOptions& options)
      : source_(std::move(source)), options_(options) {}

  Status start();

  const std::vector<std::string>& columns() const override { return columns_; }
  FileFormat format() const override { return FileFormat::csv; }
  const std::string& name() const override { return source_->name(); }
  std::vector<Assumption> assumptions() const override { return assumptions_; }
  std::int64_t bytes_read() const override { return source_->bytes_read(); }
  std::int64_t bytes_total() const override { return source_->bytes_total(); }

 protected:
  Result<bool> read_batch(RecordBatch& batch) override;

 private:
  enum class Outcome : std::uint8_t { record, rejected, blank, incomplete };
  struct Parsed {
    Outcome outcome;
    std::size_t end;  // where the next record begins
  };

  void choose_dialect();
  void take_header();
  void note_assumptions(bool sniffed_delimiter, bool sniffed_header);

  std::size_t parse_block(RecordBatch& batch, std::string_view text, bool last);
  struct Quoted {
    enum class End : std::uint8_t { cell, record, unknown, bad };
    End end;
    std::size_t close;  // the closing quote
    std::size_t after;  // what follows it, behind a carriage return
  };

  Parsed parse_record(RecordBatch& batch, StructureScanner& scan, std::size_t start);
  Parsed parse_blanks(RecordBatch& batch, StructureScanner& scan, std::size_t start);
  Quoted take_quoted(RecordBatch& batch, StructureScanner& scan, std::size_t at, std::size_t index);
  std::string_view undouble(RecordBatch& batch, std::string_view content) const;
  static Parsed incomplete(StructureScanner& scan, std::size_t start);
  Parsed finish(RecordBatch& batch, std::size_t start, std::size_t stop, std::size_t next,
                std::size_t count);
  void put(std::size_t index, const char* begin, std::size_t size) {
    if (index < columns_.size())
      row_[index] = size == 0 ? std::string_view() : std::string_view(begin, size);
  }
  void make_room(RecordBatch& batch);
  Parsed bad_quoting(RecordBatch& batch, StructureScanner& scan, std::size_t start,
                     std::size_t opened, std::size_t at);
  bool acceptable(RecordBatch& batch, std::string_view raw);
  void reject(RecordBatch& batch, std::string_view raw, std::size_t at, std::string_view reason,
              std::string_view what, std::string_view remedy);
  void reject_long(RecordBatch& batch, std::string_view raw);
  std::string_view line_at(std::size_t start) const;
  std::string delimiter_list() const;

  std::unique_ptr<ByteSource> source_;
  ReadOptions options_;
  CsvDialect dialect_;
  std::vector<std::string> columns_;
  std::vector<Assumption> assumptions_;
  std::string carry_;             // the record that the last block cut
  std::size_t header_bytes_ = 0;  // still to be skipped
  std::size_t wanted_ = 0;        // text to ask for next
  bool ended_ = false;
  bool skipping_ = false;  // inside a line that was refused for its length
  std::int64_t line_ = 1;  // of the next record
  std::int64_t offset_ = 0;

  // The block being parsed.
  std::string_view text_;
  bool last_ = false;  // nothing follows the block
  BlockDoubts doubts_;
  std::string_view* row_ = nullptr;
  std::int64_t newlines_ = 0;  // line ends inside the record's quoted cells
};

Status CsvReader::start() {
  wanted_ = options_.block_bytes;
  choose_dialect();
  take_header();
  return {};
}

void CsvReader::choose_dialect() {
  dialect_ = sniff_csv(source_->head(), source_->head_is_all());
  if (options_.delimiter && *options_.delimiter != dialect_.delimiter) {
    dialect_.delimiter = *options_.delimiter;
    dialect_.quote = dialect_.delimiter == "::" || dialect_.delimiter == " " ? 0 : '"';
  }
  if (options_.quote) dialect_.quote = *options_.quote;
  if (options_.has_header) dialect_.has_header = *options_.has_header;
  note_assumptions(!options_.delimiter, !options_.has_header);
}

void CsvReader::take_header() {
  std::string_view head = source_->head();
  std::size_t begin = dialect_.preamble;
  line_ += std::ranges::count(head.substr(0, begin), dialect_.line_end);
  while (begin < head.size() && (head[begin] == '\n' || head[begin] == '\r')) {
    line_ += head[begin] == dialect_.line_end;
    ++begin;
  }
  const SplitRecord first = split_record(head.substr(begin), dialect_, source_->head_is_all());
  std::vector<std::string> names = first.cells;
  header_bytes_ = begin;
  if (dialect_.has_header) {
    const std::string_view raw = head.substr(begin, first.bytes);
    header_bytes_ += first.bytes;
    line_ += std::ranges::count(raw, dialect_.line_end);
    // R writes row names without a name for them; spreadsheets end lines with a delimiter too many.
    const SplitRecord second =
        split_record(head.substr(header_bytes_), dialect_, source_->head_is_all());
    if (second.good_quoting && second.cells.size() == names.size() + 1 && names.size() > 1) {
      names.insert(second.cells.back().empty() ? names.end() : names.begin(),
                   second.cells.back().empty() ? "" : "row_name");
    }
  } else {
    std::ranges::fill(names, "");
  }
  for (std::size_t i = 0; i < std::min(names.size(), options_.columns.size()); ++i) {
    names[i] = options_.columns[i];
  }
  columns_ = usable_names(std::move(names));
}

void CsvReader::note_assumptions(bool sniffed_delimiter, bool sniffed_header) {
  if (source_->encoding() != Encoding::utf8 || !source_->encoding_certain()) {
    assumptions_.push_back({"encoding", std::string(attune::events::name(source_->encoding())),
                            source_->encoding_certain()
                                ? "stated, or marked at the file's start"
                                : "guessed from the file's first megabyte"});
  }
  if (sniffed_delimiter) {
    assumptions_.push_back({"delimiter", std::string(delimiter_name(dialect_.delimiter)),
                            dialect_.delimiter_stated ? "stated by the first line"
                                                      : "cuts the first lines most evenly"});
  }
  const std::string_view before = source_->head().substr(0, dialect_.preamble);
  if (const auto lines = std::ranges::count(before, dialect_.line_end); lines > 0) {
    assumptions_.push_back({"table", fmt::format("from line {}", lines + 1),
                            "what stands above is a title, or how the cells are cut"});
  }
  if (sniffed_header) {
    assumptions_.push_back({"header", dialect_.has_header ? "first line" : "none",
                            dialect_.has_header
                                ? "the first line holds names"
                                : "the first line holds values; columns are column_1, …"});
  }
}

Result<bool> CsvReader::read_batch(RecordBatch& batch) {
  batch.clear(columns_.size());
  while (!ended_ && batch.places().empty() && batch.rejected().empty()) {
    const std::size_t room = carry_.size() + wanted_;
    char* const text = batch.reserve_text(room + StructureScanner::kPadding);
    std::memcpy(text, carry_.data(), carry_.size());
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t got, source_->read({text + carry_.size(), wanted_}));
    const std::size_t size = carry_.size() + got;
    ended_ = got < wanted_;
    std::memset(text + size, 0, StructureScanner::kPadding);
    std::size_t begin = std::min(header_bytes_, size);
    header_bytes_ -= begin;
    offset_ += static_cast<std::int64_t>(begin);
    if (skipping_) {
      const void* end = std::memchr(text + begin, dialect_.line_end, size - begin);
      const std::size_t next = end == nullptr ? size : static_cast<const char*>(end) - text + 1;
      offset_ += static_cast<std::int64_t>(next - begin);
      line_ += end != nullptr;
      skipping_ = end == nullptr;
      begin = next;
    }
    const std::size_t used = begin + parse_block(batch, {text + begin, size - begin}, ended_);
    carry_.assign(text + used, size - used);
    // A record longer than the block: ask for more each time, so that parsing it again costs a
    // constant factor.
    wanted_ = std::max(options_.block_bytes, carry_.size());
  }
  return !batch.places().empty() || !batch.rejected().empty();
}

// Parses whole records; returns how much was used.
std::size_t CsvReader::parse_block(RecordBatch& batch, std::string_view text, bool last) {
  text_ = text;
  last_ = last;
  const std::size_t whole =
      last ? text.size() : text.rfind(dialect_.line_end) + 1;  // npos + 1 is 0
  doubts_.nul = std::memchr(text.data(), 0, whole) != nullptr;
  doubts_.invalid_utf8 = !simdjson::validate_utf8(text.data(), whole);
  doubts_.replaced = source_->encoding() != Encoding::utf8 &&
                     text.substr(0, whole).find(kReplacement) != text.npos;
  const bool blanks = dialect_.delimiter == " ";
  // Without quotes, the line's end is looked for twice instead.
  const char quote = dialect_.quote != 0 && !blanks ? dialect_.quote : dialect_.line_end;
  StructureScanner scan(text.data(), text.size(), dialect_.delimiter[0], quote, dialect_.line_end,
                        blanks ? '\t' : dialect_.line_end);
  std::size_t at = 0;
  while (at < text.size()) {
    make_room(batch);
    newlines_ = 0;
    const Parsed parsed = blanks ? parse_blanks(batch, scan, at) : parse_record(batch, scan, at);
    if (parsed.outcome == Outcome::incomplete) break;
    offset_ += static_cast<std::int64_t>(parsed.end - at);
    at = parsed.end;
  }
  batch.cells().resize(batch.rows() * columns_.size());
  const auto limit = static_cast<std::size_t>(options_.max_line_bytes);
  if (!last && text.size() - at > limit) {
    const std::string_view rest = text.substr(at);
    const std::size_t end = rest.find(dialect_.line_end);
    if (end == rest.npos) {
      reject_long(batch, rest);
      offset_ += static_cast<std::int64_t>(rest.size());
      skipping_ = true;
      return text.size();
    }
    // A quote that nothing closes within the limit.
    const Parsed parsed = bad_quoting(batch, scan, at, at + rest.find(dialect_.quote), text.size());
    offset_ += static_cast<std::int64_t>(parsed.end - at);
    return parsed.end;
  }
  return at;
}

void CsvReader::make_room(RecordBatch& batch) {
  auto& cells = batch.cells();
  const std::size_t used = batch.rows() * columns_.size();
  if (cells.size() < used + columns_.size()) {
    cells.resize(std::max<std::size_t>(4096, cells.size() * 2) + columns_.size());
  }
  row_ = cells.data() + used;
}

// The record goes on in the next block.
CsvReader::Parsed CsvReader::incomplete(StructureScanner& scan, std::size_t start) {
  scan.seek(start);
  return {Outcome::incomplete, start};
}

CsvReader::Parsed CsvReader::parse_record(RecordBatch& batch, StructureScanner& scan,
                                          std::size_t start) {
  const char* const text = text_.data();
  const std::size_t size = text_.size();
  const char line_end = dialect_.line_end;
  const char delimiter = dialect_.delimiter[0];
  const bool two = dialect_.delimiter.size() == 2;
  std::size_t cell = start;
  std::size_t count = 0;
  while (true) {
    const std::size_t at = scan.next();
    if (at == size) {
      if (!last_) return incomplete(scan, start);
      put(count++, text + cell, size - cell);
      return finish(batch, start, size, size, count);
    }
    const char c = text[at];
    if (c == delimiter) {
      if (two && (text[at + 1] != dialect_.delimiter[1] || at < cell)) continue;
      put(count++, text + cell, at - cell);
      cell = at + dialect_.delimiter.size();
    } else if (c == line_end) {
      const std::size_t stop = at > cell && text[at - 1] == '\r' ? at - 1 : at;
      put(count++, text + cell, stop - cell);
      return finish(batch, start, stop, at + 1, count);
    } else if (at == cell) {
      const Quoted quoted = take_quoted(batch, scan, at, count++);
      switch (quoted.end) {
        case Quoted::End::cell:
          cell = quoted.after + dialect_.delimiter.size();
          break;
        case Quoted::End::record:
          return finish(batch, start, quoted.close + 1, std::min(quoted.after + 1, size), count);
        case Quoted::End::unknown:
          return incomplete(scan, start);
        case Quoted::End::bad:
          return bad_quoting(batch, scan, start, at, quoted.after);
      }
    }
  }
}

// A quoted cell that opens at `at`: up to a quote that no other follows, and what stands behind it.
CsvReader::Quoted CsvReader::take_quoted(RecordBatch& batch, StructureScanner& scan, std::size_t at,
                                         std::size_t index) {
  const char* const text = text_.data();
  const std::size_t size = text_.size();
  bool doubled = false;
  std::size_t close = at;
  while (true) {
    close = scan.next();
    if (close == size) return {last_ ? Quoted::End::bad : Quoted::End::unknown, close, size};
    newlines_ += text[close] == dialect_.line_end;
    if (text[close] != dialect_.quote) continue;
    if (close + 1 == size || text[close + 1] != dialect_.quote) break;
    doubled = true;
    scan.next();
  }
  std::string_view content(text + at + 1, close - at - 1);
  if (doubled) content = undouble(batch, content);
  if (index < columns_.size()) row_[index] = content;
  std::size_t after = close + 1;
  const bool returns = after < size && text[after] == '\r';
  if (returns && (after + 1 == size || text[after + 1] == dialect_.line_end)) ++after;
  if (after == size) return {last_ ? Quoted::End::record : Quoted::End::unknown, close, after};
  const bool two = dialect_.delimiter.size() == 2;
  const bool delimited =
      text[after] == dialect_.delimiter[0] && (!two || text[after + 1] == dialect_.delimiter[1]);
  if (text[after] != dialect_.line_end && !delimited) return {Quoted::End::bad, close, after};
  scan.next();
  return {delimited ? Quoted::End::cell : Quoted::End::record, close, after};
}

std::string_view CsvReader::undouble(RecordBatch& batch, std::string_view content) const {
  std::string plain;
  plain.reserve(content.size());
  for (std::size_t i = 0; i < content.size(); ++i) {
    plain += content[i];
    i += content[i] == dialect_.quote;
  }
  return batch.keep(plain);
}

CsvReader::Parsed CsvReader::parse_blanks(RecordBatch& batch, StructureScanner& scan,
                                          std::size_t start) {
  const char* const text = text_.data();
  const std::size_t size = text_.size();
  std::size_t cell = start;
  std::size_t count = 0;
  while (true) {
    const std::size_t at = scan.next();
    if (at == size && !last_) return incomplete(scan, start);
    const bool ends = at == size || text[at] == dialect_.line_end;
    const std::size_t stop = ends && at > cell && text[at - 1] == '\r' ? at - 1 : at;
    if (stop > cell) put(count++, text + cell, stop - cell);
    cell = at + 1;
    if (!ends) continue;
    if (count == 0) put(count++, text + start, 0);
    return finish(batch, start, stop, std::min(at + 1, size), count);
  }
}

// Takes the record, or refuses it; blank lines are passed over.
CsvReader::Parsed CsvReader::finish(RecordBatch& batch, std::size_t start, std::size_t stop,
                                    std::size_t next, std::size_t count) {
  const std::string_view raw(text_.data() + start, stop - start);
  Outcome outcome = Outcome::record;
  if (count == 1 && trim(raw).empty()) {
    outcome = Outcome::blank;
  } else if (raw.size() > static_cast<std::size_t>(options_.max_line_bytes)) {
    reject_long(batch, raw);
    outcome = Outcome::rejected;
  } else if (doubts_.any() && !acceptable(batch, raw)) {
    outcome = Outcome::rejected;
  } else if (count != columns_.size()) {
    reject(batch, raw, std::string_view::npos, "wrong_cell_count",
           fmt::format("{} cells, but the {} has {}", count,
                       dialect_.has_header ? "header" : "first line", columns_.size()),
           count < columns_.size()
               ? fmt::format(
                     "add the {} missing, or put quotes around a text that was cut at a line's end",
                     columns_.size() - count)
               : fmt::format("put quotes around a text that holds a {}",
                             delimiter_name(dialect_.delimiter)));
    outcome = Outcome::rejected;
  } else {
    batch.places().push_back({line_, offset_, raw});
  }
  line_ += 1 + newlines_;
  return {outcome, next};
}

// Refuses the record's first line and goes on behind it, whatever the quote swallowed.
CsvReader::Parsed CsvReader::bad_quoting(RecordBatch& batch, StructureScanner& scan,
                                         std::size_t start, std::size_t opened, std::size_t at) {
  if (!last_ && text_.find(dialect_.line_end, start) == text_.npos) {
    return incomplete(scan, start);
  }
  const std::string_view line = line_at(start);
  if (at >= text_.size()) {
    reject(batch, line, opened - start, "bad_quoting", "a quote is opened and never closed",
           "close it, double a quote that is part of the text, or say --quote none");
  } else {
    const std::int64_t below =
        std::ranges::count(text_.substr(start, at - start), dialect_.line_end);
    reject(batch, line, opened - start, "bad_quoting",
           below == 0 ? fmt::format("text follows the closing quote at column {}",
                                    column_of(text_.substr(start), at - start))
                      : fmt::format("text follows the closing quote on line {}", line_ + below),
           "double a quote that is part of the text, or say --quote none");
  }
  const std::size_t end = text_.find(dialect_.line_end, start);
  const std::size_t next = end == text_.npos ? text_.size() : end + 1;
  scan.seek(next);
  ++line_;
  return {Outcome::rejected, next};
}

bool CsvReader::acceptable(RecordBatch& batch, std::string_view raw) {
  if (doubts_.nul) {
    const std::size_t at = raw.find('\0');
    if (at != raw.npos) {
      reject(batch, raw, at, "nul_byte", "a NUL byte stands in the text",
             "remove it; if there are many, the file is UTF-16: say --encoding utf-16le");
      return false;
    }
  }
  if (doubts_.invalid_utf8) {
    if (const auto at = first_invalid_utf8(raw)) {
      reject(batch, raw, *at, "invalid_utf8",
             fmt::format("byte 0x{:02X} is not UTF-8", static_cast<unsigned char>(raw[*at])),
             "mend the row, or name the file's encoding: --encoding latin-1 or gb18030");
      return false;
    }
  }
  if (doubts_.replaced) {
    const std::size_t at = raw.find(kReplacement);
    if (at != raw.npos) {
      reject(batch, raw, at, "invalid_encoding",
             fmt::format("bytes that are not {}", attune::events::name(source_->encoding())),
             "mend the row, or name the file's encoding with --encoding");
      return false;
    }
  }
  return true;
}

void CsvReader::reject(RecordBatch& batch, std::string_view raw, std::size_t at,
                       std::string_view reason, std::string_view what, std::string_view remedy) {
  Rejected rejected;
  rejected.line = line_;
  std::size_t in_line = at;
  if (at != raw.npos) {
    const std::string_view before = raw.substr(0, at);
    rejected.line += std::ranges::count(before, dialect_.line_end);
    const std::size_t line_start = before.rfind(dialect_.line_end) + 1;
    in_line = at - line_start;
    rejected.column = column_of(raw.substr(line_start), in_line);
  }
  rejected.reason = reason;
  rejected.message = refusal_message(name(), rejected.line, rejected.column, what, remedy);
  rejected.raw = cut_raw(raw);
  rejected.cells = split_record(rejected.raw, dialect_, true).cells;
  batch.rejections().push_back(std::move(rejected));
}

void CsvReader::reject_long(RecordBatch& batch, std::string_view raw) {
  reject(batch, raw, std::string_view::npos, "line_too_long",
         fmt::format("the line is longer than {} bytes", with_thousands(options_.max_line_bytes)),
         "cut it, or raise --max-line-bytes");
}

std::string_view CsvReader::line_at(std::size_t start) const {
  std::string_view line = text_.substr(start, text_.find(dialect_.line_end, start) - start);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<std::unique_ptr<RecordReader>> open_csv(std::unique_ptr<ByteSource> source,
                                               const ReadOptions& options) {
  if (options.delimiter && options.delimiter->empty()) {
    return std::unexpected(
        invalid_argument("the delimiter is empty; say --delimiter , or tab or ;"));
  }
  auto reader = std::make_unique<CsvReader>(std::move(source), options);
  ATTUNE_RETURN_IF_ERROR(reader->start());
  return reader;
}

}  // namespace attune::events
