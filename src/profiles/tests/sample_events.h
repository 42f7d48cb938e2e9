// Random and hand-made events for the tests of profiles.
#pragma once

#include <string>
#include <vector>

#include "attune/base/random.h"
#include "attune/base/time.h"
#include "attune/profiles/accumulator.h"

namespace attune::profiles::testing {

inline Timestamp at(int year, int month, int day, int hour = 0, int minute = 0) {
  return utc_from_civil({year, month, day, hour, minute});
}

// Owns what a ProfileEvent views.
struct OwnedEvent {
  ProfileEvent event;
  std::vector<TermId> categories;
  std::string text;

  ProfileEvent view() const {
    ProfileEvent e = event;
    e.categories = categories;
    e.text = text;
    return e;
  }
};

// A purchase of its own order, on the clock of UTC.
inline OwnedEvent purchase(std::int64_t sequence, Timestamp time, std::int64_t value_minor,
                           std::uint64_t order = 0) {
  OwnedEvent owned;
  owned.event.sequence = sequence;
  owned.event.time = time;
  owned.event.type = events::EventType::purchase;
  owned.event.value_minor = value_minor;
  owned.event.order = order;
  set_local_time(owned.event, TimeZone::utc());
  return owned;
}

inline OwnedEvent simple(std::int64_t sequence, Timestamp time, events::EventType type,
                         std::int64_t item = 0) {
  OwnedEvent owned;
  owned.event.sequence = sequence;
  owned.event.time = time;
  owned.event.type = type;
  owned.event.item = {item};
  set_local_time(owned.event, TimeZone::utc());
  return owned;
}

// A refund that names an order and nothing else.
inline OwnedEvent whole_refund(std::int64_t sequence, Timestamp time, std::uint64_t order) {
  OwnedEvent owned = simple(sequence, time, events::EventType::refund);
  owned.event.order = order;
  return owned;
}

// A history with ties, repeats, gaps of years, missing values, refunds of whole orders and every
// type.
inline std::vector<OwnedEvent> random_history(std::uint64_t seed, int count) {
  Rng rng(seed, "profile history"), whole(seed, "whole refunds");
  std::vector<OwnedEvent> all;
  for (int i = 0; i < count; ++i) {
    OwnedEvent owned;
    ProfileEvent& e = owned.event;
    e.sequence = i + 1;
    e.type = rng.chance(.4) ? events::EventType::purchase
                            : static_cast<events::EventType>(rng.below(events::kEventTypeCount));
    const auto day = static_cast<std::int64_t>(rng.below(rng.chance(.3) ? 3000 : 60));
    const auto second = static_cast<std::int64_t>(rng.below(rng.chance(.5) ? 86400 : 3));
    e.time = {at(2015, 1, 1).micros + day * kMicrosPerDay + second * kMicrosPerSecond};
    if (rng.chance(.2)) e.marks |= bit(events::Mark::date_only);
    if (rng.chance(.03)) e.marks |= bit(events::Mark::bot);
    set_local_time(e, TimeZone::utc());
    if (rng.chance(.8)) e.item = {static_cast<std::int64_t>(1 + rng.below(50))};
    if (rng.chance(.7)) e.order = 1 + rng.below(30);
    for (std::uint64_t n = rng.below(4), first = 1 + rng.below(6); n > 0; --n) {
      owned.categories.push_back({static_cast<std::int64_t>(first + n)});
    }
    if (rng.chance(.5)) e.brand = {static_cast<std::int64_t>(1 + rng.below(9))};
    if (rng.chance(.8)) e.channel = {static_cast<std::int64_t>(1 + rng.below(3))};
    if (rng.chance(.8)) e.price_minor = static_cast<std::int64_t>(rng.below(5000)) - 10;
    if (rng.chance(.8)) e.value_minor = static_cast<std::int64_t>(rng.below(20000));
    e.quantity = static_cast<double>(rng.below(7)) / 2;
    if (rng.chance(.1)) e.rating = static_cast<double>(rng.below(11)) / 2;
    e.duration_ms = static_cast<std::int64_t>(rng.below(10000));
    if (e.type == events::EventType::search) {
      owned.text = "words " + std::to_string(rng.below(14));
    } else if (whole.chance(.04)) {
      e.type = events::EventType::refund;
      e.item = {};
      e.price_minor.reset();
      e.value_minor.reset();
    }
    all.push_back(std::move(owned));
  }
  return all;
}

inline ProfileAccumulator folded(const std::vector<OwnedEvent>& events,
                                 const FoldRules& rules = FoldRules()) {
  ProfileAccumulator profile;
  for (const OwnedEvent& event : events) profile.fold(event.view(), rules);
  return profile;
}

}  // namespace attune::profiles::testing
