// How often a customer may be written to. Answers: has this one had enough?
//
// Days, weeks and months are the shop's: a day begins at midnight of its zone, a week on Monday, a
// month on its first. Counted is what a contact record says since the beginning of the period,
// records that lie in the future too: a clock that was set back gives nobody more.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/decide/channel.h"

namespace attune::decide {

// A message that a customer was sent, or is about to be.
struct Contact {
  Timestamp time;
  std::uint32_t campaign = 0;  // its number; 0: sent outside of campaigns
  Channel channel = Channel::email;
  friend auto operator<=>(const Contact&, const Contact&) = default;
};

// What is counted: this campaign's messages, those of its channel, or all.
enum class CapScope : std::uint8_t { campaign, channel, all };
enum class CapPeriod : std::uint8_t { day, week, month };
inline constexpr int kCapPeriodCount = 3;

std::span<const std::string> cap_scope_names();
std::span<const std::string> cap_period_names();

struct FrequencyCap {
  CapScope scope = CapScope::all;
  CapPeriod period = CapPeriod::day;
  std::int32_t limit = 1;  // messages in the period; 0 or less: none at all
  friend bool operator==(const FrequencyCap&, const FrequencyCap&) = default;
};
// "2 messages a week of this campaign".
std::string describe(const FrequencyCap& cap);

// The periods that a moment lies in: made once for any number of customers.
class CapWindows {
 public:
  static CapWindows make(Timestamp now, const TimeZone& zone);

  Timestamp begin(CapPeriod period) const { return begin_[static_cast<std::size_t>(period)]; }
  // Beginning of the next one.
  Timestamp next(CapPeriod period) const { return next_[static_cast<std::size_t>(period)]; }

 private:
  std::array<Timestamp, kCapPeriodCount> begin_{}, next_{};
};

// The beginning of the longest period that `caps` look at: older contacts change nothing.
Timestamp earliest_needed(std::span<const FrequencyCap> caps, const CapWindows& windows);

// Index of the first of `caps` that one more message of (campaign, channel) would pass.
// Shapes: contacts of one customer, in any order. Cost: caps x contacts.
std::optional<std::size_t> reached_cap(std::span<const FrequencyCap> caps,
                                       const CapWindows& windows, std::span<const Contact> contacts,
                                       std::uint32_t campaign, Channel channel);

}  // namespace attune::decide
