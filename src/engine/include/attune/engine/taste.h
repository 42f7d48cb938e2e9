// Who met what, as recommenders learn it. Answers: which events speak of taste, how loudly, and
// whose row is whose?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/parameters.h"
#include "attune/engine/workspace.h"
#include "attune/recommend/interactions.h"

namespace attune::engine {

// What one event of each type says about taste; 0 leaves the type out. A purchase that was refunded
// takes the refunded share of its weight back. Events marked as a bot's are left out.
struct InteractionWeights {
  double view = 1;
  double click = 1;
  double like = 2;
  double wishlist = 2;
  double share = 2;
  double cart_add = 2;
  double rating = 1;
  double review = 1;
  double purchase = 3;
  double minimum_rating = 0;  // ratings below count for nothing

  static const ParameterTable<InteractionWeights>& table();
  friend bool operator==(const InteractionWeights&, const InteractionWeights&) = default;
};

// What one event says about taste; 0 of a refund, see add_refund. `rating`: absent where the event
// has none.
double event_weight(const InteractionWeights& weights, events::EventType type,
                    std::optional<double> rating);

// The interactions of one shop and what rows and columns stand for.
// Invariant: customers and items ascend strictly; log.customers == customers.size(), log.items ==
// items.size().
struct TasteData {
  recommend::InteractionLog log;
  std::vector<CustomerNumber> customers;  // row → number (root)
  std::vector<ItemNumber> items;          // column → number
  Sequence cursor;                        // events up to this one are in

  std::optional<std::int32_t> row(CustomerNumber customer) const;
  std::optional<std::int32_t> column(ItemNumber item) const;
};

// How much there is to learn from, without reading it. Customers are counted as they came, before
// merges.
struct TasteSize {
  std::int64_t interactions = 0;  // events that speak of taste
  std::int64_t customers = 0;
};
Result<TasteSize> count_taste(Workspace& workspace, const InteractionWeights& weights);

// Errors: failed_precondition when no event names both a customer and an item.
Result<TasteData> read_taste(Workspace& workspace, const InteractionWeights& weights);

// One event that speaks of taste, as it came: no merges followed. A refund takes back what it
// does of the purchases known by then; one of an unknown purchase says nothing.
struct TasteEvent {
  Sequence sequence;
  CustomerNumber customer;
  ItemNumber item;
  float weight = 0;
  Timestamp time;
};
// Adds what a refund says, a weight below 0 for each item that it takes back. Of `refund` sequence,
// customer and time count; `taken_back`: EventHistory::taken_back.
void add_refund(const InteractionWeights& weights, const events::RefundedItems& taken_back,
                TasteEvent refund, std::vector<TasteEvent>& events);

// Those after `after`, in order. Cost: one scan of the history, three to five where there are
// refunds.
Result<std::vector<TasteEvent>> read_taste_since(Workspace& workspace,
                                                 const InteractionWeights& weights, Sequence after);

// What each of these customers (all numbers merged into them) has met among `items`, by column, in
// the order of events. Everybody asked for is in it. `customers` are roots. Cost: one scan of the
// history.
using CustomerTastes = std::unordered_map<CustomerNumber, std::vector<recommend::HistoryEntry>>;
Result<CustomerTastes> read_customer_tastes(Workspace& workspace, const InteractionWeights& weights,
                                            std::span<const CustomerNumber> customers,
                                            std::span<const ItemNumber> items);
// The same of one.
Result<std::vector<recommend::HistoryEntry>> read_customer_taste(Workspace& workspace,
                                                                 const InteractionWeights& weights,
                                                                 CustomerNumber customer,
                                                                 std::span<const ItemNumber> items);

}  // namespace attune::engine
