// When a customer wants peace. Answers: may a message come now, and if not, when?
#pragma once

#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/time.h"

namespace attune::decide {

// From `begin_minute` of the customer's day until before `end_minute`; over midnight where the
// first is the later one. Minutes 0 to 1439, not equal.
struct QuietHours {
  int begin_minute = 21 * 60;
  int end_minute = 8 * 60;
  friend bool operator==(const QuietHours&, const QuietHours&) = default;
};

// Minute of the day from "21:00"; "24:00" is 0. Errors: invalid_argument that shows the form.
Result<int> parse_minute_of_day(std::string_view text);
std::string print_minute_of_day(int minute);  // "21:00"

bool is_quiet(const QuietHours& hours, int minute_of_day);
// By the clock on the wall in `zone`.
bool is_quiet(const QuietHours& hours, Timestamp now, const TimeZone& zone);

// The first moment from `now` on that is not quiet: `now` itself, or the beginning of a minute.
// Clock changes are taken as they come: where the end of the quiet hours is skipped, it is the
// moment of the change.
// Cost: a few look-ups; some microseconds on the night of a clock change.
Timestamp next_allowed(const QuietHours& hours, Timestamp now, const TimeZone& zone);

}  // namespace attune::decide
