// Rows for a file, cell by cell. Answers: how do a few thousand rows become the columns that a
// TableWriter takes?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/money.h"
#include "attune/store/tables.h"

namespace attune::engine {

std::vector<store::ColumnSchema> text_columns(const std::vector<std::string>& names);

// "12.34": an amount the way files write it.
std::string amount_cell(std::int64_t minor, const Currency& currency);

// Cells are given from left to right; end_row() fills what was not given with missing values and
// writes full blocks. Columns are text, int64 or float64. Threads: one thread at a time.
class TableBuilder {
 public:
  TableBuilder(store::TableWriter& writer, std::vector<store::ColumnSchema> schema);

  TableBuilder& text(std::string_view value);  // empty: missing
  TableBuilder& integer(std::int64_t value);
  TableBuilder& real(double value);  // NaN: missing
  TableBuilder& missing();
  Status end_row();
  // Writes what is left; the writer still has to be finished.
  Status flush();

 private:
  struct Column {
    std::string bytes;
    std::vector<std::uint32_t> ends{0};
    std::vector<std::int64_t> integers;
    std::vector<double> reals;
    std::vector<std::uint8_t> present;
  };
  void put(std::string_view bytes, std::int64_t integer, double real, bool present);

  store::TableWriter& writer_;
  std::vector<store::ColumnSchema> schema_;
  std::vector<Column> columns_;
  std::size_t next_ = 0;
  std::size_t rows_ = 0;
};

}  // namespace attune::engine
