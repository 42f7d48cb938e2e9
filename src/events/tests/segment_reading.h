// Shorthand of the tests of segment.h.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/events/segment.h"

namespace attune::events {

inline constexpr Timestamp kReceived{1'795'324'200'000'000};  // 2026-11-22T05:10:00Z

// A reader with what it read last.
struct SegmentBench {
  SegmentBench() : reader({.currency = *Currency::parse("EUR")}) {}
  explicit SegmentBench(SegmentOptions options) : reader(std::move(options)) {}

  SegmentBench& read(SegmentCall call, std::string_view body) {
    const Status status = reader.read(call, body, kReceived, out);
    failure = status ? "" : status.error().message;
    return *this;
  }
  SegmentBench& track(std::string_view event, std::string_view properties = "{}") {
    return read(SegmentCall::track,
                fmt::format(R"({{"userId":"u","messageId":"m","event":"{}","properties":{}}})",
                            event, properties));
  }
  // The one event there is.
  const Event& event() const {
    static const Event kNothing;
    EXPECT_EQ(failure, "");
    EXPECT_EQ(out.events.size(), 1u);
    for (const SegmentProblem& problem : out.problems)
      ADD_FAILURE() << problem.reason << " " << problem.message;
    return out.events.size() == 1 ? out.events[0] : kNothing;
  }
  // "reason field" of the one problem there is, and nothing else.
  std::string problem() const {
    EXPECT_EQ(failure, "");
    EXPECT_EQ(out.events.size(), 0u);
    EXPECT_EQ(out.problems.size(), 1u);
    if (out.problems.size() != 1) return "";
    return out.problems[0].reason + " " + out.problems[0].field;
  }

  SegmentReader reader;
  SegmentBatch out;
  std::string failure;
};

inline std::map<std::string, std::string> texts(std::span<const Attribute> attributes) {
  std::map<std::string, std::string> all;
  for (const Attribute& one : attributes) all.emplace(one.name, one.value);
  return all;
}

}  // namespace attune::events
