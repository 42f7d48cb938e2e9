// Where a JSON text goes wrong, for messages. Slow and strict; simdjson does the reading.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace attune::events {

struct JsonFault {
  std::size_t at = 0;  // byte
  std::string what;    // "expected ',' or '}'"
  bool too_deep = false;
};
// The first fault of `text` as one JSON value; absent when there is none.
std::optional<JsonFault> find_json_fault(std::string_view text, int max_depth);

// True for a number as RFC 8259 writes it.
bool is_json_number(std::string_view text);

// Bytes of the value that begins at the front of `text` ('{' or '['), by brackets and strings
// alone; npos if it does not end.
std::size_t bracketed_length(std::string_view text);

}  // namespace attune::events
