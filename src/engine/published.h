// What one thread publishes and others read. Answers: which value holds now?
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace attune::engine {

// A shared value that is replaced as a whole; who holds the old one keeps it. std::atomic of a
// shared_ptr would do, but GCC 12's gives its lock back without ordering what was read.
// Threads: any.
template <class T>
class Published {
 public:
  std::shared_ptr<const T> load() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }
  void store(std::shared_ptr<const T> value) {
    const std::scoped_lock lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace attune::engine
