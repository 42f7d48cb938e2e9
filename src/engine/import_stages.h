// Inside the engine: the stages of an import, side by side. Answers: which part of reading a file
// runs on which thread, and in which order?
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <oneapi/tbb/parallel_pipeline.h>

#include "attune/base/hand_over.h"

namespace attune::engine {

inline constexpr std::size_t kBatchesInFlight = 8;  // about a megabyte of text each

// What batches lay in that are staged, for the next ones: memory that was just given back is taken
// again only page by page. Threads: any. Lifetime: beyond that of everything taken.
template <class Work>
class Spare {
 public:
  // Cleared; goes back when nobody holds it any more.
  std::shared_ptr<Work> take() {
    std::unique_ptr<Work> work;
    {
      const std::scoped_lock lock(mutex_);
      if (!left_.empty()) {
        work = std::move(left_.back());
        left_.pop_back();
      }
    }
    if (work == nullptr) work = std::make_unique<Work>();
    return {work.release(), [this](Work* done) { give(std::unique_ptr<Work>(done)); }};
  }

 private:
  void give(std::unique_ptr<Work> done) {
    done->clear();
    const std::scoped_lock lock(mutex_);
    left_.push_back(std::move(done));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Work>> left_;
};

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
