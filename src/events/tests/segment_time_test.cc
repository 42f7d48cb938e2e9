// When messages happened, by what they state of three clocks.
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "segment_reading.h"

namespace attune::events {
namespace {

struct TimeCase {
  std::string_view stated;  // members of the message
  std::string_view expected;
  std::optional<int> offset = 0;
  std::uint32_t marks = 0;
};

TEST(SegmentTimes, FollowTheRule) {
  SegmentBench bench;  // received at 2026-11-22T05:10:00Z
  for (const TimeCase& one : std::to_array<TimeCase>({
           {R"("timestamp":"2026-11-22T05:00:00Z")", "2026-11-22T05:00:00Z"},
           // The device is an hour slow: sent 40 s after it happened.
           {R"("originalTimestamp":"2026-11-22T04:09:20.5Z","sentAt":"2026-11-22T04:10:00Z")",
            "2026-11-22T05:09:20.500000Z"},
           {R"("timestamp":"2026-11-22T06:09:20Z","sentAt":"2026-11-22T06:10:00Z")",
            "2026-11-22T05:09:20Z"},
           // Kept on the device for a year, then sent.
           {R"("timestamp":"2025-11-22T05:10:00Z","sentAt":"2026-11-22T05:10:00Z")",
            "2025-11-22T05:10:00Z"},
           // Both stated: the time is somebody's answer already.
           {R"("timestamp":"2019-01-01T00:00:00Z","originalTimestamp":"2026-11-22T05:09:00Z",
             "sentAt":"2026-11-22T05:10:00Z")",
            "2019-01-01T00:00:00Z"},
           {R"("sentAt":"2026-11-22T05:00:00Z")", "2026-11-22T05:10:00Z", std::nullopt},
           {R"("type":"track")", "2026-11-22T05:10:00Z", std::nullopt},
           {R"("timestamp":null)", "2026-11-22T05:10:00Z", std::nullopt},
           {R"("timestamp":"")", "2026-11-22T05:10:00Z", std::nullopt},
           // The future, and clocks that nobody believes.
           {R"("timestamp":"2026-11-22T05:10:00.001Z")", "2026-11-22T05:10:00Z"},
           {R"("timestamp":"2199-01-01T00:00:00Z")", "2026-11-22T05:10:00Z"},
           {R"("timestamp":"2026-11-22T05:11:00Z","sentAt":"2026-11-22T05:10:00Z")",
            "2026-11-22T05:10:00Z"},
           {R"("timestamp":"1970-01-01T00:00:10Z","sentAt":"1970-01-01T00:00:20Z")",
            "2026-11-22T05:10:00Z"},
           // Zones, days, numbers.
           {R"("timestamp":"2026-11-22T10:30:00.123456+05:30")", "2026-11-22T05:00:00.123456Z",
            330},
           {R"("timestamp":"2026-11-21T22:00:00-07:00")", "2026-11-22T05:00:00Z", -420},
           {R"("timestamp":"2026-11-22T05:00:00")", "2026-11-22T05:00:00Z", std::nullopt,
            bit(Mark::time_zone_assumed)},
           {R"("timestamp":"2026-11-21")", "2026-11-21T00:00:00Z", std::nullopt,
            bit(Mark::time_zone_assumed) | bit(Mark::date_only)},
           {R"("timestamp":1795323600)", "2026-11-22T05:00:00Z", std::nullopt},
           {R"("timestamp":1795323600123)", "2026-11-22T05:00:00.123000Z", std::nullopt},
           {R"("timestamp":1795323600123456)", "2026-11-22T05:00:00.123456Z", std::nullopt},
           {R"("timestamp":1795323600.5)", "2026-11-22T05:00:00.500000Z", std::nullopt},
           {R"("timestamp":"1795323600123")", "2026-11-22T05:00:00.123000Z", std::nullopt},
           {R"("timestamp":1.7953236e12)", "2026-11-22T05:00:00Z", std::nullopt},
           {R"("timestamp":0)", "1970-01-01T00:00:00Z", std::nullopt},
       })) {
    const Event& event = bench
                             .read(SegmentCall::track,
                                   fmt::format(R"({{"userId":"u","event":"view",{}}})", one.stated))
                             .event();
    EXPECT_EQ(format_iso(event.time), one.expected) << one.stated;
    EXPECT_EQ(event.offset_minutes, one.offset) << one.stated;
    EXPECT_EQ(event.marks, one.marks) << one.stated;
  }
}

TEST(SegmentTimes, TakeTheBatchesClockUnlessTheMessageHasOne) {
  SegmentBench bench;
  bench.read(SegmentCall::batch, R"({"batch":[
      {"type":"track","event":"view","userId":"u","timestamp":"2026-11-22T04:00:00Z"},
      {"type":"track","event":"view","userId":"u","timestamp":"2026-11-22T04:00:00Z",
       "sentAt":"2026-11-22T05:10:00Z","context":{}}],
      "sentAt":"2026-11-22T04:10:00Z","context":{"sessionId":"s","page":{"url":"u:1"}}})");
  ASSERT_EQ(bench.out.events.size(), 2u) << bench.failure;
  EXPECT_EQ(format_iso(bench.out.events[0].time), "2026-11-22T05:00:00Z");
  EXPECT_EQ(bench.out.events[0].session, "s");
  EXPECT_EQ(bench.out.events[0].url, "u:1");
  EXPECT_EQ(format_iso(bench.out.events[1].time), "2026-11-22T04:00:00Z");
  EXPECT_EQ(bench.out.events[1].session, "");
}

}  // namespace
}  // namespace attune::events
