// Inside the engine: events on their way from state to the journal. Answers: was everything that
// state decided told to the journal, once?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attune/engine/workspace.h"

namespace attune::engine {

// Table pending_events of state: groups of events, sealed, in order.
//
// Invariants: (1) `add` is part of the caller's transaction, so an event is pending exactly where
// what it tells is true; (2) `pump` deletes a group only after the journal has it on disk; a crash
// in between appends it again, and the applier drops the repeats by their keys: every event here
// has an id of its own.
class PendingEvents {
 public:
  static Result<PendingEvents> open(Workspace& workspace);

  // Events as they lie in state.
  struct Sealed {
    std::int64_t events = 0;
    std::string text;
  };
  static constexpr std::size_t kTogether = 500;  // events; more are sealed in several parts
  // Threads: any, beside each other and beside one that uses state.
  Result<Sealed> seal(std::span<const events::Event> events) const;
  // Errors: failed_precondition outside of a transaction.
  Status add(std::span<const Sealed> sealed);
  Status add(std::span<const events::Event> events);
  // Appends and deletes; the stores take the events in when they next catch up. Result: events.
  Result<std::int64_t> append();
  // The same, and catches up.
  Result<std::int64_t> pump();
  Result<std::int64_t> count();

 private:
  explicit PendingEvents(Workspace& workspace) : workspace_(&workspace) {}
  // Of the next groups that fit into one append.
  struct Group {
    std::int64_t number = 0;
    std::int64_t events = 0;
    std::string payload;
  };
  Result<std::vector<Group>> next_groups();

  Workspace* workspace_;
};

}  // namespace attune::engine
