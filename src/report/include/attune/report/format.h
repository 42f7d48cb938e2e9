// Numbers as a person reads them: in tables, tiles and axes alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::report {

enum class Language : std::uint8_t { en, zh };

// How to write a number. NaN and infinities are written as "–".
struct NumberFormat {
  enum class Kind : std::uint8_t {
    number,   // 1,234.5
    percent,  // .123 is 12.3%
    compact,  // 1.2k, 3.4M (zh: 1.2万, 3.4亿)
    seconds,  // 0.8 s, 2 min 5 s, 3 h 20 min
    bytes,    // 1.5 MB
  };
  Kind kind = Kind::number;
  int decimals = -1;        // -1: as few as the size of the number asks for
  std::string prefix = {};  // "£"
  std::string suffix = {};  // " GBP"
  Language language = Language::en;
};

std::string format_number(double value, const NumberFormat& format = {});
std::string format_count(std::int64_t value);                // "1,234"
std::string format_percent(double share, int decimals = 1);  // "12.3%"
std::string format_seconds(double seconds);                  // "2 min 5 s"
std::string format_bytes(double bytes);                      // "1.5 MB"
// "0.442 (0.438–0.447)": a figure never stands without how sure it is.
std::string format_interval(double mean, double low, double high, int decimals = 3);

}  // namespace attune::report
