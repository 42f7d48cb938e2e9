#include "column_profile.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/mapping.h"
#include "attune/events/quarantine.h"
#include "cells.h"
#include "synonyms.h"

namespace attune::events {
namespace {

constexpr std::size_t kProfiledRows = 2000;
constexpr double kNumericMin = .8;  // share of numbers below which a column is no amount

}  // namespace

bool is_type_word(std::string_view cell) {
  static const std::set<std::string, std::less<>> known = [] {
    std::set<std::string, std::less<>> words(event_type_names().begin(), event_type_names().end());
    for (const TypeSynonym& synonym : type_synonyms()) words.insert(type_key(synonym.word));
    return words;
  }();
  return known.contains(type_key(cell));
}

bool is_numeric(std::string_view field) {
  return field == "quantity" || field == "price" || field == "value" || field == "rating" ||
         field == "stock" || field == "duration_ms";
}

ColumnProfile profile_column(const RecordBatch& sample, std::size_t column) {
  ColumnProfile profile;
  const std::size_t rows = std::min(sample.rows(), kProfiledRows);
  std::set<std::string_view> distinct;
  std::size_t numbers = 0;
  std::size_t types = 0;
  std::size_t currencies = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::string_view cell = trim(sample.row(i)[column]);
    if (cell.empty() || is_null_word(cell)) continue;
    profile.cells.push_back(cell);
    distinct.insert(cell);
    numbers += parse_amount(cell, false, {}).has_value();
    currencies += cell.size() == 3 && Currency::of_stored(cell).has_value();
    bytes += cell.size();
  }
  if (profile.cells.empty()) return profile;
  const auto count = static_cast<double>(profile.cells.size());
  if (distinct.size() <= 100) {
    types = static_cast<std::size_t>(std::ranges::count_if(distinct, is_type_word));
    profile.known_types = static_cast<double>(types) / static_cast<double>(distinct.size());
  }
  profile.time = choose_time_format(profile.cells);
  profile.times = static_cast<double>(profile.time.readable) / count;
  profile.numeric = static_cast<double>(numbers) / count;
  profile.currencies = static_cast<double>(currencies) / count;
  profile.distinct = distinct.size();
  profile.on_every_row = profile.cells.size() == rows;
  profile.order_numbers = std::ranges::all_of(profile.cells, [](std::string_view cell) {
    return cell.size() > 1 && cell[0] == '#' && is_digit(cell[1]);
  });
  profile.mean_bytes = static_cast<double>(bytes) / count;
  return profile;
}

std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }

Support value_support(std::string_view field, const ColumnProfile& profile, bool named) {
  if (profile.cells.empty()) return {.5, "no values in the sample"};
  if (field == "time") {
    if (profile.times < .5) return {0, ""};
    return {profile.times,
            fmt::format("{} are times ({})", percent(profile.times), name(profile.time.format))};
  }
  if (is_numeric(field)) {
    if (profile.numeric < (named ? kNumericMinNamed : kNumericMin)) return {0, ""};
    return {profile.numeric, fmt::format("{} are numbers", percent(profile.numeric))};
  }
  if (field == "type") {
    if (profile.known_types == 0) return {0, ""};
    return {.5 + profile.known_types / 2,
            fmt::format("{} of its {} values are known types", percent(profile.known_types),
                        profile.distinct)};
  }
  if (field == "currency") {
    if (profile.currencies < .8) return {0, ""};
    return {1, "its values are currency codes"};
  }
  // A yes or no says that somebody is anonymous, not who.
  if (field == "anonymous" && std::ranges::all_of(profile.cells, [](std::string_view cell) {
        return parse_boolean(cell).has_value();
      })) {
    return {0, ""};
  }
  if (field == "item.name" && profile.order_numbers) return {0, ""};
  const bool is_id = field == "customer" || field == "item" || field == "order" || field == "id" ||
                     field == "session" || field == "anonymous" || field == "event_id";
  if (is_id) {
    if (profile.mean_bytes > 80) return {.2, "long texts"};
    if (profile.distinct == 1 && profile.cells.size() > 20) return {.6, "one value only"};
    if (field != "order" && profile.times > .9 && profile.numeric < .5) return {0, ""};
    return {1,
            fmt::format("{} different values in {} rows", profile.distinct, profile.cells.size())};
  }
  return {1, "by its name"};
}

}  // namespace attune::events
