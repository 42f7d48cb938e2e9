#include "campaign_lists.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/send_list.h"
#include "campaign_asking.h"
#include "campaign_events.h"

namespace attune::engine {
namespace {

// The number of the campaign's feed in the history; absent where nothing was journalled yet.
Result<std::optional<std::int16_t>> feed_of(Workspace& workspace, std::string_view campaign) {
  ATTUNE_ASSIGN_OR_RETURN(const auto names,
                          workspace.event_history().labels(events::LabelKind::source));
  const std::string source = campaign_source(campaign);
  for (const auto& [code, name] : names) {
    if (name == source) return std::optional(code);
  }
  return std::optional<std::int16_t>();
}

// A name that any file system takes.
std::string file_name(std::string_view campaign, Timestamp due) {
  std::string name(campaign);
  for (char& c : name) {
    if (c == '/' || c == '\\' || c == ':') c = '_';
  }
  const CivilTime at = civil_from_utc(due);
  return fmt::format("{}-{:04}{:02}{:02}T{:02}{:02}Z.csv", name, at.year, at.month, at.day, at.hour,
                     at.minute);
}

}  // namespace

std::string budget_name(std::string_view campaign) { return fmt::format("campaign:{}", campaign); }

Result<std::int64_t> for_each_assignment(Workspace& workspace, std::string_view campaign,
                                         Timestamp since, const DecisionVisitor& visit) {
  ATTUNE_ASSIGN_OR_RETURN(const auto feed, feed_of(workspace, campaign));
  std::int64_t lost = 0;
  if (!feed) return lost;
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(
          "SELECT customer, personal FROM visible_rows WHERE type = $1 AND source = $2 AND "
          "epoch_us(time) >= $3 ORDER BY time, sequence",
          {static_cast<std::int64_t>(events::EventType::assignment),
           static_cast<std::int64_t>(*feed), since.micros}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    const auto customers = chunk.int64(0);
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      const CustomerNumber customer{customers[i]};
      auto personal = customer && !chunk.is_null(1, i)
                          ? workspace.vault().open(customer, "event", chunk.blob(1, i))
                          : Result<std::string>(std::unexpected(not_found("nobody's")));
      if (!personal) {
        ++lost;
        continue;
      }
      ATTUNE_ASSIGN_OR_RETURN(const decide::CampaignDecision decision,
                              read_logged_decision(*personal));
      ATTUNE_RETURN_IF_ERROR(visit(customer, decision));
    }
    return {};
  }));
  return lost;
}

Result<decide::CampaignDecision> read_campaign_decision(Workspace& workspace, std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows,
                          workspace.history().query(
                              "SELECT customer, personal FROM visible_rows WHERE type IN ($1, $2) "
                              "AND decision_id = $3 LIMIT 1",
                              {static_cast<std::int64_t>(events::EventType::assignment),
                               static_cast<std::int64_t>(events::EventType::decision), id}));
  ATTUNE_ASSIGN_OR_RETURN(const store::Chunk chunk, rows.next());
  if (chunk.rows() == 0 || chunk.is_null(1, 0)) {
    return std::unexpected(
        not_found(fmt::format("no decision of a campaign is called '{}'", attune::quoted(id))));
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const std::string personal,
      workspace.vault().open(CustomerNumber{chunk.int64(0)[0]}, "event", chunk.blob(1, 0)));
  return read_logged_decision(personal);
}

Result<std::filesystem::path> write_campaign_list(Workspace& workspace,
                                                  const engage::StoredCampaign& campaign,
                                                  const CampaignRun& run) {
  std::vector<deliver::SendListRow> rows;
  std::vector<CustomerCard> cards;
  std::set<std::string> names;
  ATTUNE_ASSIGN_OR_RETURN(
      const std::int64_t lost,
      for_each_assignment(
          workspace, campaign.campaign.name, run.begun,
          [&](CustomerNumber number, const decide::CampaignDecision& decision) -> Status {
            if (!decision.choice) return {};
            ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, workspace.identity().root(number));
            ATTUNE_ASSIGN_OR_RETURN(const std::string label, workspace.identity().label(root));
            ATTUNE_ASSIGN_OR_RETURN(CustomerCard card, read_card(workspace, root));
            const std::string& treatment = decision.treatments[decision.choice->treatment].name;
            rows.push_back({decision.id, label, card.email, campaign.campaign.name, treatment, {}});
            const auto found = std::ranges::find(campaign.campaign.treatments, treatment,
                                                 &engage::Treatment::name);
            card.fields.texts["content"] =
                found != campaign.campaign.treatments.end() ? found->content : "";
            card.fields.texts.erase("email");
            for (const auto& [name, text] : card.fields.texts) names.insert(name);
            cards.push_back(std::move(card));
            return {};
          }));
  (void)lost;
  const std::vector<std::string> columns(names.begin(), names.end());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const std::string& name : columns) {
      const auto found = cards[i].fields.texts.find(name);
      rows[i].fields.push_back(found == cards[i].fields.texts.end() ? "" : found->second);
    }
  }
  const std::filesystem::path folder = workspace.folder().root() / kListsFolder;
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failure);
  const std::filesystem::path path = folder / file_name(campaign.campaign.name, run.due);
  ATTUNE_RETURN_IF_ERROR(deliver::write_send_list(path, columns, rows));
  return path;
}

}  // namespace attune::engine
