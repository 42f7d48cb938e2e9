#include "attune/base/time.h"

#include <algorithm>
#include <chrono>

#include <fmt/compile.h>
#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune {
namespace {

constexpr std::int64_t kFirstCivil = -377'705'116'800'000'000;  // -9999-01-01T00:00:00Z
constexpr std::int64_t kLastCivil = 253'402'300'799'999'999;    // 9999-12-31T23:59:59.999999Z

// A cursor over text that takes fixed-width numbers and single characters.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool digits(int count, int& value) {
    if (text_.size() < static_cast<std::size_t>(count)) return false;
    int number = 0;
    for (int i = 0; i < count; ++i) {
      const char c = text_[static_cast<std::size_t>(i)];
      if (c < '0' || c > '9') return false;
      number = number * 10 + (c - '0');
    }
    value = number;
    text_.remove_prefix(static_cast<std::size_t>(count));
    return true;
  }
  // Any number of fraction digits; microseconds are kept, the rest is cut.
  bool fraction(int& micros) {
    int scale = 100'000;
    bool any = false;
    micros = 0;
    while (!text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      micros += (text_[0] - '0') * scale;
      scale /= 10;
      any = true;
      text_.remove_prefix(1);
    }
    return any;
  }

 private:
  std::string_view text_;
};

bool scan_clock(Scanner& scan, CivilTime& civil) {
  if (!scan.digits(2, civil.hour) || !scan.take(':') || !scan.digits(2, civil.minute)) return false;
  if (!scan.take(':')) return true;
  if (!scan.digits(2, civil.second)) return false;
  if (scan.take('.') || scan.take(',')) return scan.fraction(civil.micros);
  return true;
}

bool scan_zone(Scanner& scan, std::optional<int>& offset_minutes) {
  if (scan.done()) return true;
  scan.take(' ');
  if (scan.take('Z') || scan.take('z')) {
    offset_minutes = 0;
    return scan.done();
  }
  if (scan.take('U')) {
    offset_minutes = 0;
    return scan.take('T') && scan.take('C') && scan.done();
  }
  int sign = 0;
  if (scan.take('+')) sign = 1;
  if (sign == 0 && scan.take('-')) sign = -1;
  int hours = 0;
  int minutes = 0;
  if (sign == 0 || !scan.digits(2, hours)) return false;
  if (!scan.done()) {
    scan.take(':');
    if (!scan.digits(2, minutes)) return false;
  }
  if (hours > 18 || minutes > 59) return false;
  offset_minutes = sign * (hours * 60 + minutes);
  return scan.done();
}

}  // namespace

std::int64_t days_from_civil(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  return std::chrono::sys_days(date).time_since_epoch().count();
}

bool is_valid(const CivilTime& civil) {
  if (civil.month < 1 || civil.month > 12 || civil.day < 1 || civil.day > 31) return false;
  const std::chrono::year_month_day date{std::chrono::year(civil.year),
                                         std::chrono::month(static_cast<unsigned>(civil.month)),
                                         std::chrono::day(static_cast<unsigned>(civil.day))};
  return date.ok() && civil.year >= -9999 && civil.year <= 9999 && civil.hour >= 0 &&
         civil.hour < 24 && civil.minute >= 0 && civil.minute < 60 && civil.second >= 0 &&
         civil.second < 60 && civil.micros >= 0 && civil.micros < kMicrosPerSecond;
}

Timestamp utc_from_civil(const CivilTime& civil) {
  const std::int64_t seconds = days_from_civil(civil.year, civil.month, civil.day) * 86'400 +
                               civil.hour * 3'600 + civil.minute * 60 + civil.second;
  return {seconds * kMicrosPerSecond + civil.micros};
}

CivilTime civil_from_utc(Timestamp time) {
  // Beyond the years that the calendar knows, the nearest of them.
  const std::int64_t micros = std::clamp(time.micros, kFirstCivil, kLastCivil);
  const std::int64_t days = micros / kMicrosPerDay - (micros % kMicrosPerDay < 0);
  const std::int64_t within = micros - days * kMicrosPerDay;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  CivilTime civil;
  civil.year = static_cast<int>(date.year());
  civil.month = static_cast<int>(static_cast<unsigned>(date.month()));
  civil.day = static_cast<int>(static_cast<unsigned>(date.day()));
  civil.hour = static_cast<int>(within / kMicrosPerHour);
  civil.minute = static_cast<int>(within / kMicrosPerMinute % 60);
  civil.second = static_cast<int>(within / kMicrosPerSecond % 60);
  civil.micros = static_cast<int>(within % kMicrosPerSecond);
  return civil;
}

std::string format_iso(Timestamp time) {
  const CivilTime c = civil_from_utc(time);
  std::string text = fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}"), c.year,
                                 c.month, c.day, c.hour, c.minute, c.second);
  if (c.micros != 0) text += fmt::format(".{:06}", c.micros);
  return text + "Z";
}

std::string format_date(Timestamp time) {
  const CivilTime c = civil_from_utc(time);
  return fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
}

Result<IsoTime> parse_iso(std::string_view text) {
  IsoTime time;
  Scanner scan(text);
  bool good = scan.digits(4, time.civil.year) && scan.take('-') &&
              scan.digits(2, time.civil.month) && scan.take('-') && scan.digits(2, time.civil.day);
  if (good && !scan.done()) {
    good = (scan.take('T') || scan.take('t') || scan.take(' ')) && scan_clock(scan, time.civil) &&
           scan_zone(scan, time.offset_minutes);
  }
  if (!good) {
    return std::unexpected(invalid_argument(
        fmt::format("'{}' is not a time; write 2026-11-22T05:09:00Z", quoted(text))));
  }
  if (!is_valid(time.civil)) {
    return std::unexpected(invalid_argument(
        fmt::format("'{}' names a date or time that does not exist", quoted(text))));
  }
  return time;
}

Timestamp SystemClock::now() const {
  using namespace std::chrono;
  return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
}

}  // namespace attune
