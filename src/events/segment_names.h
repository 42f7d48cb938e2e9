// What the names of tracked events mean.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "attune/events/event.h"

namespace attune::events::detail {

struct EventMeaning {
  enum class Verdict : std::uint8_t { event, ignored, unknown };
  Verdict verdict = Verdict::unknown;
  EventType type = EventType::view;
  std::string_view ignored;  // the name, where it is ignored; never ends
};

// What only the shop can know: no visitor of a page can tell it.
bool is_shops_own(EventType type);

// Attune's types, Segment's and GA4's names, and the synonyms of imports, in this order.
// Immutable once made.
class EventNameTable {
 public:
  EventNameTable();
  // Case, blanks, '_' and '-' make no difference.
  EventMeaning find(std::string_view event_name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  void add(std::string_view word, EventMeaning meaning);
  std::unordered_map<std::string, EventMeaning, Hash, std::equal_to<>> meanings_;
};

}  // namespace attune::events::detail
