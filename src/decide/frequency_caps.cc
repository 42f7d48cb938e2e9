#include "attune/decide/frequency_caps.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace attune::decide {
namespace {

Timestamp midnight(std::int64_t day, const TimeZone& zone) {
  return zone.from_civil(civil_from_utc({day * kMicrosPerDay}));
}

bool counts(const FrequencyCap& cap, const Contact& contact, std::uint32_t campaign,
            Channel channel) {
  switch (cap.scope) {
    case CapScope::campaign:
      return contact.campaign == campaign;
    case CapScope::channel:
      return contact.channel == channel;
    case CapScope::all:
      break;
  }
  return true;
}

}  // namespace

std::span<const std::string> cap_scope_names() {
  static const std::vector<std::string> names{"campaign", "channel", "all"};
  return names;
}

std::span<const std::string> cap_period_names() {
  static const std::vector<std::string> names{"day", "week", "month"};
  return names;
}

std::string describe(const FrequencyCap& cap) {
  static constexpr std::array<std::string_view, 3> kOf{"of this campaign", "of this channel",
                                                       "of all campaigns"};
  return fmt::format("{} {} a {} {}", cap.limit, cap.limit == 1 ? "message" : "messages",
                     cap_period_names()[static_cast<std::size_t>(cap.period)],
                     kOf[static_cast<std::size_t>(cap.scope)]);
}

CapWindows CapWindows::make(Timestamp now, const TimeZone& zone) {
  const std::int64_t today = zone.day_number(now);
  // Day 0 was a Thursday.
  const std::int64_t monday = today - ((today + 3) % 7 + 7) % 7;
  const CivilTime civil = civil_from_utc({today * kMicrosPerDay});
  const std::int64_t first = days_from_civil(civil.year, civil.month, 1);
  const std::int64_t next_first = civil.month == 12
                                      ? days_from_civil(civil.year + 1, 1, 1)
                                      : days_from_civil(civil.year, civil.month + 1, 1);
  CapWindows windows;
  windows.begin_ = {midnight(today, zone), midnight(monday, zone), midnight(first, zone)};
  windows.next_ = {midnight(today + 1, zone), midnight(monday + 7, zone),
                   midnight(next_first, zone)};
  return windows;
}

Timestamp earliest_needed(std::span<const FrequencyCap> caps, const CapWindows& windows) {
  Timestamp earliest = windows.next(CapPeriod::month);
  for (const FrequencyCap& cap : caps) earliest = std::min(earliest, windows.begin(cap.period));
  return earliest;
}

std::optional<std::size_t> reached_cap(std::span<const FrequencyCap> caps,
                                       const CapWindows& windows, std::span<const Contact> contacts,
                                       std::uint32_t campaign, Channel channel) {
  for (std::size_t i = 0; i < caps.size(); ++i) {
    const FrequencyCap& cap = caps[i];
    const Timestamp begin = windows.begin(cap.period);
    std::int64_t sent = 0;
    for (const Contact& contact : contacts)
      sent += contact.time >= begin && counts(cap, contact, campaign, channel) ? 1 : 0;
    if (sent >= cap.limit) return i;
  }
  return std::nullopt;
}

}  // namespace attune::decide
