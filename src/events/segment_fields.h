// The members of a message that mean something, as they were written. Answers: what does this
// message state?
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json_cursor.h"

namespace attune::events::detail {

// Names met on any level; what a name means depends on where it stands.
enum class SegmentKey : std::uint8_t {
  user_id,
  anonymous_id,
  message_id,
  previous_id,
  group_id,
  timestamp,
  original_timestamp,
  sent_at,
  type,
  event,
  properties,
  traits,
  context,
  name,
  category,
  channel,
  write_key,
  batch,
  camel_session_id,
  session_id,
  page,
  library,
  url,
  product_id,
  sku,
  item_id,
  id,
  item_name,
  item_category,
  brand,
  item_brand,
  variant,
  item_variant,
  price,
  quantity,
  currency,
  order_id,
  transaction_id,
  checkout_id,
  cart_id,
  revenue,
  total,
  value,
  query,
  search_term,
  review_body,
  review_text,
  text,
  rating,
  duration_ms,
  engagement_time_msec,
  ga_session_id,
  recommendation_id,
  offer_id,
  products,
  items,
  campaign,
  referrer,
  purpose,
  unknown,
};
inline constexpr std::size_t kSegmentKeyCount = static_cast<std::size_t>(SegmentKey::unknown);
static_assert(kSegmentKeyCount <= 64);
std::string_view name(SegmentKey key);
SegmentKey find_segment_key(std::string_view word);

// The known members of one object. null counts as not stated.
class Members {
 public:
  void clear() { seen_ = stated_ = 0, twice = SegmentKey::unknown; }
  void put(SegmentKey key, std::string_view value) {
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(key);
    if ((seen_ & bit) != 0) twice = key;
    seen_ |= bit;
    if (kind_of(value) != JsonKind::null) stated_ |= bit;
    at_[static_cast<std::size_t>(key)] = value;
  }
  bool has(SegmentKey key) const { return (stated_ >> static_cast<unsigned>(key) & 1) != 0; }
  // null or not: it stands there.
  bool names(SegmentKey key) const { return (seen_ >> static_cast<unsigned>(key) & 1) != 0; }
  // As written; empty when it is not stated.
  std::string_view operator[](SegmentKey key) const {
    return has(key) ? at_[static_cast<std::size_t>(key)] : std::string_view();
  }

  SegmentKey twice = SegmentKey::unknown;  // a name that stands more than once

 private:
  std::uint64_t seen_ = 0;
  std::uint64_t stated_ = 0;
  std::array<std::string_view, kSegmentKeyCount> at_;
};

// What a context tells of the event.
struct ContextParts {
  Members context;
  Members page;
  Members library;
  void clear();
};

// One message, with what its containers hold. Views lie in the message's text.
struct MessageParts {
  std::string_view raw;
  Members message;
  ContextParts own_context;
  Members properties;
  std::string_view lines_raw;  // properties.products or .items, if it is a list
  SegmentKey lines_key = SegmentKey::unknown;
  std::vector<std::string_view> lines;  // its elements
};

// `raw` is one object of valid JSON.
void take_apart(std::string_view raw, MessageParts& parts);
void take_apart_context(std::string_view raw, ContextParts& parts);
// The known members of one object, without a look into containers.
void read_members(std::string_view raw, Members& members);

}  // namespace attune::events::detail
