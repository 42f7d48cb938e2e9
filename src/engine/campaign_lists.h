// Inside the engine: decisions of campaigns as the log has them, and lists for what a shop sends by
// hand. Answers: who was decided about, when, and what do people get into their hands?
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/deliver/send_list.h"
#include "attune/engine/campaigns.h"
#include "campaign_asking.h"
#include "campaign_events.h"

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

// Everybody whom one run sends something, as a file for people: DATA/lists/NAME-TIME.csv. Lifetime:
// workspace and campaign outlive it. A run that goes through fills it with `add`; one that was cut
// off before fills it from the log. Both give the same file.
class CampaignListing {
 public:
  CampaignListing(Workspace& workspace, const engage::Campaign& campaign)
      : workspace_(&workspace), campaign_(campaign) {}

  // In the order of decisions. `id`: what the customer is called by.
  void add(std::string_view decision, std::string_view treatment, std::string_view id,
           const CustomerCard& card);
  // Adds what was decided since; all of it is applied.
  Status read_log(Timestamp since);
  // Result: where it lies.
  Result<std::filesystem::path> write(Timestamp due) const;

 private:
  struct Listed {
    std::int64_t micros = 0;
    std::int64_t order = 0;   // of those of one moment
    CustomerNumber customer;  // of merged ones the root
    std::string decision;
    std::string_view treatment;
  };
  Status read_logged(const store::Chunk& chunk, const events::MergeMap& merges,
                     std::vector<Listed>& into);
  Status add_some(std::span<const Listed> some);

  Workspace* workspace_;
  const engage::Campaign& campaign_;
  LoggedChoices choices_;
  deliver::SendList list_;
};

}  // namespace attune::engine
