#include "segment_fields.h"

namespace attune::events::detail {
namespace {

constexpr std::array<std::string_view, kSegmentKeyCount> kNames{"userId",
                                                                "anonymousId",
                                                                "messageId",
                                                                "previousId",
                                                                "groupId",
                                                                "timestamp",
                                                                "originalTimestamp",
                                                                "sentAt",
                                                                "type",
                                                                "event",
                                                                "properties",
                                                                "traits",
                                                                "context",
                                                                "name",
                                                                "category",
                                                                "channel",
                                                                "writeKey",
                                                                "batch",
                                                                "sessionId",
                                                                "session_id",
                                                                "page",
                                                                "library",
                                                                "url",
                                                                "product_id",
                                                                "sku",
                                                                "item_id",
                                                                "id",
                                                                "item_name",
                                                                "item_category",
                                                                "brand",
                                                                "item_brand",
                                                                "variant",
                                                                "item_variant",
                                                                "price",
                                                                "quantity",
                                                                "currency",
                                                                "order_id",
                                                                "transaction_id",
                                                                "checkout_id",
                                                                "cart_id",
                                                                "revenue",
                                                                "total",
                                                                "value",
                                                                "query",
                                                                "search_term",
                                                                "review_body",
                                                                "review_text",
                                                                "text",
                                                                "rating",
                                                                "duration_ms",
                                                                "engagement_time_msec",
                                                                "ga_session_id",
                                                                "recommendation_id",
                                                                "offer_id",
                                                                "products",
                                                                "items",
                                                                "campaign",
                                                                "referrer",
                                                                "purpose"};

constexpr std::size_t kSlots = 256;
constexpr std::uint8_t kNone = 0xFF;

constexpr std::size_t slot_of(std::string_view word) {
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(word[i]) & 0xFF; };
  return (word.size() * 37 + at(0) * 11 + at(word.size() - 1) * 5 + at(word.size() / 2) * 3) %
         kSlots;
}

// Open addressing: a name stands at its slot, or in the next that was free.
constexpr std::array<std::uint8_t, kSlots> kTable = [] {
  std::array<std::uint8_t, kSlots> table{};
  table.fill(kNone);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    std::size_t slot = slot_of(kNames[i]);
    while (table[slot] != kNone) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

SegmentKey find_written_key(std::string_view written) {
  if (written.find('\\') == written.npos) return find_segment_key(written);
  std::string meant;
  append_unescaped(meant, written);
  return find_segment_key(meant);
}

// Puts every known member into `members`; `inside(key, cursor)` may take a container apart, and
// then has passed it.
template <class Inside>
void each_member(JsonCursor& cursor, Members& members, const Inside& inside) {
  if (!cursor.open()) return;
  do {
    const SegmentKey key = find_written_key(cursor.key());
    const char* const begin = cursor.at();
    if (key == SegmentKey::unknown) {
      cursor.value();
      continue;
    }
    if (!inside(key, cursor)) cursor.value();
    members.put(key, {begin, static_cast<std::size_t>(cursor.at() - begin)});
  } while (cursor.next());
}

constexpr auto kNoContainers = [](SegmentKey, JsonCursor&) { return false; };

void context_members(JsonCursor& cursor, ContextParts& parts) {
  each_member(cursor, parts.context, [&](SegmentKey key, JsonCursor& at) {
    if (at.front() != '{') return false;
    if (key == SegmentKey::page) {
      each_member(at, parts.page, kNoContainers);
      return true;
    }
    if (key == SegmentKey::library) {
      each_member(at, parts.library, kNoContainers);
      return true;
    }
    return false;
  });
}

void property_members(JsonCursor& cursor, MessageParts& parts) {
  each_member(cursor, parts.properties, [&](SegmentKey key, JsonCursor& at) {
    const bool lines = key == SegmentKey::products || key == SegmentKey::items;
    if (!lines || at.front() != '[' || !parts.lines.empty()) return false;
    const char* const begin = at.at();
    if (at.open()) {
      do {
        parts.lines.push_back(at.value());
      } while (at.next());
    }
    parts.lines_key = key;
    parts.lines_raw = {begin, static_cast<std::size_t>(at.at() - begin)};
    return true;
  });
}

}  // namespace

std::string_view name(SegmentKey key) { return kNames[static_cast<std::size_t>(key)]; }

SegmentKey find_segment_key(std::string_view word) {
  if (word.empty()) return SegmentKey::unknown;
  for (std::size_t slot = slot_of(word);; slot = (slot + 1) % kSlots) {
    if (kTable[slot] == kNone) return SegmentKey::unknown;
    if (kNames[kTable[slot]] == word) return static_cast<SegmentKey>(kTable[slot]);
  }
}

void ContextParts::clear() {
  context.clear();
  page.clear();
  library.clear();
}

void take_apart(std::string_view raw, MessageParts& parts) {
  parts.raw = raw;
  parts.message.clear();
  parts.own_context.clear();
  parts.properties.clear();
  parts.lines_raw = {};
  parts.lines.clear();
  JsonCursor cursor(raw.data());
  each_member(cursor, parts.message, [&](SegmentKey key, JsonCursor& at) {
    if (at.front() != '{') return false;
    if (key == SegmentKey::properties) {
      property_members(at, parts);
      return true;
    }
    if (key == SegmentKey::context) {
      context_members(at, parts.own_context);
      return true;
    }
    return false;
  });
}

void take_apart_context(std::string_view raw, ContextParts& parts) {
  parts.clear();
  JsonCursor cursor(raw.data());
  if (cursor.front() == '{') context_members(cursor, parts);
}

void read_members(std::string_view raw, Members& members) {
  members.clear();
  JsonCursor cursor(raw.data());
  each_member(cursor, members, kNoContainers);
}

}  // namespace attune::events::detail
