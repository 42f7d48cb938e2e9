#include "segment_time.h"

#include <cstdlib>

#include <fmt/format.h>

#include "attune/base/money.h"
#include "attune/base/text.h"
#include "attune/events/event.h"
#include "common_time.h"

namespace attune::events::detail {
namespace {

constexpr double kSecondsMax = 1e11;
constexpr double kMillisMax = 1e14;

// "2026-11-22T05:09:00.123Z", as JavaScript writes times.
bool read_javascript(std::string_view text, TimeValue& value) {
  if (text.size() != 24 || text[10] != 'T' || text[19] != '.' || text[23] != 'Z') return false;
  CivilTime civil;
  if (!read_common(text.substr(0, 19), civil)) return false;
  int millis = 0;
  for (const char figure : text.substr(20, 3)) {
    if (figure < '0' || figure > '9') return false;
    millis = millis * 10 + (figure - '0');
  }
  civil.micros = millis * 1'000;
  value = {.time = utc_from_civil(civil), .offset_minutes = 0, .zoned = true};
  return true;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.eE+-") == text.npos &&
         text.find('-', 1) == text.npos;
}

TimeFault read_epoch(std::string_view text, TimeValue& value) {
  const auto number = parse_decimal(text);
  if (!number) {
    return number.error().code == ErrorCode::out_of_range ? TimeFault::out_of_range
                                                          : TimeFault::not_a_time;
  }
  const double size = std::abs(to_double(*number));
  const int digits = size < kSecondsMax ? 6 : size < kMillisMax ? 3 : 0;
  const auto micros = to_minor(*number, 1, digits);
  if (!micros || *micros < kFirstMicros || *micros >= kEndMicros) return TimeFault::out_of_range;
  value = {.time = {*micros}, .offset_minutes = std::nullopt, .zoned = true};
  return TimeFault::none;
}

}  // namespace

TimeFault MessageTimes::read(std::string_view text, TimeValue& value) {
  if (read_javascript(text, value)) return TimeFault::none;
  text = trim(text);
  if (is_number(text)) return read_epoch(text, value);
  return slow_.read(text, value);
}

std::string MessageTimes::explain(std::string_view text, TimeFault fault) const {
  if (fault == TimeFault::out_of_range)
    return fmt::format("'{}' lies outside the years 1900 to 2200", quoted(text));
  if (fault == TimeFault::not_a_time) return fmt::format("'{}' is not a time", quoted(text));
  return slow_.explain(text, fault);
}

MessageTime message_time(const StatedTimes& stated, Timestamp received_at) {
  const bool answered = stated.timestamp && stated.original;
  const std::optional<TimeValue>& when =
      stated.timestamp && (answered || !stated.original) ? stated.timestamp : stated.original;
  if (!when) return {received_at, std::nullopt, 0};
  MessageTime result{when->time, when->offset_minutes, 0};
  bool believed = true;
  if (stated.sent && !answered) {
    const std::int64_t error = received_at.micros - stated.sent->time.micros;
    believed = std::abs(error) <= kClockErrorMax;
    result.time.micros += error;
  }
  if (!believed || result.time > received_at) {
    result.time = received_at;
    return result;
  }
  if (!when->zoned) result.marks |= bit(Mark::time_zone_assumed);
  if (when->date_only) result.marks |= bit(Mark::date_only);
  return result;
}

}  // namespace attune::events::detail
