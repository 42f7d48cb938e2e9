#include "attune/profiles/accumulator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "sorted.h"

namespace attune::profiles {
namespace {

using events::EventType;

constexpr std::uint64_t kOwnOrder = 0x6F776E206F726465;  // sets orders without an id apart
constexpr double kLargest = 9e15;  // amounts beyond are no amounts: 9e18 holds a thousand of them

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::int64_t rounded(double value) {
  return std::isfinite(value) && std::abs(value) <= kLargest ? std::llround(value) : 0;
}

double scaled(double value, std::int64_t halvings) {
  return std::ldexp(value, -static_cast<int>(std::clamp<std::int64_t>(halvings, -4000, 4000)));
}

auto day_key(const DayCount& c) { return std::pair(c.day, c.type); }

// Drops the earliest days until at most kDaysKept distinct ones are left.
void trim_days(std::vector<DayCount>& days) {
  if (days.size() <= kDaysKept) return;
  std::size_t distinct = 0;
  auto first = days.end();
  while (first != days.begin()) {
    auto run = first;
    const std::int32_t day = (first - 1)->day;
    while (run != days.begin() && (run - 1)->day == day) --run;
    if (distinct == kDaysKept) break;
    ++distinct;
    first = run;
  }
  days.erase(days.begin(), first);
}

template <class Recent>
bool later(const Recent& a, const Recent& b) {
  return std::tie(a.time, a.sequence) > std::tie(b.time, b.sequence);
}

// Keeps the `limit` latest of entries that are the same thing once, by its latest touch.
template <class Recent, class Same>
void touch(std::vector<Recent>& list, const Recent& fresh, std::size_t limit, Same same) {
  if (list.size() == limit && !later(fresh, list.back())) return;
  const auto known = std::ranges::find_if(list, [&](const Recent& r) { return same(r, fresh); });
  if (known != list.end()) {
    if (!later(fresh, *known)) return;
    list.erase(known);
  }
  list.insert(std::ranges::lower_bound(list, fresh, later<Recent>), fresh);
  if (list.size() > limit) list.pop_back();
}

bool same_item(const RecentItem& a, const RecentItem& b) { return a.item == b.item; }
bool same_words(const RecentSearch& a, const RecentSearch& b) { return a.words == b.words; }

std::string_view cut_words(std::string_view words) {
  if (words.size() <= kSearchBytes) return words;
  std::size_t end = kSearchBytes;
  while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xC0) == 0x80) --end;
  return words.substr(0, end);
}

void see(ProfileState& s, Timestamp first, Timestamp last) {
  s.first_seen = s.first_seen ? std::min(*s.first_seen, first) : first;
  s.last_seen = s.last_seen ? std::max(*s.last_seen, last) : last;
}

// Moves the reference of all interests forward. Powers of two: no digit is lost.
void move_reference(ProfileState& s, std::int64_t reference) {
  const std::int64_t halvings = reference - s.reference;
  s.engagement = scaled(s.engagement, halvings);
  for (auto* terms : {&s.categories, &s.brands}) {
    for (TermState& term : *terms) term.interest = scaled(term.interest, halvings);
  }
  s.reference = reference;
}

void fold_term(std::vector<TermState>& terms, TermId term, double interest, bool bought,
               std::int64_t value) {
  if (!term) return;
  bool found = false;
  TermState& entry = find_or_insert(terms, TermState{term}, &TermState::term, found);
  entry.interest += interest;
  ++entry.events;
  if (!bought) return;
  ++entry.bought_lines;
  entry.spend_minor = wrap_add(entry.spend_minor, value);
}

std::int64_t line_value(const ProfileEvent& event) {
  if (event.value_minor) return *event.value_minor;
  if (!event.price_minor) return 0;
  return rounded(static_cast<double>(*event.price_minor) * event.quantity);
}

void add_term(TermState& a, const TermState& b) {
  a.interest += b.interest;
  a.events += b.events;
  a.bought_lines += b.bought_lines;
  a.spend_minor = wrap_add(a.spend_minor, b.spend_minor);
}

void add_order(OrderState& a, const OrderState& b) {
  a.time = std::min(a.time, b.time);
  a.value_minor = wrap_add(a.value_minor, b.value_minor);
  a.lines += b.lines;
  a.date_only = a.date_only && b.date_only;
  a.valued = a.valued || b.valued;
}

void add_refunded(RefundedOrder& a, const RefundedOrder& b) {
  a.stated_minor = wrap_add(a.stated_minor, b.stated_minor);
  a.whole = a.whole || b.whole;
}

void add_prices(ProfileState& s, std::int64_t low, std::int64_t high, std::uint64_t lines,
                double log_sum) {
  if (lines == 0) return;
  s.price_min = s.priced_lines == 0 ? low : std::min(s.price_min, low);
  s.price_max = s.priced_lines == 0 ? high : std::max(s.price_max, high);
  s.priced_lines += lines;
  s.log_price_sum += log_sum;
}

void merge_interests(ProfileState& a, const ProfileState& b) {
  ProfileState other;  // only what move_reference moves
  other.categories = b.categories;
  other.brands = b.brands;
  other.engagement = b.engagement;
  other.reference = b.reference;
  if (a.engagement == 0) {
    a.reference = b.reference;
  } else if (b.engagement == 0) {
    other.reference = a.reference;
  } else {
    const std::int64_t reference = std::max(a.reference, b.reference);
    move_reference(a, reference);
    move_reference(other, reference);
  }
  a.engagement += other.engagement;
  unite(a.categories, other.categories, &TermState::term, add_term);
  unite(a.brands, other.brands, &TermState::term, add_term);
}

}  // namespace

void set_local_time(ProfileEvent& event, const TimeZone& zone) {
  const CivilTime civil = zone.to_civil(event.time);
  event.day = static_cast<std::int32_t>(days_from_civil(civil.year, civil.month, civil.day));
  const bool date_only = (event.marks & bit(events::Mark::date_only)) != 0;
  event.hour = static_cast<std::int8_t>(date_only ? -1 : civil.hour);
}

void ProfileAccumulator::fold(const ProfileEvent& event, const FoldRules& rules) {
  const auto type = static_cast<std::size_t>(event.type);
  if (type >= state_.type_counts.size() || !is_plausible(event.time)) return;
  if (state_.half_life_micros == 0) state_.half_life_micros = rules.half_life_micros();
  if ((event.marks & bit(events::Mark::bot)) != 0) {
    ++state_.bot_events;
    return;
  }
  ++state_.type_counts[type];
  bool found = false;
  ++find_or_insert(state_.days, {event.day, event.type, 0}, day_key, found).count;
  if (!found) trim_days(state_.days);
  if (!is_activity(event.type)) return;
  see(state_, event.time, event.time);
  state_.duration_ms = wrap_add(state_.duration_ms, event.duration_ms);
  fold_time(event);
  fold_interest(event, rules);
  if (event.type == EventType::purchase) fold_purchase(event);
  if (event.type == EventType::refund) fold_refund(event);
  if (event.rating && std::isfinite(*event.rating)) {
    ++state_.rating_count;
    state_.rating_milli = wrap_add(state_.rating_milli, rounded(*event.rating * 1000));
  }
  if (event.item && event.type != EventType::refund) {
    touch(state_.recent_items, {event.time, event.sequence, event.item, event.type}, kRecentItems,
          same_item);
  }
  if (event.type == EventType::search && !event.text.empty()) {
    touch(state_.recent_searches, {event.time, event.sequence, std::string(cut_words(event.text))},
          kRecentSearches, same_words);
  }
}

void ProfileAccumulator::fold_time(const ProfileEvent& event) {
  bool found = false;
  if (event.channel) {
    ChannelState& channel =
        find_or_insert(state_.channels, ChannelState{event.channel}, &ChannelState::channel, found);
    ++channel.events;
    if (event.type == EventType::purchase) ++channel.purchase_lines;
  }
  if (event.type == EventType::purchase || event.type == EventType::refund) return;
  if (event.hour >= 0 && event.hour < 24) ++state_.hours[static_cast<std::uint8_t>(event.hour)];
  const std::int64_t monday_based = floor_divide(event.day + std::int64_t{3}, 7) * 7;
  ++state_.weekdays[static_cast<std::size_t>(event.day + std::int64_t{3} - monday_based)];
}

void ProfileAccumulator::fold_interest(const ProfileEvent& event, const FoldRules& rules) {
  const double weight = rules.weight(event.type);
  double interest = 0;
  if (weight > 0) {
    const std::int64_t half_life = state_.half_life_micros;
    const std::int64_t whole = floor_divide(event.time.micros, half_life);
    const auto rest = static_cast<double>(event.time.micros - whole * half_life);
    if (state_.engagement == 0) state_.reference = whole;
    if (whole > state_.reference) move_reference(state_, whole);
    interest =
        scaled(weight * std::exp2(rest / static_cast<double>(half_life)), state_.reference - whole);
    state_.engagement += interest;
  }
  const bool bought = event.type == EventType::purchase;
  const std::int64_t value = bought ? line_value(event) : 0;
  fold_term(state_.brands, event.brand, interest, bought, value);
  if (event.categories.empty()) return;
  const double part = interest / static_cast<double>(event.categories.size());
  for (const TermId category : event.categories) {
    fold_term(state_.categories, category, part, bought, value);
  }
}

void ProfileAccumulator::fold_purchase(const ProfileEvent& event) {
  const std::uint64_t key = event.order != 0
                                ? event.order
                                : combine(kOwnOrder, static_cast<std::uint64_t>(event.sequence));
  const std::int64_t value = line_value(event);
  const bool valued = event.value_minor.has_value() || event.price_minor.has_value();
  const OrderState line{key, event.time, value, 1, event.hour < 0, valued};
  bool found = false;
  OrderState& order = find_or_insert(state_.orders, line, &OrderState::key, found);
  if (found) add_order(order, line);
  state_.gross_minor = wrap_add(state_.gross_minor, value);
  state_.units_milli = wrap_add(state_.units_milli, rounded(event.quantity * 1000));
  if (event.item) {
    ++find_or_insert(state_.bought, BoughtItem{event.item}, &BoughtItem::item, found).lines;
  }
  if (!event.price_minor || *event.price_minor <= 0) return;
  const std::int64_t price = *event.price_minor;
  add_prices(state_, price, price, 1, std::log(static_cast<double>(price)));
}

void ProfileAccumulator::fold_refund(const ProfileEvent& event) {
  const std::int64_t value = line_value(event);
  state_.refund_minor = wrap_add(state_.refund_minor, value);
  const bool stated = event.value_minor || event.price_minor;
  const bool whole = !stated && !event.item;
  if (event.order == 0 || (!stated && !whole)) return;
  const RefundedOrder refund{event.order, value, whole};
  bool found = false;
  RefundedOrder& order = find_or_insert(state_.refunded, refund, &RefundedOrder::key, found);
  if (found) add_refunded(order, refund);
}

Status ProfileAccumulator::merge(const ProfileAccumulator& other) {
  if (other.empty()) return {};
  if (empty()) {
    *this = other;
    return {};
  }
  ProfileState& a = state_;
  const ProfileState& b = other.state_;
  if (a.half_life_micros != b.half_life_micros) {
    return std::unexpected(failed_precondition(fmt::format(
        "two profiles were folded with half lives of {:g} and {:g} days and cannot be merged; "
        "rebuild the profiles",
        static_cast<double>(a.half_life_micros) / static_cast<double>(kMicrosPerDay),
        static_cast<double>(b.half_life_micros) / static_cast<double>(kMicrosPerDay))));
  }
  const auto add_each = [](auto& to, const auto& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  };
  add_each(a.type_counts, b.type_counts);
  add_each(a.hours, b.hours);
  add_each(a.weekdays, b.weekdays);
  unite(a.days, b.days, day_key, [](DayCount& x, const DayCount& y) { x.count += y.count; });
  trim_days(a.days);
  unite(a.orders, b.orders, &OrderState::key, add_order);
  unite(a.refunded, b.refunded, &RefundedOrder::key, add_refunded);
  unite(a.channels, b.channels, &ChannelState::channel, [](ChannelState& x, const ChannelState& y) {
    x.events += y.events;
    x.purchase_lines += y.purchase_lines;
  });
  unite(a.bought, b.bought, &BoughtItem::item,
        [](BoughtItem& x, const BoughtItem& y) { x.lines += y.lines; });
  for (const auto& r : b.recent_items) touch(a.recent_items, r, kRecentItems, same_item);
  for (const auto& r : b.recent_searches) touch(a.recent_searches, r, kRecentSearches, same_words);
  merge_interests(a, b);
  add_prices(a, b.price_min, b.price_max, b.priced_lines, b.log_price_sum);
  a.gross_minor = wrap_add(a.gross_minor, b.gross_minor);
  a.refund_minor = wrap_add(a.refund_minor, b.refund_minor);
  a.units_milli = wrap_add(a.units_milli, b.units_milli);
  a.rating_count += b.rating_count;
  a.rating_milli = wrap_add(a.rating_milli, b.rating_milli);
  a.duration_ms = wrap_add(a.duration_ms, b.duration_ms);
  a.bot_events += b.bot_events;
  if (b.first_seen) see(a, *b.first_seen, *b.last_seen);
  return {};
}

}  // namespace attune::profiles
