// The bytes of an accumulator: magic, version, fields in the order of ProfileState but what came
// with a later version at the end, checksum. Version 2 added the refunded orders, and to orders
// whether they told what they came to.
// Numbers are LEB128 varints, signed ones zigzag; times are multiples of the coarsest unit that
// divides them all, counted from first_seen.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "attune/profiles/accumulator.h"
#include "blob_bytes.h"

namespace attune::profiles {
namespace {

using events::EventType;

constexpr unsigned char kMagic = 0xA7;
constexpr unsigned char kSearchMagic = 0xA8;
// Flags of an order.
constexpr unsigned char kDateOnly = 1;
constexpr unsigned char kValued = 2;
constexpr std::array<std::int64_t, 5> kUnits{kMicrosPerDay, kMicrosPerMinute, kMicrosPerSecond,
                                             1000, 1};

// Times as multiples of a unit from an origin.
struct TimeScale {
  std::int64_t origin = 0;
  std::size_t unit = kUnits.size() - 1;  // index in kUnits

  void write(BlobWriter& out, Timestamp time) const {
    out.zigzag((time.micros - origin) / kUnits[unit]);
  }
  Timestamp read(BlobReader& in) const {
    const std::int64_t steps = in.zigzag();
    const std::int64_t limit = 2 * (kTimeLimitMicros / kUnits[unit]);
    if (steps > limit || steps < -limit) in.fail("damaged: a time is out of range");
    const Timestamp time{in.failure() != nullptr ? 0 : origin + steps * kUnits[unit]};
    in.require(is_plausible(time), "damaged: a time is out of range");
    return time;
  }
};

TimeScale scale_of(const ProfileState& s) {
  TimeScale scale{s.first_seen ? s.first_seen->micros : 0, 0};
  const auto fit = [&](Timestamp time) {
    while ((time.micros - scale.origin) % kUnits[scale.unit] != 0) ++scale.unit;
  };
  if (s.last_seen) fit(*s.last_seen);
  for (const OrderState& order : s.orders) fit(order.time);
  for (const RecentItem& item : s.recent_items) fit(item.time);
  return scale;
}

// Entries with ascending numbers are written as differences; the first counts from 0.
template <class Number>
std::uint64_t step(Number& previous, Number next) {
  const std::uint64_t difference =
      static_cast<std::uint64_t>(next) - static_cast<std::uint64_t>(previous);
  previous = next;
  return difference;
}

std::int64_t next_number(BlobReader& in, std::int64_t& previous) {
  const std::uint64_t difference = in.varint();
  const auto room = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() - previous);
  if (difference == 0 || difference > room) in.fail("damaged: numbers do not ascend");
  if (in.failure() == nullptr) previous += static_cast<std::int64_t>(difference);
  return previous;
}

void write_days(BlobWriter& out, const std::vector<DayCount>& days) {
  out.varint(days.size());
  std::int64_t previous = 0;
  for (const DayCount& entry : days) {
    const std::int64_t days_on = entry.day - std::exchange(previous, entry.day);
    // The first may lie before 1970; later ones ascend.
    out.zigzag(days_on);
    out.byte(static_cast<unsigned char>(entry.type));
    out.varint(entry.count);
  }
}

EventType read_type(BlobReader& in) {
  const unsigned char type = in.byte();
  if (type >= events::kEventTypeCount) in.fail("damaged: no such event type");
  return in.failure() != nullptr ? EventType::view : static_cast<EventType>(type);
}

void read_days(BlobReader& in, std::vector<DayCount>& days) {
  const std::size_t n = in.count(3, kDaysKept * events::kEventTypeCount);
  days.reserve(n);
  std::int64_t day = 0;
  std::size_t distinct = 0;
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    const std::int64_t days_on = in.zigzag();
    const EventType type = read_type(in);
    const std::uint64_t count = in.varint();
    if (days_on > 8'000'000 || days_on < -8'000'000) return in.fail("damaged: a day out of range");
    day += days_on;
    if (day > 8'000'000 || day < -8'000'000) return in.fail("damaged: a day out of range");
    if (i > 0 && (days_on < 0 || (days_on == 0 && type <= days.back().type))) {
      return in.fail("damaged: days do not ascend");
    }
    if (i == 0 || days_on > 0) ++distinct;
    days.push_back({static_cast<std::int32_t>(day), type, count});
  }
  in.require(distinct <= kDaysKept, "damaged: too many days");
}

// A thousand million events of the largest weight stay far below.
bool is_interest(double value) { return value >= 0 && value <= 1e100; }

void write_terms(BlobWriter& out, const std::vector<TermState>& terms) {
  out.varint(terms.size());
  std::int64_t previous = 0;
  for (const TermState& entry : terms) {
    out.varint(step(previous, entry.term.value));
    out.real(entry.interest);
    out.varint(entry.events);
    out.varint(entry.bought_lines);
    out.zigzag(entry.spend_minor);
  }
}

void read_terms(BlobReader& in, std::vector<TermState>& terms) {
  const std::size_t n = in.count(12);
  terms.reserve(n);
  std::int64_t previous = 0;
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    TermState entry;
    entry.term = {next_number(in, previous)};
    entry.interest = in.real();
    entry.events = in.varint();
    entry.bought_lines = in.varint();
    entry.spend_minor = in.zigzag();
    in.require(is_interest(entry.interest), "damaged: an interest out of range");
    terms.push_back(entry);
  }
}

void write_orders(BlobWriter& out, const std::vector<OrderState>& orders, const TimeScale& scale) {
  out.varint(orders.size());
  for (const OrderState& order : orders) {
    out.fixed(order.key);
    scale.write(out, order.time);
    out.zigzag(order.value_minor);
    out.byte(static_cast<unsigned char>((order.date_only ? kDateOnly : 0) |
                                        (order.valued ? kValued : 0)));
    out.varint(order.lines);
  }
}

void read_orders(BlobReader& in, std::vector<OrderState>& orders, const TimeScale& scale) {
  const std::size_t n = in.count(12);
  orders.reserve(n);
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    OrderState order;
    order.key = in.fixed();
    order.time = scale.read(in);
    order.value_minor = in.zigzag();
    const unsigned char flags = in.byte();
    in.require(flags <= (kDateOnly | kValued), "damaged: a flag that is none");
    order.date_only = (flags & kDateOnly) != 0;
    order.valued = in.version() < 2 || (flags & kValued) != 0;
    order.lines = in.varint();
    in.require(orders.empty() || orders.back().key < order.key, "damaged: orders do not ascend");
    orders.push_back(order);
  }
}

void write_refunded(BlobWriter& out, const std::vector<RefundedOrder>& refunded) {
  out.varint(refunded.size());
  for (const RefundedOrder& order : refunded) {
    out.fixed(order.key);
    out.zigzag(order.stated_minor);
    out.byte(order.whole ? 1 : 0);
  }
}

void read_refunded(BlobReader& in, std::vector<RefundedOrder>& refunded) {
  const std::size_t n = in.count(10);
  refunded.reserve(n);
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    RefundedOrder order;
    order.key = in.fixed();
    order.stated_minor = in.zigzag();
    const unsigned char whole = in.byte();
    in.require(whole <= 1, "damaged: a flag that is none");
    order.whole = whole == 1;
    in.require(refunded.empty() || refunded.back().key < order.key,
               "damaged: refunded orders do not ascend");
    refunded.push_back(order);
  }
}

void write_recent(BlobWriter& out, const std::vector<RecentItem>& items, const TimeScale& scale) {
  out.varint(items.size());
  std::int64_t previous = 0;
  for (const RecentItem& item : items) {
    scale.write(out, item.time);
    out.zigzag(static_cast<std::int64_t>(step(previous, item.sequence)));
    out.varint(static_cast<std::uint64_t>(item.item.value));
    out.byte(static_cast<unsigned char>(item.type));
  }
}

void read_recent(BlobReader& in, std::vector<RecentItem>& items, const TimeScale& scale) {
  const std::size_t n = in.count(4, kRecentItems);
  std::uint64_t sequence = 0;
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    RecentItem item;
    item.time = scale.read(in);
    sequence += static_cast<std::uint64_t>(in.zigzag());
    item.sequence = static_cast<std::int64_t>(sequence);
    item.item = {static_cast<std::int64_t>(in.varint())};
    item.type = read_type(in);
    in.require(item.item.value != 0, "damaged: no item");
    const bool descends = items.empty() || std::pair(items.back().time, items.back().sequence) >=
                                               std::pair(item.time, item.sequence);
    in.require(descends, "damaged: recent items do not descend");
    const bool repeats = std::ranges::find(items, item.item, &RecentItem::item) != items.end();
    in.require(!repeats, "damaged: an item twice");
    items.push_back(item);
  }
}

template <std::size_t N>
void write_sparse(BlobWriter& out, const std::array<std::uint64_t, N>& counts) {
  out.varint(
      static_cast<std::uint64_t>(std::ranges::count_if(counts, [](auto c) { return c != 0; })));
  for (std::size_t i = 0; i < N; ++i) {
    if (counts[i] == 0) continue;
    out.byte(static_cast<unsigned char>(i));
    out.varint(counts[i]);
  }
}

template <std::size_t N>
void read_sparse(BlobReader& in, std::array<std::uint64_t, N>& counts) {
  const std::size_t n = in.count(2, N);
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    const unsigned char at = in.byte();
    const std::uint64_t count = in.varint();
    if (at >= N || count == 0 || counts[at] != 0) return in.fail("damaged: a count out of place");
    counts[at] = count;
  }
}

void write_sums(BlobWriter& out, const ProfileState& s) {
  out.real(s.engagement);
  out.zigzag(s.reference);
  out.zigzag(s.gross_minor);
  out.zigzag(s.refund_minor);
  out.zigzag(s.units_milli);
  out.varint(s.priced_lines);
  if (s.priced_lines > 0) {
    out.real(s.log_price_sum);
    out.zigzag(s.price_min);
    out.zigzag(s.price_max);
  }
  out.varint(s.rating_count);
  out.zigzag(s.rating_milli);
  out.zigzag(s.duration_ms);
  out.varint(s.bot_events);
}

void read_sums(BlobReader& in, ProfileState& s) {
  s.engagement = in.real();
  in.require(is_interest(s.engagement), "damaged: an interest out of range");
  s.reference = in.zigzag();
  const std::int64_t limit = kTimeLimitMicros / std::max<std::int64_t>(1, s.half_life_micros) + 1;
  in.require(s.reference >= -limit && s.reference <= limit, "damaged: a reference out of range");
  s.gross_minor = in.zigzag();
  s.refund_minor = in.zigzag();
  s.units_milli = in.zigzag();
  s.priced_lines = in.varint();
  if (s.priced_lines > 0) {
    s.log_price_sum = in.real();
    s.price_min = in.zigzag();
    s.price_max = in.zigzag();
  }
  s.rating_count = in.varint();
  s.rating_milli = in.zigzag();
  s.duration_ms = in.zigzag();
  s.bot_events = in.varint();
}

TimeScale read_times(BlobReader& in, ProfileState& s) {
  TimeScale scale;
  const unsigned char unit = in.byte();
  if (unit == 0xFF || in.failure() != nullptr) return scale;
  if (unit >= kUnits.size()) {
    in.fail("damaged: no such unit of time");
    return scale;
  }
  s.first_seen = scale.read(in);
  scale = {s.first_seen->micros, unit};
  s.last_seen = scale.read(in);
  return scale;
}

template <class Entry, class Make>
void read_numbered(BlobReader& in, std::vector<Entry>& entries, std::size_t bytes, Make make) {
  const std::size_t n = in.count(bytes);
  entries.reserve(n);
  std::int64_t previous = 0;
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    const std::int64_t number = next_number(in, previous);
    entries.push_back(make(number));
  }
}

void read_state(BlobReader& in, ProfileState& s) {
  s.half_life_micros = in.zigzag();
  in.require(s.half_life_micros >= 0 && s.half_life_micros <= 36500 * kMicrosPerDay,
             "damaged: a half life out of range");
  const TimeScale scale = read_times(in, s);
  read_sparse(in, s.type_counts);
  read_days(in, s.days);
  read_orders(in, s.orders, scale);
  read_terms(in, s.categories);
  read_terms(in, s.brands);
  read_numbered(in, s.channels, 3, [&](std::int64_t number) {
    const std::uint64_t count = in.varint();
    return ChannelState{{number}, count, in.varint()};
  });
  read_numbered(in, s.bought, 2,
                [&](std::int64_t number) { return BoughtItem{{number}, in.varint()}; });
  read_recent(in, s.recent_items, scale);
  read_sparse(in, s.hours);
  read_sparse(in, s.weekdays);
  read_sums(in, s);
  if (in.version() >= 2) read_refunded(in, s.refunded);
  in.require(s.first_seen || (s.orders.empty() && s.refunded.empty() && s.recent_items.empty()),
             "damaged: orders of nobody seen");
  in.require(!s.first_seen || *s.first_seen <= *s.last_seen, "damaged: last seen before first");
}

void read_searches(BlobReader& in, std::vector<RecentSearch>& searches) {
  const std::size_t n = in.count(4, kRecentSearches);
  const TimeScale scale;
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    RecentSearch search;
    search.time = scale.read(in);
    search.sequence = in.zigzag();
    search.words = in.text(kSearchBytes);
    const bool descends =
        searches.empty() || std::pair(searches.back().time, searches.back().sequence) >=
                                std::pair(search.time, search.sequence);
    in.require(descends && !search.words.empty(), "damaged: searches do not descend");
    const bool repeats =
        std::ranges::find(searches, search.words, &RecentSearch::words) != searches.end();
    in.require(!repeats, "damaged: a search twice");
    searches.push_back(std::move(search));
  }
}

}  // namespace

std::string ProfileAccumulator::serialise() const {
  const ProfileState& s = state_;
  BlobWriter out(kMagic);
  out.zigzag(s.half_life_micros);
  const TimeScale scale = scale_of(s);
  out.byte(s.first_seen ? static_cast<unsigned char>(scale.unit) : 0xFF);
  if (s.first_seen) {
    TimeScale().write(out, *s.first_seen);
    scale.write(out, *s.last_seen);
  }
  write_sparse(out, s.type_counts);
  write_days(out, s.days);
  write_orders(out, s.orders, scale);
  write_terms(out, s.categories);
  write_terms(out, s.brands);
  std::int64_t previous = 0;
  out.varint(s.channels.size());
  for (const ChannelState& channel : s.channels) {
    out.varint(step(previous, channel.channel.value));
    out.varint(channel.events);
    out.varint(channel.purchase_lines);
  }
  previous = 0;
  out.varint(s.bought.size());
  for (const BoughtItem& item : s.bought) {
    out.varint(step(previous, item.item.value));
    out.varint(item.lines);
  }
  write_recent(out, s.recent_items, scale);
  write_sparse(out, s.hours);
  write_sparse(out, s.weekdays);
  write_sums(out, s);
  write_refunded(out, s.refunded);
  return out.finish();
}

std::string ProfileAccumulator::serialise_searches() const {
  if (state_.recent_searches.empty()) return {};
  BlobWriter out(kSearchMagic);
  out.varint(state_.recent_searches.size());
  for (const RecentSearch& search : state_.recent_searches) {
    TimeScale().write(out, search.time);
    out.zigzag(search.sequence);
    out.text(search.words);
  }
  return out.finish();
}

Result<ProfileAccumulator> ProfileAccumulator::parse(std::string_view blob,
                                                     std::string_view searches) {
  ProfileAccumulator profile;
  BlobReader in(blob);
  in.open(kMagic);
  read_state(in, profile.state_);
  in.require(in.at_end(), "damaged: bytes after its end");
  if (in.failure() != nullptr) {
    return std::unexpected(data_corruption(
        fmt::format("the stored profile of {} bytes is {}; rebuild it from the history",
                    blob.size(), in.failure())));
  }
  if (searches.empty()) return profile;
  BlobReader words(searches);
  words.open(kSearchMagic);
  read_searches(words, profile.state_.recent_searches);
  words.require(words.at_end(), "damaged: bytes after its end");
  if (words.failure() != nullptr) {
    return std::unexpected(data_corruption(
        fmt::format("the stored search words of {} bytes are {}; rebuild the profile from the "
                    "history",
                    searches.size(), words.failure())));
  }
  return profile;
}

}  // namespace attune::profiles
