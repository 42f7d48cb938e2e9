// What the parts of a running service share. Answers: who may touch what, and when?
//
// The applier's thread takes what the journal holds into the stores (service_applier.cc); whoever
// asks comes through Service (service.cc, service_calls.cc). Both hold `stores` while they use the
// workspace.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "attune/engine/service.h"
#include "campaign_loop.h"
#include "clock_watch.h"
#include "job_list.h"
#include "live_profiles.h"
#include "training_schedule.h"

namespace attune::engine {

struct Service::Impl {
  ServiceOptions options;
  Workspace workspace;
  store::Journal* journal;  // of `workspace`: every thread may ask it
  std::filesystem::path folder;
  std::unique_ptr<Serving> serving;
  std::optional<AccessKeys> keys;
  std::optional<Intake> intake;
  std::mutex intake_ends;  // of the applier's use of it, which lasts longer
  JobList jobs;

  mutable std::mutex stores;    // whoever uses `workspace` holds it
  std::atomic<int> waiting{0};  // for `stores`, besides the applier
  std::atomic<std::int64_t> applied{0};
  std::atomic<std::int64_t> refused{0};
  std::atomic<std::int64_t> refused_dropped{0};
  std::atomic<std::int64_t> decisions{0};
  std::atomic<std::int64_t> suppressed{0};

  mutable std::mutex mutex;              // of the three below
  std::optional<Error> problem;          // of applying
  std::optional<Error> folding_problem;  // of profiles, which hold nothing up
  std::condition_variable_any moved;     // `applied` has grown

  // Of the applier, by whoever holds `stores`.
  std::int64_t others_seen = 0;
  std::int64_t refused_seen = 0;
  bool currency_pinned = false;
  bool lists_stale = false;  // applying failed half-way: lists in memory are to be read anew
  std::atomic<bool> unfolded = false;         // profiles lack events
  std::atomic<std::int64_t> behind_since{0};  // microseconds; 0: nothing waits
  std::chrono::steady_clock::time_point folded_at = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point applied_at{};
  LiveProfiles profiles;
  TrainingSchedule schedule;
  std::atomic<std::int64_t> lost_rows{0};
  ClockWatch clock;
  // Of the applier's thread.
  std::chrono::steady_clock::time_point counted_at{}, looked_at{};
  std::int64_t counted = -1;  // `applied` when enough for a first model was last looked for
  std::jthread applier;
  std::optional<CampaignLoop> campaigns;

  Impl(Workspace opened, const ServiceOptions& with)
      : options(with),
        workspace(std::move(opened)),
        journal(&workspace.journal()),
        folder(workspace.folder().root()) {}

  ~Impl();

  void set(std::optional<Error>& which, const Status& done);
  // Once the journal could not be written, nobody may come any more by whom it could be seen that
  // it can.
  void look_for_room();
  void tell_state(Health& health) const;
  std::unique_lock<std::mutex> hold_stores();

  // Applies what is new. The caller holds `stores`.
  Status apply();

  // What was applied of a whole shop or a whole customer is read anew. The caller holds `stores`.
  Status reload_where_needed();
  Status forget_in_memory();
  Status count_kept();

  // Brings profiles up to date. The caller holds `stores`.
  Result<Customers*> fold();

  // For a question that came when events were applied up to `asked`. `lock` is of `stores`, and let
  // go while others go first.
  Result<Customers*> customers_for(Sequence asked, std::unique_lock<std::mutex>& lock);

  // The applier's thread, and one turn of it.
  void run(const std::stop_token& stop);
  bool step(bool news, bool fold_now);

  Status submit(std::span<const events::Event> events, std::span<const RefusedMessage> messages,
                Intake::Done done);
  void maybe_train();

  // A shop without a model. Of the applier's thread.
  bool enough_to_begin();
  Result<Job> start_training(TrainRequest request);
  Result<std::string> train_now(TrainRequest request, Progress& progress);
};

}  // namespace attune::engine
