#include "attune/engine/service.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engine/decision_log.h"
#include "background.h"
#include "forgotten_filter.h"
#include "service_impl.h"

namespace attune::engine {
namespace {

using namespace std::chrono_literals;
using events::Event;

constexpr auto kDecisionWait = 500ms;

}  // namespace

Service::Impl::~Impl() {
  campaigns.reset();
  jobs.stop();
  std::unique_lock ends(intake_ends);
  intake.reset();  // writes what waits
  ends.unlock();
  applier.request_stop();
  if (applier.joinable()) applier.join();
}

void Service::Impl::set(std::optional<Error>& which, const Status& done) {
  const std::scoped_lock lock(mutex);
  which = done ? std::nullopt : std::optional(done.error());
}

void Service::Impl::tell_state(Health& health) const {
  std::optional<Error> wrong = intake->trouble();
  {
    const std::scoped_lock lock(mutex);
    if (!wrong) wrong = problem;
    if (folding_problem) health.problem = folding_problem->message;
  }
  if (wrong) {
    const bool full = wrong->code == ErrorCode::resource_exhausted;
    health.state = full ? HealthState::disk_full : HealthState::failing;
    health.ready = false;
    health.problem = wrong->message;
  } else if (lost_rows > 0) {
    health.problem = fmt::format(
        "the history was rebuilt without {} imported rows, and nothing is trained by itself: "
        "import their files again, or say that they are not wanted: attune status --accept-loss",
        with_thousands(lost_rows));
  }
  const std::int64_t behind = clock.behind(workspace.now());
  if (!wrong && behind > 0) {
    health.state = HealthState::clock_back;
    health.problem = fmt::format(
        "the clock says {}, {} s before what it said; events are taken in and timed by it as it "
        "is: set it right",
        format_iso(workspace.now()), behind / kMicrosPerSecond);
  }
}

std::unique_lock<std::mutex> Service::Impl::hold_stores() {
  ++waiting;
  std::unique_lock lock(stores);
  --waiting;
  return lock;
}

Status Service::Impl::forget_in_memory() {
  ATTUNE_RETURN_IF_ERROR(reload_where_needed());
  return count_kept();
}

Result<Customers*> Service::Impl::customers_for(Sequence asked,
                                                std::unique_lock<std::mutex>& lock) {
  while (true) {
    if (Customers* ready = profiles.serving(asked, workspace.now())) return ready;
    const auto next = profiles.next();
    if (next <= std::chrono::steady_clock::now()) return fold();
    lock.unlock();
    std::this_thread::sleep_until(next);
    lock = hold_stores();
  }
}

Status Service::Impl::submit(std::span<const Event> events,
                             std::span<const RefusedMessage> messages, Intake::Done done) {
  if (intake->submit(events, messages, std::move(done))) return {};
  return std::unexpected(
      unavailable("more events arrive than the disk takes; nothing of these was kept: send them "
                  "again in a moment"));
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::start(const std::filesystem::path& folder,
                                                const ServiceOptions& options) {
  WorkspaceOptions how;
  how.command = "attune serve";
  how.create = true;
  how.clock = options.clock;
  ATTUNE_ASSIGN_OR_RETURN(Workspace workspace, open_giving_way(folder, how));
  auto impl = std::make_unique<Impl>(std::move(workspace), options);
  Impl& self = *impl;
  ATTUNE_ASSIGN_OR_RETURN(self.serving, Serving::open(self.workspace));
  ATTUNE_ASSIGN_OR_RETURN(self.keys,
                          AccessKeys::open(self.workspace.state(), self.workspace.vault()));
  ATTUNE_RETURN_IF_ERROR(self.count_kept());
  ATTUNE_RETURN_IF_ERROR(self.schedule.begin(self.workspace.state(), options.train_every));
  self.applied = self.journal->last_sequence().value;
  self.unfolded = true;
  self.clock.begin(self.journal->files().back().last_recorded_at);
  self.workspace.observe([&self](const AppliedEvents& applied) {
    self.profiles.note(applied);
    return self.serving->take_in(self.workspace, applied);
  });
  self.intake.emplace(*self.journal, options.intake);
  self.applier = std::jthread([&self](const std::stop_token& stop) { self.run(stop); });
  std::unique_ptr<Service> service(new Service(std::move(impl)));
  if (options.campaigns) {
    self.campaigns.emplace(
        self.workspace, [&service = *service](const auto& work) { return service.with(work); },
        [&service = *service](const auto& work) { return service.with_customers(work); });
  }
  return service;
}

Status Service::accept(std::span<const Event> events, std::span<const RefusedMessage> refused,
                       Intake::Done done) {
  Impl& self = *impl_;
  if (!self.workspace.forgets_anybody()) return self.submit(events, refused, std::move(done));
  const std::vector<Event> kept = let_in(self.workspace, events);
  const std::vector<RefusedMessage> messages = let_in(self.workspace, refused);
  self.suppressed += static_cast<std::int64_t>(events.size() - kept.size()) +
                     static_cast<std::int64_t>(refused.size() - messages.size());
  if (!kept.empty() || !messages.empty()) return self.submit(kept, messages, std::move(done));
  done(self.journal->last_sequence());
  return {};
}

Result<std::vector<ErasureReceipt>> Service::forget(std::span<const std::string> ids) {
  std::vector<ErasureReceipt> receipts;
  ATTUNE_RETURN_IF_ERROR(with([&](Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(receipts, workspace.forget(ids));
    return impl_->forget_in_memory();
  }));
  return receipts;
}

bool Service::knows(std::string_view customer) const { return impl_->serving->knows(customer); }
bool Service::is_forgotten(std::string_view customer) const {
  return impl_->workspace.is_forgotten(events::IdKind::customer, customer);
}

Result<Served> Service::recommend(const ServeRequest& request) {
  if (auto trouble = impl_->intake->trouble()) return std::unexpected(std::move(*trouble));
  ATTUNE_ASSIGN_OR_RETURN(Served served, impl_->serving->recommend(request));
  const std::string properties = decision_properties(served.decision);
  Event event;
  event.type = events::EventType::decision;
  event.time = served.decision.time;
  event.event_id = served.decision.id;
  event.decision = served.decision.id;
  // A stranger who is shown something does not become a customer by that, nor does a device that
  // was asked for as one.
  if (served.customer.value != 0) {
    (served.found_by == events::IdKind::customer ? event.customer : event.anonymous) = served.id;
  }
  event.source = kDecisionSource;
  event.channel = request.surface;
  event.properties = properties;
  if (!impl_->intake->submit(std::span(&event, 1), {}, [](const Result<Sequence>&) {})) {
    return std::unexpected(unavailable("the log of decisions is full; ask again in a moment"));
  }
  ++impl_->decisions;
  return served;
}

Result<decide::Decision> Service::find_decision(std::string_view id) {
  const auto find = [&] {
    const std::unique_lock lock = impl_->hold_stores();
    return read_decision(impl_->workspace, id);
  };
  Result<decide::Decision> found = find();
  const bool maybe_later =
      !found && found.error().code == ErrorCode::not_found && decide::is_id(id);
  return maybe_later && settle(kDecisionWait) ? find() : std::move(found);
}

Status Service::with(const std::function<Status(Workspace&)>& work) {
  const std::unique_lock lock = impl_->hold_stores();
  impl_->profiles.changed();
  return work(impl_->workspace);
}

Status Service::with_until(const std::function<Status(Workspace&, const Release&)>& work) {
  std::unique_lock lock = impl_->hold_stores();
  impl_->profiles.changed();
  return work(impl_->workspace, [&lock] {
    if (lock.owns_lock()) lock.unlock();
  });
}

Status Service::with_customers(const std::function<Status(Workspace&, Customers&)>& work) {
  const Sequence asked{impl_->applied};
  std::unique_lock lock = impl_->hold_stores();
  ATTUNE_ASSIGN_OR_RETURN(Customers * customers, impl_->customers_for(asked, lock));
  return work(impl_->workspace, *customers);
}

Result<OfferAnswer> Service::offers(const OfferRequest& request) {
  if (auto trouble = impl_->intake->trouble()) return std::unexpected(std::move(*trouble));
  OfferAnswer answer;
  ATTUNE_RETURN_IF_ERROR(with_customers([&](Workspace& workspace, Customers& customers) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(Campaigns campaigns, Campaigns::open(workspace, /*pump=*/false));
    ATTUNE_ASSIGN_OR_RETURN(answer, campaigns.offers(request, customers, workspace.now()));
    if (impl_->campaigns) return {};  // whose thread takes the events to the journal
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t pumped, campaigns.pump());
    (void)pumped;
    return {};
  }));
  return answer;
}

Status Service::drop_refused(std::int64_t number) {
  return with([&](Workspace& workspace) -> Status {
    ATTUNE_RETURN_IF_ERROR(workspace.drop_refused(number));
    --impl_->refused;
    return {};
  });
}

Status Service::reload() {
  return with([&](Workspace& workspace) -> Status {
    ATTUNE_RETURN_IF_ERROR(impl_->keys->reload());
    ATTUNE_RETURN_IF_ERROR(impl_->count_kept());
    impl_->profiles.drop();
    return impl_->serving->reload(workspace);
  });
}

Status Service::follow() {
  return with([&](Workspace& workspace) -> Status {
    Impl& self = *impl_;
    ATTUNE_RETURN_IF_ERROR(self.keys->reload());
    ATTUNE_RETURN_IF_ERROR(self.count_kept());
    if (workspace.others_applied() != self.others_seen) return self.reload_where_needed();
    ATTUNE_ASSIGN_OR_RETURN(const bool current, self.serving->serves_current_model(workspace));
    return current ? Status{} : self.serving->swap_model(workspace);
  });
}

Result<Job> Service::train(TrainRequest request) {
  return impl_->start_training(std::move(request));
}
std::vector<Job> Service::jobs() const { return impl_->jobs.list(); }
Status Service::cancel(std::int64_t number) { return impl_->jobs.cancel(number); }

std::chrono::seconds Service::train_every() const { return impl_->schedule.every(); }
Status Service::set_train_every(std::chrono::seconds every) {
  return with([&](Workspace& workspace) { return impl_->schedule.set(workspace.state(), every); });
}

AccessKeys& Service::keys() { return *impl_->keys; }

bool Service::settle(std::chrono::milliseconds time) {
  if (!impl_->intake->wait_written(time)) return false;
  const std::int64_t wanted = impl_->journal->last_sequence().value;
  std::unique_lock lock(impl_->mutex);
  return impl_->moved.wait_for(lock, time, [&] { return impl_->applied >= wanted; });
}

Health Service::health() const {
  const Impl& self = *impl_;
  Health health;
  self.tell_state(health);
  if (const std::int64_t since = self.behind_since; since != 0) {
    health.behind_seconds =
        std::max(0., static_cast<double>(self.workspace.now().micros - since) / kMicrosPerSecond);
  }
  health.journal = self.journal->last_sequence().value;
  health.applied = self.applied;
  health.model = self.serving->model();
  health.customers = self.serving->customers();
  health.items = self.serving->items();
  health.refused = self.refused;
  health.lost_rows = self.lost_rows;
  health.refused_dropped = self.refused_dropped;
  health.intake = self.intake->counts();
  health.decisions = self.decisions;
  health.suppressed = self.suppressed;
  if (self.campaigns) health.campaigns = self.campaigns->trouble();
  return health;
}

Timestamp Service::now() const { return impl_->workspace.now(); }
events::ShopSettings Service::shop_settings() const { return impl_->workspace.shop_settings(); }
const std::filesystem::path& Service::folder() const { return impl_->folder; }

}  // namespace attune::engine
