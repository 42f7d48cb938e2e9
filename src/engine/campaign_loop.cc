#include "campaign_loop.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "attune/base/text.h"
#include "attune/engage/contact_store.h"
#include "background.h"
#include "pending_events.h"

namespace attune::engine {
namespace {

using namespace std::chrono_literals;
using Moment = std::chrono::steady_clock::time_point;

constexpr auto kLook = 1s;
constexpr auto kAfterTrouble = 60s;
constexpr auto kHeldAtOnce = 100ms;  // of the stores, beyond the chunk that it ends in
constexpr std::int64_t kSendAgainMicros = 5'000'000;  // others may have put messages there
constexpr auto kTidyEvery = 1h;
constexpr std::int64_t kContactsKeptDays = 62;  // caps look back a calendar month at most
constexpr std::int64_t kMessagesKeptDays = 400;

// Lets a run go on for a while. It goes on where it stopped.
class Slice final : public Progress {
 public:
  void phase(std::string_view, std::int64_t, std::string_view) override {}
  void advance(std::int64_t) override { advanced_ = true; }
  // Never before one chunk is done, so that every slice gets on.
  bool cancelled() const override {
    return advanced_ && std::chrono::steady_clock::now() - begun_ > kHeldAtOnce;
  }

 private:
  Moment begun_ = std::chrono::steady_clock::now();
  bool advanced_ = false;
};

}  // namespace

struct CampaignLoop::Impl {
  Workspace& workspace;
  WithStores with_stores;
  WithCustomers with_customers;
  mutable std::mutex mutex;
  std::string trouble_of_events, trouble_of_runs, trouble_of_sending;  // under `mutex`
  // Of the thread.
  std::map<std::string, Moment> not_before{};  // campaigns that failed
  Moment send_not_before{};
  std::int64_t send_due_micros = 0;
  Moment tidy_due{};
  std::condition_variable_any wake{};
  std::jthread thread{};

  void tell(std::string& which, std::string text) {
    const std::scoped_lock lock(mutex);
    which = std::move(text);
  }

  void run(const std::stop_token& stop) {
    give_way();
    while (!stop.stop_requested()) {
      pump();
      bool more = run_due(stop);
      more |= send_due(stop);
      tidy();
      if (more) continue;
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, kLook, [] { return false; });
    }
  }

  // What offers decided since, to the journal.
  void pump() {
    const Status pumped = with_stores([&](Workspace& stores) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(stores));
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t events, pending.pump());
      (void)events;
      return {};
    });
    tell(trouble_of_events, pumped ? std::string() : pumped.error().message);
  }

  // What nobody asks after any more goes. The history keeps what became of it.
  void tidy() {
    const Moment now = std::chrono::steady_clock::now();
    if (now < tidy_due) return;
    tidy_due = now + kTidyEvery;
    const Status done = with_stores(drop_old);
    if (!done) tell(trouble_of_events, done.error().message);
  }

  static Status drop_old(Workspace& stores) {
    const auto before = [&](std::int64_t days) {
      return Timestamp{stores.now().micros - days * kMicrosPerDay};
    };
    ATTUNE_ASSIGN_OR_RETURN(auto contacts, engage::ContactStore::open(stores.state()));
    ATTUNE_ASSIGN_OR_RETURN(auto outbox, deliver::Outbox::open(stores.state(), stores.vault()));
    ATTUNE_ASSIGN_OR_RETURN(const auto met, contacts.prune(before(kContactsKeptDays)));
    ATTUNE_ASSIGN_OR_RETURN(const auto sent, outbox.prune(before(kMessagesKeptDays)));
    (void)met, (void)sent;
    return {};
  }

  // Whether there is more to decide at once.
  bool run_due(const std::stop_token& stop) {
    std::vector<std::string> due;
    const Status read = with_stores([&](Workspace& stores) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(due, campaigns_due(stores));
      return {};
    });
    if (!read) {
      tell(trouble_of_runs, read.error().message);
      return false;
    }
    bool more = false;
    const Moment now = std::chrono::steady_clock::now();
    std::erase_if(not_before, [&](const auto& one) { return !std::ranges::count(due, one.first); });
    if (not_before.empty()) tell(trouble_of_runs, {});
    for (const std::string& name : due) {
      if (stop.stop_requested()) return false;
      if (const auto wait = not_before.find(name); wait != not_before.end() && wait->second > now)
        continue;
      const Status ran = run_some(name);
      send_due_micros = 0;
      more |= !ran && ran.error().code == ErrorCode::cancelled;
      if (ran || ran.error().code == ErrorCode::cancelled) {
        not_before.erase(name);
      } else {
        not_before[name] = now + kAfterTrouble;
        tell(trouble_of_runs, ran.error().message);
      }
    }
    return more;
  }

  // What was taken in before a run is part of what it decides from: a consent that was withdrawn a
  // moment ago, too.
  Status run_some(const std::string& name) {
    ATTUNE_RETURN_IF_ERROR(with_stores(take_in));
    return with_customers([&](Workspace& stores, Customers& customers) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(Campaigns campaigns, Campaigns::open(stores));
      Slice slice;
      const auto ran = campaigns.run(name, customers, stores.now(), slice);
      return ran ? Status{} : std::unexpected(ran.error());
    });
  }

  static Status take_in(Workspace& stores) { return stores.catch_up(); }

  // Whether more waits that may go at once.
  bool send_due(const std::stop_token& stop) {
    const Moment begun = std::chrono::steady_clock::now();
    if (begun < send_not_before || workspace.now().micros < send_due_micros) return false;
    SendResult result;
    const Status sent = send_some(stop, result);
    std::string trouble = sent ? std::string() : sent.error().message;
    for (const std::string& one : result.troubles) trouble += (trouble.empty() ? "" : "; ") + one;
    if (!sent) send_not_before = begun + kAfterTrouble;
    tell(trouble_of_sending, std::move(trouble));
    const std::int64_t now = workspace.now().micros;
    send_due_micros = std::min(result.next ? result.next->micros : now + kSendAgainMicros,
                               now + kSendAgainMicros);
    return sent && result.settled() > 0 && send_due_micros <= now;
  }

  Status send_some(const std::stop_token& stop, SendResult& result) {
    bool waits = false;
    ATTUNE_RETURN_IF_ERROR(with_stores([&](Workspace& stores) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(waits, anything_waits(stores));
      return {};
    }));
    if (!waits) return {};
    ATTUNE_ASSIGN_OR_RETURN(CampaignSender sender,
                            CampaignSender::open(workspace, with_stores, workspace.now()));
    Status done;
    while (done && !stop.stop_requested()) {
      const auto round = sender.run_once(workspace.now());
      if (round) result.add(*round);
      // What was handed over is told, whatever came after it.
      const Status told = with_stores([&](Workspace& stores) -> Status {
        ATTUNE_ASSIGN_OR_RETURN(Campaigns campaigns, Campaigns::open(stores));
        ATTUNE_ASSIGN_OR_RETURN(const std::int64_t settled, campaigns.settle_outbox(stores.now()));
        (void)settled;
        return {};
      });
      done = round ? told : std::unexpected(round.error());
      if (!round || round->settled() == 0 || !round->next || *round->next > workspace.now()) break;
    }
    return done;
  }

  static Result<std::vector<std::string>> campaigns_due(Workspace& stores) {
    ATTUNE_ASSIGN_OR_RETURN(Campaigns campaigns, Campaigns::open(stores, false));
    ATTUNE_ASSIGN_OR_RETURN(const auto due, campaigns.due(stores.now()));
    std::vector<std::string> names;
    for (const engage::StoredCampaign& one : due) names.push_back(one.campaign.name);
    return names;
  }

  static Result<bool> anything_waits(Workspace& stores) {
    ATTUNE_ASSIGN_OR_RETURN(auto outbox, deliver::Outbox::open(stores.state(), stores.vault()));
    return outbox.has_work();
  }
};

CampaignLoop::CampaignLoop(Workspace& workspace, WithStores with_stores,
                           WithCustomers with_customers)
    : impl_(
          new Impl{workspace, std::move(with_stores), std::move(with_customers), {}, {}, {}, {}}) {
  impl_->thread =
      std::jthread([self = impl_.get()](const std::stop_token& stop) { self->run(stop); });
}
CampaignLoop::~CampaignLoop() = default;

std::string CampaignLoop::trouble() const {
  const std::scoped_lock lock(impl_->mutex);
  for (const std::string* one : {&impl_->trouble_of_events, &impl_->trouble_of_runs}) {
    if (!one->empty()) return *one;
  }
  return impl_->trouble_of_sending;
}

}  // namespace attune::engine
