// A mapping resolved against one file: which cell feeds which field, and how its texts are read.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/events/event.h"
#include "attune/events/mapping.h"
#include "attune/events/reader.h"
#include "attune/events/record.h"
#include "attune/events/values.h"
#include "cells.h"

namespace attune::events::detail {

enum class Field : std::uint8_t {
  customer,
  anonymous,
  item,
  time,
  type,
  order,
  quantity,
  price,
  value,
  currency,
  rating,
  duration_ms,
  channel,
  source,
  session,
  event_id,
  text,
  url,
  id,
  name,
  category,
  brand,
  stock,
  properties,
  decision,
  previous,
};
inline constexpr std::size_t kFieldCount = 26;
std::string_view name(Field field);

// Where a value comes from in a row.
struct CellSource {
  std::vector<std::uint32_t> columns;
  std::optional<std::string> constant;
  std::int32_t unless = -1;
  std::string split;
  std::int32_t only = -1;  // the one column, where nothing else decides
  bool is_fed = false;
  bool fed() const { return is_fed; }
};

struct AttributeSource {
  std::string name;
  CellSource source;
  bool is_name = false;   // "item.name": its absence is noticed
  std::string flagged{};  // the value that a set flag states; empty: the cell is the value
};

// Places of cells, for one list of columns.
struct Resolved {
  std::size_t column_count = 0;
  std::array<CellSource, kFieldCount> fields;
  std::vector<AttributeSource> item_attributes;
  std::vector<AttributeSource> customer_attributes;
  std::vector<AttributeSource> properties;
  std::int32_t explode_column = -1;
  std::optional<int> constant_type;

  const CellSource& at(Field field) const { return fields[static_cast<std::size_t>(field)]; }
};

// The first stated cell. A cell is stated when it holds more than white space and is no word for
// nothing.
struct Cell {
  std::string_view text;
  std::int32_t column = -1;  // -1: the constant, or nothing
};
Cell cell_of_several(const CellSource& source, std::span<const std::string_view> row);

inline bool is_stated(std::string_view cell) {
  if (cell.size() > 4 && static_cast<unsigned char>(cell.front()) > ' ') return true;
  if (cell.size() == 1) return cell.front() != ' ' && cell.front() != '\t';
  return !cell.empty() && cell.find_first_not_of(" \t\r\n") != cell.npos && !is_null_word(cell);
}

inline Cell cell_of(const CellSource& source, std::span<const std::string_view> row) {
  if (source.only < 0) return cell_of_several(source, row);
  const std::string_view cell = row[static_cast<std::size_t>(source.only)];
  return is_stated(cell) ? Cell{cell, source.only} : Cell{};
}

// What a type cell means: a type, -1 to leave the row out, -2 for an unknown word.
inline constexpr int kIgnoredType = -1;
inline constexpr int kUnknownType = -2;

// Everything decided before the first row. Immutable, shared by threads.
class Plan {
 public:
  static Result<std::unique_ptr<Plan>> create(const Mapping& mapping, const ShopSettings& shop,
                                              RecordReader& records);

  Resolved resolve(std::span<const std::string> columns) const;
  int type_of(std::string_view text) const;

  Mapping mapping;
  ShopSettings shop;
  std::string file;
  bool reads_json = false;
  std::string explode_name;  // name of the column that numbers exploded records
  Resolved resolved;
  std::optional<TimeReader> time_reader;
  bool zone_assumed = false;
  std::array<bool, kFieldCount> strip_float{};
  std::array<bool, kFieldCount> decimal_comma{};
  std::map<std::string, int, std::less<>> types;
  std::vector<Assumption> assumptions;

 private:
  void fill_types();
  CellSource source_of(const FieldSource& from, std::span<const std::string> columns) const;
  void resolve_wildcard(const std::string& field, const FieldSource& from,
                        std::span<const std::string> columns, std::vector<bool>& used,
                        Resolved& into) const;
  std::vector<std::string_view> sampled(Field field, const RecordBatch& sample) const;
  Status decide(const RecordBatch& sample);
  Status decide_time(const RecordBatch& sample);
  Status check_constants() const;
};

// What a row batch keeps between and beside its rows.
struct BatchState {
  std::shared_ptr<const Plan> plan;  // rows point at names of its attributes and at its constants
  RecordBatch records;
  RowArena arena;
  Resolved own;  // when the file has grown columns since the plan was made
};

}  // namespace attune::events::detail
