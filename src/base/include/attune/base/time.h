// Time as events carry it: UTC microseconds, and the civil time of a zone beside it. Answers: when,
// and which day was that for the shop?
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr std::int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr std::int64_t kMicrosPerDay = 24 * kMicrosPerHour;

// A moment: microseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  std::int64_t micros = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// A reading of a wall clock and calendar (proleptic Gregorian), in no zone of its own.
struct CivilTime {
  int year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31
  int hour = 0;
  int minute = 0;
  int second = 0;
  int micros = 0;
  friend auto operator<=>(const CivilTime&, const CivilTime&) = default;
};

// Days since 1970-01-01. Range: years -9999 to 9999.
std::int64_t days_from_civil(int year, int month, int day);
bool is_valid(const CivilTime& civil);

// Reads a civil time as if it were UTC, and back. Moments outside of the years -9999 to 9999 read
// as the nearest inside.
Timestamp utc_from_civil(const CivilTime& civil);
CivilTime civil_from_utc(Timestamp time);

// "2026-11-22T05:09:00Z", with ".123456" where microseconds are not zero.
std::string format_iso(Timestamp time);
std::string format_date(Timestamp time);  // "2026-11-22", UTC

// Reads ISO 8601: a date, or a date and time with 'T' or a blank, optional fraction, optional 'Z'
// or offset. `offset_minutes` is absent when the text names no zone.
struct IsoTime {
  CivilTime civil;
  std::optional<int> offset_minutes;
};
Result<IsoTime> parse_iso(std::string_view text);

// A place's rules of civil time. Value type, cheap to copy, safe to share between threads.
class TimeZone {
 public:
  // Errors: invalid_argument if the name is not in the tz database ("Europe/London",
  // "Asia/Shanghai", "UTC"). Cost: a look-up; the first of a name asks ICU. Threads: any.
  static Result<TimeZone> find(std::string_view name);
  static TimeZone utc();

  const std::string& name() const;

  // East of Greenwich is positive. Cost: a look-up in a table of transitions.
  int offset_minutes(Timestamp time) const;

  // A civil time that a clock change skips is read with the offset before the change; one that
  // occurs twice is the first.
  Timestamp from_civil(const CivilTime& civil) const;
  CivilTime to_civil(Timestamp time) const;

  // Days since 1970-01-01 on the calendar of this zone.
  std::int64_t day_number(Timestamp time) const;

 private:
  struct Rules;
  explicit TimeZone(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const Rules> rules_;
};

// Where the present comes from: passed in, so that tests and simulations own it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
};

class FixedClock final : public Clock {
 public:
  explicit FixedClock(Timestamp time) : time_(time) {}
  Timestamp now() const override { return time_; }
  void set(Timestamp time) { time_ = time; }

 private:
  Timestamp time_;
};

}  // namespace attune
