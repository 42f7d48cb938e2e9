#include "attune/engine/campaign_log.h"

#include <boost/json.hpp>

#include "attune/decide/campaign_decision.h"
#include "attune/engage/campaign_store.h"
#include "campaign_events.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

Result<std::int64_t> feed_number(Workspace& workspace, std::string_view campaign) {
  ATTUNE_ASSIGN_OR_RETURN(const auto names,
                          workspace.event_history().labels(events::LabelKind::source));
  const std::string source = campaign_source(campaign);
  for (const auto& [code, name] : names) {
    if (name == source) return static_cast<std::int64_t>(code);
  }
  return -1;  // nothing was logged yet
}

CampaignAssignment describe(const decide::CampaignDecision& decision) {
  CampaignAssignment one;
  one.time = decision.time;
  one.decision = decision.id;
  one.reason = decision.reason;
  if (*decision.group == decide::kHeldOut) {
    one.group = "holdout";
  } else if (*decision.group < decision.assignment.arms.size()) {
    one.group = decision.assignment.arms[*decision.group].name;
  } else {
    one.group = "treated";
  }
  if (decision.choice) one.treatment = decision.treatments[decision.choice->treatment].name;
  return one;
}

}  // namespace

Result<std::vector<CampaignAssignment>> campaign_assignments(Workspace& workspace,
                                                             std::string_view campaign,
                                                             std::int64_t after,
                                                             std::int64_t limit) {
  ATTUNE_ASSIGN_OR_RETURN(auto store, engage::CampaignStore::open(workspace.state()));
  ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign known, store.find(campaign));
  ATTUNE_RETURN_IF_ERROR(workspace.catch_up());  // a run ends before the stores have it
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t feed, feed_number(workspace, known.campaign.name));
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(
          "SELECT sequence, customer, personal FROM visible_rows WHERE type = $1 AND source = $2 "
          "AND sequence > $3 ORDER BY sequence LIMIT $4",
          {static_cast<std::int64_t>(events::EventType::assignment), feed, after, limit}));
  std::vector<CampaignAssignment> found;
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    const auto sequences = chunk.int64(0), customers = chunk.int64(1);
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      const CustomerNumber customer{customers[i]};
      if (!customer || chunk.is_null(2, i)) continue;
      const auto personal = workspace.vault().open(customer, "event", chunk.blob(2, i));
      if (!personal) continue;  // forgotten
      ATTUNE_ASSIGN_OR_RETURN(const decide::CampaignDecision decision,
                              read_logged_decision(*personal));
      if (!decision.group) continue;
      ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, workspace.identity().root(customer));
      CampaignAssignment& one = found.emplace_back(describe(decision));
      one.number = sequences[i];
      ATTUNE_ASSIGN_OR_RETURN(one.customer, workspace.identity().label(root));
    }
    return {};
  }));
  return found;
}

std::string to_json(std::span<const CampaignAssignment> assignments) {
  json::array all;
  for (const CampaignAssignment& one : assignments) {
    const bool sent = !one.treatment.empty();
    all.push_back(json::object{
        {"number", one.number},
        {"customer", one.customer},
        {"time", format_iso(one.time)},
        {"decision", one.decision},
        {"group", one.group},
        {"treatment", sent ? json::value(one.treatment) : json::value(nullptr)},
        {"reason", decide::stop_reason_names()[static_cast<std::size_t>(one.reason)]}});
  }
  return json::serialize(json::object{{"assignments", std::move(all)}});
}

}  // namespace attune::engine
