// Rules of civil time through ICU's tz database.
#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <unicode/basictz.h>
#include <unicode/timezone.h>
#include <unicode/tzrule.h>
#include <unicode/tztrans.h>

#include "attune/base/text.h"
#include "attune/base/time.h"

namespace attune {
namespace {

constexpr std::int64_t kMillisPerDay = 86'400'000;
constexpr std::int64_t kFirstDay = -25'567;  // 1900-01-01
constexpr std::int64_t kLastDay = 73'050;    // 2170-01-02
constexpr std::size_t kKept = 1'000;         // the tz database has some 600 names

int minutes(std::int32_t millis) { return millis / 60'000; }

int offset_at(const icu::TimeZone& zone, double millis) {
  std::int32_t raw = 0;
  std::int32_t daylight = 0;
  UErrorCode status = U_ZERO_ERROR;
  zone.getOffset(millis, false, raw, daylight, status);
  return U_SUCCESS(status) ? minutes(raw + daylight) : 0;
}

}  // namespace

// Offsets from each transition on, sorted by time: a look-up is a binary search, without ICU's
// locks.
struct TimeZone::Rules {
  class Kept;
  struct Transition {
    std::int64_t micros;
    int offset_minutes;
  };
  std::string name;
  int first_offset = 0;
  std::vector<Transition> transitions;

  static Rules from(const icu::BasicTimeZone& zone, std::string name) {
    Rules rules;
    rules.name = std::move(name);
    auto at = static_cast<double>(kFirstDay * kMillisPerDay);
    rules.first_offset = offset_at(zone, at);
    int offset = rules.first_offset;
    icu::TimeZoneTransition next;
    while (zone.getNextTransition(at, false, next) && next.getTime() < kLastDay * kMillisPerDay) {
      at = next.getTime();
      const int then = minutes(next.getTo()->getRawOffset() + next.getTo()->getDSTSavings());
      if (then == offset) continue;  // another name alone
      rules.transitions.push_back({static_cast<std::int64_t>(at) * 1'000, then});
      offset = then;
    }
    return rules;
  }

  int offset(std::int64_t micros) const {
    const auto after = std::ranges::upper_bound(transitions, micros, {}, &Transition::micros);
    return after == transitions.begin() ? first_offset : std::prev(after)->offset_minutes;
  }
};

// Rules that were asked for before. ICU also knows names that anybody can make up ("GMT+03:17"):
// where there are too many, all are forgotten.
class TimeZone::Rules::Kept {
 public:
  static Kept& all() {
    static Kept kept;
    return kept;
  }
  std::shared_ptr<const Rules> find(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    const auto found = rules_.find(name);
    return found == rules_.end() ? nullptr : found->second;
  }
  std::shared_ptr<const Rules> keep(Rules made) {
    auto rules = std::make_shared<const Rules>(std::move(made));
    const std::scoped_lock lock(mutex_);
    if (rules_.size() >= kKept) rules_.clear();
    rules_.insert_or_assign(rules->name, rules);
    return rules;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Rules>> rules_;
};

Result<TimeZone> TimeZone::find(std::string_view name) {
  if (name == "UTC" || name == "Etc/UTC") return utc();
  const std::string wanted(name);
  if (auto known = Rules::Kept::all().find(wanted)) return TimeZone(std::move(known));
  const std::unique_ptr<icu::TimeZone> found(
      icu::TimeZone::createTimeZone(icu::UnicodeString::fromUTF8(wanted)));
  const auto* zone = dynamic_cast<const icu::BasicTimeZone*>(found.get());
  if (zone == nullptr || *zone == icu::TimeZone::getUnknown()) {
    return std::unexpected(invalid_argument(fmt::format(
        "'{}' is not a time zone; write a name such as Europe/London, Asia/Shanghai or UTC",
        quoted(name))));
  }
  return TimeZone(Rules::Kept::all().keep(Rules::from(*zone, wanted)));
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
