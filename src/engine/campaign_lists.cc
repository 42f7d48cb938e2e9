#include "campaign_lists.h"

#include <algorithm>

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

namespace {

// Somebody whom a run sends something, as the log has it.
struct Listed {
  std::int64_t micros = 0;
  std::int64_t sequence = 0;
  CustomerNumber customer;  // of merged ones the root
  std::string decision;
  std::uint32_t treatment = 0;  // in Listing::names
};

// Everybody whom a run sends something.
class Listing {
 public:
  Listing(Workspace& workspace, const engage::StoredCampaign& campaign)
      : workspace_(workspace), campaign_(campaign.campaign) {}

  Status read(Timestamp since) {
    ATTUNE_ASSIGN_OR_RETURN(const auto feed, feed_of(workspace_, campaign_.name));
    if (!feed) return {};
    ATTUNE_ASSIGN_OR_RETURN(merges_, workspace_.identity().merges());
    ATTUNE_ASSIGN_OR_RETURN(
        store::QueryResult rows,
        workspace_.history().query(
            "SELECT customer, sequence, epoch_us(time), decision_id, personal FROM visible_rows "
            "WHERE type = $1 AND source = $2 AND epoch_us(time) >= $3 AND customer <> 0 AND "
            "personal IS NOT NULL",
            {static_cast<std::int64_t>(events::EventType::assignment),
             static_cast<std::int64_t>(*feed), since.micros}));
    ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) { return add(chunk); }));
    std::ranges::sort(listed_, {}, [](const Listed& l) { return std::pair(l.micros, l.sequence); });
    return {};
  }

  // Labels and traits are read for this many at once.
  Status write(const std::filesystem::path& path) {
    constexpr std::size_t kTogether = 10'000;
    deliver::SendList list;
    for (std::size_t begin = 0; begin < listed_.size(); begin += kTogether) {
      const std::size_t count = std::min(kTogether, listed_.size() - begin);
      ATTUNE_RETURN_IF_ERROR(write_some(std::span(listed_).subspan(begin, count), list));
    }
    return list.write(path);
  }

 private:
  Status add(const store::Chunk& chunk) {
    const auto customers = chunk.int64(0), sequences = chunk.int64(1), times = chunk.int64(2);
    std::vector<CustomerNumber> people;
    for (const std::int64_t customer : customers) people.push_back({customer});
    std::ranges::sort(people);
    people.erase(std::unique(people.begin(), people.end()), people.end());
    ATTUNE_RETURN_IF_ERROR(workspace_.vault().warm(people));
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      const CustomerNumber customer{customers[i]};
      const auto personal = workspace_.vault().open(customer, "event", chunk.blob(4, i));
      if (!personal) continue;  // forgotten
      ATTUNE_ASSIGN_OR_RETURN(const auto treatment, choices_.treatment(*personal));
      if (!treatment) continue;
      listed_.push_back({times[i], sequences[i], merges_.root(customer),
                         std::string(chunk.text(3, i)), number_of(*treatment)});
    }
    return {};
  }

  std::uint32_t number_of(std::string_view treatment) {
    const auto number = std::ranges::find(names_, treatment) - names_.begin();
    if (number == std::ssize(names_)) names_.emplace_back(treatment);
    return static_cast<std::uint32_t>(number);
  }

  Status write_some(std::span<const Listed> some, deliver::SendList& list) {
    std::vector<CustomerNumber> people;
    for (const Listed& one : some) people.push_back(one.customer);
    std::ranges::sort(people);
    people.erase(std::unique(people.begin(), people.end()), people.end());
    ATTUNE_ASSIGN_OR_RETURN(const auto labels, workspace_.identity().labels(people));
    ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace_.identity().traits(people));
    std::vector<std::pair<std::string_view, std::string_view>> fields;
    for (const Listed& one : some) {
      const auto who =
          static_cast<std::size_t>(std::ranges::lower_bound(people, one.customer) - people.begin());
      CustomerCard card = card_of(traits[who], {});
      const std::string& treatment = names_[one.treatment];
      const auto found =
          std::ranges::find(campaign_.treatments, treatment, &engage::Treatment::name);
      card.fields.texts["content"] = found != campaign_.treatments.end() ? found->content : "";
      card.fields.texts.erase("email");
      fields.assign(card.fields.texts.begin(), card.fields.texts.end());
      list.add({one.decision, labels[who].id, card.email, campaign_.name, treatment}, fields);
    }
    return {};
  }

  Workspace& workspace_;
  const engage::Campaign& campaign_;
  events::MergeMap merges_;
  LoggedChoices choices_;
  std::vector<std::string> names_;  // of treatments
  std::vector<Listed> listed_;
};

}  // namespace

Result<std::filesystem::path> write_campaign_list(Workspace& workspace,
                                                  const engage::StoredCampaign& campaign,
                                                  const CampaignRun& run) {
  Listing listing(workspace, campaign);
  ATTUNE_RETURN_IF_ERROR(listing.read(run.begun));
  const std::filesystem::path folder = workspace.folder().root() / kListsFolder;
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failure);
  const std::filesystem::path path = folder / file_name(campaign.campaign.name, run.due);
  ATTUNE_RETURN_IF_ERROR(listing.write(path));
  return path;
}

}  // namespace attune::engine
