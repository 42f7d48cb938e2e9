// Inside the engine: how far the runs of campaigns are, in state. Answers: which run goes on where,
// and what has it decided?
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "attune/engine/campaigns.h"

namespace attune::engine {

// Somebody whom quiet hours stopped, to be asked again at the first moment that is not quiet.
struct WaitingCustomer {
  CustomerNumber customer;
  Timestamp until;
};

struct WaitingCustomers {
  std::int64_t customers = 0;
  std::optional<Timestamp> next;  // when the first of them is asked again
};

// Tables campaign_runs, campaign_run_counts and campaign_waiting. A call joins the caller's
// transaction. Invariant: a customer waits once in a campaign, and no more once a run asked again.
class CampaignRuns {
 public:
  static Result<CampaignRuns> open(store::State& state);

  // The one that is not finished; absent where there is none.
  Result<std::optional<CampaignRun>> unfinished(const engage::StoredCampaign& campaign);
  Status begin(const engage::StoredCampaign& campaign, const CampaignRun& run);
  // What a chunk added; everybody up to `next` was asked.
  Status advance(const engage::StoredCampaign& campaign, const CampaignRun& run,
                 const CampaignCounts& added);
  Status finish(const engage::StoredCampaign& campaign, const CampaignRun& run);
  // Newest first, with their counts.
  Result<std::vector<CampaignRun>> list(const engage::StoredCampaign& campaign, int limit);
  Result<CampaignCounts> total(const engage::StoredCampaign& campaign);

  // In the transaction of a chunk that asked everybody, or all who waited, after `after` and up to
  // `run.next`: nobody of them waits any more but `waiting`.
  Status wait(const engage::StoredCampaign& campaign, const CampaignRun& run, CustomerNumber after,
              std::span<const WaitingCustomer> waiting);
  // Whose quiet hours were over when the run began, ascending.
  Result<std::vector<CustomerNumber>> waited(const engage::StoredCampaign& campaign,
                                             const CampaignRun& run);
  // What a run of those whose quiet hours are over at `now` is due at: a moment of its own; absent
  // where there is nobody.
  Result<std::optional<Timestamp>> waited_until(const engage::StoredCampaign& campaign,
                                                Timestamp now);
  Result<WaitingCustomers> waiting(const engage::StoredCampaign& campaign);
  Status forget_waiting(const engage::StoredCampaign& campaign);
  // Numbers of campaigns with a run that was cut off, or with somebody who waited until `now`.
  Result<std::vector<std::uint32_t>> to_go_on(Timestamp now);

 private:
  explicit CampaignRuns(store::State& state) : state_(&state) {}
  Result<CampaignCounts> counts(const engage::StoredCampaign& campaign,
                                std::optional<Timestamp> due);

  store::State* state_;
};

}  // namespace attune::engine
