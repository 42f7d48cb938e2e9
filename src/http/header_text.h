// Small helpers on the text of headers.
#pragma once

#include <algorithm>
#include <string_view>

namespace attune::http {

inline char ascii_lower_char(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ascii_lower_char(x) == ascii_lower_char(y);
         });
}

// Whether a list such as "br, gzip;q=0.5" names `token` with a weight that is not 0.
bool list_accepts(std::string_view list, std::string_view token);

}  // namespace attune::http
