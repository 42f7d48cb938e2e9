// How fast a provider may be used. Answers: may one more go now, and if not, when?
#pragma once

#include "attune/base/time.h"

namespace attune::deliver {

struct Rate {
  double per_second = 0;  // 0: as fast as it goes
  double burst = 1;       // how many may go at once after a pause, >= 1
};

// Fills by `per_second` up to `burst`; full at the beginning. A clock that goes back fills nothing.
// Threads: one thread at a time.
class TokenBucket {
 public:
  explicit TokenBucket(Rate rate) : rate_(rate), tokens_(rate.burst) {}

  // Takes one where there is one.
  bool take(Timestamp now);
  // When there will be one, at the earliest `now`.
  Timestamp ready_at(Timestamp now);

 private:
  void fill(Timestamp now);

  Rate rate_;
  double tokens_;
  Timestamp filled_{};
};

}  // namespace attune::deliver
