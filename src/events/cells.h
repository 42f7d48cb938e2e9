// Cells cleaned into identifiers, names and JSON. Answers: is this text fit to be compared with
// others as it stands?
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/events/event.h"

namespace attune::events {

// Texts and attribute lists that rows point to; grows in blocks that never move.
class RowArena {
 public:
  std::string_view keep(std::string_view text);
  std::span<const Attribute> keep(std::span<const Attribute> attributes);
  void clear();

 private:
  template <class T>
  struct Blocks {
    std::vector<std::unique_ptr<T[]>> all;
    std::size_t used = 0;
    std::size_t capacity = 0;
    T* take(std::size_t count, std::size_t block);
    void clear();
  };
  Blocks<char> text_;
  Blocks<Attribute> attributes_;
};

// True if base's normalise_text would change nothing: no white space at the ends or in runs, no
// control characters, and only characters that NFC leaves alone whatever stands beside them. May
// say false for a text that is clean. Cost: a few ns.
bool is_clean(std::string_view text);

// The cell as an identifier or name: itself, or a cleaned copy in `arena`. `changed` is set when it
// differs; `trimmed` blanks at the ends count as a change too.
std::string_view clean(std::string_view cell, RowArena& arena, bool& changed);

// What databases and data frames write for "nothing": NULL, \N, NaN, None, N/A, <NA>.
bool is_null_word(std::string_view cell);

void append_json_string(std::string& json, std::string_view text);

}  // namespace attune::events
