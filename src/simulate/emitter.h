// Words records as events. Answers: how would the shop's feed have said it?
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "attune/simulate/customer.h"
#include "attune/simulate/world.h"
#include "record.h"
#include "words.h"

namespace attune::simulate {

class Emitter {
 public:
  // `parameters` and `items` must outlive the emitter.
  Emitter(const ShopParameters& parameters, const std::vector<Item>& items, Currency home,
          Currency foreign)
      : parameters_(parameters),
        words_(words_of(parameters.language)),
        items_(items),
        home_(home),
        foreign_(foreign) {}

  // Views hold until the next call. Web and app events carry an event id, in the order of calls.
  const SimulatedEvent& word(const Record& record, int offset_minutes);

 private:
  void word_item(const Record& record);
  void word_consent(const Record& record);

  const ShopParameters& parameters_;
  const Words& words_;
  const std::vector<Item>& items_;
  Currency home_;
  Currency foreign_;
  std::int64_t given_ids_ = 0;
  std::array<events::Attribute, 3> attributes_{};
  Persona persona_;
  std::string event_id_, customer_, anonymous_, session_, order_, text_, properties_;
  SimulatedEvent event_;
};

std::string session_id(std::uint64_t session);
std::string order_id(std::uint64_t order);

}  // namespace attune::simulate
