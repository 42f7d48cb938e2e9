// The commonest way to write a time, read fast. Answers: is this text the plain one, and what does
// it say?
#pragma once

#include <cstdint>
#include <string_view>

#include "attune/base/time.h"

namespace attune::events {

inline constexpr std::int64_t kFirstMicros = -2'208'988'800'000'000;  // 1900-01-01
inline constexpr std::int64_t kEndMicros = 7'289'654'400'000'000;     // 2201-01-01

// "2010-12-01 08:26:00" and "2010-12-01T08:26:00": the commonest form, without branches for each
// digit.
inline bool read_common(std::string_view text, CivilTime& civil) {
  if (text.size() != 19) return false;
  const char* t = text.data();
  unsigned bad = 0;
  const auto two = [&](int at) {
    const unsigned tens = static_cast<unsigned char>(t[at]) - '0';
    const unsigned ones = static_cast<unsigned char>(t[at + 1]) - '0';
    bad |= static_cast<unsigned>(tens > 9) | static_cast<unsigned>(ones > 9);
    return static_cast<int>(tens * 10 + ones);
  };
  civil.year = two(0) * 100 + two(2);
  civil.month = two(5);
  civil.day = two(8);
  civil.hour = two(11);
  civil.minute = two(14);
  civil.second = two(17);
  const bool marks =
      t[4] == '-' && t[7] == '-' && (t[10] == ' ' || t[10] == 'T') && t[13] == ':' && t[16] == ':';
  return bad == 0 && marks && is_valid(civil) && civil.year >= 1900 && civil.year <= 2200;
}

}  // namespace attune::events
