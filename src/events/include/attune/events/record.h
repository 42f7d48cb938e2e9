// Records of a user's file, before anything is known of their meaning. Answers: which rows and
// cells does this file hold, and which of its lines cannot be read, where and why?
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/events/byte_source.h"

namespace attune::events {

enum class FileFormat : std::uint8_t { csv, jsonl, parquet };
std::string_view name(FileFormat format);
// Errors: invalid_argument naming the nearest of "csv", "tsv", "jsonl", "json", "parquet".
Result<FileFormat> parse_file_format(std::string_view text);

// A row that is left out: where it stands, why, and what can be done. Reason codes are names that
// stay; kReasonCodes of quality.h lists them.
struct Rejected {
  std::int64_t line = 0;    // 1 is the first line of the file; of a Parquet file, the row number
  std::int64_t column = 0;  // 1 is the first character of that line; 0 when the whole line is meant
  std::string reason;       // "bad_quoting", "wrong_cell_count", …
  std::string message;      // "orders.csv, line 7, column 12: …; <remedy>"
  std::string raw;          // the record's text, cut at 64 KiB
  std::vector<std::string> cells;  // as far as they could be told apart
};

// Where a record stands.
struct RecordPlace {
  std::int64_t line = 0;    // its first line, counted from 1
  std::int64_t offset = 0;  // byte of the unpacked UTF-8 text at which it begins, counted from 0
  std::string_view
      raw;  // its text without the line's end; empty where the format has none (Parquet)
};

// Some records with the memory that their cells lie in. Cells stay valid, also across moves, until
// the batch is refilled or destroyed. A cell whose data() is null is missing; one with size 0 and
// data is an empty text that the file states. Invariant: cells().size() == rows() * columns().
class RecordBatch {
 public:
  std::size_t rows() const { return places_.size(); }
  std::size_t columns() const { return columns_; }
  std::span<const std::string_view> row(std::size_t i) const {
    return {cells_.data() + i * columns_, columns_};
  }
  const RecordPlace& place(std::size_t i) const { return places_[i]; }
  std::span<const Rejected> rejected() const { return rejected_; }

  // For readers, which fill it.
  void clear(std::size_t columns);
  void set_columns(std::size_t columns) { columns_ = columns; }
  char* reserve_text(
      std::size_t bytes);  // the batch's text buffer, at least `bytes` long; keeps nothing
  std::string_view keep(std::string_view text);  // copies text into the batch
  std::vector<std::string_view>& cells() { return cells_; }
  std::vector<RecordPlace>& places() { return places_; }
  std::vector<Rejected>& rejections() { return rejected_; }
  void widen(std::size_t columns);  // adds missing cells to every row held

 private:
  std::size_t columns_ = 0;
  std::vector<std::string_view> cells_;
  std::vector<RecordPlace> places_;
  std::vector<Rejected> rejected_;
  std::unique_ptr<char[]> text_;
  std::size_t text_capacity_ = 0;
  std::vector<std::unique_ptr<char[]>> kept_;
  std::size_t kept_used_ = 0;
  std::size_t kept_capacity_ = 0;
};

// How a text table is written.
struct CsvDialect {
  std::string delimiter = ",";  // ",", ";", "|", "\t", "::", or " " for runs of blanks
  char quote = '"';             // 0: quotes mean nothing
  bool has_header = true;       // else columns are named column_1, column_2, …
  char line_end = '\n';         // '\r' for files of old Macs; "\r\n" counts as '\n'
  std::size_t preamble = 0;     // bytes before the table
  bool delimiter_stated = false;
};
// Decides from the first lines: the delimiter that cuts them into the same number of cells, at
// least two, unless a first line such as "sep=;" states it; where the table begins, behind lines of
// a title with one text at most; a header if the first line's cells are distinct texts that are no
// numbers or times while later ones are, or that name known fields.
CsvDialect sniff_csv(std::string_view head, bool is_whole_text);
std::string_view delimiter_name(std::string_view delimiter);  // "comma", "tab", …

struct ReadOptions {
  std::optional<FileFormat> format;      // else by content, then by the file's name
  std::optional<Encoding> encoding;      // else guessed
  std::optional<std::string> delimiter;  // else sniffed
  std::optional<bool> has_header;        // else sniffed
  std::optional<char> quote;             // else sniffed; 0: quotes mean nothing
  std::vector<std::string> columns;      // names instead of the header's, or where there is none
  std::string explode;  // JSON: the array of objects that gives one record for each element
  std::int64_t max_line_bytes = 10'000'000;
  int max_depth = 32;              // JSON: nesting
  std::size_t max_columns = 1000;  // JSON: names met; further ones are left out and told
  std::size_t block_bytes = std::size_t{1} << 20;  // how much text one batch holds, about
  friend bool operator==(const ReadOptions&, const ReadOptions&) = default;
};

// Something decided on the reader's behalf, to be told to the user: {"encoding", "GB18030",
// "…why"}.
struct Assumption {
  std::string what;
  std::string value;
  std::string why;
};

// Reads a file's records from first to last. A record that cannot be read is handed over as
// Rejected, and reading goes on with the next line. Memory: a block and its cells, plus the longest
// record. Threads: one thread at a time; batches may go to other threads.
class RecordReader {
 public:
  virtual ~RecordReader() = default;

  // Names in the order of the cells. JSON grows them as new names are met: look again after each
  // batch.
  virtual const std::vector<std::string>& columns() const = 0;
  virtual FileFormat format() const = 0;
  virtual const std::string& name() const = 0;
  virtual std::vector<Assumption> assumptions() const = 0;
  virtual std::int64_t bytes_read() const = 0;
  virtual std::int64_t bytes_total() const = 0;

  // The first batch, kept to be handed over again by the first next(): what mapping and value
  // formats are decided on.
  Result<const RecordBatch*> sample();

  // False at the end. Errors: those of ByteSource::read.
  Result<bool> next(RecordBatch& batch);

  // Column of a JSON record's number within its exploded array ("properties.products.#"); absent
  // without `explode`.
  virtual std::optional<std::size_t> explode_column() const { return std::nullopt; }

 protected:
  virtual Result<bool> read_batch(RecordBatch& batch) = 0;

 private:
  std::unique_ptr<RecordBatch> sample_;
  bool sample_more_ = false;
  bool sample_waiting_ = false;
};

// By content, then by the file's name.
FileFormat guess_format(std::string_view head, std::string_view file);

// Opens a file in whatever format it is. JSON text may be one object a line, an array of objects,
// or Segment's
// {"batch": [...]}; nested objects become dotted names ("context.page.url"), arrays of {"key",
// "value"} objects too
// ("event_params.page_title"), other arrays stay JSON text.
// Errors: those of ByteSource::open; invalid_argument when the format cannot be told, naming
// `--format`.
Result<std::unique_ptr<RecordReader>> open_records(const std::filesystem::path& path,
                                                   const ReadOptions& options = {});
Result<std::unique_ptr<RecordReader>> open_records(std::unique_ptr<ByteSource> source,
                                                   const ReadOptions& options = {});
Result<std::unique_ptr<RecordReader>> open_csv(std::unique_ptr<ByteSource> source,
                                               const ReadOptions& options = {});
Result<std::unique_ptr<RecordReader>> open_json(std::unique_ptr<ByteSource> source,
                                                const ReadOptions& options = {});

// Cells as SQL casts them to text; NULL is a missing cell. Errors: those of store::ParquetFile.
Result<std::unique_ptr<RecordReader>> open_parquet(const std::filesystem::path& path);

}  // namespace attune::events
