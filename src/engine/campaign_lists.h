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
// off before fills it from the log. Both give the same file, and writing it again does too.
class CampaignListing {
 public:
  CampaignListing(Workspace& workspace, const engage::Campaign& campaign)
      : workspace_(&workspace), campaign_(campaign) {}

  // With a choice; in the order of decisions. `id`: what the customer is called by.
  void add(const decide::CampaignDecision& decision, std::string_view id);
  // What was decided since, instead of what was added; all of it is applied.
  Status read_log(Timestamp since);
  // Result: where it lies.
  Result<std::filesystem::path> write(Timestamp due) const;

 private:
  struct Listed {
    std::int64_t micros = 0;
    std::int64_t order = 0;   // of those of one moment
    CustomerNumber customer;  // of merged ones the root
    std::string decision;
    std::string id;               // of the customer; empty: to be looked up
    std::uint32_t treatment = 0;  // in names_
  };
  Status add_logged(const store::Chunk& chunk, const events::MergeMap& merges);
  std::uint32_t number_of(std::string_view treatment);
  Status write_some(std::span<const Listed> some, deliver::SendList& list) const;

  Workspace* workspace_;
  const engage::Campaign& campaign_;
  LoggedChoices choices_;
  std::vector<std::string> names_;  // of treatments
  std::vector<Listed> listed_;
};

}  // namespace attune::engine
