#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "duck.h"

namespace attune::store {
namespace {

// Rows of the table below stand in the order of ColumnType.
struct TypeFacts {
  std::string_view name;
  std::string_view sql;
  duckdb_type id;
  std::size_t width;
};
constexpr std::array<TypeFacts, 10> kTypes{{
    {"boolean", "BOOLEAN", DUCKDB_TYPE_BOOLEAN, 1},
    {"uint8", "UTINYINT", DUCKDB_TYPE_UTINYINT, 1},
    {"int16", "SMALLINT", DUCKDB_TYPE_SMALLINT, 2},
    {"int32", "INTEGER", DUCKDB_TYPE_INTEGER, 4},
    {"int64", "BIGINT", DUCKDB_TYPE_BIGINT, 8},
    {"uint64", "UBIGINT", DUCKDB_TYPE_UBIGINT, 8},
    {"float64", "DOUBLE", DUCKDB_TYPE_DOUBLE, 8},
    {"timestamp", "TIMESTAMP", DUCKDB_TYPE_TIMESTAMP, 8},
    {"text", "VARCHAR", DUCKDB_TYPE_VARCHAR, 0},
    {"blob", "BLOB", DUCKDB_TYPE_BLOB, 0},
}};
const TypeFacts& facts(ColumnType type) { return kTypes[static_cast<std::size_t>(type)]; }

bool has_bytes(ColumnType type) { return type == ColumnType::text || type == ColumnType::blob; }

bool is_ascii(std::string_view bytes) {
  std::uint64_t seen = 0;
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    seen |= word;
    bytes.remove_prefix(8);
  }
  for (const char c : bytes) seen |= static_cast<std::uint64_t>(static_cast<unsigned char>(c));
  return (seen & 0x8080808080808080ull) == 0;
}

}  // namespace

std::string_view name(ColumnType type) { return facts(type).name; }

Status ColumnSpan::check(std::string_view column) const {
  if (!present_.empty() && present_.size() != rows_) {
    return std::unexpected(invalid_argument(
        fmt::format("column '{}' has {} rows and says of {} whether they are present", column,
                    rows_, present_.size())));
  }
  if (!has_bytes(type_)) return {};
  for (std::size_t row = 0; row < rows_; ++row) {
    if (offsets_[row] > offsets_[row + 1]) {
      return std::unexpected(invalid_argument(
          fmt::format("column '{}': the offsets of row {} go backwards", column, row)));
    }
  }
  if (rows_ > 0 && offsets_[rows_] > bytes_.size()) {
    return std::unexpected(
        invalid_argument(fmt::format("column '{}': offsets reach {}, there are {} bytes", column,
                                     offsets_[rows_], bytes_.size())));
  }
  if (type_ != ColumnType::text || is_ascii(bytes_)) return {};
  for (std::size_t row = 0; row < rows_; ++row) {
    if (!is_present(row) || is_ascii(bytes(row))) continue;
    if (first_invalid_utf8(bytes(row))) {
      return std::unexpected(invalid_argument(fmt::format(
          "column '{}', row {}: {} is not UTF-8", column, row, attune::quoted(bytes(row)))));
    }
  }
  return {};
}

namespace duck {

duckdb_type type_of(ColumnType type) { return facts(type).id; }
std::string_view sql_name(ColumnType type) { return facts(type).sql; }

namespace {

void fill_bytes(duckdb_string_t* into, const ColumnSpan& column, std::size_t from,
                std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // What is missing may have offsets into anything: it stays an empty text.
    const std::string_view bytes =
        column.is_present(from + i) ? column.bytes(from + i) : std::string_view();
    duckdb_string_t text{};
    text.value.inlined.length = static_cast<std::uint32_t>(bytes.size());
    if (bytes.size() <= sizeof text.value.inlined.inlined) {
      if (!bytes.empty()) std::memcpy(text.value.inlined.inlined, bytes.data(), bytes.size());
    } else {
      std::memcpy(text.value.pointer.prefix, bytes.data(), sizeof text.value.pointer.prefix);
      text.value.pointer.ptr = const_cast<char*>(bytes.data());
    }
    into[i] = text;
  }
}

void fill_validity(duckdb_vector vector, const ColumnSpan& column, std::size_t from,
                   std::size_t count) {
  duckdb_vector_ensure_validity_writable(vector);
  std::uint64_t* mask = duckdb_vector_get_validity(vector);
  const auto present = column.present().subspan(from, count);
  for (std::size_t i = 0; i < count; i += 64) {
    std::uint64_t word = ~std::uint64_t{0};
    for (std::size_t j = 0; j < std::min<std::size_t>(64, count - i); ++j)
      word ^= std::uint64_t{present[i + j] == 0} << j;
    mask[i / 64] = word;
  }
}

// No row of these has the column: most rows lack most of what an event may say.
bool is_absent(const ColumnSpan& column, std::size_t from, std::size_t count) {
  if (column.present().empty()) return false;
  return std::ranges::all_of(column.present().subspan(from, count),
                             [](std::uint8_t present) { return present == 0; });
}

}  // namespace

void fill_chunk(duckdb_data_chunk chunk, std::span<const ColumnSpan> columns, std::size_t from,
                std::size_t count) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnSpan& column = columns[i];
    const duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
    void* data = duckdb_vector_get_data(vector);
    if (is_absent(column, from, count)) {
      const std::size_t width =
          has_bytes(column.type()) ? sizeof(duckdb_string_t) : facts(column.type()).width;
      std::memset(data, 0, count * width);
      duckdb_vector_ensure_validity_writable(vector);
      std::memset(duckdb_vector_get_validity(vector), 0, (count + 63) / 64 * 8);
      continue;
    }
    if (has_bytes(column.type())) {
      fill_bytes(static_cast<duckdb_string_t*>(data), column, from, count);
    } else {
      const std::size_t width = facts(column.type()).width;
      std::memcpy(data, static_cast<const char*>(column.values()) + from * width, count * width);
    }
    if (!column.present().empty()) fill_validity(vector, column, from, count);
  }
  duckdb_data_chunk_set_size(chunk, count);
}

Result<std::size_t> check_columns(std::span<const ColumnSpan> columns,
                                  std::span<const ColumnSchema> schema) {
  if (columns.size() != schema.size()) {
    return std::unexpected(invalid_argument(
        fmt::format("{} columns are given for {}", columns.size(), schema.size())));
  }
  const std::size_t rows = columns.empty() ? 0 : columns.front().rows();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].type() != schema[i].type) {
      return std::unexpected(
          invalid_argument(fmt::format("column '{}' is {}, {} is given", schema[i].name,
                                       name(schema[i].type), name(columns[i].type()))));
    }
    if (columns[i].rows() != rows) {
      return std::unexpected(
          invalid_argument(fmt::format("column '{}' has {} rows, column '{}' has {}",
                                       schema[i].name, columns[i].rows(), schema[0].name, rows)));
    }
    ATTUNE_RETURN_IF_ERROR(columns[i].check(schema[i].name));
  }
  return rows;
}

}  // namespace duck
}  // namespace attune::store
