// Rows by the column, on their way into and out of the history and users' files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/store/state.h"

namespace attune::store {

enum class ColumnType : std::uint8_t {
  boolean,  // one byte a value: 0 or 1
  uint8,
  int16,
  int32,
  int64,
  uint64,
  float64,
  timestamp,  // microseconds, UTC
  text,       // UTF-8
  blob,
};
std::string_view name(ColumnType type);

struct ColumnSchema {
  std::string name;
  ColumnType type;
  friend bool operator==(const ColumnSchema&, const ColumnSchema&) = default;
};

// One column of n rows that is being written: views, never owned.
// Shapes: `values` (n) of the type's width; for text and blob `bytes` and `offsets` (n + 1), row i
// being bytes[offsets[i] .. offsets[i + 1]); `present` is empty (all are) or (n), 0 where the value
// is missing.
class ColumnSpan {
 public:
  static ColumnSpan boolean(std::span<const std::uint8_t> values) {
    return {ColumnType::boolean, values};
  }
  static ColumnSpan uint8(std::span<const std::uint8_t> values) {
    return {ColumnType::uint8, values};
  }
  static ColumnSpan int16(std::span<const std::int16_t> values) {
    return {ColumnType::int16, values};
  }
  static ColumnSpan int32(std::span<const std::int32_t> values) {
    return {ColumnType::int32, values};
  }
  static ColumnSpan int64(std::span<const std::int64_t> values) {
    return {ColumnType::int64, values};
  }
  static ColumnSpan uint64(std::span<const std::uint64_t> values) {
    return {ColumnType::uint64, values};
  }
  static ColumnSpan float64(std::span<const double> values) {
    return {ColumnType::float64, values};
  }
  static ColumnSpan timestamp(std::span<const std::int64_t> micros) {
    return {ColumnType::timestamp, micros};
  }
  static ColumnSpan timestamp(std::span<const Timestamp> times) {
    return {ColumnType::timestamp, times};
  }
  static ColumnSpan text(std::string_view bytes, std::span<const std::uint32_t> offsets) {
    return {ColumnType::text, bytes, offsets};
  }
  static ColumnSpan blob(std::string_view bytes, std::span<const std::uint32_t> offsets) {
    return {ColumnType::blob, bytes, offsets};
  }
  ColumnSpan with_present(std::span<const std::uint8_t> present) const {
    ColumnSpan copy = *this;
    copy.present_ = present;
    return copy;
  }

  ColumnType type() const { return type_; }
  std::size_t rows() const { return rows_; }
  const void* values() const { return values_; }
  bool is_present(std::size_t row) const { return present_.empty() || present_[row] != 0; }
  std::span<const std::uint8_t> present() const { return present_; }
  std::string_view bytes(std::size_t row) const {
    return bytes_.substr(offsets_[row], offsets_[row + 1] - offsets_[row]);
  }
  template <class T>
  T value(std::size_t row) const {
    return static_cast<const T*>(values_)[row];
  }

  // The offsets are in order and inside the bytes, and `present` fits. Cost: O(rows) for text and
  // blob.
  Status check(std::string_view column) const;

 private:
  template <class T>
  ColumnSpan(ColumnType type, std::span<const T> values)
      : type_(type), rows_(values.size()), values_(values.data()) {}
  ColumnSpan(ColumnType type, std::string_view bytes, std::span<const std::uint32_t> offsets)
      : type_(type),
        rows_(offsets.empty() ? 0 : offsets.size() - 1),
        bytes_(bytes),
        offsets_(offsets) {}

  ColumnType type_;
  std::size_t rows_ = 0;
  const void* values_ = nullptr;
  std::string_view bytes_;
  std::span<const std::uint32_t> offsets_;
  std::span<const std::uint8_t> present_;
};

// A parameter of a query; monostate is NULL.
using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double,
                           std::string_view, Blob, Timestamp>;

// Some rows of a result, by the column. Columns are 0-based.
//
// Readers by kind: int64 for BOOLEAN, DATE (days) and every integer type, HUGEINT included (sums);
// real for those, FLOAT, DOUBLE and DECIMAL; time for the TIMESTAMP types and DATE; text for
// VARCHAR and ENUM; blob for BLOB. Another kind is a programmer error: cast in SQL. Missing values:
// is_null says so; the value read there is 0 or an empty view.
// Lifetime: views hold until the Chunk goes. Threads: one thread at a time.
class Chunk {
 public:
  Chunk(Chunk&&) noexcept;
  Chunk& operator=(Chunk&&) noexcept;
  ~Chunk();

  std::size_t rows() const;
  std::size_t columns() const;
  bool is_null(std::size_t column, std::size_t row) const;

  // Whole columns. Shapes: (rows). Cost: none where the type in the database is the same, else one
  // conversion a chunk and column.
  std::span<const std::int64_t> int64(std::size_t column) const;
  std::span<const std::uint64_t> uint64(std::size_t column) const;  // UBIGINT alone
  std::span<const double> real(std::size_t column) const;
  std::span<const Timestamp> time(std::size_t column) const;

  std::string_view text(std::size_t column, std::size_t row) const;
  std::string_view blob(std::size_t column, std::size_t row) const;

  struct Impl;
  explicit Chunk(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

// The rows that a query gives, a chunk at a time, made while they are read.
// Lifetime: on its own; but the next statement on the same connection ends it (next then says
// failed_precondition).
// Threads: one thread at a time.
class QueryResult {
 public:
  QueryResult(QueryResult&&) noexcept;
  QueryResult& operator=(QueryResult&&) noexcept;
  ~QueryResult();

  std::size_t columns() const;
  const std::string& column_name(std::size_t column) const;
  const std::string& column_type(std::size_t column) const;  // DuckDB's name: "BIGINT"

  // The next rows (at most 2048); a chunk of no rows at the end. Errors: see History; out_of_range
  // where a HUGEINT does not fit 64 bits.
  Result<Chunk> next();

  // Calls `visit` with every chunk to the end, or to its first error.
  Status for_each(const std::function<Status(const Chunk&)>& visit);

  struct Impl;
  explicit QueryResult(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::store
