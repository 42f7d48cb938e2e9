#include "campaign_lists.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/send_list.h"
#include "campaign_asking.h"
#include "campaign_events.h"

namespace attune::engine {
namespace {

void sort_once(std::vector<CustomerNumber>& people) {
  std::ranges::sort(people);
  people.erase(std::unique(people.begin(), people.end()), people.end());
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

void CampaignListing::add(std::string_view decision, std::string_view treatment,
                          std::string_view id, const CustomerCard& card) {
  const auto found = std::ranges::find(campaign_.treatments, treatment, &engage::Treatment::name);
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  fields.reserve(card.fields.texts.size() + 1);
  const bool known = found != campaign_.treatments.end();
  fields.emplace_back("content", known ? std::string_view(found->content) : std::string_view());
  for (const auto& [name, text] : card.fields.texts) {
    if (name != "email" && name != "content") fields.emplace_back(name, text);
  }
  list_.add({decision, id, card.email, campaign_.name, treatment}, fields);
}

Status CampaignListing::read_log(Timestamp since) {
  ATTUNE_ASSIGN_OR_RETURN(const auto feed, feed_of(*workspace_, campaign_.name));
  if (!feed) return {};
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace_->identity().merges());
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace_->history().query(
          "SELECT customer, sequence, epoch_us(time), decision_id, personal FROM visible_rows "
          "WHERE type = $1 AND source = $2 AND epoch_us(time) >= $3 AND customer <> 0 AND "
          "personal IS NOT NULL",
          {static_cast<std::int64_t>(events::EventType::assignment),
           static_cast<std::int64_t>(*feed), since.micros}));
  std::vector<Listed> listed;
  ATTUNE_RETURN_IF_ERROR(
      rows.for_each([&](const store::Chunk& chunk) { return read_logged(chunk, merges, listed); }));
  std::ranges::sort(listed, {}, [](const Listed& l) { return std::pair(l.micros, l.order); });
  constexpr std::size_t kTogether = 10'000;  // labels and traits are read for some at once
  for (std::size_t begin = 0; begin < listed.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, listed.size() - begin);
    ATTUNE_RETURN_IF_ERROR(add_some(std::span(listed).subspan(begin, count)));
  }
  return {};
}

Status CampaignListing::read_logged(const store::Chunk& chunk, const events::MergeMap& merges,
                                    std::vector<Listed>& into) {
  const auto customers = chunk.int64(0), sequences = chunk.int64(1), times = chunk.int64(2);
  std::vector<CustomerNumber> people;
  for (const std::int64_t customer : customers) people.push_back({customer});
  sort_once(people);
  ATTUNE_RETURN_IF_ERROR(workspace_->vault().warm(people));
  for (std::size_t i = 0; i < chunk.rows(); ++i) {
    const CustomerNumber customer{customers[i]};
    const auto personal = workspace_->vault().open(customer, "event", chunk.blob(4, i));
    if (!personal) continue;  // forgotten
    ATTUNE_ASSIGN_OR_RETURN(const auto treatment, choices_.treatment(*personal));
    if (!treatment) continue;
    into.push_back(
        {times[i], sequences[i], merges.root(customer), std::string(chunk.text(3, i)), *treatment});
  }
  return {};
}

Status CampaignListing::add_some(std::span<const Listed> some) {
  std::vector<CustomerNumber> people;
  for (const Listed& one : some) people.push_back(one.customer);
  sort_once(people);
  ATTUNE_ASSIGN_OR_RETURN(const auto labels, workspace_->identity().labels(people));
  ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace_->identity().traits(people));
  for (const Listed& one : some) {
    const auto who =
        static_cast<std::size_t>(std::ranges::lower_bound(people, one.customer) - people.begin());
    add(one.decision, one.treatment, labels[who].id, card_of(traits[who], {}));
  }
  return {};
}

Result<std::filesystem::path> CampaignListing::write(Timestamp due) const {
  const std::filesystem::path folder = workspace_->folder().root() / kListsFolder;
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failure);
  std::filesystem::path path = folder / file_name(campaign_.name, due);
  ATTUNE_RETURN_IF_ERROR(list_.write(path));
  return path;
}

}  // namespace attune::engine
