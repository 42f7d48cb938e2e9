// When a message happened, by what it states of three clocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "attune/base/time.h"
#include "attune/events/values.h"

namespace attune::events::detail {

// Reads ISO 8601, or a number since 1970. Threads: one reader a thread.
class MessageTimes {
 public:
  MessageTimes() : slow_(TimeFormat::year_first, TimeZone::utc()) {}

  TimeFault read(std::string_view text, TimeValue& value);
  // "'2011-02-30' is no date: …"
  std::string explain(std::string_view text, TimeFault fault) const;

 private:
  TimeReader slow_;
};

// A device's clock further off than this is not believed.
inline constexpr std::int64_t kClockErrorMax = kMicrosPerDay;

struct StatedTimes {
  std::optional<TimeValue> timestamp;
  std::optional<TimeValue> original;
  std::optional<TimeValue> sent;
};

struct MessageTime {
  Timestamp time;
  std::optional<std::int16_t> offset_minutes;
  std::uint32_t marks = 0;
};

// The rule that segment.h states.
MessageTime message_time(const StatedTimes& stated, Timestamp received_at);

}  // namespace attune::events::detail
