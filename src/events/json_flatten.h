// JSON objects as rows of cells under dotted names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/events/record.h"

namespace attune::events {

// What is wrong with an object.
struct FlattenFault {
  std::string reason;  // "bad_json", "not_an_object", "duplicate_key", "too_deep", "invalid_utf8"
  std::string what;
  std::size_t at = std::string_view::npos;  // byte of the text; npos where unknown
};

// Turns texts of objects into rows. Names are given in the order in which they are met, and stay.
// Threads: one thread at a time.
class JsonFlattener {
 public:
  explicit JsonFlattener(const ReadOptions& options);
  ~JsonFlattener();

  struct Entry {
    std::uint32_t column;
    std::string_view cell;
  };

  // Reads one object; `text` has to be readable for 64 bytes beyond its end. Its rows are added to
  // what `rows` and `entries` hold: one, or one for each element of the exploded array, or of a
  // "batch" array at the top. Faults of single elements are handed over beside the good rows. Cells
  // point into `text` and into `batch`.
  void flatten(std::string_view text, RecordBatch& batch, std::vector<FlattenFault>& faults);

  // Rows since clear_rows(): row i has the entries from starts()[i] on.
  const std::vector<std::size_t>& starts() const { return starts_; }
  const std::vector<Entry>& entries() const { return entries_; }
  void clear_rows();

  const std::vector<std::string>& columns() const { return columns_; }
  std::int64_t names_left_out() const { return names_left_out_; }
  std::optional<std::size_t> explode_column() const { return explode_column_; }

 private:
  struct Node;
  struct Engine;
  struct Job;
  class Walk;
  enum class Parser : std::uint8_t { outer, batch, elements };
  bool read_object(Walk& walk, std::string_view text, Parser which, Node& node);
  void add_exploded(Walk& walk, Job& job);
  Node& child(Node& parent, std::string_view key);
  std::uint32_t column_for(Node& node);
  void add_row(const std::vector<Entry>& row);

  ReadOptions options_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Node> root_;
  Node* explode_ = nullptr;
  std::optional<std::size_t> explode_column_;
  std::vector<std::string> columns_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> starts_;
  std::int64_t names_left_out_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace attune::events
