// What a column's values tell of its meaning. Answers: may this column be a time, an amount, an id?
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "attune/events/record.h"
#include "attune/events/values.h"

namespace attune::events {

// Share of numbers below which a column whose very name says that it is an amount is none.
inline constexpr double kNumericMinNamed = .5;

// What a column holds, as far as guessing needs it.
struct ColumnProfile {
  std::vector<std::string_view> cells;  // stated ones
  double numeric = 0;                   // share that are numbers
  double times = 0;
  TimeFormatChoice time;
  double known_types = 0;
  double currencies = 0;
  std::size_t distinct = 0;
  double mean_bytes = 0;
  bool on_every_row = false;
  bool order_numbers = false;  // all as "#1001"
};
// Lifetime: the cells are the sample's.
ColumnProfile profile_column(const RecordBatch& sample, std::size_t column);

bool is_type_word(std::string_view cell);
// Whether a field takes amounts.
bool is_numeric(std::string_view field);

// How well a column's values suit a field: 0 rules it out, 1 speaks for it.
struct Support {
  double factor = 1;
  std::string why;
};
// `named`: the column's name is a word for the field and for nothing else.
Support value_support(std::string_view field, const ColumnProfile& profile, bool named);
std::string percent(double share);

}  // namespace attune::events
