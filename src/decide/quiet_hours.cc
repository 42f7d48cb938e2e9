#include "attune/decide/quiet_hours.h"

#include <charconv>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::decide {
namespace {

constexpr int kMinutesPerDay = 24 * 60;

int minute_of_day(Timestamp time, const TimeZone& zone) {
  const CivilTime civil = zone.to_civil(time);
  return civil.hour * 60 + civil.minute;
}

std::int64_t floor_minute(std::int64_t micros) {
  const std::int64_t rest = micros % kMicrosPerMinute;
  return micros - (rest < 0 ? rest + kMicrosPerMinute : rest);
}

}  // namespace

Result<int> parse_minute_of_day(std::string_view text) {
  const std::string_view trimmed = trim(text);
  int hour = 0, minute = 0;
  const char* const last = trimmed.data() + trimmed.size();
  const auto hours = std::from_chars(trimmed.data(), last, hour);
  const bool colon = hours.ec == std::errc{} && hours.ptr != last && *hours.ptr == ':' &&
                     hours.ptr - trimmed.data() <= 2 && last - hours.ptr == 3;
  if (colon) {
    const auto minutes = std::from_chars(hours.ptr + 1, last, minute);
    const bool whole = minutes.ec == std::errc{} && minutes.ptr == last;
    if (whole && hour >= 0 && minute >= 0 && minute < 60 && hour * 60 + minute <= kMinutesPerDay)
      return (hour * 60 + minute) % kMinutesPerDay;
  }
  return std::unexpected(invalid_argument(fmt::format(
      "'{}' is not a time of day; write hours and minutes like 21:00", attune::quoted(text))));
}

std::string print_minute_of_day(int minute) {
  return fmt::format("{:02}:{:02}", minute / 60, minute % 60);
}

bool is_quiet(const QuietHours& hours, int minute) {
  return hours.begin_minute < hours.end_minute
             ? minute >= hours.begin_minute && minute < hours.end_minute
             : minute >= hours.begin_minute || minute < hours.end_minute;
}

bool is_quiet(const QuietHours& hours, Timestamp now, const TimeZone& zone) {
  return is_quiet(hours, minute_of_day(now, zone));
}

Timestamp next_allowed(const QuietHours& hours, Timestamp now, const TimeZone& zone) {
  const int minute = minute_of_day(now, zone);
  if (!is_quiet(hours, minute)) return now;
  const int wait = (hours.end_minute - minute + kMinutesPerDay) % kMinutesPerDay;
  // Offsets are whole minutes, so a local minute begins with one of UTC.
  const std::int64_t begin = floor_minute(now.micros);
  const Timestamp end{begin + wait * kMicrosPerMinute};
  if (zone.offset_minutes(now) == zone.offset_minutes(end)) return end;
  // The clock changes on the way: minute by minute, for two days at the most.
  for (int i = 1; i <= 2 * kMinutesPerDay; ++i) {
    const Timestamp next{begin + i * kMicrosPerMinute};
    if (!is_quiet(hours, next, zone)) return next;
  }
  return end;
}

}  // namespace attune::decide
