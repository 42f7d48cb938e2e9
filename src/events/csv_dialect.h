// How one text table is cut into cells, slowly and in full: for headers, samples and refused rows.
// csv_scanner.h is the fast way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attune/events/record.h"

namespace attune::events {

struct SplitRecord {
  std::vector<std::string> cells;
  std::size_t bytes = 0;     // up to and with the line's end
  bool whole = true;         // false: the text ended before the record did
  bool good_quoting = true;  // false: cut at the first line's end, quotes taken as they stand
  bool any_quoted = false;
};
SplitRecord split_record(std::string_view text, const CsvDialect& dialect, bool is_whole_text);

// Names made usable: trimmed, the empty ones called column_k, repeated ones with _2, _3 …
std::vector<std::string> usable_names(std::vector<std::string> names);

}  // namespace attune::events
