#include "task_threads.h"

#include <system_error>
#include <utility>

#include <pthread.h>

namespace attune::store::duck {

void TaskThreads::start(duckdb_database database, int count) {
  const std::scoped_lock lock(mutex_);
  database_ = database;
  count_ = count;
  begin();
}

void TaskThreads::stop() {
  const std::scoped_lock lock(mutex_);
  end();
  database_ = nullptr;
}

void TaskThreads::rest() {
  const std::scoped_lock lock(mutex_);
  if (resting_++ == 0) end();
}

void TaskThreads::go_on() {
  const std::scoped_lock lock(mutex_);
  if (--resting_ == 0) begin();
}

void TaskThreads::begin() {
  if (database_ == nullptr || count_ == 0 || resting_ > 0) return;
  state_ = duckdb_create_task_state(database_);
  const auto work = [state = state_] {
    pthread_setname_np(pthread_self(), kTaskThreadName);
    duckdb_execute_tasks_state(state);
  };
  try {
    for (int i = 0; i < count_; ++i) threads_.emplace_back(work);
  } catch (const std::system_error&) {
    // The system has no thread left: statements do with fewer.
    count_ = static_cast<int>(threads_.size());
  }
}

void TaskThreads::end() {
  if (state_ == nullptr) return;
  duckdb_finish_execution(state_);
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
  duckdb_destroy_task_state(std::exchange(state_, nullptr));
}

}  // namespace attune::store::duck
