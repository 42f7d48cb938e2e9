// One event of the simulation in compact form, before it is worded as an events::Event.
#pragma once

#include <cstdint>

#include "attune/base/time.h"
#include "attune/events/event.h"
#include "attune/simulate/customer.h"
#include "attune/simulate/world.h"

namespace attune::simulate {

// What a consent is about.
enum class Purpose : std::uint8_t { email, sms, push };

struct Record {
  Timestamp time;
  std::uint64_t session = 0;     // 0: none
  std::uint64_t anonymous = 0;   // 0: not stated
  std::uint64_t order = 0;       // 0: none
  std::uint64_t words = 0;       // picks the wording of a search or review
  std::int64_t price_minor = 0;  // of one unit; 0: not stated
  std::int64_t customer = -1;    // index of who it truly is
  std::int32_t item = -1;        // of a search or list_view: the item that is looked for
  std::int16_t quantity = 0;     // 0: not stated
  events::EventType type = events::EventType::view;
  Channel channel = Channel::web;
  Actor actor = Actor::customer;
  std::uint8_t rating = 0;           // 0: not stated
  Purpose purpose = Purpose::email;  // of consent_given and consent_withdrawn
  bool named = false;                // the event says who the customer is
  bool foreign = false;              // paid in the second currency
};

}  // namespace attune::simulate
