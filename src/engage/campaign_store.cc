#include "attune/engage/campaign_store.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/text.h"
#include "joined_transaction.h"

namespace attune::engage {
namespace {

constexpr store::Migration kCampaignStoreMigrations[] = {{1, R"sql(
CREATE TABLE campaigns(
  number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,
  version INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, last_run INTEGER);
CREATE TABLE campaign_versions(
  campaign INTEGER NOT NULL REFERENCES campaigns, version INTEGER NOT NULL, json TEXT NOT NULL,
  time INTEGER NOT NULL, PRIMARY KEY(campaign, version)) WITHOUT ROWID;
CREATE TABLE campaign_changes(
  number INTEGER PRIMARY KEY AUTOINCREMENT, campaign INTEGER NOT NULL REFERENCES campaigns,
  time INTEGER NOT NULL, version INTEGER NOT NULL, from_state INTEGER NOT NULL,
  to_state INTEGER NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX campaign_changes_by_campaign ON campaign_changes(campaign, number);
)sql"}};

constexpr std::string_view kSelect =
    "SELECT c.number, c.state, c.version, c.created, c.changed, c.last_run, v.json "
    "FROM campaigns c JOIN campaign_versions v ON v.campaign = c.number AND v.version = c.version ";
constexpr std::string_view kInsertVersion = "INSERT INTO campaign_versions VALUES(?1, ?2, ?3, ?4)";
constexpr std::string_view kInsertChange =
    "INSERT INTO campaign_changes(campaign, time, version, from_state, to_state, by, note) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
constexpr std::size_t kByBytesMax = 200;

// A field that a change may touch, and whether it may while the campaign runs.
struct Part {
  std::string_view name;
  bool while_running;
  bool (*same)(const Campaign&, const Campaign&);
};

bool same_names(const Campaign& a, const Campaign& b) {
  return std::ranges::equal(a.treatments, b.treatments, {}, &Treatment::name, &Treatment::name);
}

constexpr std::array<Part, 18> kParts{{
    {"description", true,
     [](const Campaign& a, const Campaign& b) { return a.description == b.description; }},
    {"segment", true, [](const Campaign& a, const Campaign& b) { return a.segment == b.segment; }},
    {"rule", true, [](const Campaign& a, const Campaign& b) { return a.rule == b.rule; }},
    {"schedule.start", false,
     [](const Campaign& a, const Campaign& b) { return a.schedule.start == b.schedule.start; }},
    {"schedule", true,
     [](const Campaign& a, const Campaign& b) {
       return a.schedule.end == b.schedule.end && a.schedule.repeat == b.schedule.repeat &&
              a.schedule.minute_of_day == b.schedule.minute_of_day;
     }},
    {"channel", false, [](const Campaign& a, const Campaign& b) { return a.channel == b.channel; }},
    {"surface", true, [](const Campaign& a, const Campaign& b) { return a.surface == b.surface; }},
    {"purpose", false, [](const Campaign& a, const Campaign& b) { return a.purpose == b.purpose; }},
    {"currency", false,
     [](const Campaign& a, const Campaign& b) { return a.currency == b.currency; }},
    {"policy", false,
     [](const Campaign& a, const Campaign& b) { return a.policy.rule == b.policy.rule; }},
    {"policy (exploring)", true,
     [](const Campaign& a, const Campaign& b) { return a.policy.explore == b.policy.explore; }},
    {"names of treatments", false, same_names},
    {"treatments", true,
     [](const Campaign& a, const Campaign& b) {
       return !same_names(a, b) || a.treatments == b.treatments;
     }},
    {"holdout", false, [](const Campaign& a, const Campaign& b) { return a.holdout == b.holdout; }},
    {"caps", true,
     [](const Campaign& a, const Campaign& b) {
       return a.caps == b.caps && a.quiet_hours == b.quiet_hours;
     }},
    {"budget", true,
     [](const Campaign& a, const Campaign& b) {
       return a.budget_money_minor == b.budget_money_minor &&
              a.budget_messages == b.budget_messages;
     }},
    {"outcome", false, [](const Campaign& a, const Campaign& b) { return a.outcome == b.outcome; }},
    {"margin", true, [](const Campaign& a, const Campaign& b) { return a.margin == b.margin; }},
}};

Result<StoredCampaign> read_campaign(const store::State& state, const store::Statement& row) {
  StoredCampaign stored;
  const std::int64_t number = row.int64(0), in_state = row.int64(1);
  auto campaign = parse_campaign_json(row.text(6), "campaign", {});
  if (!campaign || number <= 0 || number > UINT32_MAX || in_state < 0 ||
      in_state >= kCampaignStateCount) {
    return std::unexpected(data_corruption(fmt::format(
        "campaign {} of {} cannot be read ({}); restore a backup", number, state.path().string(),
        campaign ? fmt::format("state {}", in_state) : campaign.error().message)));
  }
  stored.number = static_cast<std::uint32_t>(number);
  stored.state = static_cast<CampaignState>(in_state);
  stored.version = static_cast<int>(row.int64(2));
  stored.created = row.time(3);
  stored.changed = row.time(4);
  if (!row.is_null(5)) stored.last_run = row.time(5);
  stored.campaign = *std::move(campaign);
  return stored;
}

Status check_by(std::string_view by) {
  if (by.size() <= kByBytesMax && !first_invalid_utf8(by)) return {};
  return std::unexpected(
      invalid_argument(fmt::format("the name of who changes a campaign has to be UTF-8 of at most "
                                   "{} bytes",
                                   kByBytesMax)));
}

Status note_change(store::State& state, std::uint32_t number, const CampaignChange& change) {
  return state.run(kInsertChange, number, change.time, change.version,
                   static_cast<std::int64_t>(change.from), static_cast<std::int64_t>(change.to),
                   std::string_view(change.by), std::string_view(change.note));
}

// The names of what differs; of these, what may not while it runs.
struct Differences {
  std::vector<std::string_view> all, fixed;
};
Differences differences(const Campaign& before, const Campaign& after) {
  Differences found;
  for (const Part& part : kParts) {
    if (part.same(before, after)) continue;
    found.all.push_back(part.name);
    if (!part.while_running) found.fixed.push_back(part.name);
  }
  return found;
}

}  // namespace

std::span<const std::string> campaign_state_names() {
  static const std::vector<std::string> names{"draft", "scheduled", "running", "paused", "done"};
  return names;
}

std::string_view name(CampaignState state) {
  return campaign_state_names()[static_cast<std::size_t>(state)];
}

bool may_become(CampaignState from, CampaignState to) {
  switch (from) {
    case CampaignState::draft:
      return to == CampaignState::scheduled || to == CampaignState::done;
    case CampaignState::scheduled:
      return to == CampaignState::draft || to == CampaignState::running ||
             to == CampaignState::done;
    case CampaignState::running:
      return to == CampaignState::paused || to == CampaignState::done;
    case CampaignState::paused:
      return to == CampaignState::running || to == CampaignState::done;
    case CampaignState::done:
      break;
  }
  return false;
}

Result<CampaignStore> CampaignStore::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("campaigns", kCampaignStoreMigrations));
  return CampaignStore(state);
}

Result<StoredCampaign> CampaignStore::create(const Campaign& campaign, Timestamp now,
                                             std::string_view by) {
  ATTUNE_RETURN_IF_ERROR(validate(campaign));
  ATTUNE_RETURN_IF_ERROR(check_by(by));
  ATTUNE_ASSIGN_OR_RETURN(auto transaction, JoinedTransaction::begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(const auto taken,
                          state_->find_int64("SELECT number FROM campaigns WHERE name = ?1",
                                             std::string_view(campaign.name)));
  if (taken) {
    return std::unexpected(already_exists(fmt::format(
        "there is a campaign '{}' already; change it, or choose another name", campaign.name)));
  }
  ATTUNE_RETURN_IF_ERROR(state_->run(
      "INSERT INTO campaigns(name, state, version, created, changed) VALUES(?1, 0, 1, ?2, ?2)",
      std::string_view(campaign.name), now));
  const auto number = static_cast<std::uint32_t>(state_->last_insert_row());
  const std::string json = to_json(campaign);
  ATTUNE_RETURN_IF_ERROR(state_->run(kInsertVersion, number, 1, std::string_view(json), now));
  ATTUNE_RETURN_IF_ERROR(note_change(
      *state_, number,
      {now, 1, CampaignState::draft, CampaignState::draft, std::string(by), "created"}));
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return find(campaign.name);
}

Result<StoredCampaign> CampaignStore::change(const Campaign& campaign, Timestamp now,
                                             std::string_view by) {
  ATTUNE_RETURN_IF_ERROR(validate(campaign));
  ATTUNE_RETURN_IF_ERROR(check_by(by));
  ATTUNE_ASSIGN_OR_RETURN(auto transaction, JoinedTransaction::begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(const StoredCampaign was, find(campaign.name));
  if (was.state == CampaignState::done) {
    return std::unexpected(failed_precondition(
        fmt::format("campaign '{}' is done and stays as it was; make a new one", campaign.name)));
  }
  const Differences found = differences(was.campaign, campaign);
  if (found.all.empty()) return was;
  const bool began = was.state == CampaignState::running || was.state == CampaignState::paused;
  if (began && !found.fixed.empty()) {
    return std::unexpected(failed_precondition(
        fmt::format("campaign '{}' is {}, and its groups and its measure have to stay as they are: "
                    "{} cannot change; make a new campaign for that",
                    campaign.name, engage::name(was.state), fmt::join(found.fixed, ", "))));
  }
  const int version = was.version + 1;
  const std::string json = to_json(campaign);
  ATTUNE_RETURN_IF_ERROR(
      state_->run(kInsertVersion, was.number, version, std::string_view(json), now));
  ATTUNE_RETURN_IF_ERROR(
      state_->run("UPDATE campaigns SET version = ?2, changed = ?3 WHERE number = ?1", was.number,
                  version, now));
  ATTUNE_RETURN_IF_ERROR(note_change(*state_, was.number,
                                     {now, version, was.state, was.state, std::string(by),
                                      fmt::format("changed: {}", fmt::join(found.all, ", "))}));
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return find(campaign.name);
}

Result<StoredCampaign> CampaignStore::write_state(const StoredCampaign& was, CampaignState to,
                                                  Timestamp now, std::string_view by,
                                                  std::string_view note) {
  ATTUNE_RETURN_IF_ERROR(
      state_->run("UPDATE campaigns SET state = ?2, changed = ?3 WHERE number = ?1", was.number,
                  static_cast<std::int64_t>(to), now));
  ATTUNE_RETURN_IF_ERROR(note_change(
      *state_, was.number, {now, was.version, was.state, to, std::string(by), std::string(note)}));
  return find(was.campaign.name);
}

Result<StoredCampaign> CampaignStore::transition(std::string_view name, CampaignState to,
                                                 Timestamp now, std::string_view by) {
  ATTUNE_RETURN_IF_ERROR(check_by(by));
  ATTUNE_ASSIGN_OR_RETURN(auto transaction, JoinedTransaction::begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(const StoredCampaign was, find(name));
  if (was.state == to) return was;
  if (!may_become(was.state, to)) {
    std::vector<std::string_view> could;
    for (int i = 0; i < kCampaignStateCount; ++i) {
      if (may_become(was.state, static_cast<CampaignState>(i)))
        could.push_back(engage::name(static_cast<CampaignState>(i)));
    }
    return std::unexpected(failed_precondition(
        fmt::format("campaign '{}' is {} and cannot become {}; {}", name, engage::name(was.state),
                    engage::name(to),
                    could.empty() ? "make a new campaign"
                                  : fmt::format("it can become {}", fmt::join(could, " or ")))));
  }
  ATTUNE_ASSIGN_OR_RETURN(StoredCampaign now_is, write_state(was, to, now, by, "told"));
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return now_is;
}

Result<std::vector<StoredCampaign>> CampaignStore::advance(Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(auto transaction, JoinedTransaction::begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<StoredCampaign> all, list());
  std::vector<StoredCampaign> changed;
  for (const StoredCampaign& one : all) {
    if (one.state == CampaignState::draft || one.state == CampaignState::done) continue;
    const bool over = now >= one.campaign.schedule.end;
    const bool begins = one.state == CampaignState::scheduled && now >= one.campaign.schedule.start;
    if (!over && !begins) continue;
    ATTUNE_ASSIGN_OR_RETURN(StoredCampaign moved,
                            write_state(one, over ? CampaignState::done : CampaignState::running,
                                        now, "", over ? "its end came" : "its start came"));
    changed.push_back(std::move(moved));
  }
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return changed;
}

Result<std::vector<StoredCampaign>> CampaignStore::due(Timestamp now, const TimeZone& shop_zone) {
  ATTUNE_ASSIGN_OR_RETURN(std::vector<StoredCampaign> all, list());
  std::erase_if(all, [&](const StoredCampaign& one) {
    if (one.state != CampaignState::running || now >= one.campaign.schedule.end) return true;
    const Timestamp from =
        one.last_run ? Timestamp{one.last_run->micros + 1} : one.campaign.schedule.start;
    const auto next = next_run(one.campaign, from, shop_zone);
    return !next || *next > now;
  });
  return all;
}

Status CampaignStore::note_run(std::string_view name, Timestamp at) {
  ATTUNE_RETURN_IF_ERROR(find(name));
  return state_->run(
      "UPDATE campaigns SET last_run = max(coalesce(last_run, ?2), ?2) WHERE name = ?1", name, at);
}

Result<StoredCampaign> CampaignStore::find(std::string_view name) {
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Statement row,
                            state_->prepare(std::string(kSelect) + "WHERE c.name = ?1"));
    row.bind(1, name);
    ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
    if (found) return read_campaign(*state_, row);
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto all, list());
  std::vector<std::string> names;
  for (const StoredCampaign& one : all) names.push_back(one.campaign.name);
  return std::unexpected(
      not_found(fmt::format("there is no campaign '{}'{}; attune campaign status lists all",
                            attune::quoted(name), did_you_mean(name, names))));
}

Result<std::vector<StoredCampaign>> CampaignStore::list() {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                          state_->prepare(std::string(kSelect) + "ORDER BY c.name"));
  std::vector<StoredCampaign> all;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    ATTUNE_ASSIGN_OR_RETURN(StoredCampaign one, read_campaign(*state_, rows));
    all.push_back(std::move(one));
  }
}

Result<Campaign> CampaignStore::version(std::string_view name, int version) {
  ATTUNE_ASSIGN_OR_RETURN(const StoredCampaign stored, find(name));
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement row,
      state_->prepare("SELECT json FROM campaign_versions WHERE campaign = ?1 AND version = ?2"));
  row.bind_all(stored.number, version);
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) {
    return std::unexpected(not_found(fmt::format(
        "campaign '{}' has no version {}; there are 1 to {}", name, version, stored.version)));
  }
  return parse_campaign_json(row.text(0), name, {});
}

Result<std::vector<CampaignChange>> CampaignStore::history(std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(const StoredCampaign stored, find(name));
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT time, version, from_state, to_state, by, note FROM campaign_changes "
                      "WHERE campaign = ?1 ORDER BY number"));
  rows.bind(1, stored.number);
  std::vector<CampaignChange> all;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    const auto state_at = [&rows](int column) {
      return static_cast<CampaignState>(
          std::clamp<std::int64_t>(rows.int64(column), 0, kCampaignStateCount - 1));
    };
    all.push_back({rows.time(0), static_cast<int>(rows.int64(1)), state_at(2), state_at(3),
                   std::string(rows.text(4)), std::string(rows.text(5))});
  }
}

}  // namespace attune::engage
