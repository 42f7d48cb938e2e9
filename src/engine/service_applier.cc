// The applier of a service: what the journal holds goes into the stores, lists in memory and
// profiles follow, and models are trained when enough is new.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "background.h"
#include "disk_room.h"
#include "service_impl.h"

namespace attune::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 100ms;     // how often the applier looks whether it has to stop
constexpr auto kGather = 200ms;   // between two groups that follow each other: each costs commits
constexpr auto kFoldEvery = 1s;   // profiles with news are at most so old
constexpr auto kRetryEvery = 1s;  // after the stores refused
constexpr std::size_t kRoomNeeded = 1 << 20;  // on a disk that was full
constexpr int kPoliteLooks = 50;              // of 100 us, that the applier waits for others
constexpr double kNewsShare = .01;            // of what was learned from: enough to train again
constexpr auto kCountEvery = 2s;              // whether there is enough for a first one

// The one that the schedule trains.
const std::string& scheduled_recommender() { return default_recommenders().front(); }

}  // namespace

Status Service::Impl::reload_where_needed() {
  if (workspace.others_applied() == others_seen) return {};
  ATTUNE_RETURN_IF_ERROR(serving->reload(workspace));
  others_seen = workspace.others_applied();
  profiles.drop();
  return {};
}

Status Service::Impl::count_kept() {
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t count, workspace.refused_count());
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t dropped, workspace.refused_dropped());
  refused = count;
  refused_dropped = dropped;
  ATTUNE_ASSIGN_OR_RETURN(lost_rows, workspace.lost_rows());
  return {};
}

Status Service::Impl::apply() {
  const bool stale = std::exchange(lists_stale, true);
  applied_at = std::chrono::steady_clock::now();
  const Sequence there = journal->last_sequence();
  const std::int64_t begun = workspace.now().micros;
  NoProgress quiet;
  ATTUNE_ASSIGN_OR_RETURN(const bool some, workspace.apply_next(quiet));
  ATTUNE_ASSIGN_OR_RETURN(const Sequence done, workspace.event_history().cursor());
  if (!some) ATTUNE_RETURN_IF_ERROR(workspace.catch_up(quiet));  // old journal files go
  if (stale || workspace.others_applied() != others_seen) {
    ATTUNE_RETURN_IF_ERROR(serving->reload(workspace));
    others_seen = workspace.others_applied();
    profiles.drop();
  }
  lists_stale = false;
  if (!currency_pinned) {
    ATTUNE_ASSIGN_OR_RETURN(currency_pinned, workspace.pin_currency());
  }
  if (workspace.refused_applied() != refused_seen) {
    ATTUNE_RETURN_IF_ERROR(count_kept());
    refused_seen = workspace.refused_applied();
  }
  unfolded = true;
  if (done >= there) behind_since = done < journal->last_sequence() ? begun : 0;
  {
    const std::scoped_lock lock(mutex);
    applied = done.value;
  }
  moved.notify_all();
  return {};
}

Result<Customers*> Service::Impl::fold() {
  folded_at = std::chrono::steady_clock::now();
  ATTUNE_ASSIGN_OR_RETURN(Customers * customers, profiles.catch_up(workspace));
  unfolded = false;
  return customers;
}

void Service::Impl::look_for_room() {
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock(intake_ends);
  if (!intake || now - looked_at < kRetryEvery || !intake->trouble()) return;
  looked_at = now;
  if (has_room(folder, kRoomNeeded)) intake->end_trouble();
}

void Service::Impl::run(const std::stop_token& stop) {
  give_way();
  while (true) {
    const bool stopping = stop.stop_requested();
    look_for_room();
    clock.look(workspace.now());
    const bool news = journal->wait_past(Sequence{applied}, stopping ? 0ms : kLook);
    if (news && !stopping) std::this_thread::sleep_until(applied_at + kGather);
    if (news && behind_since == 0) behind_since = workspace.now().micros;
    const bool fold_now = unfolded && std::chrono::steady_clock::now() - folded_at > kFoldEvery;
    const bool good = !(news || fold_now || serving->refresh_due()) || step(news, fold_now);
    if (stopping && (!news || !good)) return;
    if (!stopping) maybe_train();
    // Whoever waits for the stores goes first; those who come again and again do not keep events
    // waiting.
    for (int i = 0; i < kPoliteLooks && waiting > 0 && !stop.stop_requested(); ++i)
      std::this_thread::sleep_for(100us);
  }
}

bool Service::Impl::step(bool news, bool fold_now) {
  Status done, folded;
  {
    const std::scoped_lock lock(stores);
    if (news) done = apply();
    if (done && serving->refresh_due()) done = serving->refresh(workspace);
    if (done && fold_now) {
      const auto profiles_now = fold();
      if (!profiles_now) folded = std::unexpected(profiles_now.error());
    }
  }
  set(problem, done);
  if (done && fold_now) set(folding_problem, folded);
  if (!done) std::this_thread::sleep_for(kRetryEvery);
  return done.has_value();
}

void Service::Impl::maybe_train() {
  // Out of what a lost history left, nobody wants a model unless they say so.
  if (lost_rows > 0 || jobs.running() || !schedule.due(workspace.now())) return;
  const auto learned = static_cast<double>(serving->learned_through().value);
  const auto recent = static_cast<double>(serving->recent_events());
  const bool enough =
      learned == 0 ? enough_to_begin() : recent > 0 && recent >= kNewsShare * learned;
  if (!enough) return;
  TrainRequest request;
  request.names = {scheduled_recommender()};
  request.keep_worse_aside = true;
  (void)start_training(std::move(request));
}

bool Service::Impl::enough_to_begin() {
  const auto now = std::chrono::steady_clock::now();
  if (now - counted_at < kCountEvery || counted == applied) return false;
  counted_at = now;
  counted = applied;
  const std::scoped_lock lock(stores);
  return TrainingSchedule::can_begin(workspace);
}

Result<Job> Service::Impl::start_training(TrainRequest request) {
  if (request.threads == 0) request.threads = options.train_threads;
  const Timestamp now = workspace.now();
  const bool scheduled =
      request.names.empty() || std::ranges::count(request.names, scheduled_recommender()) > 0;
  ATTUNE_ASSIGN_OR_RETURN(Job job,
                          jobs.start("train", now, [this, request](Progress& progress) mutable {
                            return train_now(std::move(request), progress);
                          }));
  if (scheduled) schedule.trained(now);
  return job;
}

Result<std::string> Service::Impl::train_now(TrainRequest request, Progress& progress) {
  std::unique_lock lock = hold_stores();
  request.when_read = [&] { lock.unlock(); };
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<ModelMeta> made,
                          engine::train(workspace, request, progress));
  lock = hold_stores();
  ATTUNE_RETURN_IF_ERROR(workspace.forget_in_models());  // whoever was forgotten meanwhile
  ATTUNE_RETURN_IF_ERROR(serving->swap_model(workspace));
  if (request.when_made) request.when_made(made);
  std::string text;
  for (const ModelMeta& meta : made) {
    text += fmt::format("{}{}/{} of {} interactions in {:.1f} s", text.empty() ? "" : "; ",
                        meta.name, meta.version, with_thousands(meta.pairs), meta.fit_seconds);
    if (!meta.current && !meta.warnings.empty()) text += ", " + meta.warnings.back();
  }
  return text;
}

}  // namespace attune::engine
