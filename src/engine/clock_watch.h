// A clock that goes back. Answers: does the clock say less than it said before?
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "attune/base/time.h"

namespace attune::engine {

// Remembers the latest that the clock said, until it has said otherwise for an hour: then it is
// right. Threads: begin and look by one; behind from any.
class ClockWatch {
 public:
  // `latest`: what was written down before, by an earlier process.
  void begin(Timestamp latest) {
    latest_ = latest.micros;
    fine_at_ = std::chrono::steady_clock::now();
  }
  void look(Timestamp now) {
    const auto steady = std::chrono::steady_clock::now();
    const bool back = now.micros < latest_ - kSlack;
    if (back && steady - fine_at_ <= kTrusted) return;
    fine_at_ = steady;
    latest_ = back ? now.micros : std::max(now.micros, latest_.load());
  }
  // In microseconds; 0: nothing worth telling.
  std::int64_t behind(Timestamp now) const {
    const std::int64_t behind = latest_ - now.micros;
    return behind > kSlack ? behind : 0;
  }

 private:
  static constexpr std::int64_t kSlack = 2 * kMicrosPerSecond;
  static constexpr std::chrono::hours kTrusted{1};
  std::atomic<std::int64_t> latest_{0};  // microseconds
  std::chrono::steady_clock::time_point fine_at_{};
};

}  // namespace attune::engine
