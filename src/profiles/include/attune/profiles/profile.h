// A customer as a reader, a rule or a model sees them. Answers: who is this, as of now?
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/events/event.h"
#include "attune/profiles/accumulator.h"
#include "attune/profiles/terms.h"

namespace attune::profiles {

inline constexpr std::array<int, 4> kWindowDays{7, 30, 90, 365};

// How often something happened. Window w holds the days d of the shop's calendar with as_of - w < d
// <= as_of.
struct WindowCounts {
  std::uint64_t total = 0;
  std::array<std::uint64_t, 4> windows{};  // in the order of kWindowDays
};

// `share` of all categories (brands, channels) sums to 1: by decayed interest, for channels by
// activity.
struct TermShare {
  TermId term;
  double share = 0;
  double interest =
      0;  // Σ weight * 2^(-age / half life) as of the profile; for channels the number of events
  std::uint64_t events = 0;
  std::uint64_t bought_lines = 0;
  std::int64_t spend_cents = 0;
};

enum class PriceBand : std::uint8_t { none, low, middle, high };
enum class DayPart : std::uint8_t {
  none,
  night,
  morning,
  afternoon,
  evening
};  // from 0, 6, 12, 18 o'clock
enum class ValueTier : std::uint8_t { none, low, middle, high, top };
enum class Lifecycle : std::uint8_t { unseen, browsing, fresh, active, at_risk, lapsed, won_back };
enum class BuyerKind : std::uint8_t { none, one_time, infrequent, frequent };
enum class CreatorKind : std::uint8_t { none, occasional, monthly, weekly, daily };
enum class VisitorKind : std::uint8_t { none, dormant, occasional, regular };
enum class EngagerKind : std::uint8_t { none, some, active };

// Stable snake_case words of JSON, rules and exports: "none", "at_risk", "new" (for fresh) …
std::string_view name(PriceBand value);
std::string_view name(DayPart value);
std::string_view name(ValueTier value);
std::string_view name(Lifecycle value);
std::string_view name(BuyerKind value);
std::string_view name(CreatorKind value);
std::string_view name(VisitorKind value);
std::string_view name(EngagerKind value);
std::string_view weekday_name(int weekday);  // 0: "monday" … 6: "sunday"; "none" otherwise

struct RfmScores {
  int recency = 0, frequency = 0, monetary = 0;  // 1 (worst) to k (best)
  friend bool operator==(const RfmScores&, const RfmScores&) = default;
};

// Amounts are minor units ("cents") of the reporting currency; days are those of the shop's
// calendar. Absent means "there is none" (no recency without a purchase), never zero.
struct Profile {
  CustomerNumber customer;
  Timestamp as_of;

  std::optional<std::int64_t>
      recency_days;                 // as_of day - day of the last purchase; 0 if that lies ahead
  std::int64_t frequency = 0;       // orders
  std::int64_t monetary_cents = 0;  // gross - refunds
  std::int64_t gross_cents = 0;
  std::int64_t refund_cents = 0;  // stated, and what is left of orders refunded whole
  std::int64_t refund_count = 0;  // refund lines
  double refund_share = 0;        // refunds / gross; 0 without purchases; may pass 1
  // Gross / orders that told what they came to in the reporting currency, half away from zero.
  std::optional<std::int64_t> average_basket_cents;
  std::optional<double> average_basket_lines;
  std::int64_t purchase_lines = 0;
  double units = 0;
  std::int64_t items_bought = 0;   // distinct
  std::int64_t purchase_days = 0;  // distinct days with an order
  // Between successive purchase days; absent below two of them.
  std::optional<double> inter_purchase_days_mean;
  std::optional<double> inter_purchase_days_median;
  std::optional<std::int64_t> last_gap_days;  // the gap before the last purchase day

  std::optional<Timestamp> first_purchase, last_purchase, first_seen, last_seen;
  std::optional<std::int64_t> days_since_first_purchase, days_since_first_seen,
      days_since_last_seen;

  std::vector<TermShare> categories, brands, channels;  // best first; ties by term number
  std::optional<std::int64_t> typical_price_cents;  // geometric mean of unit prices bought, rounded
  PriceBand price_band = PriceBand::none;
  DayPart day_part = DayPart::none;         // most frequent; ties to the earlier
  int weekday = -1;                         // 0 Monday; -1 unknown; ties to the earlier
  std::array<double, 5> day_part_shares{};  // by DayPart; sums to 1, or all 0
  std::array<double, 7> weekday_shares{};
  std::vector<RecentItem> recent_items;
  std::vector<std::string> recent_searches;
  std::vector<BoughtItem> bought;
  double engagement = 0;  // decayed, over all behaviour
  std::array<WindowCounts, events::kEventTypeCount> counts{};
  WindowCounts active_days;      // distinct days with activity; total is capped at kDaysKept
  WindowCounts engagements;      // likes, comments, shares, follows, ratings, reviews
  std::int64_t rated_count = 0;  // events that carried a rating
  std::optional<double> rating_mean;
  std::int64_t duration_ms = 0;

  // Relative to the other customers of the shop: set by ShopContext.
  std::optional<RfmScores> rfm;  // of buyers
  ValueTier value_tier = ValueTier::none;
  Lifecycle lifecycle = Lifecycle::unseen;
  BuyerKind buyer = BuyerKind::none;
  CreatorKind creator = CreatorKind::none;
  VisitorKind visitor = VisitorKind::none;
  EngagerKind engager = EngagerKind::none;

  std::vector<std::string>
      segments;  // names of saved segments the customer is in, ascending; filled by who knows

  const WindowCounts& count(events::EventType type) const {
    return counts[static_cast<std::size_t>(type)];
  }
};

struct ShopContext;  // context.h

// Reads a profile out of what is remembered. `as_of` should not lie before the last folded event:
// what happened later counts too (a point in the past is read by folding the events up to it).
// Determinism: a pure function of its arguments.
Profile describe(CustomerNumber customer, const ProfileState& state, const ShopContext& context);

// One JSON object with the names above in snake_case; times as ISO 8601 in UTC; absent values are
// null; categories, brands and channels by name, the best `top` of each; counts as {"view":
// {"total": …, "7d": …, …}} for types that occurred.
std::string to_json(const Profile& profile, const Vocabulary& names, std::size_t top = 3);

}  // namespace attune::profiles
