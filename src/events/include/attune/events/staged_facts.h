// What events say beside what happened. Answers: who is who, what was told of items and customers,
// and who consented or wants no more messages?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/events/event_columns.h"

namespace attune::events {

// Rows are indices within the import, or the bundle, from 0; codes those of its names.
struct StagedFacts {
  // An anonymous id and a customer id that one row names together; first mention of each pair, in
  // row order.
  struct Link {
    std::int64_t row;
    std::uint32_t anonymous;
    std::uint32_t customer;
  };
  // `customer` and `anonymous` of an alias event: the two customer ids are one person.
  struct Alias {
    std::int64_t row;
    std::uint32_t from;  // code of names.anonymous
    std::uint32_t to;    // code of names.customers
  };
  // An ordinary event told `value` for `field` of the item this many times.
  struct Observed {
    std::uint32_t item;
    std::uint32_t field;  // code of `fields`
    std::uint32_t value;  // code of `values`
    std::int64_t count;
  };
  // An item_changed event, or any trait of somebody.
  struct Stated {
    std::int64_t row;
    std::uint32_t subject;  // code of names.items, names.customers or names.anonymous
    std::uint32_t field;
    std::uint32_t value;
    std::int64_t time;
  };
  // A consent_given or consent_withdrawn event.
  struct Consent {
    std::int64_t row;
    std::uint32_t customer;   // kNoCode where the row names none
    std::uint32_t anonymous;  // likewise; one of the two is there
    std::uint32_t value;  // the event's properties, which name the purposes; kNoCode: it has none
    std::int64_t time;
    std::uint8_t given;
  };
  // An event by which somebody wants no more messages, or an address takes none: unsubscribe,
  // message_complained, message_bounced.
  struct Objection {
    std::int64_t row;
    std::uint32_t customer;   // kNoCode where the row names none
    std::uint32_t anonymous;  // likewise; one of the two is there
    std::uint32_t channel;    // code of `values`; kNoCode: not told
    std::uint32_t value;      // the event's properties; kNoCode: it has none
    std::int64_t time;
    std::uint8_t type;  // EventType
  };
  Dictionary fields;
  Dictionary values;
  std::vector<std::int64_t> first_customer, first_anonymous,
      first_item;  // row of the first mention, by code
  std::vector<Link> links;
  std::vector<Alias> aliases;
  std::vector<Observed> observed;
  std::vector<Stated> item_facts;
  std::vector<Stated> traits;
  std::vector<Consent> consents;
  std::vector<Objection> objections;
  std::vector<Stated> anonymous_traits;  // of rows that name no customer

  // Objections and traits of anonymous ids are written where there are any, at the end: version()
  // tells how far, so that what holds none is read by programs that know nothing of them.
  std::string serialise() const;
  std::uint32_t version() const {
    return !anonymous_traits.empty() ? 3 : !objections.empty() ? 2 : 1;
  }
  static constexpr std::uint32_t kVersion = 3;  // the newest
  static Result<StagedFacts> parse(std::string_view bytes, const EventNames& names);
};

}  // namespace attune::events
