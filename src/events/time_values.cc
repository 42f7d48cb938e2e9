// Times in the ways that shops' files write them.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/values.h"
#include "common_time.h"

namespace attune::events {
namespace {

struct FormatName {
  TimeFormat format;
  std::string_view name;
  std::string_view example;
};
constexpr std::array<FormatName, 9> kFormats{
    {{TimeFormat::year_first, "year_first", "2010-12-01 08:26:00"},
     {TimeFormat::month_first, "month_first", "12/31/2010 8:26"},
     {TimeFormat::day_first, "day_first", "31/12/2010 8:26"},
     {TimeFormat::compact, "compact", "20101231"},
     {TimeFormat::month_name, "month_name", "31-Dec-2010 08:26"},
     {TimeFormat::epoch_seconds, "epoch_seconds", "1293783960"},
     {TimeFormat::epoch_millis, "epoch_millis", "1293783960000"},
     {TimeFormat::epoch_micros, "epoch_micros", "1293783960000000"},
     {TimeFormat::epoch_nanos, "epoch_nanos", "1293783960000000000"}}};

constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};

// Takes pieces off the front of a text.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  char front() const { return text_.empty() ? '\0' : text_.front(); }
  bool take(char c) {
    if (front() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view piece) {
    if (!text_.starts_with(piece)) return false;
    text_.remove_prefix(piece.size());
    return true;
  }
  void blanks() {
    while (front() == ' ' || front() == '\t') text_.remove_prefix(1);
  }
  // A number of `least` to `most` digits, as many as there are.
  bool number(int least, int most, int& value) {
    int count = 0;
    int sum = 0;
    while (count < most && is_digit(front())) {
      sum = sum * 10 + (front() - '0');
      text_.remove_prefix(1);
      ++count;
    }
    value = sum;
    return count >= least;
  }
  bool digits_follow() const { return !text_.empty() && is_digit(text_.front()); }
  std::string_view word() {
    std::size_t length = 0;
    while (length < text_.size() &&
           ((text_[length] | 0x20) >= 'a' && (text_[length] | 0x20) <= 'z'))
      ++length;
    const std::string_view word = text_.substr(0, length);
    text_.remove_prefix(length);
    return word;
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

struct Reading {
  CivilTime civil;
  std::optional<int> offset_minutes;
  bool has_clock = false;
  int half = 0;  // 1: before noon, 2: after
};

int full_year(int year, std::size_t digits) {
  if (digits > 2) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

bool take_year(Pieces& in, int& year) {
  const std::size_t before = in.rest().size();
  if (!in.number(2, 4, year)) return false;
  const std::size_t digits = before - in.rest().size();
  year = full_year(year, digits);
  return digits != 3;
}

// "2010-12-01", "2010/12/1", "2010.12.1", "2024年5月1日"
bool year_first_date(Pieces& in, CivilTime& civil) {
  if (!in.number(4, 4, civil.year)) return false;
  if (in.take("年")) {
    return in.number(1, 2, civil.month) && in.take("月") && in.number(1, 2, civil.day) &&
           (in.take("日") || in.take("号"));
  }
  const char mark = in.front();
  if (mark != '-' && mark != '/' && mark != '.') return false;
  return in.take(mark) && in.number(1, 2, civil.month) && in.take(mark) &&
         in.number(1, 2, civil.day);
}

bool marked_date(Pieces& in, CivilTime& civil, bool day_first) {
  int one = 0;
  int two = 0;
  if (!in.number(1, 2, one)) return false;
  const char mark = in.front();
  if (mark != '-' && mark != '/' && mark != '.') return false;
  if (!in.take(mark) || !in.number(1, 2, two) || !in.take(mark) || !take_year(in, civil.year))
    return false;
  civil.day = day_first ? one : two;
  civil.month = day_first ? two : one;
  return true;
}

bool compact_date(Pieces& in, CivilTime& civil) {
  return in.number(4, 4, civil.year) && in.number(2, 2, civil.month) && in.number(2, 2, civil.day);
}

bool month_of(std::string_view word, int& month) {
  const std::string lower = ascii_lower(word);
  if (lower.size() < 3) return false;
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i].starts_with(lower) || (i == 8 && lower == "sept")) {
      month = static_cast<int>(i) + 1;
      return true;
    }
  }
  return false;
}

bool is_weekday(std::string_view word) {
  static constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu",
                                                         "fri", "sat", "sun"};
  return word.size() >= 3 &&
         std::ranges::find(kDays, ascii_lower(word.substr(0, 3))) != kDays.end();
}

void date_mark(Pieces& in) {
  in.blanks();
  if (!in.take('-') && !in.take('/') && !in.take(',')) in.take('.');
  in.blanks();
}

bool month_name_date(Pieces& in, CivilTime& civil) {
  Pieces ahead = in;
  if (is_weekday(ahead.word())) {
    date_mark(ahead);
    in = ahead;
  }
  if (in.digits_follow()) {
    if (!in.number(1, 2, civil.day)) return false;
    date_mark(in);
    if (!month_of(in.word(), civil.month)) return false;
  } else {
    if (!month_of(in.word(), civil.month)) return false;
    date_mark(in);
    if (!in.number(1, 2, civil.day)) return false;
  }
  date_mark(in);
  return take_year(in, civil.year);
}

void take_half(Pieces& in, Reading& reading) {
  in.blanks();
  if (in.take("上午") || in.take("凌晨")) reading.half = 1;
  if (in.take("下午") || in.take("晚上")) reading.half = 2;
  Pieces ahead = in;
  const std::string word = ascii_lower(ahead.word());
  if (word == "am" || word == "pm") {
    reading.half = word == "am" ? 1 : 2;
    in = ahead;
  }
  in.blanks();
}

void take_fraction(Pieces& in, int& micros) {
  int scale = 100'000;
  while (in.digits_follow()) {
    micros += scale * (in.front() - '0');
    scale /= 10;
    in.take(in.front());
  }
}

// "8:26", "08:26:00.123", "08时30分15秒", "083000"
bool clock(Pieces& in, Reading& reading) {
  CivilTime& civil = reading.civil;
  take_half(in, reading);
  if (!in.number(1, 2, civil.hour)) return false;
  if (in.take("时") || in.take("点")) {
    if (in.digits_follow() && !(in.number(1, 2, civil.minute) && in.take("分"))) return false;
    if (in.digits_follow() && !(in.number(1, 2, civil.second) && in.take("秒"))) return false;
  } else if (in.take(':')) {
    if (!in.number(2, 2, civil.minute)) return false;
    if (in.take(':')) {
      if (!in.number(2, 2, civil.second)) return false;
      if (in.take('.') || in.take(',')) take_fraction(in, civil.micros);
    }
  } else if (in.digits_follow()) {
    if (!in.number(2, 2, civil.minute)) return false;
    if (in.digits_follow() && !in.number(2, 2, civil.second)) return false;
    if (in.take('.')) take_fraction(in, civil.micros);
  } else {
    return false;
  }
  take_half(in, reading);
  reading.has_clock = true;
  return true;
}

bool zone(Pieces& in, Reading& reading) {
  in.blanks();
  if (in.done()) return true;
  if (in.take('Z') || in.take('z') || in.take("UTC") || in.take("GMT")) {
    reading.offset_minutes = 0;
    if (in.done()) return true;
  }
  const bool west = in.front() == '-';
  if (!in.take('+') && !in.take('-')) return false;
  int hours = 0;
  int minutes = 0;
  if (!in.number(1, 2, hours)) return false;
  in.take(':');
  if (in.digits_follow() && !in.number(2, 2, minutes)) return false;
  reading.offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
  return in.done() && hours <= 18 && minutes < 60;
}

bool read_date(Pieces& in, TimeFormat format, CivilTime& civil) {
  switch (format) {
    case TimeFormat::year_first:
      return year_first_date(in, civil);
    case TimeFormat::month_first:
      return marked_date(in, civil, false);
    case TimeFormat::day_first:
      return marked_date(in, civil, true);
    case TimeFormat::compact:
      return compact_date(in, civil);
    case TimeFormat::month_name:
      return month_name_date(in, civil);
    default:
      return false;
  }
}

TimeFault read_civil(std::string_view text, TimeFormat format, Reading& reading) {
  Pieces in(text);
  if (!read_date(in, format, reading.civil)) return TimeFault::not_a_time;
  if (!in.done()) {
    const bool parted =
        in.take('T') || in.take('t') || in.take(',') || in.take(':') || in.take(' ');
    in.blanks();
    if (!parted && !in.digits_follow()) return TimeFault::not_a_time;
    if (!parted && format != TimeFormat::compact && format != TimeFormat::year_first) {
      return TimeFault::not_a_time;
    }
    if (!in.done() && (!clock(in, reading) || !zone(in, reading))) return TimeFault::not_a_time;
  }
  CivilTime& civil = reading.civil;
  if (reading.half != 0) {
    if (civil.hour < 1 || civil.hour > 12) return TimeFault::impossible;
    civil.hour = civil.hour % 12 + (reading.half == 2 ? 12 : 0);
  }
  if (civil.second == 60) civil.second = 59;  // a leap second
  if (!is_valid(civil)) return TimeFault::impossible;
  return civil.year < 1900 || civil.year > 2200 ? TimeFault::out_of_range : TimeFault::none;
}

std::int64_t micros_of_unit(TimeFormat format) {
  if (format == TimeFormat::epoch_seconds) return kMicrosPerSecond;
  return format == TimeFormat::epoch_millis ? 1'000 : 1;
}

// An epoch with an optional fraction. Exact: no floating point.
TimeFault read_epoch(std::string_view text, TimeFormat format, std::int64_t& micros) {
  Pieces in(text);
  const bool negative = in.take('-');
  std::int64_t whole = 0;
  int count = 0;
  while (in.digits_follow()) {
    if (++count > 18)
      return format == TimeFormat::epoch_nanos && count == 19 ? TimeFault::out_of_range
                                                              : TimeFault::not_a_time;
    whole = whole * 10 + (in.front() - '0');
    in.take(in.front());
  }
  if (count == 0) return TimeFault::not_a_time;
  const std::int64_t unit = micros_of_unit(format);
  std::int64_t fraction = 0;
  if (in.take('.')) {
    std::int64_t scale = unit;
    while (in.digits_follow()) {
      scale /= 10;
      fraction += scale * (in.front() - '0');
      in.take(in.front());
    }
  }
  if (!in.done()) return TimeFault::not_a_time;
  if (whole > kEndMicros / unit && format != TimeFormat::epoch_nanos)
    return TimeFault::out_of_range;
  micros = format == TimeFormat::epoch_nanos ? whole / 1'000 : whole * unit + fraction;
  if (negative) micros = -micros;
  return micros < kFirstMicros || micros >= kEndMicros ? TimeFault::out_of_range : TimeFault::none;
}

bool is_epoch(TimeFormat format) { return format >= TimeFormat::epoch_seconds; }

int days_in_month(int year, int month) {
  int days = 31;
  while (!is_valid({.year = year, .month = month, .day = days})) --days;
  return days;
}

}  // namespace

std::string_view name(TimeFormat format) { return kFormats[static_cast<std::size_t>(format)].name; }

Result<TimeFormat> parse_time_format(std::string_view text) {
  std::vector<std::string> names;
  for (const FormatName& known : kFormats) {
    if (known.name == text) return known.format;
    names.emplace_back(known.name);
  }
  return std::unexpected(
      invalid_argument(fmt::format("'{}' is not a time format; {} are{}", quoted(text),
                                   fmt::join(names, ", "), did_you_mean(text, names))));
}

Timestamp TimeReader::in_zone(const CivilTime& civil) {
  const std::int64_t seconds = civil.second * kMicrosPerSecond + civil.micros;
  const bool same = civil.minute == cached_minute_.minute && civil.hour == cached_minute_.hour &&
                    civil.day == cached_minute_.day && civil.month == cached_minute_.month &&
                    civil.year == cached_minute_.year;
  if (!same) {
    cached_minute_ = civil;
    cached_minute_.second = cached_minute_.micros = 0;
    cached_micros_ = zone_.from_civil(cached_minute_).micros;
  }
  return {cached_micros_ + seconds};
}

TimeFault TimeReader::read(std::string_view text, TimeValue& value) {
  value = {};
  Reading reading;
  if (format_ == TimeFormat::year_first && read_common(text, reading.civil)) {
    value.time = in_zone(reading.civil);
    return TimeFault::none;
  }
  text = trim(text);
  if (is_epoch(format_)) {
    const TimeFault fault = read_epoch(text, format_, value.time.micros);
    value.zoned = true;
    return fault;
  }
  reading = {};
  const TimeFault fault = read_civil(text, format_, reading);
  if (fault != TimeFault::none) return fault;
  value.date_only = !reading.has_clock;
  if (reading.offset_minutes) {
    value.zoned = true;
    value.offset_minutes = static_cast<std::int16_t>(*reading.offset_minutes);
    value.time = {utc_from_civil(reading.civil).micros -
                  *reading.offset_minutes * kMicrosPerMinute};
  } else {
    value.time = in_zone(reading.civil);
  }
  return TimeFault::none;
}

std::string TimeReader::explain(std::string_view text, TimeFault fault) const {
  const FormatName& format = kFormats[static_cast<std::size_t>(format_)];
  const std::string shown = quoted(text);
  if (fault == TimeFault::not_a_time) {
    return fmt::format("'{}' is not a time written {}", shown, format.name);
  }
  if (fault == TimeFault::out_of_range) {
    return fmt::format("'{}' lies outside the years 1900 to 2200", shown);
  }
  Reading reading;
  Pieces in(trim(text));
  read_date(in, format_, reading.civil);
  const CivilTime& civil = reading.civil;
  if (civil.month < 1 || civil.month > 12) {
    return fmt::format("'{}' is no date, read {}: there is no month {}", shown, format.name,
                       civil.month);
  }
  if (is_valid({.year = civil.year, .month = civil.month, .day = 1}) &&
      (civil.day < 1 || civil.day > days_in_month(civil.year, civil.month))) {
    return fmt::format("'{}' is no date, read {}: month {} of {} has {} days", shown, format.name,
                       civil.month, civil.year, days_in_month(civil.year, civil.month));
  }
  return fmt::format("'{}' has a clock time that does not exist", shown);
}

namespace {

// From the first to the last day of those that read so.
std::int64_t days_spanned(std::span<const std::string_view> sample, TimeFormat format) {
  TimeReader reader(format, TimeZone::utc());
  std::optional<std::int64_t> first, last;
  for (const std::string_view cell : sample) {
    TimeValue value;
    if (reader.read(trim(cell), value) != TimeFault::none) continue;
    const std::int64_t day = value.time.micros / kMicrosPerDay;
    first = std::min(first.value_or(day), day);
    last = std::max(last.value_or(day), day);
  }
  return first ? *last - *first : 0;
}

// Where a sample reads both ways: rows of one file lie close together. Where that does not tell:
// slashes are written month first in the country that writes months first; dots and hyphens are
// not.
TimeFormat month_or_day(std::span<const std::string_view> sample) {
  const std::int64_t by_month = days_spanned(sample, TimeFormat::month_first);
  const std::int64_t by_day = days_spanned(sample, TimeFormat::day_first);
  const auto slashes = std::ranges::count_if(
      sample, [](std::string_view text) { return text.find('/') != text.npos; });
  const bool day = by_month == by_day ? slashes * 2 < std::ssize(sample) : by_day < by_month;
  return day ? TimeFormat::day_first : TimeFormat::month_first;
}

}  // namespace

TimeFormatChoice choose_time_format(std::span<const std::string_view> sample) {
  // Ties go to the first: a full date is told from a number, and a compact date from seconds since
  // 1970.
  static constexpr std::array<TimeFormat, 9> kOrder{
      TimeFormat::year_first,   TimeFormat::compact,      TimeFormat::month_first,
      TimeFormat::day_first,    TimeFormat::month_name,   TimeFormat::epoch_seconds,
      TimeFormat::epoch_millis, TimeFormat::epoch_micros, TimeFormat::epoch_nanos};
  std::array<std::size_t, kFormats.size()> readable{};
  std::array<std::size_t, kFormats.size()> shaped{};
  std::array<std::size_t, kFormats.size()> zoned{};
  TimeFormatChoice choice;
  for (const TimeFormat format : kOrder) {
    TimeReader reader(format, TimeZone::utc());
    const auto at = static_cast<std::size_t>(format);
    choice.stated = 0;
    for (const std::string_view cell : sample) {
      const std::string_view text = trim(cell);
      if (text.empty()) continue;
      ++choice.stated;
      TimeValue value;
      const TimeFault fault = reader.read(text, value);
      shaped[at] += fault != TimeFault::not_a_time && !is_epoch(format);
      if (fault != TimeFault::none) continue;
      // An epoch counts as one from 1985 to 2100 only: other numbers are amounts or ids.
      const std::int64_t year = civil_from_utc(value.time).year;
      if (is_epoch(format) && (year < 1985 || year > 2100)) continue;
      ++readable[at];
      shaped[at] += is_epoch(format);
      zoned[at] += value.zoned;
    }
    if (std::pair(readable[at], shaped[at]) > std::pair(choice.readable, choice.shaped)) {
      choice.readable = readable[at];
      choice.shaped = shaped[at];
      choice.format = format;
    }
  }
  const std::size_t month = readable[static_cast<std::size_t>(TimeFormat::month_first)];
  const std::size_t day = readable[static_cast<std::size_t>(TimeFormat::day_first)];
  if (choice.format == TimeFormat::month_first && month == day) {
    choice.ambiguous = true;
    choice.format = month_or_day(sample);
  }
  choice.names_zone =
      choice.readable > 0 && zoned[static_cast<std::size_t>(choice.format)] == choice.readable;
  const bool either =
      choice.format == TimeFormat::month_first || choice.format == TimeFormat::day_first;
  choice.why =
      choice.ambiguous ? "a guess: no day above 12 in the sample decides between day and month "
                         "first; say --map time.format=day_first, or month_first"
      : either         ? fmt::format("{} of {} times of the sample exist only so",
                                     choice.readable - std::min(month, day), choice.stated)
               : fmt::format("reads {} of {} times of the sample", choice.readable, choice.stated);
  return choice;
}

}  // namespace attune::events
