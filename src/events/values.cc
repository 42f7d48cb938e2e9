#include "attune/events/values.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::events {
namespace {

bool contains(std::span<const std::string_view> words, std::string_view text) {
  return std::ranges::find(words, text) != words.end();
}

}  // namespace

Result<Decimal> read_decimal(std::string_view text, bool decimal_comma) {
  return parse_decimal(trim(text), decimal_comma);
}

bool uses_decimal_comma(std::span<const std::string_view> sample) {
  std::size_t commas = 0;
  std::size_t dots = 0;
  for (const std::string_view cell : sample) {
    const std::size_t last = cell.find_last_of(".,");
    if (last == cell.npos) continue;
    std::size_t digits = 0;
    while (last + 1 + digits < cell.size() && is_digit(cell[last + 1 + digits])) ++digits;
    const bool other_before = cell.substr(0, last).find(cell[last] == ',' ? '.' : ',') != cell.npos;
    const bool fraction = other_before || digits != 3;
    commas += fraction && cell[last] == ',';
    dots += fraction && cell[last] == '.';
  }
  return commas > 0 && dots == 0;
}

Result<bool> parse_boolean(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kTrue{"true", "t",  "yes", "y", "1",
                                                         "on",   "是", "真",  "对"};
  static constexpr std::array<std::string_view, 9> kFalse{"false", "f",  "no", "n", "0",
                                                          "off",   "否", "假", "错"};
  const std::string lower = ascii_lower(trim(text));
  if (contains(kTrue, lower)) return true;
  if (contains(kFalse, lower)) return false;
  return std::unexpected(invalid_argument(
      fmt::format("'{}' is neither true nor false; write true or false", quoted(text))));
}

bool is_float_typed_id(std::span<const std::string_view> sample) {
  std::size_t stated = 0;
  for (const std::string_view cell : sample) {
    if (cell.empty()) continue;
    ++stated;
    if (strip_float_suffix(cell).size() == cell.size()) return false;
  }
  return stated > 0;
}

std::string_view strip_float_suffix(std::string_view text) {
  if (!text.ends_with(".0")) return text;
  const std::string_view digits = text.substr(0, text.size() - 2);
  return !digits.empty() && std::ranges::all_of(digits, is_digit) ? digits : text;
}

}  // namespace attune::events
