// Messages of refused rows: every one names file, line, column and remedy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "attune/events/record.h"

namespace attune::events {

// "orders.csv, line 7, column 12: what; remedy"; the column is left out when 0.
std::string refusal_message(std::string_view file, std::int64_t line, std::int64_t column,
                            std::string_view what, std::string_view remedy);

// The record's text as Rejected keeps it: at most 64 KiB.
std::string cut_raw(std::string_view raw);

// Column of byte `at` in `line`, in characters counted from 1.
std::int64_t column_of(std::string_view line, std::size_t at);

}  // namespace attune::events
