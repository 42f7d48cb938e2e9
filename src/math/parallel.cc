#include "attune/math/parallel.h"

#include <algorithm>
#include <vector>

#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include "attune/base/hand_over.h"

namespace attune::math {

int thread_count(int threads) {
  if (threads > 0) return threads;
  return std::max(1, tbb::info::default_concurrency());
}

void parallel_for(std::int64_t count, std::int64_t grain, int threads,
                  const std::function<void(std::int64_t, std::int64_t, int)>& body) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t ranges = (count + grain - 1) / grain;
  const auto run = [&](std::int64_t range, int slot) {
    body(range * grain, std::min(count, (range + 1) * grain), slot);
  };
  // More threads than processors help nobody, and oneTBB would print a warning.
  const std::int64_t useful = std::min(thread_count(threads), thread_count(0));
  const int workers = static_cast<int>(std::min(useful, ranges));
  if (workers == 1) {
    for (std::int64_t range = 0; range < ranges; ++range) run(range, 0);
    return;
  }
  tbb::task_arena arena(workers);
  HandOver begun, ended;
  std::vector<HandOver> slots(static_cast<std::size_t>(workers));
  begun.give();
  arena.execute([&] {
    tbb::parallel_for(
        std::int64_t{0}, ranges, std::int64_t{1},
        [&](std::int64_t range) {
          const int slot = tbb::this_task_arena::current_thread_index();
          HandOver& scratch = slots[static_cast<std::size_t>(slot)];
          begun.take();
          scratch.take();
          run(range, slot);
          scratch.give();
          ended.give();
        },
        tbb::simple_partitioner{});
  });
  ended.take();
}

}  // namespace attune::math
