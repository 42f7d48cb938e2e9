// Inside the engine: the stages of an import, side by side. Answers: which part of reading a file
// runs on which thread, and in which order?
#pragma once

#include <memory>

#include <oneapi/tbb/parallel_pipeline.h>

#include "attune/base/hand_over.h"

namespace attune::engine {

inline constexpr std::size_t kBatchesInFlight = 8;  // about a megabyte of text each

// Reads one at a time until null, maps several at once, sorts out one at a time, bundles several at
// once, and stages one at a time; what is one at a time is in the order read. Returns when all are
// staged.
template <class Work>
void run_stages(const auto& read, const auto& map, const auto& sort, const auto& bundle,
                const auto& stage) {
  struct Ordered {
    std::shared_ptr<Work> work;
    HandOver moved;
  };
  HandOver begun, reading, sorting, staging;
  const auto read_next = [&](oneapi::tbb::flow_control& control) -> Ordered* {
    begun.take();
    reading.take();
    auto next = std::make_unique<Ordered>(read());
    reading.give();
    if (next->work == nullptr) {
      control.stop();
      return nullptr;
    }
    next->moved.give();
    return next.release();
  };
  const auto apart = [](const auto& step) {
    return [&step](Ordered* next) {
      next->moved.take();
      step(*next->work);
      next->moved.give();
      return next;
    };
  };
  const auto sort_next = [&](Ordered* next) {
    sorting.take();
    next->moved.take();
    sort(*next->work);
    next->moved.give();
    sorting.give();
    return next;
  };
  const auto stage_next = [&](Ordered* next) {
    staging.take();
    next->moved.take();
    const std::unique_ptr<Ordered> last(next);
    stage(*last->work);
    staging.give();
  };
  namespace tbb = oneapi::tbb;
  constexpr auto kInOrder = tbb::filter_mode::serial_in_order;
  constexpr auto kApart = tbb::filter_mode::parallel;
  begun.give();
  tbb::parallel_pipeline(kBatchesInFlight,
                         tbb::make_filter<void, Ordered*>(kInOrder, read_next) &
                             tbb::make_filter<Ordered*, Ordered*>(kApart, apart(map)) &
                             tbb::make_filter<Ordered*, Ordered*>(kInOrder, sort_next) &
                             tbb::make_filter<Ordered*, Ordered*>(kApart, apart(bundle)) &
                             tbb::make_filter<Ordered*, void>(kInOrder, stage_next));
  reading.take();
  sorting.take();
  staging.take();
}

}  // namespace attune::engine
