#include "attune/events/row_key.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace attune::events {
namespace {

std::optional<Hash128> exported_key(std::string_view event_id) {
  constexpr std::string_view kPrefix = "attune:";
  if (!event_id.starts_with(kPrefix) || event_id.size() != kPrefix.size() + 32) return std::nullopt;
  Hash128 key;
  const char* digits = event_id.data() + kPrefix.size();
  const auto high = std::from_chars(digits, digits + 16, key.high, 16);
  const auto low = std::from_chars(digits + 16, digits + 32, key.low, 16);
  if (high.ptr != digits + 16 || low.ptr != digits + 32) return std::nullopt;
  return key;
}

}  // namespace

Hash128 fingerprint(const Event& event) {
  if (event.event_id.empty()) return content_hash(event);
  if (const auto exported = exported_key(event.event_id)) return *exported;
  std::string text(event.source);
  text.push_back('\0');
  text.append(event.event_id);
  return hash128(text, /*seed=*/1);
}

Hash128 key_of(const Event& event, const Hash128& print, std::uint32_t occurrence) {
  if (!event.event_id.empty()) return print;
  return {combine(print.high, occurrence), combine(print.low, ~std::uint64_t{occurrence})};
}

}  // namespace attune::events
