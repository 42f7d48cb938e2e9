#include "emitter.h"

#include <fmt/format.h>

namespace attune::simulate {

using events::EventType;

std::string session_id(std::uint64_t session) { return fmt::format("s{:016x}", session); }
std::string order_id(std::uint64_t order) { return fmt::format("{}", order); }

void Emitter::word_item(const Record& record) {
  const Item& item = items_[static_cast<std::size_t>(record.item)];
  events::Event& event = event_.event;
  event_.category = item.category;
  attributes_[0] = {"category", words_.categories[static_cast<std::size_t>(item.category)].name};
  if (record.type == EventType::search) {
    text_ = search_text(words_, item, record.words);
    event.text = text_;
    event_.category = -1;
    return;
  }
  if (record.type == EventType::list_view) {
    event.item_attributes = std::span(attributes_).first(1);
    return;
  }
  if (record.type == EventType::review) {
    text_ = review_text(words_, item, record.rating, record.words);
    event.text = text_;
  }
  event_.item = record.item;
  event.item = item.id;
  attributes_[1] = {"name", item.name};
  attributes_[2] = {"brand", item.brand};
  event.item_attributes = attributes_;
}

// Who gives consent says how to reach them, too.
void Emitter::word_consent(const Record& record) {
  static constexpr std::string_view kNames[] = {"email", "sms", "push"};
  events::Event& event = event_.event;
  properties_ =
      fmt::format(R"({{"purpose":"{}"}})", kNames[static_cast<std::size_t>(record.purpose)]);
  event.properties = properties_;
  if (record.type != EventType::consent_given) return;
  persona_ = make_persona(parameters_, record.customer);
  attributes_[0] = {"email", persona_.email};
  attributes_[1] = {"name", persona_.name};
  attributes_[2] = {"city", persona_.city};
  event.customer_attributes = attributes_;
}

const SimulatedEvent& Emitter::word(const Record& record, int offset_minutes) {
  event_ = {};
  event_.actor = record.actor;
  event_.customer = record.customer;
  events::Event& event = event_.event;
  event.type = record.type;
  event.time = record.time;
  event.offset_minutes = static_cast<std::int16_t>(offset_minutes);
  event.channel = name(record.channel);
  if (record.channel == Channel::web || record.channel == Channel::app) {
    event_id_ = fmt::format("e{:09}", ++given_ids_);
    event.event_id = event_id_;
  }
  if (record.named) event.customer = customer_ = customer_id(record.customer);
  if (record.anonymous != 0) event.anonymous = anonymous_ = anonymous_id(record.anonymous);
  if (record.session != 0) event.session = session_ = session_id(record.session);
  if (record.order != 0) event.order = order_ = order_id(record.order);
  if (record.quantity != 0) event.quantity = record.quantity;
  if (record.price_minor != 0) {
    event.price_minor = record.price_minor;
    event.currency = record.foreign ? foreign_ : home_;
    if (record.quantity != 0) event.value_minor = record.price_minor * record.quantity;
  }
  if (record.rating != 0) event.rating = record.rating;
  if (record.item >= 0) word_item(record);
  if (record.type == EventType::consent_given || record.type == EventType::consent_withdrawn)
    word_consent(record);
  return event_;
}

}  // namespace attune::simulate
