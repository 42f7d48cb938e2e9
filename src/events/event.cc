#include "attune/events/event.h"

#include <array>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::events {
namespace {

const std::vector<std::string>& type_names() {
  static const std::vector<std::string> names{"view",
                                              "list_view",
                                              "search",
                                              "cart_add",
                                              "cart_remove",
                                              "wishlist",
                                              "checkout",
                                              "purchase",
                                              "refund",
                                              "rating",
                                              "review",
                                              "post",
                                              "like",
                                              "comment",
                                              "share",
                                              "follow",
                                              "signup",
                                              "identify",
                                              "impression",
                                              "click",
                                              "message_sent",
                                              "message_opened",
                                              "message_clicked",
                                              "unsubscribe",
                                              "coupon_issued",
                                              "coupon_redeemed",
                                              "survey_answer",
                                              "points_earned",
                                              "points_spent",
                                              "contest_entry",
                                              "risk_flag",
                                              "decision",
                                              "assignment",
                                              "item_changed",
                                              "customer_changed",
                                              "consent_given",
                                              "consent_withdrawn",
                                              "message_delivered",
                                              "message_bounced",
                                              "message_complained",
                                              "coupon_expired",
                                              "alias"};
  return names;
}

constexpr std::array kMarks{
    Mark::exact_duplicate,   Mark::missing_customer,  Mark::missing_description,
    Mark::cancelled,         Mark::zero_price,        Mark::negative_price,
    Mark::zero_quantity,     Mark::time_zone_assumed, Mark::text_normalised,
    Mark::date_only,         Mark::outlier,           Mark::bot,
    Mark::negative_quantity, Mark::value_divided,     Mark::said_by_page,
    Mark::currency_assumed};

// Lays fields one behind the other, each with its length, so that no two different events look the
// same.
class Fingerprint {
 public:
  // `bytes`: at least as many as will be laid down.
  explicit Fingerprint(std::size_t bytes) {
    if (bytes <= small_.size()) return;
    large_ = std::make_unique_for_overwrite<char[]>(bytes);
    begin_ = end_ = large_.get();
  }
  void number(std::uint64_t value) { put(&value, sizeof value); }
  void real(const std::optional<double>& value) {
    std::uint64_t bits = 0;
    const double plain = value ? *value + 0.0 : 0;  // -0 counts as 0
    std::memcpy(&bits, &plain, sizeof bits);
    flag(value.has_value());
    number(bits);
  }
  void integer(const std::optional<std::int64_t>& value) {
    flag(value.has_value());
    number(static_cast<std::uint64_t>(value.value_or(0)));
  }
  void text(std::string_view value) {
    number(value.size());
    put(value.data(), value.size());
  }
  // A set: the order in which a file lists its columns makes no difference.
  void attributes(std::span<const Attribute> all) {
    std::uint64_t sum = 0;
    for (const Attribute& one : all) sum += combine(hash64(one.name), hash64(one.value));
    number(all.size());
    number(sum);
  }
  Hash128 finish() const {
    return hash128(std::string_view(begin_, static_cast<std::size_t>(end_ - begin_)));
  }

 private:
  void flag(bool value) { number(value); }
  void put(const void* bytes, std::size_t count) {
    if (count == 0) return;
    std::memcpy(end_, bytes, count);
    end_ += count;
  }

  std::array<char, 1024> small_;
  std::unique_ptr<char[]> large_;
  char* begin_ = small_.data();
  char* end_ = small_.data();
};

}  // namespace

std::string_view name(EventType type) { return type_names()[static_cast<std::size_t>(type)]; }

std::span<const std::string> event_type_names() { return type_names(); }

Result<EventType> parse_event_type(std::string_view text) {
  const auto& names = type_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<EventType>(i);
  }
  return std::unexpected(invalid_argument(
      fmt::format("'{}' is not an event type{}", quoted(text), did_you_mean(text, names))));
}

std::string_view name(Mark mark) {
  switch (mark) {
    case Mark::exact_duplicate:
      return "exact_duplicate";
    case Mark::missing_customer:
      return "missing_customer";
    case Mark::missing_description:
      return "missing_description";
    case Mark::cancelled:
      return "cancelled";
    case Mark::zero_price:
      return "zero_price";
    case Mark::negative_price:
      return "negative_price";
    case Mark::zero_quantity:
      return "zero_quantity";
    case Mark::time_zone_assumed:
      return "time_zone_assumed";
    case Mark::text_normalised:
      return "text_normalised";
    case Mark::date_only:
      return "date_only";
    case Mark::outlier:
      return "outlier";
    case Mark::bot:
      return "bot";
    case Mark::negative_quantity:
      return "negative_quantity";
    case Mark::value_divided:
      return "value_divided";
    case Mark::said_by_page:
      return "said_by_page";
    case Mark::currency_assumed:
      return "currency_assumed";
  }
  return "unknown";
}

std::span<const Mark> all_marks() { return kMarks; }

Hash128 content_hash(const Event& event) {
  const std::array texts{event.event_id, event.customer, event.anonymous, event.item,
                         event.order,    event.session,  event.decision,  event.source,
                         event.channel,  event.text,     event.url,       event.properties};
  constexpr std::size_t kNumbersMax = 64;  // lengths and flags included
  std::size_t bytes = kNumbersMax * sizeof(std::uint64_t);
  for (const std::string_view text : texts) bytes += text.size();
  Fingerprint print(bytes);
  print.number(static_cast<std::uint64_t>(event.type));
  print.number(static_cast<std::uint64_t>(event.time.micros));
  print.integer(event.offset_minutes ? std::optional<std::int64_t>(*event.offset_minutes)
                                     : std::nullopt);
  for (const std::string_view text : texts) print.text(text);
  print.real(event.quantity);
  print.integer(event.price_minor);
  print.integer(event.value_minor);
  print.text({event.currency.code.data(), event.currency.code.size()});
  print.real(event.rating);
  print.integer(event.duration_ms);
  print.attributes(event.item_attributes);
  print.attributes(event.customer_attributes);
  return print.finish();
}

}  // namespace attune::events
