// Work in the background of a service. Answers: what runs, how far is it, and how did it end?
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/service.h"

namespace attune::engine {

// One job at a time; the last `kKept` are remembered. Threads: any.
class JobList {
 public:
  static constexpr std::size_t kKept = 50;
  using Work = std::function<Result<std::string>(Progress&)>;  // gives what came of it

  JobList();
  ~JobList();  // as stop

  // Errors: failed_precondition while one runs; unavailable after stop.
  Result<Job> start(std::string_view kind, Timestamp now, Work work);
  std::vector<Job> list() const;  // newest first
  // Errors: not_found; failed_precondition for one that has ended.
  Status cancel(std::int64_t number);
  bool running() const;
  void stop();  // cancels what runs and waits for it; nothing begins any more

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
