// Inside the engine: decisions of campaigns as the log has them, and lists for what a shop sends by
// hand. Answers: who was decided about, when, and what do people get into their hands?
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "attune/engine/campaigns.h"

namespace attune::engine {

// Of the data folder.
inline constexpr std::string_view kListsFolder = "lists";

// The ledger's name of a campaign's budget.
std::string budget_name(std::string_view campaign);

// Every assignment of a campaign since `since`, in the order of time; `customer` is the number
// under which it was logged. Result: how many cannot be read, because their customer is forgotten.
using DecisionVisitor =
    std::function<Status(CustomerNumber customer, const decide::CampaignDecision& decision)>;
Result<std::int64_t> for_each_assignment(Workspace& workspace, std::string_view campaign,
                                         Timestamp since, const DecisionVisitor& visit);

// Errors: not_found; data_corruption.
Result<decide::CampaignDecision> read_campaign_decision(Workspace& workspace, std::string_view id);

// Writes DATA/lists/NAME-TIME.csv with everybody whom the run sends something. Writing it again
// gives the same file. Result: where it lies.
Result<std::filesystem::path> write_campaign_list(Workspace& workspace,
                                                  const engage::StoredCampaign& campaign,
                                                  const CampaignRun& run);

}  // namespace attune::engine
