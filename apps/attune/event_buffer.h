// Events that outlive whoever produced them. Answers: what happened today, to be handed on later?
#pragma once

#include <array>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "attune/events/event.h"

namespace attune::cli {

// Copies what it is given. Attributes beyond four of a kind are left out.
class EventBuffer {
 public:
  void add(const events::Event& event);
  std::span<const events::Event> events() const { return events_; }
  bool empty() const { return events_.empty(); }
  std::size_t size() const { return events_.size(); }
  void clear();

 private:
  struct Kept {
    std::string text;
    std::array<events::Attribute, 4> item;
    std::array<events::Attribute, 4> customer;
  };
  std::deque<Kept> kept_;
  std::vector<events::Event> events_;
};

}  // namespace attune::cli
