#include "attune/profiles/rfm.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/profiles/context.h"

namespace attune::profiles {
namespace {

constexpr std::int64_t kNobody = std::numeric_limits<std::int64_t>::max();

// cuts[s - 2]: the smallest value with floor(k * worse / n) >= s - 1, which is one above the
// ceil((s - 1) n / k)-th smallest.
std::vector<std::int64_t> score_cuts(ValueCounts& values, int k) {
  const std::int64_t n = values.total();
  std::vector<std::int64_t> cuts;
  for (std::int64_t score = 2; score <= k; ++score) {
    const std::int64_t worse = ((score - 1) * n + k - 1) / k;
    const std::int64_t below = values.at(worse - 1);
    cuts.push_back(below == kNobody ? kNobody : below + 1);
  }
  return cuts;
}

int score_of(const std::vector<std::int64_t>& cuts, std::int64_t value) {
  return 1 + static_cast<int>(std::ranges::upper_bound(cuts, value) - cuts.begin());
}

// The smallest value of which fewer than share * n are larger.
std::int64_t tier_cut(ValueCounts& values, double share) {
  const std::int64_t n = values.total();
  const auto better_max = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(n))) - 1;
  if (better_max < 0) return kNobody;
  if (better_max >= n) return std::numeric_limits<std::int64_t>::min();
  return values.at(n - 1 - better_max);
}

double gap_of(std::span<const std::int32_t> days, std::optional<double> shop_gap_days,
              const LifecycleParameters& p) {
  const bool own = static_cast<std::int64_t>(days.size()) >= p.own_gap_purchase_days_min;
  const double gap =
      own && days.size() >= 2 ? median_gap(days) : shop_gap_days.value_or(p.default_gap_days);
  return std::max(gap, p.gap_days_min);
}

}  // namespace

const ParameterTable<RfmParameters>& RfmParameters::table() {
  using P = RfmParameters;
  static const ParameterTable<P> kTable = [] {
    ParameterTable<P> table;
    table.integer("k", &P::k, 2, 100, "", "number of scores: 1 (worst) to k (best)");
    table.real("top_share", &P::top_share, 0, 1, "", "share of buyers in the value tier top");
    table.real("high_share", &P::high_share, 0, 1, "", "share of buyers in top and high together");
    table.real("middle_share", &P::middle_share, 0, 1, "",
               "share of buyers in top, high and middle together");
    return table;
  }();
  return kTable;
}

Status RfmParameters::check() const {
  if (top_share <= high_share && high_share <= middle_share) return {};
  return std::unexpected(invalid_argument(fmt::format(
      "value tiers need top_share <= high_share <= middle_share, but they are {}, {} and {}",
      top_share, high_share, middle_share)));
}

namespace {

ValueCounts counts_of(std::span<const RfmValues> buyers, std::int64_t RfmValues::* value,
                      std::int64_t sign = 1) {
  ValueCounts counts;
  for (const RfmValues& buyer : buyers) counts.add(sign * buyer.*value);
  return counts;
}

}  // namespace

RfmScale::RfmScale(std::span<const RfmValues> buyers, const RfmParameters& parameters)
    : buyers_(std::ssize(buyers)), k_(parameters.k) {
  ValueCounts last_days = counts_of(buyers, &RfmValues::recency_days, -1);
  ValueCounts orders = counts_of(buyers, &RfmValues::frequency);
  ValueCounts monetary = counts_of(buyers, &RfmValues::monetary_minor);
  *this = RfmScale(last_days, 0, orders, monetary, parameters);
}

RfmScale::RfmScale(ValueCounts& last_days, std::int64_t as_of_day, ValueCounts& orders,
                   ValueCounts& monetary_minor, const RfmParameters& parameters)
    : buyers_(orders.total()), k_(parameters.k) {
  if (buyers_ == 0) return;
  recency_cuts_ = score_cuts(last_days, k_);
  // Recency turned round; a purchase that lies ahead counts as today.
  for (std::int64_t& cut : recency_cuts_) cut = std::min<std::int64_t>(cut - 1 - as_of_day, 0) + 1;
  frequency_cuts_ = score_cuts(orders, k_);
  monetary_cuts_ = score_cuts(monetary_minor, k_);
  for (const double share :
       {parameters.middle_share, parameters.high_share, parameters.top_share}) {
    tier_cuts_.push_back(tier_cut(monetary_minor, share));
  }
}

RfmScores RfmScale::score(const RfmValues& values) const {
  return {score_of(recency_cuts_, -values.recency_days),
          score_of(frequency_cuts_, values.frequency),
          score_of(monetary_cuts_, values.monetary_minor)};
}

ValueTier RfmScale::tier(std::int64_t monetary_minor) const {
  if (empty()) return ValueTier::none;
  if (monetary_minor <= 0) return ValueTier::low;
  if (monetary_minor >= tier_cuts_[2]) return ValueTier::top;
  if (monetary_minor >= tier_cuts_[1]) return ValueTier::high;
  return monetary_minor >= tier_cuts_[0] ? ValueTier::middle : ValueTier::low;
}

const ParameterTable<LifecycleParameters>& LifecycleParameters::table() {
  using P = LifecycleParameters;
  static const ParameterTable<P> kTable = [] {
    ParameterTable<P> table;
    table.integer("own_gap_purchase_days_min", &P::own_gap_purchase_days_min, 2, 1000, "days",
                  "purchase days from which on a customer's own inter-purchase time is used");
    table.real("gap_days_min", &P::gap_days_min, 0.01, 3650, "days",
               "shorter inter-purchase times count as this");
    table.real("default_gap_days", &P::default_gap_days, 0.01, 3650, "days",
               "inter-purchase time of a shop where nobody came back yet");
    table.integer("new_days", &P::new_days, 0, 3650, "days",
                  "a customer is new for so long after the first purchase");
    table.real("at_risk_gaps", &P::at_risk_gaps, 0, 1000, "inter-purchase times",
               "at risk after more than this without a purchase");
    table.real("lapsed_gaps", &P::lapsed_gaps, 0, 1000, "inter-purchase times",
               "lapsed after more than this without a purchase");
    table.integer("won_back_days", &P::won_back_days, 0, 3650, "days",
                  "won back for so long after the return of a lapsed customer");
    table.integer("frequent_orders_min", &P::frequent_orders_min, 2, 1000, "days",
                  "purchase days of a frequent buyer");
    table.integer("creator_daily_posts_min", &P::creator_daily_posts_min, 1, 1000, "posts",
                  "posts in 30 days of a daily creator");
    table.integer("creator_weekly_posts_min", &P::creator_weekly_posts_min, 1, 1000, "posts",
                  "posts in 30 days of a weekly creator");
    table.integer("regular_days_min", &P::regular_days_min, 1, 30, "days",
                  "active days in 30 of a regular visitor");
    table.integer("engager_actions_min", &P::engager_actions_min, 1, 10000, "actions",
                  "likes, comments, shares, follows, ratings and reviews in 30 days of an active "
                  "engager");
    return table;
  }();
  return kTable;
}

Status LifecycleParameters::check() const {
  if (at_risk_gaps <= lapsed_gaps) return {};
  return std::unexpected(
      invalid_argument(fmt::format("at_risk_gaps is {}, but must not pass lapsed_gaps, which is {}",
                                   at_risk_gaps, lapsed_gaps)));
}

Lifecycle lifecycle_stage(std::span<const std::int32_t> days, bool seen, std::int32_t as_of_day,
                          std::optional<double> shop_gap_days,
                          const LifecycleParameters& parameters) {
  if (days.empty()) return seen ? Lifecycle::browsing : Lifecycle::unseen;
  const auto since = [&](std::int32_t day) {
    return std::max<std::int64_t>(0, std::int64_t{as_of_day} - day);
  };
  if (since(days.front()) <= parameters.new_days) return Lifecycle::fresh;
  const double gap = gap_of(days, shop_gap_days, parameters);
  const auto recency = static_cast<double>(since(days.back()));
  if (recency > parameters.lapsed_gaps * gap) return Lifecycle::lapsed;
  if (recency > parameters.at_risk_gaps * gap) return Lifecycle::at_risk;
  for (std::size_t i = days.size() - 1; i > 0; --i) {
    if (since(days[i]) > parameters.won_back_days) break;
    const double away = static_cast<double>(days[i]) - static_cast<double>(days[i - 1]);
    if (away > parameters.lapsed_gaps * gap) return Lifecycle::won_back;
  }
  return Lifecycle::active;
}

BuyerKind buyer_kind(std::span<const std::int32_t> days, std::optional<double> shop_gap_days,
                     const LifecycleParameters& parameters) {
  if (days.empty()) return BuyerKind::none;
  if (days.size() == 1) return BuyerKind::one_time;
  const bool often = static_cast<std::int64_t>(days.size()) >= parameters.frequent_orders_min &&
                     median_gap(days) <= shop_gap_days.value_or(parameters.default_gap_days);
  return often ? BuyerKind::frequent : BuyerKind::infrequent;
}

CreatorKind creator_kind(const WindowCounts& posts, const LifecycleParameters& parameters) {
  const auto month = static_cast<std::int64_t>(posts.windows[1]);
  if (posts.total == 0) return CreatorKind::none;
  if (month >= parameters.creator_daily_posts_min) return CreatorKind::daily;
  if (month >= parameters.creator_weekly_posts_min) return CreatorKind::weekly;
  return month > 0 ? CreatorKind::monthly : CreatorKind::occasional;
}

VisitorKind visitor_kind(const WindowCounts& active_days, const LifecycleParameters& parameters) {
  const auto month = static_cast<std::int64_t>(active_days.windows[1]);
  if (active_days.total == 0) return VisitorKind::none;
  if (month >= parameters.regular_days_min) return VisitorKind::regular;
  return month > 0 ? VisitorKind::occasional : VisitorKind::dormant;
}

EngagerKind engager_kind(const WindowCounts& engagements, const LifecycleParameters& parameters) {
  if (engagements.total == 0) return EngagerKind::none;
  const auto month = static_cast<std::int64_t>(engagements.windows[1]);
  return month >= parameters.engager_actions_min ? EngagerKind::active : EngagerKind::some;
}

}  // namespace attune::profiles
