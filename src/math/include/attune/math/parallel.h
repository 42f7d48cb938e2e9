// Work spread over threads. Answers: how is a loop shared out so that the result is the same for 1
// thread and for 64?
#pragma once

#include <cstdint>
#include <functional>

namespace attune::math {

// The number of threads that `threads` stands for: itself where positive, else the number of
// processors. More than that many never run at once.
int thread_count(int threads);

// Calls body(begin, end, slot) for consecutive ranges that cover 0 .. count - 1, each at most
// `grain` long.
// The ranges depend on `count` and `grain` alone; which thread takes which is open. `slot` lies in
// 0 .. thread_count - 1 and belongs to one running call at a time: an index for scratch space.
// Determinism: the caller's, if each index is worked out alone, or partial results are kept by
// begin / grain and joined in that order.
// Errors: an exception thrown by `body` reaches the caller after the other ranges ended or were
// dropped.
// Cost: two atomic operations a range; ranges of 10 microseconds or more keep that below 1 %.
void parallel_for(std::int64_t count, std::int64_t grain, int threads,
                  const std::function<void(std::int64_t begin, std::int64_t end, int slot)>& body);

}  // namespace attune::math
