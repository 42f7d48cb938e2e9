// Inside the engine: how far the runs of campaigns are, in state. Answers: which run goes on where,
// and what has it decided?
#pragma once

#include <optional>
#include <vector>

#include "attune/engine/campaigns.h"

namespace attune::engine {

// Tables campaign_runs and campaign_run_counts. A call joins the caller's transaction.
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

 private:
  explicit CampaignRuns(store::State& state) : state_(&state) {}
  Result<CampaignCounts> counts(const engage::StoredCampaign& campaign,
                                std::optional<Timestamp> due);

  store::State* state_;
};

}  // namespace attune::engine
