// Who customers are and what they did lately, in memory. Answers: whom does this id mean, and what
// has this customer done since the model was fitted?
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/engine/taste.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

// What is known of one customer, copied out.
struct LiveCustomer {
  CustomerNumber number;               // the root
  std::vector<CustomerNumber> family;  // every number merged into it, itself first
  std::vector<TasteEvent> recent;      // in order of sequence
  bool personal = true;                // false: no consent for personalisation
  std::string id;                      // by which it was found
  events::IdKind found_by = events::IdKind::customer;
};

// Memory: about 40 bytes an id, 56 a merged number, 48 an event since the fit.
// Threads: find from any; the others one at a time, by whoever holds the workspace.
class LiveCustomers {
 public:
  LiveCustomers();
  ~LiveCustomers();

  // Reads everybody from the stores, and what was done after `since`.
  Status load(Workspace& workspace, const InteractionWeights& weights, Sequence since);
  // Takes in what the applier has just applied.
  Status take_in(Workspace& workspace, const AppliedEvents& applied);
  // A model learned up to `since`: what came before is in it.
  void drop_through(Sequence since);

  // By customer id, else by anonymous id; absent when neither is known.
  std::optional<LiveCustomer> find(std::string_view customer, std::string_view anonymous) const;
  // Whether somebody who never said anything may have personal answers, by the shop's rule; where
  // it differs by region, by the strictest, for nobody looks at the region here.
  bool personal_unless_told() const;
  std::size_t ids() const;
  std::size_t recent_events() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
