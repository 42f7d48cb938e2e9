#include "job_list.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <new>
#include <thread>

#include <fmt/format.h>

#include "attune/base/time.h"
#include "background.h"

namespace attune::engine {

std::string_view name(JobState state) {
  switch (state) {
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::cancelled:
      return "cancelled";
  }
  return "failed";
}

struct JobList::Impl {
  mutable std::mutex mutex;  // of all but `cancelled`
  std::deque<Job> jobs;      // oldest first; the last one may run
  std::atomic<bool> cancelled = false;
  std::int64_t next = 1;
  bool stopping = false;
  std::jthread worker;

  void change(const std::function<void(Job&)>& how) {
    const std::scoped_lock lock(mutex);
    how(jobs.back());
  }
};

namespace {

class JobProgress final : public Progress {
 public:
  using Change = std::function<void(const std::function<void(Job&)>&)>;
  JobProgress(Change change, const std::atomic<bool>& cancelled)
      : change_(std::move(change)), cancelled_(cancelled) {}
  void phase(std::string_view name, std::int64_t total, std::string_view) override {
    change_([&](Job& job) {
      job.phase = name;
      job.done = 0;
      job.total = total;
    });
  }
  void advance(std::int64_t done) override {
    change_([&](Job& job) { job.done = done; });
  }
  bool cancelled() const override { return cancelled_; }

 private:
  Change change_;
  const std::atomic<bool>& cancelled_;
};

// Memory that runs out ends the job, not the service.
Result<std::string> run(const JobList::Work& work, Progress& progress) {
  try {
    return work(progress);
  } catch (const std::bad_alloc&) {
    return std::unexpected(resource_exhausted("memory ran out"));
  }
}

}  // namespace

JobList::JobList() : impl_(std::make_unique<Impl>()) {}
JobList::~JobList() { stop(); }

Result<Job> JobList::start(std::string_view kind, Timestamp now, Work work) {
  Impl& self = *impl_;
  const std::scoped_lock lock(self.mutex);
  if (self.stopping) return std::unexpected(unavailable("the service is ending; no job begins"));
  if (!self.jobs.empty() && self.jobs.back().state == JobState::running) {
    return std::unexpected(
        failed_precondition(fmt::format("job {} ({}) runs; wait for it, or cancel it",
                                        self.jobs.back().number, self.jobs.back().kind)));
  }
  Job job;
  job.number = self.next++;
  job.kind = kind;
  job.begun_at = now;
  self.jobs.push_back(job);
  if (self.jobs.size() > kKept) self.jobs.pop_front();
  self.cancelled = false;
  // The one before has ended: replacing its thread waits for nothing.
  self.worker = std::jthread([&self, work = std::move(work)] {
    const auto begun = std::chrono::steady_clock::now();
    give_way();
    JobProgress progress([&](const auto& how) { self.change(how); }, self.cancelled);
    const Result<std::string> result = run(work, progress);
    self.change([&](Job& ended) {
      // By the clock that it was begun at, which need not be the system's.
      const auto took = std::chrono::steady_clock::now() - begun;
      ended.ended_at = {ended.begun_at.micros +
                        std::chrono::duration_cast<std::chrono::microseconds>(took).count()};
      if (!result) ended.code = result.error().code;
      ended.message = result ? *result : result.error().message;
      ended.state = result                                        ? JobState::done
                    : result.error().code == ErrorCode::cancelled ? JobState::cancelled
                                                                  : JobState::failed;
    });
  });
  return job;
}

std::vector<Job> JobList::list() const {
  const std::scoped_lock lock(impl_->mutex);
  return {impl_->jobs.rbegin(), impl_->jobs.rend()};
}

Status JobList::cancel(std::int64_t number) {
  const std::scoped_lock lock(impl_->mutex);
  for (const Job& job : impl_->jobs) {
    if (job.number != number) continue;
    if (job.state != JobState::running) {
      return std::unexpected(
          failed_precondition(fmt::format("job {} has ended: {}", number, name(job.state))));
    }
    impl_->cancelled = true;
    return {};
  }
  return std::unexpected(not_found(fmt::format("there is no job {}", number)));
}

bool JobList::running() const {
  const std::scoped_lock lock(impl_->mutex);
  return !impl_->jobs.empty() && impl_->jobs.back().state == JobState::running;
}

void JobList::stop() {
  std::jthread last;
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->cancelled = true;
    last.swap(impl_->worker);
  }
  if (last.joinable()) last.join();
}

}  // namespace attune::engine
