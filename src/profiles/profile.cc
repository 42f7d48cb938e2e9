#include "attune/profiles/profile.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "attune/profiles/behaviour.h"
#include "attune/profiles/context.h"
#include "sorted.h"
#include "summary.h"

namespace attune::profiles {
namespace {

using events::EventType;

// a / b rounded half away from zero; b > 0.
std::int64_t divide_rounded(std::int64_t a, std::int64_t b) {
  const std::int64_t whole = a / b, rest = a % b;
  if (std::abs(rest) < b - std::abs(rest)) return whole;
  return whole + (a < 0 ? -1 : 1);
}

double as_share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

void describe_money(Profile& p, const ProfileState& s) {
  p.gross_cents = s.gross_minor;
  p.refund_cents = refund_total(s);
  p.monetary_cents = wrap_subtract(s.gross_minor, p.refund_cents);
  p.refund_count = static_cast<std::int64_t>(p.count(EventType::refund).total);
  p.refund_share = as_share(p.refund_cents, p.gross_cents);
  p.frequency = static_cast<std::int64_t>(s.orders.size());
  p.purchase_lines = static_cast<std::int64_t>(p.count(EventType::purchase).total);
  p.units = static_cast<double>(s.units_milli) / 1000;
  p.items_bought = static_cast<std::int64_t>(s.bought.size());
  if (const auto valued = std::ranges::count(s.orders, true, &OrderState::valued); valued > 0)
    p.average_basket_cents = divide_rounded(s.gross_minor, valued);
  if (p.frequency > 0) {
    p.average_basket_lines =
        static_cast<double>(p.purchase_lines) / static_cast<double>(p.frequency);
  }
}

void describe_dates(Profile& p, const ProfileState& s, std::span<const std::int32_t> days,
                    std::int64_t as_of_day, const TimeZone& zone) {
  const auto since = [&](std::int64_t day) { return std::max<std::int64_t>(0, as_of_day - day); };
  p.first_seen = s.first_seen;
  p.last_seen = s.last_seen;
  if (s.first_seen) {
    p.days_since_first_seen = since(zone.day_number(*s.first_seen));
    p.days_since_last_seen = since(zone.day_number(*s.last_seen));
  }
  if (days.empty()) return;
  const auto [first, last] = std::ranges::minmax(s.orders, {}, &OrderState::time);
  p.first_purchase = first.time;
  p.last_purchase = last.time;
  p.purchase_days = static_cast<std::int64_t>(days.size());
  p.recency_days = since(days.back());
  p.days_since_first_purchase = since(days.front());
  if (days.size() < 2) return;
  const double span = static_cast<double>(days.back()) - days.front();
  p.inter_purchase_days_mean = span / static_cast<double>(days.size() - 1);
  p.inter_purchase_days_median = median_gap(days);
  p.last_gap_days = days.back() - days[days.size() - 2];
}

// Best first. Shares that differ by less than 1e-9 are ties, so that the order of folding, which
// moves the last digits, does not show.
void rank(std::vector<TermShare>& shares) {
  const double total = std::transform_reduce(shares.begin(), shares.end(), 0.0, std::plus<>(),
                                             [](const TermShare& s) { return s.interest; });
  for (TermShare& s : shares) s.share = total > 0 ? s.interest / total : 0;
  std::ranges::sort(shares, [](const TermShare& a, const TermShare& b) {
    const double x = std::round(a.share * 1e9), y = std::round(b.share * 1e9);
    return x != y ? x > y : a.term < b.term;
  });
}

std::vector<TermShare> describe_terms(const std::vector<TermState>& terms, double decay) {
  std::vector<TermShare> shares;
  shares.reserve(terms.size());
  for (const TermState& t : terms) {
    shares.push_back({t.term, 0, t.interest * decay, t.events, t.bought_lines, t.spend_minor});
  }
  rank(shares);
  return shares;
}

void describe_taste(Profile& p, const ProfileState& s, const ShopContext& context) {
  const double half_lives = s.half_life_micros > 0 ? static_cast<double>(context.as_of.micros) /
                                                         static_cast<double>(s.half_life_micros)
                                                   : 0;
  // Beyond 500 half lives either way the interest is as good as none, or its clock is wrong.
  const double decay =
      std::exp2(std::clamp(static_cast<double>(s.reference) - half_lives, -500.0, 500.0));
  p.categories = describe_terms(s.categories, decay);
  p.brands = describe_terms(s.brands, decay);
  p.engagement = s.engagement * decay;
  for (const ChannelState& c : s.channels) {
    p.channels.push_back({c.channel, 0, static_cast<double>(c.events), c.events, c.purchase_lines});
  }
  rank(p.channels);
  p.typical_price_cents = typical_price(s);
  if (p.typical_price_cents && context.prices) {
    p.price_band = context.prices->band(*p.typical_price_cents);
  }
  p.recent_items = s.recent_items;
  for (const RecentSearch& search : s.recent_searches) p.recent_searches.push_back(search.words);
  p.bought = s.bought;
}

// Orders join the histograms once each, at their first line.
void describe_habits(Profile& p, const ProfileState& s, const TimeZone& zone) {
  std::array<double, 5> parts{};
  std::array<double, 7> weekdays{};
  for (std::size_t hour = 0; hour < 24; ++hour) {
    parts[1 + hour / 6] += static_cast<double>(s.hours[hour]);
  }
  for (std::size_t d = 0; d < 7; ++d) weekdays[d] = static_cast<double>(s.weekdays[d]);
  for (const OrderState& order : s.orders) {
    ProfileEvent moment;
    moment.time = order.time;
    set_local_time(moment, zone);
    if (!order.date_only) parts[1 + static_cast<std::size_t>(moment.hour) / 6] += 1;
    weekdays[static_cast<std::size_t>(((moment.day + std::int64_t{3}) % 7 + 7) % 7)] += 1;
  }
  const auto share = [](auto& counts) {
    const double total = std::reduce(counts.begin(), counts.end());
    const auto best = std::ranges::max_element(counts) - counts.begin();
    for (double& count : counts) count = total > 0 ? count / total : 0;
    return total > 0 ? static_cast<int>(best) : -1;
  };
  p.weekday = share(weekdays);
  p.day_part = static_cast<DayPart>(std::max(0, share(parts)));
  p.weekday_shares = weekdays;
  p.day_part_shares = parts;
}

void add_windows(WindowCounts& counts, std::int64_t age, std::uint64_t count) {
  for (std::size_t w = 0; w < kWindowDays.size(); ++w) {
    if (age >= 0 && age < kWindowDays[w]) counts.windows[w] += count;
  }
}

void describe_counts(Profile& p, const ProfileState& s, std::int64_t as_of_day) {
  for (std::size_t t = 0; t < p.counts.size(); ++t) {
    p.counts[t].total = s.type_counts[t];
    if (is_engagement(static_cast<EventType>(t))) p.engagements.total += s.type_counts[t];
  }
  std::optional<std::int32_t> counted_day;
  for (const DayCount& entry : s.days) {
    const std::int64_t age = as_of_day - entry.day;
    add_windows(p.counts[static_cast<std::size_t>(entry.type)], age, entry.count);
    if (is_engagement(entry.type)) add_windows(p.engagements, age, entry.count);
    if (!is_activity(entry.type) || counted_day == entry.day) continue;
    counted_day = entry.day;
    ++p.active_days.total;
    add_windows(p.active_days, age, 1);
  }
  p.rated_count = static_cast<std::int64_t>(s.rating_count);
  if (s.rating_count > 0) {
    p.rating_mean =
        static_cast<double>(s.rating_milli) / 1000 / static_cast<double>(s.rating_count);
  }
  p.duration_ms = s.duration_ms;
}

void describe_standing(Profile& p, const ProfileState& s, std::span<const std::int32_t> days,
                       std::int64_t as_of_day, const ShopContext& context) {
  if (!days.empty() && !context.rfm.empty()) {
    const RfmValues values = rfm_values(s, days, as_of_day);
    p.rfm = context.rfm.score(values);
    p.value_tier = context.rfm.tier(values.monetary_minor);
  }
  const LifecycleParameters& rules = context.lifecycle_parameters;
  p.lifecycle = lifecycle_stage(days, s.first_seen.has_value(),
                                static_cast<std::int32_t>(as_of_day), context.shop_gap_days, rules);
  p.buyer = buyer_kind(days, context.shop_gap_days, rules);
  p.creator = creator_kind(p.count(EventType::post), rules);
  p.visitor = visitor_kind(p.active_days, rules);
  p.engager = engager_kind(p.engagements, rules);
}

}  // namespace

RfmValues rfm_values(const ProfileState& state, std::span<const std::int32_t> days,
                     std::int64_t as_of_day) {
  return {std::max<std::int64_t>(0, as_of_day - days.back()),
          static_cast<std::int64_t>(state.orders.size()), monetary_total(state)};
}

std::int64_t monetary_total(const ProfileState& state) {
  return wrap_subtract(state.gross_minor, refund_total(state));
}

std::int64_t refund_total(const ProfileState& state) {
  std::int64_t total = state.refund_minor;
  for (const RefundedOrder& refund : state.refunded) {
    if (!refund.whole) continue;
    const auto order = std::ranges::lower_bound(state.orders, refund.key, {}, &OrderState::key);
    if (order == state.orders.end() || order->key != refund.key) continue;
    const std::int64_t stated = std::max<std::int64_t>(0, refund.stated_minor);
    if (order->value_minor > stated) total = wrap_add(total, order->value_minor - stated);
  }
  return total;
}

std::optional<std::int64_t> typical_price(const ProfileState& state) {
  if (state.priced_lines == 0) return std::nullopt;
  const double mean = std::exp(state.log_price_sum / static_cast<double>(state.priced_lines));
  // A hair towards the upper side, so that digits lost in the sum do not decide at .5.
  return mean < 9e15 ? std::llround(mean + 1e-6) : std::int64_t{9'000'000'000'000'000};
}

Profile describe(CustomerNumber customer, const ProfileState& state, const ShopContext& context) {
  Profile p;
  p.customer = customer;
  p.as_of = context.as_of;
  const std::int64_t as_of_day = context.zone.day_number(context.as_of);
  const std::vector<std::int32_t> days = purchase_days(state, context.zone);
  describe_counts(p, state, as_of_day);
  describe_money(p, state);
  describe_dates(p, state, days, as_of_day, context.zone);
  describe_taste(p, state, context);
  describe_habits(p, state, context.zone);
  describe_standing(p, state, days, as_of_day, context);
  return p;
}

std::string_view name(PriceBand value) {
  constexpr std::array<std::string_view, 4> kNames{"none", "low", "middle", "high"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view name(DayPart value) {
  constexpr std::array<std::string_view, 5> kNames{"none", "night", "morning", "afternoon",
                                                   "evening"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view name(ValueTier value) {
  constexpr std::array<std::string_view, 5> kNames{"none", "low", "middle", "high", "top"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view name(Lifecycle value) {
  constexpr std::array<std::string_view, 7> kNames{"unseen",  "browsing", "new",     "active",
                                                   "at_risk", "lapsed",   "won_back"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view name(BuyerKind value) {
  constexpr std::array<std::string_view, 4> kNames{"none", "one_time", "infrequent", "frequent"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view name(CreatorKind value) {
  constexpr std::array<std::string_view, 5> kNames{"none", "occasional", "monthly", "weekly",
                                                   "daily"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view name(VisitorKind value) {
  constexpr std::array<std::string_view, 4> kNames{"none", "dormant", "occasional", "regular"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view name(EngagerKind value) {
  constexpr std::array<std::string_view, 3> kNames{"none", "some", "active"};
  return kNames[static_cast<std::size_t>(value)];
}

std::string_view weekday_name(int weekday) {
  constexpr std::array<std::string_view, 7> kNames{"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};
  return weekday >= 0 && weekday < 7 ? kNames[static_cast<std::size_t>(weekday)] : "none";
}

}  // namespace attune::profiles
