#include "segment_time.h"

#include <cstdlib>

#include <fmt/format.h>

#include "attune/base/money.h"
#include "attune/base/text.h"
#include "attune/events/event.h"

namespace attune::events::detail {
namespace {

constexpr std::int64_t kFirstMicros = -2'208'988'800'000'000;  // 1900-01-01
constexpr std::int64_t kEndMicros = 7'289'654'400'000'000;     // 2201-01-01
constexpr double kSecondsMax = 1e11;
constexpr double kMillisMax = 1e14;

// "2026-11-22T05:09:00.123Z", as JavaScript writes times.
bool read_javascript(std::string_view text, TimeValue& value) {
  if (text.size() != 24) return false;
  const char* const t = text.data();
  unsigned bad = 0;
  const auto digit = [&](int at) {
    const unsigned figure = static_cast<unsigned char>(t[at]) - '0';
    bad |= static_cast<unsigned>(figure > 9);
    return static_cast<int>(figure);
  };
  const auto two = [&](int at) { return digit(at) * 10 + digit(at + 1); };
  CivilTime civil;
  civil.year = two(0) * 100 + two(2);
  civil.month = two(5);
  civil.day = two(8);
  civil.hour = two(11);
  civil.minute = two(14);
  civil.second = two(17);
  civil.micros = (digit(20) * 100 + two(21)) * 1'000;
  const bool marks = t[4] == '-' && t[7] == '-' && t[10] == 'T' && t[13] == ':' && t[16] == ':' &&
                     t[19] == '.' && t[23] == 'Z';
  if (bad != 0 || !marks || civil.year < 1900 || civil.year > 2200 || !is_valid(civil))
    return false;
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
