// What is remembered of one customer. Answers: what did they do, in numbers that come out the same
// whatever the order in which the events came?
//
// Everything in a ProfileState is a function of the SET of folded events: sums, minima, maxima,
// unions, and "the k largest by a total order". So folding in any order, and merging the states of
// any split, give the same state (integers exactly, interests to 1e-9 relative).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/events/event.h"
#include "attune/profiles/behaviour.h"
#include "attune/profiles/terms.h"

namespace attune::profiles {

// One event as profiles need it. The caller folds each event once (it knows what is a duplicate).
struct ProfileEvent {
  std::int64_t sequence = 0;
  Timestamp time;
  std::int32_t day = 0;   // days since 1970-01-01 on the shop's calendar
  std::int8_t hour = -1;  // 0 to 23 on the shop's clock; -1: the source gave a date only
  events::EventType type = events::EventType::view;
  ItemNumber item;
  std::uint64_t order = 0;  // fingerprint of the order id; 0: the event is an order of its own
  std::span<const TermId>
      categories;  // of the item, as of the event; interest is split evenly among them
  TermId brand;
  TermId channel;
  std::optional<std::int64_t> price_minor;  // of one unit, reporting currency
  std::optional<std::int64_t>
      value_minor;  // of the line, reporting currency, positive for refunds too; missing counts 0,
                    // but a refund without value and price takes a whole order back (RefundedOrder)
  double quantity = 1;
  std::optional<double> rating;
  std::int64_t duration_ms = 0;
  std::string_view text;    // search words, already normalised; used of `search` events only
  std::uint32_t marks = 0;  // an event marked `bot` is counted in bot_events and nowhere else
};

// Sets day and hour from `time`; hour is -1 if marked date_only.
void set_local_time(ProfileEvent& event, const TimeZone& zone);

struct OrderState {
  std::uint64_t key = 0;
  Timestamp time;  // of its first line
  std::int64_t value_minor = 0;
  std::uint64_t lines = 0;
  bool date_only = true;  // no line told the hour
  bool valued = false;    // some line told what it came to
  friend bool operator==(const OrderState&, const OrderState&) = default;
};

// What refunds say of the order that they name. One that states neither item nor amount takes back
// whatever stated amounts left of the order, however often it comes; one of an item without an
// amount takes back nothing, for the lines of an order are not kept apart.
struct RefundedOrder {
  std::uint64_t key = 0;          // as OrderState::key
  std::int64_t stated_minor = 0;  // sum of the amounts that refunds of it state
  bool whole = false;             // a refund stated neither item nor amount
  friend bool operator==(const RefundedOrder&, const RefundedOrder&) = default;
};

struct DayCount {
  std::int32_t day = 0;
  events::EventType type = events::EventType::view;
  std::uint64_t count = 0;
  friend bool operator==(const DayCount&, const DayCount&) = default;
};

// Taste for one category or brand. `interest` is Σ weight * 2^((time - reference) / half life); the
// reference is the state's.
struct TermState {
  TermId term;
  double interest = 0;
  std::uint64_t events = 0;        // activity
  std::uint64_t bought_lines = 0;  // purchase lines
  std::int64_t spend_minor = 0;    // value of those lines, not split among categories
  friend bool operator==(const TermState&, const TermState&) = default;
};

struct ChannelState {
  TermId channel;
  std::uint64_t events = 0;
  std::uint64_t purchase_lines = 0;
  friend bool operator==(const ChannelState&, const ChannelState&) = default;
};

struct BoughtItem {
  ItemNumber item;
  std::uint64_t lines = 0;
  friend bool operator==(const BoughtItem&, const BoughtItem&) = default;
};

// The latest touch of an item.
struct RecentItem {
  Timestamp time;
  std::int64_t sequence = 0;
  ItemNumber item;
  events::EventType type = events::EventType::view;
  friend bool operator==(const RecentItem&, const RecentItem&) = default;
};

struct RecentSearch {
  Timestamp time;
  std::int64_t sequence = 0;
  std::string words;
  friend bool operator==(const RecentSearch&, const RecentSearch&) = default;
};

// Caps, each on "the k largest", which survives any order of folding. What an exact answer needs
// whole (orders, refunded orders, items bought, categories, brands) is not capped: about 17 bytes
// an order, 11 a refunded one, 3 an item bought, 14 a category or brand in the blob.
inline constexpr std::size_t kDaysKept = 372;    // latest distinct days: windows to 365 are exact
inline constexpr std::size_t kRecentItems = 20;  // distinct items, latest touch first
inline constexpr std::size_t kRecentSearches = 10;  // distinct words, latest first
inline constexpr std::size_t kSearchBytes = 80;     // longer words are cut at a character

// Years -9999 to 9999; events outside are passed over.
inline constexpr std::int64_t kTimeLimitMicros = 253'402'300'800'000'000;
constexpr bool is_plausible(Timestamp time) {
  return time.micros > -kTimeLimitMicros && time.micros < kTimeLimitMicros;
}

struct ProfileState {
  std::array<std::uint64_t, events::kEventTypeCount> type_counts{};  // of all time
  std::vector<DayCount> days;                 // ascending (day, type); the latest kDaysKept days
  std::vector<OrderState> orders;             // ascending key
  std::vector<RefundedOrder> refunded;        // ascending key; the refund may come first
  std::vector<TermState> categories;          // ascending term
  std::vector<TermState> brands;              // ascending term
  std::vector<ChannelState> channels;         // ascending channel
  std::vector<BoughtItem> bought;             // ascending item
  std::vector<RecentItem> recent_items;       // latest first
  std::vector<RecentSearch> recent_searches;  // latest first; personal: serialised apart
  // Activity other than purchases and refunds; describe() adds the orders, so that long baskets do
  // not drown the rest.
  std::array<std::uint64_t, 24> hours{};
  std::array<std::uint64_t, 7> weekdays{};  // Monday first
  double engagement = 0;                    // as TermState::interest, over all events
  std::int64_t half_life_micros = 0;        // 0: nothing folded yet
  std::int64_t reference = 0;               // in half lives since 1970
  std::int64_t gross_minor = 0;             // value of purchase lines
  std::int64_t refund_minor = 0;   // amounts that refunds state; refund_total adds the rest
  std::int64_t units_milli = 0;    // quantity of purchase lines, thousandths
  std::uint64_t priced_lines = 0;  // purchase lines with a price above 0, and their prices:
  double log_price_sum = 0;        // Σ ln price
  std::int64_t price_min = 0, price_max = 0;
  std::uint64_t rating_count = 0;
  std::int64_t rating_milli = 0;  // Σ rating, thousandths
  std::int64_t duration_ms = 0;
  std::uint64_t bot_events = 0;
  std::optional<Timestamp> first_seen, last_seen;  // activity
  friend bool operator==(const ProfileState&, const ProfileState&) = default;
};

// Invariants: (1) state() is a function of the set of events folded (see above); (2) every vector
// is sorted and free of repeats as its comment says. Values that pass 64 bits wrap; validation
// keeps them far from it.
// Threads: one thread at a time. Cost: fold is O(log n) look-ups and, for a new entry, a move of
// the entries behind it.
class ProfileAccumulator {
 public:
  void fold(const ProfileEvent& event, const FoldRules& rules);

  // Takes in what `other` holds: the same as folding its events here.
  // Errors: failed_precondition when the two were folded with different half lives.
  Status merge(const ProfileAccumulator& other);

  const ProfileState& state() const { return state_; }
  bool empty() const { return state_.half_life_micros == 0; }

  // Versioned and checked bytes; search words are left out of the first and alone in the second
  // (they are personal, and are sealed where they lie). Parsing gives back the same state.
  std::string serialise() const;
  std::string serialise_searches() const;  // empty when there are none

  // Errors: data_corruption on any bytes that serialise() did not write, saying what is wrong.
  // Never reads past the end, and never takes more memory than a small multiple of the bytes given.
  static Result<ProfileAccumulator> parse(std::string_view blob, std::string_view searches = {});

 private:
  void fold_purchase(const ProfileEvent& event);
  void fold_refund(const ProfileEvent& event);
  void fold_interest(const ProfileEvent& event, const FoldRules& rules);
  void fold_time(const ProfileEvent& event);

  ProfileState state_;
};

}  // namespace attune::profiles
