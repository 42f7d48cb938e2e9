// When a service trains by itself. Answers: how often, and is it time?
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/engine/workspace.h"
#include "attune/store/state.h"

namespace attune::engine {

// Threads: set and begin by one at a time, who may write state; the others from any.
class TrainingSchedule {
 public:
  // `stated` holds for this run; absent: what state keeps, else `kUsual`.
  Status begin(store::State& state, std::optional<std::chrono::seconds> stated);
  // From now on, and from the next start on. 0: only when asked. Errors: invalid_argument beyond
  // `kLongest`.
  Status set(store::State& state, std::chrono::seconds every);
  std::chrono::seconds every() const { return std::chrono::seconds(every_); }

  // False without a schedule. A clock that was set back begins the interval anew.
  bool due(Timestamp now);
  void trained(Timestamp now) { trained_at_ = now.micros; }

  // Whether a shop without a model has enough to learn from: before that, a training has nothing to
  // tell. Cost: one scan of the history.
  static bool can_begin(Workspace& workspace);

  static constexpr std::chrono::seconds kUsual{3600};
  static constexpr std::chrono::seconds kLongest{31 * 86'400};

 private:
  std::atomic<std::int64_t> every_{0};       // seconds
  std::atomic<std::int64_t> trained_at_{0};  // microseconds
};

}  // namespace attune::engine
