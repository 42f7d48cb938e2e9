#include "event_buffer.h"

#include <algorithm>
#include <initializer_list>

namespace attune::cli {
namespace {

using Views = std::initializer_list<std::string_view*>;

std::span<const events::Attribute> keep(std::span<const events::Attribute> from,
                                        std::array<events::Attribute, 4>& into) {
  const std::size_t count = std::min(from.size(), into.size());
  std::ranges::copy(from.first(count), into.begin());
  return std::span(into).first(count);
}

}  // namespace

void EventBuffer::add(const events::Event& event) {
  Kept& kept = kept_.emplace_back();
  events::Event copy = event;
  copy.item_attributes = keep(event.item_attributes, kept.item);
  copy.customer_attributes = keep(event.customer_attributes, kept.customer);
  std::vector<std::string_view*> views{
      &copy.event_id, &copy.customer, &copy.anonymous, &copy.item, &copy.order, &copy.session,
      &copy.decision, &copy.source,   &copy.channel,   &copy.text, &copy.url,   &copy.properties};
  for (auto* attributes : {&kept.item, &kept.customer}) {
    for (events::Attribute& one : *attributes) {
      views.push_back(&one.name);
      views.push_back(&one.value);
    }
  }
  std::size_t size = 0;
  for (const std::string_view* view : views) size += view->size();
  kept.text.reserve(size);
  for (std::string_view* view : views) {
    const std::size_t at = kept.text.size();
    const std::size_t length = view->size();
    kept.text += *view;
    *view = std::string_view(kept.text).substr(at, length);
  }
  events_.push_back(copy);
}

void EventBuffer::clear() {
  kept_.clear();
  events_.clear();
}

}  // namespace attune::cli
