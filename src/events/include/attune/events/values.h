// Cells as values. Answers: which moment, number or truth does this text mean, and how sure is
// that?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/money.h"
#include "attune/base/time.h"

namespace attune::events {

// How a column writes its times.
enum class TimeFormat : std::uint8_t {
  year_first,   // 2010-12-01 08:26:00, 2010/12/1, 2019-10-01T00:00:00.5+08:00, 2019-10-01 00:00:00
                // UTC, 2024年5月1日 08:30
  month_first,  // 12/1/2010 8:26, 12-01-2010 8:26 PM
  day_first,    // 1/12/2010 8:26, 01.12.2010
  compact,      // 19970101, 20240501083000
  month_name,   // 01-Jan-1995, Jan 2, 2020 3:04 PM, Thu, 02 Jan 2020 15:04:05 +0000
  epoch_seconds,  // 1511544070, 1511544070.25
  epoch_millis,
  epoch_micros,
  epoch_nanos,
};
std::string_view name(TimeFormat format);
// Errors: invalid_argument naming the nearest.
Result<TimeFormat> parse_time_format(std::string_view text);

struct TimeValue {
  Timestamp time;
  std::optional<std::int16_t> offset_minutes;  // stated by the text
  bool zoned = false;      // the text settles the moment: it names a zone, or counts from 1970
  bool date_only = false;  // no clock time was stated
};

enum class TimeFault : std::uint8_t { none, not_a_time, impossible, out_of_range };

// Reads times of one format, in one zone where the text names none. Accepted years: 1900 to 2200.
// Threads: one reader a thread (it remembers the last offset it looked up).
class TimeReader {
 public:
  TimeReader(TimeFormat format, TimeZone zone) : format_(format), zone_(std::move(zone)) {}

  // `impossible`: a date that does not exist (30 February, month 13, 25 o'clock). Cost: about 20
  // ns.
  TimeFault read(std::string_view text, TimeValue& value);

  // "'2011-02-30' is no date: February 2011 has 28 days; …remedy". For a text that read() refused.
  std::string explain(std::string_view text, TimeFault fault) const;

  TimeFormat format() const { return format_; }

 private:
  Timestamp in_zone(const CivilTime& civil);

  TimeFormat format_;
  TimeZone zone_;
  CivilTime cached_minute_{.year = 0};
  std::int64_t cached_micros_ = 0;
};

// The format that reads the most of a sample, and what speaks for it.
struct TimeFormatChoice {
  TimeFormat format = TimeFormat::year_first;
  std::size_t stated = 0;    // texts that are not empty
  std::size_t readable = 0;  // of which this many are times in this format
  bool ambiguous = false;    // day first and month first read equally many: month first is assumed
  bool names_zone = false;   // every readable text names its zone or is an epoch
  std::string why;
};
TimeFormatChoice choose_time_format(std::span<const std::string_view> sample);

// Numbers: base/money.h's parse_decimal with a short way for plain ones.
// Errors: as parse_decimal.
Result<Decimal> read_decimal(std::string_view text, bool decimal_comma);

// True if the sample writes decimals with a comma ("12,5", "1.234,50") and none with a dot.
bool uses_decimal_comma(std::span<const std::string_view> sample);

// true, yes, y, t, 1, 是, 真, 对 and their opposites, any case. Errors: invalid_argument.
Result<bool> parse_boolean(std::string_view text);

// An integer column that some tool stored as floating point: every stated text is digits, then
// ".0". Rule: where the whole sample looks so, "17850.0" is read as "17850".
bool is_float_typed_id(std::span<const std::string_view> sample);
std::string_view strip_float_suffix(std::string_view text);

}  // namespace attune::events
