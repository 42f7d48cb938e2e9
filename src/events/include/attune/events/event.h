// The canonical event: what every reader, door and simulation hands to the engine. Answers: what
// happened, to whom, with what, when, and through which channel?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/hash.h"
#include "attune/base/money.h"
#include "attune/base/time.h"

namespace attune::events {

// Stored as its number: append only, never renumber.
enum class EventType : std::uint8_t {
  view,
  list_view,
  search,
  cart_add,
  cart_remove,
  wishlist,
  checkout,
  purchase,
  refund,
  rating,
  review,
  post,
  like,
  comment,
  share,
  follow,
  signup,
  identify,
  impression,
  click,
  message_sent,
  message_opened,
  message_clicked,
  unsubscribe,
  coupon_issued,
  coupon_redeemed,
  survey_answer,
  points_earned,
  points_spent,
  contest_entry,
  risk_flag,
  decision,
  assignment,
  item_changed,
  customer_changed,
  consent_given,
  consent_withdrawn,
  message_delivered,
  message_bounced,
  message_complained,
  coupon_expired,
  alias,
};
inline constexpr int kEventTypeCount = 42;

std::string_view name(EventType type);
// Errors: invalid_argument naming the nearest type.
Result<EventType> parse_event_type(std::string_view text);
std::span<const std::string> event_type_names();

// A named text value that travels with an event: an item's "category", a customer's "country".
struct Attribute {
  std::string_view name;
  std::string_view value;
};

// What cleaning noticed about a kept event. Bits are stored: append only.
enum class Mark : std::uint32_t {
  exact_duplicate = 1u << 0,      // the same content again within one file, kept by --keep-repeats
  missing_customer = 1u << 1,     // counts for items, belongs to nobody
  missing_description = 1u << 2,  // the item came without a name
  cancelled = 1u << 3,            // a line that takes back a purchase
  zero_price = 1u << 4,
  negative_price = 1u << 5,
  zero_quantity = 1u << 6,
  time_zone_assumed = 1u << 7,  // read in the shop's zone, the text named none
  text_normalised = 1u << 8,    // an identifier or name changed by trimming or NFC
  date_only = 1u << 9,          // the source gave a day; the time is that day's midnight
  outlier = 1u << 10,           // far from its item's usual quantity or price, by a robust rule
  bot = 1u << 11,               // part of a burst that no person makes
  negative_quantity =
      1u << 12,  // below zero without the signs of a cancellation: a correction of stock
  value_divided = 1u << 13,     // its share, by quantity, of what an order without prices came to
  said_by_page = 1u << 14,      // an alias by a page's key: ties a visitor, never two customers
  currency_assumed = 1u << 15,  // the amount's sign is of several currencies: which one is a guess
};
std::string_view name(Mark mark);
std::span<const Mark> all_marks();
constexpr std::uint32_t bit(Mark mark) { return static_cast<std::uint32_t>(mark); }

// One event as views into memory that its producer owns; valid until the producer is asked for
// more. Missing values: an empty view or an absent optional means "not stated", never zero.
struct Event {
  EventType type = EventType::view;
  Timestamp time;
  std::optional<std::int16_t> offset_minutes;  // the zone it came with, east positive
  std::string_view event_id;                   // the source's own id, if it has one
  std::string_view customer;                   // the id the shop knows the customer by
  std::string_view
      anonymous;  // a device or cookie id; with `customer`, the two are the same person
  std::string_view item;
  std::string_view order;  // lines of one order share it
  std::string_view session;
  std::string_view decision;  // id of the recommendation that this event is about or answers
  std::string_view source;    // which feed; empty: the import's default
  std::string_view channel;   // web, app, shop, social, email …; empty: the import's default
  std::optional<double> quantity;
  std::optional<std::int64_t> price_minor;  // of one unit, in the currency's minor units
  std::optional<std::int64_t>
      value_minor;  // of the whole line; purchases and refunds are both positive amounts
  Currency currency;
  std::optional<double> rating;
  std::optional<std::int64_t> duration_ms;
  std::string_view text;  // search words, review: personal, sealed at rest
  std::string_view url;   // personal, sealed at rest
  std::string_view
      properties;  // what else came along, as one JSON object; personal, sealed at rest
  std::span<const Attribute> item_attributes;
  std::span<const Attribute> customer_attributes;
  std::uint32_t marks = 0;
};

// Fingerprint of everything stated above but `marks`: rows with equal content are the same row
// again.
Hash128 content_hash(const Event& event);

}  // namespace attune::events
