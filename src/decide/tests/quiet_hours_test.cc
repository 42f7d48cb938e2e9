#include "attune/decide/quiet_hours.h"

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::decide {
namespace {

TEST(QuietHours, HoldFromTheirBeginningUntilBeforeTheirEnd) {
  const QuietHours night{21 * 60, 8 * 60}, lunch{12 * 60, 13 * 60};
  for (const auto& [minute, quiet] :
       {std::pair{0, true}, {479, true}, {480, false}, {1259, false}, {1260, true}, {1439, true}})
    EXPECT_EQ(is_quiet(night, minute), quiet) << minute;
  for (const auto& [minute, quiet] :
       {std::pair{719, false}, {720, true}, {779, true}, {780, false}})
    EXPECT_EQ(is_quiet(lunch, minute), quiet) << minute;
}

TEST(QuietHours, AreTheCustomersOwn) {
  const QuietHours night{21 * 60, 8 * 60};
  const Timestamp noon = utc_from_civil({2026, 11, 25, 12, 0, 0, 0});
  EXPECT_FALSE(is_quiet(night, noon, TimeZone::utc()));
  EXPECT_FALSE(is_quiet(night, noon, TimeZone::find("Asia/Shanghai").value()));
  EXPECT_TRUE(is_quiet(night, noon, TimeZone::find("Asia/Tokyo").value()));
  EXPECT_TRUE(is_quiet(night, noon, TimeZone::find("America/Los_Angeles").value()));
  EXPECT_EQ(format_iso(next_allowed(night, noon, TimeZone::find("Asia/Tokyo").value())),
            "2026-11-25T23:00:00Z");
  EXPECT_EQ(next_allowed(night, noon, TimeZone::utc()), noon);
}

// Reference: minute by minute.
TEST(QuietHours, NextAllowedEqualsALookAtEveryMinute) {
  Rng random(11);
  for (const char* const name : {"Europe/Berlin", "Australia/Lord_Howe", "America/New_York"}) {
    const TimeZone zone = TimeZone::find(name).value();
    for (int i = 0; i < 1'500; ++i) {
      const QuietHours hours{static_cast<int>(random.below(1440)),
                             static_cast<int>(random.below(1440))};
      if (hours.begin_minute == hours.end_minute) continue;
      // Around the clock changes of spring and autumn half of the time.
      const std::int64_t day =
          random.chance(.5)
              ? days_from_civil(2026, 1, 1) + static_cast<std::int64_t>(random.below(365))
              : days_from_civil(2026, random.chance(.5) ? 3 : 10, 1) +
                    static_cast<std::int64_t>(random.below(38));
      const Timestamp now{day * kMicrosPerDay +
                          static_cast<std::int64_t>(random.below(kMicrosPerDay))};
      Timestamp expected = now;
      if (is_quiet(hours, now, zone)) {
        expected.micros -= expected.micros % kMicrosPerMinute;
        while (is_quiet(hours, expected, zone)) expected.micros += kMicrosPerMinute;
      }
      ASSERT_EQ(next_allowed(hours, now, zone), expected)
          << name << ' ' << format_iso(now) << ' ' << hours.begin_minute << ' ' << hours.end_minute;
    }
  }
}

TEST(MinuteOfDay, ReadsWhatItPrints) {
  for (int minute = 0; minute < 1440; ++minute)
    ASSERT_EQ(parse_minute_of_day(print_minute_of_day(minute)).value(), minute);
  EXPECT_EQ(parse_minute_of_day(" 7:05 ").value(), 425);
  EXPECT_EQ(parse_minute_of_day("24:00").value(), 0);
  for (const char* const wrong : {"", "9", "24:01", "25:00", "9:5", "09:60", "-1:00", "09:00:00",
                                  "9.30", "009:00", ":30", "09:+5", "9 :30"})
    EXPECT_FALSE(parse_minute_of_day(wrong)) << wrong;
}

}  // namespace
}  // namespace attune::decide
