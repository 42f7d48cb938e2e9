#include "attune/events/values.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include <fmt/format.h>

namespace attune::events {
namespace {

TimeValue read(TimeFormat format, std::string_view text, const char* zone = "UTC") {
  TimeReader reader(format, TimeZone::find(zone).value());
  TimeValue value;
  EXPECT_EQ(reader.read(text, value), TimeFault::none) << text;
  return value;
}

struct WrittenTime {
  TimeFormat format;
  const char* text;
  const char* iso;
};
class TimeReaderForms : public testing::TestWithParam<WrittenTime> {};
TEST_P(TimeReaderForms, AreReadAsTheMomentTheyMean) {
  EXPECT_EQ(format_iso(read(GetParam().format, GetParam().text).time), GetParam().iso)
      << GetParam().text;
}
using enum TimeFormat;
INSTANTIATE_TEST_SUITE_P(
    All, TimeReaderForms,
    testing::Values(
        WrittenTime{year_first, "2010-12-01 08:26:00", "2010-12-01T08:26:00Z"},
        WrittenTime{year_first, "2010-12-01T08:26:00Z", "2010-12-01T08:26:00Z"},
        WrittenTime{year_first, "2010-12-01T08:26:00.250+08:00", "2010-12-01T00:26:00.250000Z"},
        WrittenTime{year_first, "2019-10-01 00:00:00 UTC", "2019-10-01T00:00:00Z"},
        WrittenTime{year_first, "2010/12/1 8:26", "2010-12-01T08:26:00Z"},
        WrittenTime{year_first, "2010-12-01", "2010-12-01T00:00:00Z"},
        WrittenTime{year_first, "2024年5月1日 08:30", "2024-05-01T08:30:00Z"},
        WrittenTime{year_first, "2024年05月01日8时30分15秒", "2024-05-01T08:30:15Z"},
        WrittenTime{year_first, "2024/5/1 下午 3:04:05", "2024-05-01T15:04:05Z"},
        WrittenTime{year_first, " 2010-12-01 08:26:00+0000 ", "2010-12-01T08:26:00Z"},
        WrittenTime{month_first, "12/1/2010 8:26", "2010-12-01T08:26:00Z"},
        WrittenTime{month_first, "12/31/10 8:26 PM", "2010-12-31T20:26:00Z"},
        WrittenTime{month_first, "1/2/2010 12:05 AM", "2010-01-02T00:05:00Z"},
        WrittenTime{day_first, "01-12-2010", "2010-12-01T00:00:00Z"},
        WrittenTime{day_first, "31.12.2010 08:26", "2010-12-31T08:26:00Z"},
        WrittenTime{compact, "19970101", "1997-01-01T00:00:00Z"},
        WrittenTime{compact, "20240501083015", "2024-05-01T08:30:15Z"},
        WrittenTime{compact, "20240501T083000Z", "2024-05-01T08:30:00Z"},
        WrittenTime{month_name, "01-Jan-1995", "1995-01-01T00:00:00Z"},
        WrittenTime{month_name, "Jan 2, 2020 3:04 PM", "2020-01-02T15:04:00Z"},
        WrittenTime{month_name, "Thu, 02 Jan 2020 15:04:05 +0100", "2020-01-02T14:04:05Z"},
        WrittenTime{month_name, "02/Jan/2020:15:04:05 +0000", "2020-01-02T15:04:05Z"},
        WrittenTime{epoch_seconds, "1511544070", "2017-11-24T17:21:10Z"},
        WrittenTime{epoch_seconds, "1511544070.25", "2017-11-24T17:21:10.250000Z"},
        WrittenTime{epoch_millis, "1511544070123", "2017-11-24T17:21:10.123000Z"},
        WrittenTime{epoch_micros, "1511544070123456", "2017-11-24T17:21:10.123456Z"},
        WrittenTime{epoch_nanos, "151154407012345678", "1974-10-16T11:20:07.012345Z"}));

TEST(TimeReader, ReadsUnzonedTimesInTheZoneGiven) {
  EXPECT_EQ(format_iso(read(year_first, "2010-07-01 08:26:00", "Europe/London").time),
            "2010-07-01T07:26:00Z");
  EXPECT_EQ(format_iso(read(year_first, "2010-07-01 08:26:01", "Asia/Shanghai").time),
            "2010-07-01T00:26:01Z");
  EXPECT_FALSE(read(year_first, "2010-07-01 08:26:00", "Asia/Shanghai").zoned);
  const TimeValue zoned = read(year_first, "2010-07-01T08:26:00-03:30", "Asia/Shanghai");
  EXPECT_EQ(zoned.offset_minutes, -210);
  EXPECT_TRUE(zoned.zoned);
}

TEST(TimeReader, TellsADateFromAMidnight) {
  EXPECT_TRUE(read(year_first, "2010-12-01").date_only);
  EXPECT_FALSE(read(year_first, "2010-12-01 00:00:00").date_only);
}

struct FaultCase {
  TimeFormat format;
  const char* text;
  TimeFault fault;
  const char* words;
};
class TimeReaderFaults : public testing::TestWithParam<FaultCase> {};
TEST_P(TimeReaderFaults, AreExplained) {
  TimeReader reader(GetParam().format, TimeZone::utc());
  TimeValue value;
  const TimeFault fault = reader.read(GetParam().text, value);
  EXPECT_EQ(fault, GetParam().fault) << GetParam().text;
  EXPECT_NE(reader.explain(GetParam().text, fault).find(GetParam().words), std::string::npos)
      << reader.explain(GetParam().text, fault);
}
INSTANTIATE_TEST_SUITE_P(
    All, TimeReaderFaults,
    testing::Values(
        FaultCase{year_first, "2011-02-30 08:26:00", TimeFault::impossible,
                  "month 2 of 2011 has 28 days"},
        FaultCase{year_first, "2011-13-01", TimeFault::impossible, "there is no month 13"},
        FaultCase{year_first, "2011-12-01 25:00:00", TimeFault::impossible, "clock time"},
        FaultCase{month_first, "31/12/2010 8:26", TimeFault::impossible, "there is no month 31"},
        FaultCase{year_first, "soon", TimeFault::not_a_time, "is not a time written year_first"},
        FaultCase{year_first, "2011-12-01 08:26 tomorrow", TimeFault::not_a_time, "is not a time"},
        FaultCase{year_first, "0001-01-01", TimeFault::out_of_range, "1900 to 2200"},
        FaultCase{epoch_seconds, "99999999999", TimeFault::out_of_range, "1900 to 2200"},
        FaultCase{epoch_seconds, "12.34.5", TimeFault::not_a_time, "is not a time"},
        FaultCase{compact, "20100230", TimeFault::impossible, "has 28 days"}));

RC_GTEST_PROP(TimeReaderProperty, ReadsBackEveryWayOfWritingATime, ()) {
  const std::int64_t second = *rc::gen::inRange<std::int64_t>(-2'000'000'000, 7'000'000'000);
  const Timestamp time{second * kMicrosPerSecond};
  const CivilTime c = civil_from_utc(time);
  const auto check = [&](TimeFormat format, const std::string& text) {
    TimeReader reader(format, TimeZone::utc());
    TimeValue value;
    RC_ASSERT(reader.read(text, value) == TimeFault::none);
    RC_ASSERT(value.time == time);
  };
  check(year_first, fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day,
                                c.hour, c.minute, c.second));
  check(year_first, fmt::format("{}/{}/{} {}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour,
                                c.minute, c.second));
  check(month_first,
        fmt::format("{}/{}/{} {}:{:02}:{:02}", c.month, c.day, c.year, c.hour, c.minute, c.second));
  check(day_first,
        fmt::format("{}.{}.{} {}:{:02}:{:02}", c.day, c.month, c.year, c.hour, c.minute, c.second));
  check(compact, fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", c.year, c.month, c.day, c.hour,
                             c.minute, c.second));
  check(epoch_seconds, fmt::format("{}", second));
  check(epoch_millis, fmt::format("{}", second * 1000));
}

RC_GTEST_PROP(TimeReaderProperty, AgreesWithTheZoneForEveryMinute, ()) {
  const TimeZone zone = TimeZone::find("Europe/London").value();
  TimeReader reader(year_first, zone);
  for (int i = 0; i < 20; ++i) {
    const CivilTime c =
        civil_from_utc({*rc::gen::inRange<std::int64_t>(0, 4'000'000'000) * kMicrosPerSecond});
    TimeValue value;
    const auto text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day,
                                  c.hour, c.minute, c.second);
    RC_ASSERT(reader.read(text, value) == TimeFault::none);
    RC_ASSERT(value.time == zone.from_civil(c));
  }
}

TimeFormatChoice choose(std::vector<std::string_view> sample) { return choose_time_format(sample); }

TEST(ChooseTimeFormat, DecidesMonthAndDayOverTheWholeSample) {
  EXPECT_EQ(choose({"12/1/2010 8:26", "12/13/2010 9:00"}).format, month_first);
  EXPECT_EQ(choose({"12/1/2010 8:26", "13/12/2010 9:00"}).format, day_first);
  EXPECT_FALSE(choose({"12/1/2010 8:26", "13/12/2010 9:00"}).ambiguous);
  EXPECT_TRUE(choose({"12/1/2010", "1/2/2010"}).ambiguous);
  // Days of one file lie close together; where that does not tell, slashes are America's.
  EXPECT_EQ(choose({"12/1/2010", "1/2/2010"}).format, day_first);
  EXPECT_EQ(choose({"08/02/2024", "09/02/2024", "10/02/2024"}).format, day_first);
  EXPECT_EQ(choose({"08/02/2024", "08/03/2024", "08/04/2024"}).format, month_first);
  EXPECT_EQ(choose({"12/1/2010"}).format, month_first);
  EXPECT_EQ(choose({"12.1.2010", "1.2.2010"}).format, day_first);
  EXPECT_EQ(choose({"05-02-2010", "12-02-2010", "19-02-2010"}).format, day_first);
}

TEST(ChooseTimeFormat, TellsCompactDatesEpochsAndPlainNumbersApart) {
  EXPECT_EQ(choose({"19970101", "19980630"}).format, compact);
  EXPECT_EQ(choose({"881250949", "891717742"}).format, epoch_seconds);
  EXPECT_EQ(choose({"1511544070123"}).format, epoch_millis);
  EXPECT_EQ(choose({"1612069510766593"}).format, epoch_micros);
  EXPECT_TRUE(choose({"1612069510766593"}).names_zone);
  EXPECT_EQ(choose({"17850", "13047", "2.55"}).readable, 0u);
  EXPECT_EQ(choose({"", " ", "2010-12-01"}).stated, 1u);
}

TEST(Values, SeeDecimalCommasInTheSampleOnly) {
  const std::vector<std::string_view> german{"12,50", "1.234,00", "7"};
  const std::vector<std::string_view> english{"12.50", "1,234.00", "7"};
  const std::vector<std::string_view> thousands{"1,234", "5,678"};
  EXPECT_TRUE(uses_decimal_comma(german));
  EXPECT_FALSE(uses_decimal_comma(english));
  EXPECT_FALSE(uses_decimal_comma(thousands));
  EXPECT_EQ(to_double(read_decimal(" 1.234,50 ", true).value()), 1234.5);
  EXPECT_EQ(to_double(read_decimal("£1,234.50", false).value()), 1234.5);
}

TEST(Values, StripTheFractionOfIdsOnlyWhereAllHaveIt) {
  const std::vector<std::string_view> floats{"17850.0", "", "13047.0"};
  const std::vector<std::string_view> mixed{"17850.0", "ab"};
  EXPECT_TRUE(is_float_typed_id(floats));
  EXPECT_FALSE(is_float_typed_id(mixed));
  EXPECT_EQ(strip_float_suffix("17850.0"), "17850");
  EXPECT_EQ(strip_float_suffix("1.5.0"), "1.5.0");
  EXPECT_EQ(strip_float_suffix(".0"), ".0");
}

TEST(Values, ReadBooleansInTwoLanguages) {
  for (const char* yes : {"true", "Yes", "1", "是", " T "})
    EXPECT_TRUE(parse_boolean(yes).value()) << yes;
  for (const char* no : {"false", "N", "0", "否"}) EXPECT_FALSE(parse_boolean(no).value()) << no;
  EXPECT_NE(parse_boolean("maybe").error().message.find("write true or false"), std::string::npos);
}

}  // namespace
}  // namespace attune::events
