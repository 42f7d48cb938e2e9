// Inside the engine: what was decided about customers, as rows of state. Answers: is everything
// that a decision to send costs and promises on disk before anything is sent?
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attune/deliver/outbox.h"
#include "attune/engage/contact_store.h"
#include "attune/engine/campaigns.h"
#include "attune/ledger/budget_ledger.h"
#include "campaign_asking.h"
#include "campaign_lists.h"
#include "pending_events.h"

namespace attune::engine {

// Commits are on disk when they return, as long as this lives: what is sent, spent or journalled
// rests on them.
class OnDisk {
 public:
  static Result<OnDisk> begin(store::State& state);
  OnDisk(OnDisk&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ~OnDisk();

 private:
  explicit OnDisk(store::State& state) : state_(&state) {}
  store::State* state_;
};

// The draws of a run follow from the campaign and the moment that it was due.
std::uint64_t run_seed(const engage::Campaign& campaign, Timestamp due);
// What the ledger says, or the campaign where it has no budget in the ledger yet.
decide::BudgetLeft left_of(const engage::Campaign& campaign,
                           const std::optional<ledger::BudgetBalances>& balances);

// Whether something is handed over later, by the outbox; else it is given away with the decision.
bool goes_by_outbox(decide::Channel channel);

// Of customers that were asked (with will_write) and decided: reservations, contacts, messages of
// the outbox and pending events. Lifetime: a moment; everything given outlives it.
class CampaignWriting {
 public:
  CampaignWriting(Workspace& workspace, ledger::BudgetLedger& ledger, deliver::Outbox& outbox,
                  PendingEvents& pending, const CampaignAsking& asking, const CampaignChunk& chunk)
      : workspace_(workspace),
        ledger_(ledger),
        outbox_(outbox),
        pending_(pending),
        asking_(asking),
        chunk_(chunk) {}

  // Works out what is written, a part of the customers at a time on every thread; state is not
  // touched. `beside` runs as one more part, and may use state: the next chunk is read meanwhile.
  Status prepare(const std::function<Status()>& beside = {});
  // What was prepared, inside the caller's transaction. Errors: those of the stores; internal where
  // the gates let more pass than the budget holds: nothing may be committed then.
  Status write();
  // Adds who gets something, in the order of decisions.
  void list(CampaignListing& listing) const;
  const CampaignChunk& chunk() const { return chunk_; }

 private:
  // Who gets something.
  struct Sent {
    std::size_t index = 0;  // in the chunk
    std::string id;
    std::uint16_t treatment = 0;
    ledger::Amount amount;
  };
  struct Part {
    PendingEvents::Sealed events;
    std::vector<Sent> sent;
    std::vector<deliver::Message> messages;
  };
  Result<Part> work_out(std::size_t begin, std::size_t end) const;
  deliver::Message message(const decide::CampaignDecision& decision, std::size_t i) const;
  Status reserve();
  Status record_contacts();

  Workspace& workspace_;
  ledger::BudgetLedger& ledger_;
  deliver::Outbox& outbox_;
  PendingEvents& pending_;
  const CampaignAsking& asking_;
  const CampaignChunk& chunk_;
  std::vector<Part> parts_;
};

}  // namespace attune::engine
