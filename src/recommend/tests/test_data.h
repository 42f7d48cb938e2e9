// Interactions for the tests of this module. Answers: what does a small world with known groups
// look like?
#pragma once

#include "attune/base/random.h"
#include "attune/recommend/interactions.h"

namespace attune::recommend::testing {

struct TwoGroups {
  std::int32_t customers = 60, items = 40;  // even numbers
  int events_each = 12;
};

// Customers and items in two groups (even and odd): customers meet items of their own group mostly.
inline InteractionLog two_groups(std::uint64_t seed = 1, const TwoGroups& size = {}) {
  InteractionLog log{.customers = size.customers, .items = size.items};
  const auto items = static_cast<std::uint64_t>(size.items);
  for (std::int32_t c = 0; c < log.customers; ++c) {
    Rng rng(seed, "two groups", static_cast<std::uint64_t>(c));
    for (int n = 0; n < size.events_each; ++n) {
      auto item = static_cast<std::int32_t>(2 * rng.below(items / 2)) + c % 2;
      if (rng.chance(0.1)) item = static_cast<std::int32_t>(rng.below(items));
      const auto day = static_cast<std::int64_t>(rng.below(100));
      log.events.push_back(
          {c, item, static_cast<float>(1 + rng.below(3)), Timestamp{day * kMicrosPerDay}});
    }
  }
  return log;
}

inline Interactions two_groups_interactions(std::uint64_t seed = 1) {
  return Interactions::from_log(two_groups(seed)).value();
}

// The history of one row as entries, as a caller would hand it over.
inline std::vector<HistoryEntry> history_of(const Interactions& interactions,
                                            std::int32_t customer) {
  std::vector<HistoryEntry> history;
  const auto& rows = interactions.by_customer();
  for (std::size_t i = 0; i < rows.columns_of(customer).size(); ++i) {
    history.push_back(
        {rows.columns_of(customer)[i], rows.weights_of(customer)[i], rows.times_of(customer)[i]});
  }
  return history;
}

}  // namespace attune::recommend::testing
