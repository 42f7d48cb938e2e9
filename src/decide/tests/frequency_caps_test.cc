#include "attune/decide/frequency_caps.h"

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::decide {
namespace {

Timestamp at(int year, int month, int day, int hour = 12) {
  return utc_from_civil({year, month, day, hour, 0, 0, 0});
}

std::optional<std::size_t> reached(std::vector<FrequencyCap> caps, std::vector<Contact> contacts,
                                   Timestamp now) {
  return reached_cap(caps, CapWindows::make(now, TimeZone::utc()), contacts, 7, Channel::email);
}

TEST(FrequencyCap, RefusesOnceTheLimitIsReached) {
  const Timestamp now = at(2026, 11, 25);  // a Wednesday
  const Contact today{at(2026, 11, 25, 1), 7, Channel::email};
  const Contact monday{at(2026, 11, 23, 0), 7, Channel::email};
  const Contact sunday{at(2026, 11, 22, 23), 7, Channel::email};
  const Contact october{at(2026, 10, 31, 23), 7, Channel::email};
  const FrequencyCap day{CapScope::all, CapPeriod::day, 1};
  const FrequencyCap week{CapScope::all, CapPeriod::week, 2};
  const FrequencyCap month{CapScope::all, CapPeriod::month, 3};
  EXPECT_FALSE(reached({day, week, month}, {}, now));
  EXPECT_FALSE(reached({day}, {monday, sunday}, now));
  EXPECT_EQ(reached({day}, {today}, now), 0u);
  EXPECT_FALSE(reached({week}, {monday, sunday}, now));
  EXPECT_EQ(reached({day, week}, {monday, {at(2026, 11, 24), 1, Channel::sms}}, now), 1u);
  EXPECT_FALSE(reached({month}, {monday, sunday, october}, now));
  EXPECT_EQ(reached({month}, {monday, sunday, {at(2026, 11, 1, 0), 1, Channel::sms}}, now), 0u);
}

TEST(FrequencyCap, CountsOfItsScopeOnly) {
  const Timestamp now = at(2026, 11, 25);
  const Contact other{now, 8, Channel::sms}, same_channel{now, 8, Channel::email};
  const Contact same{now, 7, Channel::email}, elsewhere{now, 7, Channel::push};
  const FrequencyCap campaign{CapScope::campaign, CapPeriod::day, 1};
  const FrequencyCap channel{CapScope::channel, CapPeriod::day, 1};
  const FrequencyCap all{CapScope::all, CapPeriod::day, 1};
  EXPECT_FALSE(reached({campaign, channel}, {other}, now));
  EXPECT_EQ(reached({campaign, channel}, {same_channel}, now), 1u);
  EXPECT_EQ(reached({campaign, channel}, {same}, now), 0u);
  EXPECT_EQ(reached({channel, campaign}, {elsewhere}, now), 1u);
  EXPECT_EQ(reached({campaign, channel, all}, {other}, now), 2u);
}

TEST(FrequencyCap, CountsContactsInTheFutureOfAClockThatWasSetBack) {
  const FrequencyCap day{CapScope::all, CapPeriod::day, 1};
  EXPECT_EQ(reached({day}, {{at(2026, 12, 24), 7, Channel::email}}, at(2026, 11, 25)), 0u);
}

TEST(FrequencyCap, LetsNobodyThroughWithALimitOfZero) {
  EXPECT_EQ(reached({{CapScope::all, CapPeriod::day, 0}}, {}, at(2026, 11, 25)), 0u);
}

TEST(CapWindows, AreThePeriodsOfTheShopsCalendar) {
  const TimeZone shanghai = TimeZone::find("Asia/Shanghai").value();
  // Monday, 1 March 2027, 07:00 there; still Sunday in UTC.
  const CapWindows windows = CapWindows::make(at(2027, 2, 28, 23), shanghai);
  for (const auto period : {CapPeriod::day, CapPeriod::week, CapPeriod::month})
    EXPECT_EQ(format_iso(windows.begin(period)), "2027-02-28T16:00:00Z");
  EXPECT_EQ(format_iso(windows.next(CapPeriod::day)), "2027-03-01T16:00:00Z");
  EXPECT_EQ(format_iso(windows.next(CapPeriod::week)), "2027-03-07T16:00:00Z");
  EXPECT_EQ(format_iso(windows.next(CapPeriod::month)), "2027-03-31T16:00:00Z");
}

TEST(CapWindows, HoldTheMomentInEveryZoneAndSeason) {
  Rng random(5);
  for (const char* const name : {"UTC", "Europe/London", "America/Sao_Paulo", "Pacific/Apia"}) {
    const TimeZone zone = TimeZone::find(name).value();
    for (int i = 0; i < 2'000; ++i) {
      const Timestamp now{static_cast<std::int64_t>(random.below(4'000'000'000)) * 1'000'000};
      const CapWindows windows = CapWindows::make(now, zone);
      for (const auto period : {CapPeriod::day, CapPeriod::week, CapPeriod::month}) {
        ASSERT_LE(windows.begin(period), now) << name << format_iso(now);
        ASSERT_GT(windows.next(period), now) << name << format_iso(now);
      }
    }
  }
}

TEST(EarliestNeeded, IsTheBeginningOfTheLongestPeriod) {
  const CapWindows windows = CapWindows::make(at(2026, 11, 25), TimeZone::utc());
  const std::vector<FrequencyCap> caps{{CapScope::all, CapPeriod::day, 1},
                                       {CapScope::all, CapPeriod::week, 1}};
  EXPECT_EQ(earliest_needed(caps, windows), at(2026, 11, 23, 0));
  EXPECT_EQ(earliest_needed({}, windows), at(2026, 12, 1, 0));
}

}  // namespace
}  // namespace attune::decide
