// The part of SegmentMessages that reads properties: items, amounts, lines of an order.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "segment_message.h"

namespace attune::events::detail {
namespace {

using Key = SegmentKey;

// What the properties of one message's events may come to, all together.
constexpr std::size_t kSpreadBytesMax = std::size_t{1} << 20;

SegmentKey stated(const Members& members, std::initializer_list<SegmentKey> keys) {
  return SegmentValues::first_stated(members, keys);
}

}  // namespace

// What all lines share.
bool SegmentMessages::shared_properties() {
  const Members& all = parts_->properties;
  std::optional<Decimal> stars;
  std::optional<Decimal> millis;
  const SegmentKey lasted = stated(all, {Key::duration_ms, Key::engagement_time_msec});
  if (!values_.currency(Scope::properties, all, currency_) ||
      !values_.identifier(
          Scope::properties, all,
          stated(all, {Key::order_id, Key::transaction_id, Key::checkout_id, Key::cart_id}),
          event_.order) ||
      !values_.text(Scope::properties, all,
                    stated(all, {Key::query, Key::search_term, Key::review_body, Key::review_text,
                                 Key::text}),
                    event_.text) ||
      !values_.decimal(Scope::properties, all, Key::rating, stars) ||
      !values_.decimal(Scope::properties, all, lasted, millis)) {
    return false;
  }
  event_.currency = currency_.value;
  if (stars) event_.rating = to_double(*stars);
  return !millis || values_.minor(Scope::properties, lasted, *millis, 1, 0, event_.duration_ms);
}

bool SegmentMessages::single() {
  Event event = event_;
  StatedCurrency currency = currency_;
  const Members& all = parts_->properties;
  if (!item(Scope::properties, all, event)) return false;
  const SegmentKey worth = stated(all, {Key::revenue, Key::total, Key::value});
  if (worth != Key::unknown && !is_page_) {
    std::optional<Decimal> amount;
    std::optional<Decimal> unit;  // its sign too may say what both are in
    if (!values_.amount(Scope::properties, all, Key::price, unit, currency) ||
        !values_.amount(Scope::properties, all, worth, amount, currency)) {
      return false;
    }
    if (amount && !values_.minor(Scope::properties, worth, *amount, 1, exponent(currency.value),
                                 event.value_minor)) {
      return false;
    }
  }
  if (!amounts(Scope::properties, all, event, currency)) return false;
  if (!is_page_) attributes(all, event);
  event.properties = with_context(properties_with_names());
  add(event);
  return true;
}

bool SegmentMessages::several() {
  const std::string_view whole = parts_->message[Key::properties];
  const std::size_t rest = whole.size() - parts_->lines_raw.size() + context_json_.size();
  const std::size_t made = out_->events.size();
  const std::size_t count = parts_->lines.size();
  if (rest * count > kSpreadBytesMax) {
    return values_.refuse(
        "properties", "too_large",
        fmt::format("{} lines, each with {} bytes of properties that they share; send fewer lines "
                    "in a message, or less beside them",
                    count, rest));
  }
  // Lines of one message are one order, though it has no name of its own.
  if (event_.type == EventType::purchase && event_.order.empty()) event_.order = event_.event_id;
  const std::uint32_t shared_marks = values_.marks;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view written = parts_->lines[i];
    values_.begin_line(i);
    values_.marks = shared_marks;
    if (kind_of(written) != JsonKind::object) {
      const std::string field =
          fmt::format("properties.{}[{}]", detail::name(parts_->lines_key), i);
      return values_.refuse(
          field, "wrong_type",
          fmt::format("{} where a product belongs", events::name(kind_of(written))));
    }
    read_members(written, line_);
    if (line_.twice != Key::unknown) {
      return values_.refuse(Scope::line, line_.twice, "duplicate_key",
                            "the key stands twice; leave one out");
    }
    Event event = event_;
    StatedCurrency currency = currency_;
    if (!values_.currency(Scope::line, line_, currency) || !item(Scope::line, line_, event) ||
        !amounts(Scope::line, line_, event, currency)) {
      return false;
    }
    attributes(line_, event);
    event.properties = with_context(count == 1 ? whole : properties_of_line(i));
    if (count > 1 && !event.event_id.empty())
      event.event_id = values_.arena().keep(fmt::format("{}#{}", event.event_id, i));
    add(event);
  }
  return divide_value(std::span(out_->events).subspan(made));
}

// What an order whose lines have no prices came to is theirs, by quantity.
bool SegmentMessages::divide_value(std::span<Event> lines) {
  const EventType type = lines.front().type;
  const SegmentKey worth = stated(parts_->properties, {Key::revenue, Key::total, Key::value});
  const bool sums = type == EventType::purchase || type == EventType::refund;
  const auto divides = [&](const Event& line) {
    return !line.price_minor && line.type == type && line.currency == event_.currency;
  };
  if (!sums || worth == Key::unknown || !std::ranges::all_of(lines, divides)) return true;
  std::optional<Decimal> amount;
  std::optional<std::int64_t> sum;
  StatedCurrency currency = currency_;
  if (!values_.amount(Scope::properties, parts_->properties, worth, amount, currency)) return false;
  if (!amount) return true;
  if (!values_.minor(Scope::properties, worth, *amount, 1, exponent(currency.value), sum))
    return false;
  double quantities = 0;
  for (const Event& line : lines) quantities += line.quantity.value_or(1);
  const bool by_quantity = quantities > 0;
  if (!by_quantity) quantities = static_cast<double>(lines.size());
  const std::int64_t total = std::abs(*sum);
  double passed = 0;
  std::int64_t given = 0;
  for (Event& line : lines) {
    passed += by_quantity ? line.quantity.value_or(1) : 1;
    const bool last = &line == &lines.back();
    const std::int64_t through =
        last ? total : std::llround(static_cast<double>(total) * (passed / quantities));
    line.value_minor = through - given;
    line.currency = currency.value;
    given = through;
    line.marks |= bit(Mark::value_divided) | (values_.marks & bit(Mark::currency_assumed));
    if (*sum < 0 && type == EventType::purchase) {  // as one event would be read
      line.type = EventType::refund;
      line.marks |= bit(Mark::cancelled);
    }
  }
  return true;
}

bool SegmentMessages::item(Scope scope, const Members& members, Event& event) {
  SegmentKey key = stated(members, {Key::product_id, Key::sku, Key::item_id});
  // "id" alone is a promotion's or a page's as well.
  const bool named = scope == Scope::line || event.type == EventType::view ||
                     event.type == EventType::cart_add || event.type == EventType::cart_remove ||
                     event.type == EventType::wishlist || event.type == EventType::purchase ||
                     event.type == EventType::rating || event.type == EventType::review;
  if (key == Key::unknown && named && !is_page_) key = stated(members, {Key::id});
  if (key == Key::unknown && scope == Scope::line) key = stated(members, {Key::item_name});
  return values_.identifier(scope, members, key, event.item);
}

bool SegmentMessages::amounts(Scope scope, const Members& members, Event& event,
                              StatedCurrency& currency) {
  std::optional<Decimal> count;
  std::optional<Decimal> unit;
  if (!values_.decimal(scope, members, Key::quantity, count) ||
      !values_.amount(scope, members, Key::price, unit, currency)) {
    return false;
  }
  event.currency = currency.value;
  if (count) {
    event.quantity = to_double(*count);
    if (count->digits == 0) values_.marks |= bit(Mark::zero_quantity);
  }
  if (unit) {
    const int digits = exponent(event.currency);
    if (!values_.minor(scope, Key::price, *unit, 1, digits, event.price_minor)) return false;
    if (unit->digits == 0) values_.marks |= bit(Mark::zero_price);
    if (unit->digits < 0) values_.marks |= bit(Mark::negative_price);
    const bool sums = event.type == EventType::purchase || event.type == EventType::refund;
    if (sums && !event.value_minor &&
        !values_.minor(scope, Key::price, *unit, event.quantity.value_or(1), digits,
                       event.value_minor)) {
      return false;
    }
  }
  apply_signs(event);
  return true;
}

// As imports do it: a purchase of less than nothing takes one back.
void SegmentMessages::apply_signs(Event& event) {
  const bool below = event.quantity ? *event.quantity < 0
                                    : event.value_minor.value_or(0) < 0 && !event.price_minor;
  if (event.type == EventType::purchase && below) {
    event.type = EventType::refund;
    values_.marks |= bit(Mark::cancelled);
  }
  if (event.type != EventType::refund) return;
  if (event.quantity) event.quantity = std::fabs(*event.quantity);
  if (event.value_minor) event.value_minor = std::abs(*event.value_minor);
}

void SegmentMessages::attributes(const Members& members, Event& event) {
  if (event.item.empty()) return;
  pending_.clear();
  const auto take = [&](std::string_view called, std::initializer_list<SegmentKey> keys) {
    const SegmentKey key = stated(members, keys);
    if (key == Key::unknown) return;
    const std::string_view text = values_.cleaned(members[key]);
    if (!text.empty()) pending_.push_back({called, text});
  };
  take("name", {Key::item_name, Key::name});
  take("category", {Key::item_category, Key::category});
  take("brand", {Key::item_brand, Key::brand});
  take("variant", {Key::item_variant, Key::variant});
  event.item_attributes = values_.arena().keep(pending_);
}

// Where the visit came from, which no field of an event tells. A shop's own word of that name is
// left alone.
void SegmentMessages::keep_context() {
  context_json_.clear();
  if (parts_->properties.names(Key::context)) return;
  const std::string_view campaign = context_->context[Key::campaign];
  const std::string_view referrer = context_->page[Key::referrer];
  if (!campaign.empty() && kind_of(campaign) == JsonKind::object)
    context_json_ = fmt::format("\"campaign\":{}", campaign);
  if (!referrer.empty() && kind_of(referrer) == JsonKind::string && referrer.size() > 2) {
    context_json_ +=
        fmt::format("{}\"page\":{{\"referrer\":{}}}", context_json_.empty() ? "" : ",", referrer);
  }
  if (!context_json_.empty()) context_json_ = fmt::format("\"context\":{{{}}}", context_json_);
}

std::string_view SegmentMessages::with_context(std::string_view properties) {
  if (context_json_.empty()) return properties;
  const bool bare = properties.empty() || !JsonCursor(properties.data()).open();
  return values_.arena().keep(bare ? fmt::format("{{{}}}", context_json_)
                                   : fmt::format("{{{},{}", context_json_, properties.substr(1)));
}

// The properties; of a page also its name and category, which stand beside them.
std::string_view SegmentMessages::properties_with_names() {
  std::string_view whole = parts_->message[Key::properties];
  if (!whole.empty() && !JsonCursor(whole.data()).open()) whole = {};
  if (!is_page_) return whole;
  json_.clear();
  for (const SegmentKey key : {Key::name, Key::category}) {
    if (!parts_->message.has(key) || parts_->properties.has(key)) continue;
    json_ += fmt::format("{}\"{}\":{}", json_.empty() ? "{" : ",", detail::name(key),
                         parts_->message[key]);
  }
  if (json_.empty()) return whole;
  if (whole.empty()) {
    json_ += '}';
  } else {
    json_ += ',';
    json_ += whole.substr(1);
  }
  return values_.arena().keep(json_);
}

// The properties with this one line left in their list.
std::string_view SegmentMessages::properties_of_line(std::size_t line) {
  const std::string_view whole = parts_->message[Key::properties];
  const auto begin = static_cast<std::size_t>(parts_->lines_raw.data() - whole.data());
  json_.assign(whole, 0, begin);
  json_ += '[';
  json_ += parts_->lines[line];
  json_ += ']';
  json_ += whole.substr(begin + parts_->lines_raw.size());
  return values_.arena().keep(json_);
}

int SegmentMessages::exponent(Currency currency) {
  if (!currency.known()) return 2;
  if (currency != last_currency_) {
    last_currency_ = currency;
    last_exponent_ = currency.exponent();
  }
  return last_exponent_;
}

}  // namespace attune::events::detail
