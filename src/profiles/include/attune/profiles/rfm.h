// Scores, tiers and stages by stated rules. Answers: how good a customer is this beside the others,
// and where in their life with the shop do they stand?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "attune/base/parameters.h"
#include "attune/profiles/profile.h"
#include "attune/profiles/value_counts.h"

namespace attune::profiles {

struct RfmParameters {
  int k = 5;                 // scores run from 1 to k
  double top_share = 0.05;   // value tiers, as shares of the buyers counted from the best: top 5 %,
  double high_share = 0.20;  // then up to the best 20 % high,
  double middle_share = 0.50;  // then up to the best half middle, the rest low

  static const ParameterTable<RfmParameters>& table();
  // Errors: invalid_argument unless top_share <= high_share <= middle_share.
  Status check() const;
  friend bool operator==(const RfmParameters&, const RfmParameters&) = default;
};

struct RfmValues {
  std::int64_t recency_days = 0;
  std::int64_t frequency = 0;
  std::int64_t monetary_minor = 0;
};

// Quantile scores over the buyers (customers with at least one order) [Hughes1994]; unlike there,
// each of the three is scored by itself, and ties are never parted.
//
// Rule: score = 1 + floor(k * worse / n), where n is the number of buyers and `worse` how many of
// them have a strictly worse value: fewer orders, less money, a longer time since the last
// purchase. Equal values get equal scores, whatever the order of rows. A score is therefore a
// function of the value, kept as k-1 cuts. The same in SQL:
//
//   SELECT customer,
//     1 + k * (rank() OVER (ORDER BY recency_days DESC) - 1) // count(*) OVER () AS recency_score,
//     1 + k * (rank() OVER (ORDER BY frequency) - 1) // count(*) OVER () AS frequency_score,
//     1 + k * (rank() OVER (ORDER BY monetary_minor) - 1) // count(*) OVER () AS monetary_score
//   FROM (SELECT customer, date_diff('day', max(day), as_of_day) AS recency_days,
//       count(DISTINCT order_key) AS frequency,
//       sum(CASE type WHEN 'purchase' THEN value WHEN 'refund' THEN -value END) AS monetary_minor
//     FROM events GROUP BY customer HAVING count(DISTINCT order_key) > 0)
//
// with // as integer division, max(day) and order_key over purchases alone; the value of a refund
// that states an order and neither item nor amount is what other refunds left of the order.
//
// A buyer's value tier counts from the best end: with `better` the number of buyers with strictly
// more money, it is top if better < top_share * n, else high if better < high_share * n, else
// middle if better < middle_share * n, else low; and low whatever the rank if the money is <= 0.
class RfmScale {
 public:
  RfmScale() = default;
  // Errors: none; parameters are checked before. Cost: O(n log n).
  RfmScale(std::span<const RfmValues> buyers, const RfmParameters& parameters);
  // Of the buyers' days of the last purchase, numbers of orders, and money. Cost: linear in the
  // number of distinct values.
  RfmScale(ValueCounts& last_days, std::int64_t as_of_day, ValueCounts& orders,
           ValueCounts& monetary_minor, const RfmParameters& parameters);

  bool empty() const { return buyers_ == 0; }
  std::int64_t buyers() const { return buyers_; }
  int k() const { return k_; }
  // Values that no buyer had score as the nearest worse one would, plus what lies between: the cuts
  // decide.
  RfmScores score(const RfmValues& values) const;
  ValueTier tier(std::int64_t monetary_minor) const;

 private:
  // cuts[i]: the smallest value (after turning recency round) that scores i + 2.
  std::vector<std::int64_t> recency_cuts_, frequency_cuts_, monetary_cuts_;
  std::vector<std::int64_t> tier_cuts_;  // smallest money that is middle, high, top
  std::int64_t buyers_ = 0;
  int k_ = 0;
};

// The rules of stages. `gap` below is the customer's own median inter-purchase time if they have at
// least `own_gap_purchase_days_min` purchase days, else the shop's median, else `default_gap_days`;
// never below `gap_days_min`.
struct LifecycleParameters {
  int own_gap_purchase_days_min = 3;
  double gap_days_min = 7;
  double default_gap_days = 60;
  int new_days = 30;        // new: the first purchase lies at most this many days back
  double at_risk_gaps = 2;  // at risk: more than this many gaps without a purchase
  double lapsed_gaps = 4;   // lapsed: more than this many gaps
  int won_back_days = 90;   // won back: returned after a lapsed gap at most this many days ago
  int frequent_orders_min =
      3;  // frequent buyer: this many purchase days and a gap no longer than the shop's median
  int creator_daily_posts_min = 20;  // posts in the last 30 days
  int creator_weekly_posts_min = 4;  // posts in the last 30 days
  int regular_days_min = 8;          // regular: active on this many of the last 30 days
  int engager_actions_min =
      10;  // active engager: likes, comments, shares, follows, ratings, reviews in the last 30 days

  static const ParameterTable<LifecycleParameters>& table();
  // Errors: invalid_argument unless at_risk_gaps <= lapsed_gaps.
  Status check() const;
  friend bool operator==(const LifecycleParameters&, const LifecycleParameters&) = default;
};

// First rule that holds: unseen (no activity at all) · browsing (activity, never bought) · new
// (days since the first purchase <= new_days) · lapsed (recency > lapsed_gaps * gap) · at_risk
// (recency > at_risk_gaps * gap) · won_back (the latest gap longer than lapsed_gaps * gap ended at
// most won_back_days ago) · active. `days`: purchase days ascending; `as_of_day` on the same
// calendar. A purchase that lies ahead counts as today.
Lifecycle lifecycle_stage(std::span<const std::int32_t> days, bool seen, std::int32_t as_of_day,
                          std::optional<double> shop_gap_days,
                          const LifecycleParameters& parameters);

// none: never bought; one_time: one purchase day; frequent: see frequent_orders_min (without a shop
// median the own gap is compared with default_gap_days); else infrequent.
BuyerKind buyer_kind(std::span<const std::int32_t> days, std::optional<double> shop_gap_days,
                     const LifecycleParameters& parameters);

// From posts: daily, weekly or monthly (at least one in the last 30 days) creators; occasional:
// posted before that; none.
CreatorKind creator_kind(const WindowCounts& posts, const LifecycleParameters& parameters);
// From active days: regular; occasional: any of the last 30 days; dormant: any before; none.
VisitorKind visitor_kind(const WindowCounts& active_days, const LifecycleParameters& parameters);
// From engagements: active; some: any ever; none.
EngagerKind engager_kind(const WindowCounts& engagements, const LifecycleParameters& parameters);

}  // namespace attune::profiles
