#include "table_builder.h"

#include <cmath>

namespace attune::engine {
namespace {

constexpr std::size_t kBlockRows = 4'096;

}  // namespace

std::vector<store::ColumnSchema> text_columns(const std::vector<std::string>& names) {
  std::vector<store::ColumnSchema> schema;
  for (const std::string& name : names) schema.push_back({name, store::ColumnType::text});
  return schema;
}

std::string amount_cell(std::int64_t minor, const Currency& currency) {
  const std::string text = to_string(Money{minor, currency});
  return text.substr(0, text.find(' '));
}

TableBuilder::TableBuilder(store::TableWriter& writer, std::vector<store::ColumnSchema> schema)
    : writer_(writer), schema_(std::move(schema)), columns_(schema_.size()) {}

void TableBuilder::put(std::string_view bytes, std::int64_t integer, double real, bool present) {
  ATTUNE_CHECK(next_ < columns_.size(), "more cells than columns");
  Column& column = columns_[next_];
  switch (schema_[next_].type) {
    case store::ColumnType::text:
      column.bytes.append(bytes);
      column.ends.push_back(static_cast<std::uint32_t>(column.bytes.size()));
      break;
    case store::ColumnType::int64:
      column.integers.push_back(integer);
      break;
    default:
      column.reals.push_back(real);
      break;
  }
  column.present.push_back(present);
  ++next_;
}

TableBuilder& TableBuilder::text(std::string_view value) {
  put(value, 0, 0, !value.empty());
  return *this;
}
TableBuilder& TableBuilder::integer(std::int64_t value) {
  put({}, value, 0, true);
  return *this;
}
TableBuilder& TableBuilder::real(double value) {
  put({}, 0, value, !std::isnan(value));
  return *this;
}
TableBuilder& TableBuilder::missing() {
  put({}, 0, 0, false);
  return *this;
}

Status TableBuilder::end_row() {
  while (next_ < columns_.size()) missing();
  next_ = 0;
  return ++rows_ == kBlockRows ? flush() : Status{};
}

Status TableBuilder::flush() {
  std::vector<store::ColumnSpan> spans;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    using Span = store::ColumnSpan;
    const Span span = schema_[i].type == store::ColumnType::text
                          ? Span::text(column.bytes, column.ends)
                      : schema_[i].type == store::ColumnType::int64 ? Span::int64(column.integers)
                                                                    : Span::float64(column.reals);
    spans.push_back(span.with_present(column.present));
  }
  ATTUNE_RETURN_IF_ERROR(writer_.append(spans));
  columns_.assign(columns_.size(), Column());
  rows_ = 0;
  return {};
}

}  // namespace attune::engine
