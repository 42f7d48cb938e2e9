// The live loop of one shop. Answers: how do events that arrive now reach everybody who has to
// know, and how do questions get answers meanwhile?
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/engine/access_keys.h"
#include "attune/engine/campaigns.h"
#include "attune/engine/customers.h"
#include "attune/engine/intake.h"
#include "attune/engine/recommendations.h"
#include "attune/engine/serving.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

struct ServiceOptions {
  IntakeOptions intake;
  // For this run; absent: what set_train_every kept, else an hour. 0: only when asked. Nothing is
  // trained without news, a first time not before there are 100 interactions of 10 customers, and
  // not while the history lacks rows that it once had.
  std::optional<std::chrono::seconds> train_every;
  int train_threads = 1;  // so that a training leaves the rest of the machine alone
  // Whether campaigns run when their time has come, and mails are handed over.
  bool campaigns = true;
  const Clock* clock = nullptr;  // null: the system's
};

// disk_full: events cannot be written, or not be applied, for want of room; what is not kept is
// refused. failing: the same for another reason, which `problem` tells. clock_back: the clock
// stands before what it said; everything goes on, timed by the clock as it is.
enum class HealthState : std::uint8_t { ready, disk_full, failing, clock_back };
std::string_view name(HealthState state);

// How the parts are. `ready` is false while events cannot be taken in or cannot be applied.
struct Health {
  HealthState state = HealthState::ready;
  bool ready = true;
  std::string problem;  // what is wrong and what helps; empty where nothing is
  std::int64_t journal = 0;
  std::int64_t applied = 0;   // both stores hold events through this one
  double behind_seconds = 0;  // for how long the applier has known of events to apply
  std::string model;
  std::size_t customers = 0;
  std::size_t items = 0;
  std::int64_t refused = 0;          // messages in quarantine
  std::int64_t lost_rows = 0;        // of imports, that a rebuilt history lacks
  std::int64_t refused_dropped = 0;  // the oldest of them, which went when there were too many
  IntakeCounts intake;
  std::int64_t decisions = 0;
  std::int64_t suppressed = 0;  // events and messages of forgotten customers, since the start
  std::string campaigns;  // what keeps campaigns from running or mails from going; empty: nothing
};

enum class JobState : std::uint8_t { running, done, failed, cancelled };
std::string_view name(JobState state);

struct Job {
  std::int64_t number = 0;
  std::string kind;  // "train"
  JobState state = JobState::running;
  std::string phase;
  std::int64_t done = 0;
  std::int64_t total = 0;
  Timestamp begun_at;
  std::optional<Timestamp> ended_at;
  std::string message;                   // of a failure; else what came of it
  ErrorCode code = ErrorCode::internal;  // of a failure
};

// An open shop with its applier, its lists in memory and its jobs.
//
// Promises: (1) what accept acknowledges is on disk; (2) it is in history, state and the next
// recommendation once the applier has come by, which is at once unless it is behind; (3) what is
// recommended is logged within 100 ms, or refused when the queue is full; (4) stopping writes and
// applies what was accepted.
// Threads: every member from any.
class Service {
 public:
  static Result<std::unique_ptr<Service>> start(const std::filesystem::path& folder,
                                                const ServiceOptions& options = {});
  ~Service();  // drains

  // Errors: unavailable when the queue is full (nothing is taken); others reach `done`. What names
  // a forgotten customer is left out; `done` is called at once where nothing else is there.
  Status accept(std::span<const events::Event> events, std::span<const RefusedMessage> refused,
                Intake::Done done);
  // The same, waiting until it is on disk.
  Status accept(std::span<const events::Event> events);

  // Forgets customers as Workspace::forget does, here too: what comes of theirs from now on is let
  // in no more, and counted. Errors: those of Workspace::forget.
  Result<std::vector<ErasureReceipt>> forget(std::span<const std::string> ids);
  bool is_forgotten(std::string_view customer) const;
  // Whether a customer is called so, by everything that is applied.
  bool knows(std::string_view customer) const;

  // Chooses and logs. Errors: those of Serving::recommend; unavailable when the log's queue is
  // full; while the log cannot be written, why.
  Result<Served> recommend(const ServeRequest& request);
  // The logged decision; one that was made just now is waited for. Errors: not_found.
  Result<decide::Decision> find_decision(std::string_view id);

  // Runs `work` on the stores, alone. Recommendations go on meanwhile, the applier waits.
  Status with(const std::function<Status(Workspace&)>& work);
  // The same until `work` has ended or called its second argument, by the same thread: after that
  // it touches nothing of the workspace but its folder.
  using Release = std::function<void()>;
  Status with_until(const std::function<Status(Workspace&, const Release&)>& work);
  // The same with profiles that hold every applied event. What customers are compared with (RFM
  // bounds) is measured anew when that is quick, else so seldom that it takes a hundredth of the
  // time.
  Status with_customers(const std::function<Status(Workspace&, Customers&)>& work);
  // The same with campaigns.
  Status with_campaigns(const std::function<Status(Campaigns&, Customers&)>& work);
  // What was accepted before is in the stores, and whoever asks next sees it: consents and
  // purchases of a moment ago, for a run that begins.
  Status take_in();
  // Campaigns::offers, with profiles as they are now. Errors: those of it and of the stores.
  Result<OfferAnswer> offers(const OfferRequest& request);
  // Errors: not_found.
  Status drop_refused(std::int64_t number);
  // After somebody else's command: reads anew what it changed of keys, models and imports, and
  // nothing where it changed nothing.
  Status follow();
  // After `work` changed more than live events do (an import, a model made current).
  Status reload();

  // Errors: failed_precondition while one runs.
  Result<Job> train(TrainRequest request);
  // The same, waiting until it has ended. Errors: those of the training, too; cancelled.
  Result<std::vector<ModelMeta>> train_and_wait(TrainRequest request);
  std::vector<Job> jobs() const;  // newest first
  Status cancel(std::int64_t number);
  // Between trainings; 0: only when asked. Errors of set: invalid_argument (less than 0, more than
  // 31 days).
  std::chrono::seconds train_every() const;
  Status set_train_every(std::chrono::seconds every);

  AccessKeys& keys();
  // Waits until everything that was accepted before is on disk and applied, at most `time` for each
  // of the two.
  bool settle(std::chrono::milliseconds time);
  Health health() const;
  Timestamp now() const;
  events::ShopSettings shop_settings() const;
  const std::filesystem::path& folder() const;

 private:
  struct Impl;
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
