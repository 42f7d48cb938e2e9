#include "worker_pool.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace attune::http {

struct WorkerPool::Impl {
  std::mutex mutex;  // of all below
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  bool stopping = false;
  std::atomic<std::int64_t> failed = 0;  // work that threw
  std::size_t waiting_max = 0;
  std::vector<std::jthread> threads;

  void run() {
    while (true) {
      std::function<void()> work;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stopping || !waiting.empty(); });
        if (waiting.empty()) return;
        work = std::move(waiting.front());
        waiting.pop_front();
      }
      try {
        work();
      } catch (const std::exception&) {
        ++failed;  // the request goes with its answer ungiven: the server makes that a 500
      }
      work = nullptr;
    }
  }
};

WorkerPool::WorkerPool(int threads, std::size_t waiting_max) : impl_(std::make_unique<Impl>()) {
  impl_->waiting_max = waiting_max;
  for (int i = 0; i < threads; ++i) impl_->threads.emplace_back([this] { impl_->run(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->threads.clear();
}

bool WorkerPool::submit(std::function<void()> work) {
  {
    const std::scoped_lock lock(impl_->mutex);
    if (impl_->stopping || impl_->waiting.size() >= impl_->waiting_max) return false;
    impl_->waiting.push_back(std::move(work));
  }
  impl_->changed.notify_one();
  return true;
}

}  // namespace attune::http
