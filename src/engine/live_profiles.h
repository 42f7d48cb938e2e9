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

 private:
  Status fold(Workspace& workspace);
  Status measure_shop();

  std::optional<Customers> customers_;  // absent: to be read anew
  Customers::News news_;                // since `customers_` was caught up
  std::chrono::steady_clock::time_point measured_at_{};
  std::chrono::steady_clock::duration measuring_{};  // how long that took
};

}  // namespace attune::engine
