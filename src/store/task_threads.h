// Threads that help the statements of an instance of DuckDB along. Answers: who works on a
// statement beside the thread that runs it, and how is it left alone?
#pragma once

#include <mutex>
#include <thread>
#include <vector>

#include <duckdb.h>

namespace attune::store::duck {

inline constexpr const char* kTaskThreadName = "attune-history";

// DuckDB's own threads cannot be held back: where callers bring a thread a core, they take the
// callers' work from them, and whoever ran it turns in a circle until it is done. So the instance
// is opened without any (external_threads = threads), and these take their place.
// Threads: rest() and go_on() from any; start() and stop() one at a time.
class TaskThreads {
 public:
  TaskThreads() = default;
  TaskThreads(const TaskThreads&) = delete;
  TaskThreads& operator=(const TaskThreads&) = delete;
  ~TaskThreads() { stop(); }

  void start(duckdb_database database, int count);
  void stop();  // before the instance is closed

  // Ends when they have put down what they worked on. As many times on as at rest.
  void rest();
  void go_on();

 private:
  void begin();
  void end();

  std::mutex mutex_;
  duckdb_database database_ = nullptr;
  int count_ = 0;
  int resting_ = 0;
  duckdb_task_state state_ = nullptr;
  std::vector<std::thread> threads_;
};

}  // namespace attune::store::duck
