// The profiles of a service, kept up between questions. Answers: does every applied event count in
// them, and is what customers are compared with not too old?
#pragma once

#include <chrono>
#include <optional>

#include "attune/engine/customers.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

// What customers are compared with (RFM bounds) is measured anew with every catch_up where that is
// quick, else so seldom that it takes a hundredth of the time.
// Threads: one at a time, whoever holds the workspace.
class LiveProfiles {
 public:
  void note(const AppliedEvents& applied);
  // Reads everything anew next time: after an import, a separation, somebody forgotten.
  void drop() { customers_.reset(); }

  // Every applied event counts afterwards. An error drops.
  Result<Customers*> catch_up(Workspace& workspace);

  // Those who ask at the same time share one catch_up. What was caught up with serves a question
  // that came when events were applied up to `applied`: they count in it, and it is of this second.
  // Null: it does not.
  Customers* serving(Sequence applied, Timestamp now);
  // What is stored was changed otherwise than by events: nothing serves before the next catch_up.
  void changed() { changed_ = true; }
  // When the next catch_up may begin, so that they take a third of the time at most; no question
  // waits longer than 100 ms for it.
  std::chrono::steady_clock::time_point next() const;

 private:
  Status fold(Workspace& workspace);
  Status note_caught_up(Workspace& workspace);
  Status measure_shop();

  std::optional<Customers> customers_;  // absent: to be read anew
  Customers::News news_;                // since `customers_` was caught up
  bool changed_ = false;
  Sequence through_;  // what counts in `customers_`
  Timestamp caught_up_;
  std::chrono::steady_clock::time_point ended_{};
  std::chrono::steady_clock::duration took_{};
  std::chrono::steady_clock::time_point measured_at_{};
  std::chrono::steady_clock::duration measuring_{};  // how long that took
};

}  // namespace attune::engine
