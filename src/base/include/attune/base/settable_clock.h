// A clock that somebody moves. Answers: what time is it in a rehearsal?
#pragma once

#include <atomic>
#include <cstdint>

#include "attune/base/time.h"

namespace attune {

// Stands until it is moved, and never goes back. Threads: any.
class SettableClock final : public Clock {
 public:
  explicit SettableClock(Timestamp time) : micros_(time.micros) {}
  Timestamp now() const override { return {micros_.load()}; }
  // False, and nothing happens: `time` lies before what the clock says.
  bool advance_to(Timestamp time) {
    std::int64_t said = micros_.load();
    while (said <= time.micros) {
      if (micros_.compare_exchange_weak(said, time.micros)) return true;
    }
    return false;
  }

 private:
  std::atomic<std::int64_t> micros_;
};

}  // namespace attune
