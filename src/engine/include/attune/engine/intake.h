// Live events on their way to the journal. Answers: is it on disk yet, and can more come?
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/engine/workspace.h"
#include "attune/events/event.h"
#include "attune/store/journal.h"

namespace attune::engine {

struct IntakeOptions {
  std::size_t waiting_bytes_max = 64 << 20;  // of events that are not on disk yet
  std::size_t waiting_max = 20'000;          // submissions that wait
};

struct IntakeCounts {
  std::int64_t events = 0;       // on disk
  std::int64_t submissions = 0;  // acknowledged
  std::int64_t refused = 0;      // the queue was full
  std::int64_t failed = 0;       // the journal could not take them
  std::int64_t commits = 0;      // syncs
  std::int64_t waiting = 0;      // submissions now
};

// Group commit: whatever waits while the disk is busy goes down together, in one row and one sync.
//
// Invariants: (1) `done` is called exactly once for each accepted submission, with success only
// after its events are on disk; (2) nothing accepted is dropped: stopping writes what waits.
// Threads: submit and counts from any; `done` comes from the intake's own thread and must be quick.
class Intake {
 public:
  using Done = std::function<void(const Result<Sequence>&)>;

  Intake(store::Journal& journal, const IntakeOptions& options = {});
  ~Intake();  // writes what waits

  // Takes the texts over before it returns. False: the queue is full, nothing was taken;
  // the caller says so and `done` is not called.
  // Cost: about a microsecond an event, on the caller's thread.
  // Events and messages that were refused go down together; one of the two may be empty, both not.
  bool submit(std::span<const events::Event> events, std::span<const RefusedMessage> refused,
              Done done);

  // Waits until what was accepted before is on disk, or was refused by it; false: not in `time`.
  bool wait_written(std::chrono::milliseconds time) const;
  IntakeCounts counts() const;
  // Why the journal could not take the last submissions; absent: it took them.
  std::optional<Error> trouble() const;
  // There is room again, as somebody found out: the next submission will tell.
  void end_trouble();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
