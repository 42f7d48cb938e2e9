#include "attune/engine/intake.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "attune/events/event_bundle.h"

namespace attune::engine {
namespace {

constexpr std::size_t kCommitBytes = 16 << 20;  // in one row of the journal, about

struct Part {
  EntryKind kind;
  std::string payload;
  std::int64_t count;
};

struct Submission {
  std::vector<Part> parts;
  std::size_t bytes = 0;
  std::int64_t events = 0;  // events and refused messages: numbers that they take
  Intake::Done done;
};

}  // namespace

struct Intake::Impl {
  store::Journal& journal;
  IntakeOptions options;
  mutable std::mutex mutex;  // of everything down to `counts`
  std::condition_variable changed;
  mutable std::condition_variable written;
  std::vector<Submission> waiting;
  std::size_t waiting_bytes = 0;
  std::int64_t accepted = 0, finished = 0;  // submissions
  bool stopping = false;
  IntakeCounts counts;
  std::optional<Error> trouble;
  std::jthread committer;

  Impl(store::Journal& to, const IntakeOptions& with) : journal(to), options(with) {}

  void run() {
    while (true) {
      std::vector<Submission> taken;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stopping || !waiting.empty(); });
        if (waiting.empty()) return;
        taken.swap(waiting);
        waiting_bytes = 0;
      }
      for (std::size_t begin = 0; begin < taken.size();) begin = commit(taken, begin);
    }
  }

  // Writes submissions from `begin` on, as many as fit together. Returns the first one left.
  std::size_t commit(std::vector<Submission>& taken, std::size_t begin) {
    std::vector<store::JournalEntry> entries;
    std::size_t end = begin;
    for (std::size_t bytes = 0; end < taken.size() && (end == begin || bytes < kCommitBytes);
         ++end) {
      const Submission& one = taken[end];
      for (const Part& part : one.parts)
        entries.push_back({static_cast<std::uint16_t>(part.kind), part.payload, part.count});
      bytes += one.bytes;
    }
    Result<Sequence> first = journal.append(entries);
    note(taken, begin, end, first);
    std::int64_t events = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (first) {
        taken[i].done(Sequence{first->value + events});
      } else {
        taken[i].done(first);
      }
      events += taken[i].events;
    }
    {
      const std::scoped_lock lock(mutex);
      finished += static_cast<std::int64_t>(end - begin);
    }
    written.notify_all();
    return end;
  }

  // Whoever is told that events are on disk finds them counted.
  void note(const std::vector<Submission>& taken, std::size_t begin, std::size_t end,
            const Result<Sequence>& first) {
    const bool good = first.has_value();
    const std::scoped_lock lock(mutex);
    trouble = good ? std::nullopt : std::optional(first.error());
    ++counts.commits;
    (good ? counts.submissions : counts.failed) += static_cast<std::int64_t>(end - begin);
    for (std::size_t i = begin; good && i < end; ++i) counts.events += taken[i].events;
  }
};

Intake::Intake(store::Journal& journal, const IntakeOptions& options)
    : impl_(std::make_unique<Impl>(journal, options)) {
  impl_->committer = std::jthread([this] { impl_->run(); });
}

Intake::~Intake() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
}

bool Intake::submit(std::span<const events::Event> events, std::span<const RefusedMessage> refused,
                    Done done) {
  Submission submission;
  submission.done = std::move(done);
  if (!events.empty()) {
    submission.parts.push_back({EntryKind::events, events::bundle_events(events),
                                static_cast<std::int64_t>(events.size())});
  }
  for (const RefusedMessage& message : refused)
    submission.parts.push_back({EntryKind::refused, message.serialise(), 1});
  for (const Part& part : submission.parts) {
    submission.bytes += part.payload.size();
    submission.events += part.count;
  }
  {
    const std::scoped_lock lock(impl_->mutex);
    Impl& self = *impl_;
    const std::size_t bytes = self.waiting_bytes + submission.bytes;
    if (self.stopping || self.waiting.size() >= self.options.waiting_max ||
        (bytes > self.options.waiting_bytes_max && !self.waiting.empty())) {
      ++self.counts.refused;
      return false;
    }
    self.waiting_bytes = bytes;
    ++self.accepted;
    self.waiting.push_back(std::move(submission));
  }
  impl_->changed.notify_one();
  return true;
}

bool Intake::wait_written(std::chrono::milliseconds time) const {
  std::unique_lock lock(impl_->mutex);
  const std::int64_t wanted = impl_->accepted;
  return impl_->written.wait_for(lock, time, [&] { return impl_->finished >= wanted; });
}

std::optional<Error> Intake::trouble() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->trouble;
}

void Intake::end_trouble() {
  const std::scoped_lock lock(impl_->mutex);
  impl_->trouble.reset();
}

IntakeCounts Intake::counts() const {
  const std::scoped_lock lock(impl_->mutex);
  IntakeCounts counts = impl_->counts;
  counts.waiting = static_cast<std::int64_t>(impl_->waiting.size());
  return counts;
}

}  // namespace attune::engine
