// Rules of civil time through ICU's tz database.
#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <unicode/timezone.h>

#include "attune/base/text.h"
#include "attune/base/time.h"

namespace attune {
namespace {

constexpr std::int64_t kMillisPerDay = 86'400'000;
constexpr std::int64_t kFirstDay = -25'567;  // 1900-01-01
constexpr std::int64_t kLastDay = 73'050;    // 2170-01-02

std::int64_t offset_at(const icu::TimeZone& zone, std::int64_t millis) {
  std::int32_t raw = 0;
  std::int32_t daylight = 0;
  UErrorCode status = U_ZERO_ERROR;
  zone.getOffset(static_cast<UDate>(millis), false, raw, daylight, status);
  return U_SUCCESS(status) ? (raw + daylight) / 60'000 : 0;
}

}  // namespace

// Offsets from each transition on, sorted by time: a look-up is a binary search, without ICU's
// locks.
struct TimeZone::Rules {
  struct Transition {
    std::int64_t micros;
    int offset_minutes;
  };
  std::string name;
  int first_offset = 0;
  std::vector<Transition> transitions;

  static Rules from(const icu::TimeZone& zone, std::string name) {
    Rules rules;
    rules.name = std::move(name);
    std::int64_t offset = offset_at(zone, kFirstDay * kMillisPerDay);
    rules.first_offset = static_cast<int>(offset);
    for (std::int64_t day = kFirstDay; day < kLastDay; ++day) {
      const std::int64_t next = offset_at(zone, (day + 1) * kMillisPerDay);
      if (next == offset) continue;
      std::int64_t low = day * kMillisPerDay;
      std::int64_t high = low + kMillisPerDay;
      while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (offset_at(zone, middle) == offset ? low : high) = middle;
      }
      rules.transitions.push_back({high * 1'000, static_cast<int>(next)});
      offset = next;
    }
    return rules;
  }

  int offset(std::int64_t micros) const {
    const auto after = std::ranges::upper_bound(transitions, micros, {}, &Transition::micros);
    return after == transitions.begin() ? first_offset : std::prev(after)->offset_minutes;
  }
};

Result<TimeZone> TimeZone::find(std::string_view name) {
  if (name == "UTC" || name == "Etc/UTC") return utc();
  const std::string wanted(name);
  const std::unique_ptr<icu::TimeZone> zone(
      icu::TimeZone::createTimeZone(icu::UnicodeString::fromUTF8(wanted)));
  if (zone == nullptr || *zone == icu::TimeZone::getUnknown()) {
    return std::unexpected(invalid_argument(fmt::format(
        "'{}' is not a time zone; write a name such as Europe/London, Asia/Shanghai or UTC",
        quoted(name))));
  }
  return TimeZone(std::make_shared<const Rules>(Rules::from(*zone, wanted)));
}

TimeZone TimeZone::utc() {
  Rules rules;
  rules.name = "UTC";
  return TimeZone(std::make_shared<const Rules>(std::move(rules)));
}

const std::string& TimeZone::name() const { return rules_->name; }

int TimeZone::offset_minutes(Timestamp time) const { return rules_->offset(time.micros); }

Timestamp TimeZone::from_civil(const CivilTime& civil) const {
  const std::int64_t local = utc_from_civil(civil).micros;
  // The offset in force a day before and a day after bracket any change on the day itself.
  const int before = rules_->offset(local - kMicrosPerDay);
  const int after = rules_->offset(local + kMicrosPerDay);
  const std::int64_t first = local - before * kMicrosPerMinute;
  if (rules_->offset(first) == before) return {first};
  const std::int64_t second = local - after * kMicrosPerMinute;
  if (rules_->offset(second) == after) return {second};
  // Skipped by the change: read with the earlier offset, which lands as far behind the change as
  // the text claims.
  return {first};
}

CivilTime TimeZone::to_civil(Timestamp time) const {
  return civil_from_utc({time.micros + offset_minutes(time) * kMicrosPerMinute});
}

std::int64_t TimeZone::day_number(Timestamp time) const {
  const std::int64_t local = time.micros + offset_minutes(time) * kMicrosPerMinute;
  return local >= 0 ? local / kMicrosPerDay : -((-local + kMicrosPerDay - 1) / kMicrosPerDay);
}

}  // namespace attune
