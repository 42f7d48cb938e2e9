#include "attune/base/time.h"

#include <ctime>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune {
namespace {

Timestamp at(const char* iso) {
  const auto read = parse_iso(iso);
  return {utc_from_civil(read->civil).micros - read->offset_minutes.value_or(0) * kMicrosPerMinute};
}

TEST(ParseIso, ReadsDatesTimesFractionsAndZones) {
  EXPECT_EQ(at("1970-01-01").micros, 0);
  EXPECT_EQ(at("2010-12-01 08:26:00").micros, 1'291'191'960'000'000);
  EXPECT_EQ(at("2026-11-22T05:09:00.25Z").micros % kMicrosPerSecond, 250'000);
  EXPECT_EQ(at("2026-11-22T05:09:00+08:00").micros, at("2026-11-21T21:09:00Z").micros);
  EXPECT_EQ(at("2019-10-01 00:00:00 UTC").micros, at("2019-10-01T00:00:00Z").micros);
  EXPECT_FALSE(parse_iso("2010-12-01 08:26")->offset_minutes.has_value());
  for (const char* bad :
       {"", "2010", "2010-13-01", "2011-02-29", "2010-12-01T25:00:00", "2010-12-01T08:26:00+99:00",
        "2010-12-01x", "01/02/2010", "2010-12-01T08:26:00Zz"}) {
    EXPECT_FALSE(parse_iso(bad)) << bad;
  }
}

TEST(CivilTime, GoesThereAndBackForAnyMoment) {
  Rng random(20261122);
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp time{static_cast<std::int64_t>(random.below(8'000'000'000'000'000)) -
                         4'000'000'000'000'000};
    EXPECT_EQ(utc_from_civil(civil_from_utc(time)), time);
    std::time_t seconds = time.micros / kMicrosPerSecond - (time.micros % kMicrosPerSecond < 0);
    std::tm reference{};
    gmtime_r(&seconds, &reference);
    const CivilTime civil = civil_from_utc(time);
    EXPECT_EQ(civil.year, reference.tm_year + 1900);
    EXPECT_EQ(civil.month, reference.tm_mon + 1);
    EXPECT_EQ(civil.day, reference.tm_mday);
    EXPECT_EQ(civil.hour, reference.tm_hour);
    EXPECT_EQ(civil.second, reference.tm_sec);
  }
}

TEST(CivilTime, StaysInsideTheYearsOfTheCalendar) {
  EXPECT_EQ(civil_from_utc({INT64_MIN}), (CivilTime{-9999, 1, 1, 0, 0, 0, 0}));
  EXPECT_EQ(civil_from_utc({INT64_MAX}), (CivilTime{9999, 12, 31, 23, 59, 59, 999'999}));
}

TEST(TimeZone, FollowsClockChanges) {
  const TimeZone london = *TimeZone::find("Europe/London");
  EXPECT_EQ(london.offset_minutes(at("2011-01-15T12:00:00Z")), 0);
  EXPECT_EQ(london.offset_minutes(at("2011-07-15T12:00:00Z")), 60);
  EXPECT_EQ(london.offset_minutes(at("2011-03-27T00:59:59Z")), 0);
  EXPECT_EQ(london.offset_minutes(at("2011-03-27T01:00:00Z")), 60);
  EXPECT_EQ(london.from_civil({2011, 7, 1, 9, 0, 0, 0}), at("2011-07-01T08:00:00Z"));
  // 01:30 occurs twice on 30 October 2011: the first is still summer time.
  EXPECT_EQ(london.from_civil({2011, 10, 30, 1, 30, 0, 0}), at("2011-10-30T00:30:00Z"));
  // 01:30 does not occur on 27 March 2011.
  EXPECT_EQ(london.from_civil({2011, 3, 27, 1, 30, 0, 0}), at("2011-03-27T01:30:00Z"));
  const TimeZone shanghai = *TimeZone::find("Asia/Shanghai");
  EXPECT_EQ(shanghai.offset_minutes(at("2026-06-01")), 480);
  EXPECT_EQ(shanghai.day_number(at("2026-06-01T17:00:00Z")), days_from_civil(2026, 6, 2));
}

TEST(TimeZone, CivilTimeGoesThereAndBackOutsideOfChanges) {
  const TimeZone zone = *TimeZone::find("America/New_York");
  Rng random(7);
  int equal = 0;
  for (int i = 0; i < 2'000; ++i) {
    const Timestamp time{static_cast<std::int64_t>(random.below(2'000'000'000)) * kMicrosPerSecond};
    equal += zone.from_civil(zone.to_civil(time)) == time;
  }
  EXPECT_GE(equal, 1'995);  // one hour a year is told twice: at most 1 in 8,766
}

TEST(TimeZone, KeepsMoreMadeUpNamesApartThanItRemembers) {
  for (int hours = 0; hours < 20; ++hours) {
    for (int minutes = 0; minutes < 60; ++minutes) {
      const auto zone = TimeZone::find(fmt::format("GMT+{:02}:{:02}", hours, minutes));
      ASSERT_TRUE(zone) << hours << ":" << minutes;
      EXPECT_EQ(zone->offset_minutes({0}), hours * 60 + minutes);
    }
  }
  EXPECT_EQ(TimeZone::find("GMT+03:17")->offset_minutes({0}), 197);
}

TEST(TimeZone, NamesARemedyForAnUnknownName) {
  const auto unknown = TimeZone::find("Mars/Olympus");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("Europe/London"), std::string::npos);
}

}  // namespace
}  // namespace attune
