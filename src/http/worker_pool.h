// Threads for work that would hold the server up. Answers: who does this meanwhile?
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace attune::http {

// Threads: submit from any. The end of the pool finishes what waits.
class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t waiting_max);
  ~WorkerPool();
  bool submit(std::function<void()> work);  // false: too much waits

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::http
