#include "campaign_runs.h"

#include <algorithm>

namespace attune::engine {
namespace {

constexpr store::Migration kCampaignRunsMigrations[] = {{1, R"sql(
CREATE TABLE campaign_runs(
  campaign INTEGER NOT NULL, due INTEGER NOT NULL, version INTEGER NOT NULL, seed INTEGER NOT NULL,
  begun INTEGER NOT NULL, next_customer INTEGER NOT NULL, looked_at INTEGER NOT NULL,
  finished INTEGER, list TEXT NOT NULL, PRIMARY KEY(campaign, due)) WITHOUT ROWID;
CREATE TABLE campaign_run_counts(
  campaign INTEGER NOT NULL, due INTEGER NOT NULL, treatment INTEGER NOT NULL, name TEXT NOT NULL,
  count INTEGER NOT NULL, cost INTEGER NOT NULL,
  PRIMARY KEY(campaign, due, treatment, name)) WITHOUT ROWID;
)sql"},
                                                        {2, R"sql(
ALTER TABLE campaign_runs ADD COLUMN after_quiet_hours INTEGER NOT NULL DEFAULT 0;
CREATE TABLE campaign_waiting(
  campaign INTEGER NOT NULL, customer INTEGER NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY(campaign, customer)) WITHOUT ROWID;
CREATE INDEX campaign_waiting_until ON campaign_waiting(until);
)sql"}};

// The one statement that reads runs; `which` follows the campaign's condition.
Result<std::vector<CampaignRun>> read_runs(store::State& state,
                                           const engage::StoredCampaign& campaign,
                                           std::string_view which, int limit) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state.prepare("SELECT due, version, seed, begun, next_customer, looked_at, finished, list, "
                    "after_quiet_hours FROM campaign_runs WHERE campaign = ?1 " +
                    std::string(which) + " ORDER BY due DESC LIMIT ?2"));
  rows.bind_all(campaign.number, limit);
  std::vector<CampaignRun> runs;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return runs;
    CampaignRun run;
    run.campaign = campaign.campaign.name;
    run.due = rows.time(0);
    run.version = static_cast<int>(rows.int64(1));
    run.seed = static_cast<std::uint64_t>(rows.int64(2));
    run.begun = rows.time(3);
    run.next = CustomerNumber{rows.int64(4)};
    run.counts.customers = rows.int64(5);
    if (!rows.is_null(6)) run.finished = rows.time(6);
    run.list = std::string(rows.text(7));
    run.after_quiet_hours = rows.int64(8) != 0;
    runs.push_back(std::move(run));
  }
}

}  // namespace

Result<CampaignRuns> CampaignRuns::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("campaign_runs", kCampaignRunsMigrations));
  return CampaignRuns(state);
}

Result<std::optional<CampaignRun>> CampaignRuns::unfinished(
    const engage::StoredCampaign& campaign) {
  ATTUNE_ASSIGN_OR_RETURN(std::vector<CampaignRun> runs,
                          read_runs(*state_, campaign, "AND finished IS NULL", 1));
  if (runs.empty()) return std::optional<CampaignRun>();
  const std::int64_t looked_at = runs[0].counts.customers;
  ATTUNE_ASSIGN_OR_RETURN(runs[0].counts, counts(campaign, runs[0].due));
  runs[0].counts.customers = looked_at;
  return std::optional(std::move(runs[0]));
}

Status CampaignRuns::begin(const engage::StoredCampaign& campaign, const CampaignRun& run) {
  return state_->run(
      "INSERT INTO campaign_runs(campaign, due, version, seed, begun, next_customer, looked_at, "
      "list, after_quiet_hours) VALUES(?1, ?2, ?3, ?4, ?5, 0, 0, '', ?6)",
      campaign.number, run.due, run.version, static_cast<std::int64_t>(run.seed), run.begun,
      static_cast<std::int64_t>(run.after_quiet_hours));
}

Status CampaignRuns::advance(const engage::StoredCampaign& campaign, const CampaignRun& run,
                             const CampaignCounts& added) {
  ATTUNE_RETURN_IF_ERROR(
      state_->run("UPDATE campaign_runs SET next_customer = ?3, looked_at = looked_at + ?4 "
                  "WHERE campaign = ?1 AND due = ?2",
                  campaign.number, run.due, run.next, added.customers));
  const auto add = [&](bool treatment, std::string_view name, std::int64_t count,
                       std::int64_t cost) -> Status {
    if (count == 0) return {};
    return state_->run(
        "INSERT INTO campaign_run_counts(campaign, due, treatment, name, count, cost) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET count = count + excluded.count, "
        "cost = cost + excluded.cost",
        campaign.number, run.due, treatment, name, count, cost);
  };
  for (int i = 0; i < decide::kStopReasonCount; ++i) {
    const auto reason = static_cast<decide::StopReason>(i);
    ATTUNE_RETURN_IF_ERROR(add(false, decide::stop_reason_names()[static_cast<std::size_t>(i)],
                               added.counts.at(reason), 0));
  }
  for (const TreatmentCount& one : added.treatments)
    ATTUNE_RETURN_IF_ERROR(add(true, one.name, one.messages, one.cost_minor));
  return {};
}

Status CampaignRuns::finish(const engage::StoredCampaign& campaign, const CampaignRun& run) {
  // Who waited and was not there to be asked: erased, or merged with somebody who was.
  ATTUNE_RETURN_IF_ERROR(
      state_->run("DELETE FROM campaign_waiting WHERE campaign = ?1 AND until <= ?2",
                  campaign.number, run.begun));
  return state_->run(
      "UPDATE campaign_runs SET finished = ?3, list = ?4 WHERE campaign = ?1 AND due = ?2",
      campaign.number, run.due, run.finished, std::string_view(run.list.native()));
}

Result<CampaignCounts> CampaignRuns::counts(const engage::StoredCampaign& campaign,
                                            std::optional<Timestamp> due) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT treatment, name, sum(count), sum(cost) FROM campaign_run_counts "
                      "WHERE campaign = ?1 AND (?2 IS NULL OR due = ?2) GROUP BY treatment, name"));
  rows.bind_all(campaign.number, due);
  CampaignCounts counts;
  for (const engage::Treatment& treatment : campaign.campaign.treatments)
    counts.treatments.push_back({treatment.name, 0, 0});
  const auto reasons = decide::stop_reason_names();
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return counts;
    const std::string_view name = rows.text(1);
    if (rows.int64(0) != 0) {
      const auto found = std::ranges::find(counts.treatments, name, &TreatmentCount::name);
      TreatmentCount& one = found != counts.treatments.end()
                                ? *found
                                : counts.treatments.emplace_back(std::string(name));
      one.messages += rows.int64(2);
      one.cost_minor += rows.int64(3);
      continue;
    }
    const auto found = std::ranges::find(reasons, name);
    if (found == reasons.end()) continue;
    for (std::int64_t i = 0; i < rows.int64(2); ++i)
      counts.counts.add(static_cast<decide::StopReason>(found - reasons.begin()));
  }
}

Result<std::vector<CampaignRun>> CampaignRuns::list(const engage::StoredCampaign& campaign,
                                                    int limit) {
  ATTUNE_ASSIGN_OR_RETURN(std::vector<CampaignRun> runs, read_runs(*state_, campaign, "", limit));
  for (CampaignRun& run : runs) {
    const std::int64_t looked_at = run.counts.customers;
    ATTUNE_ASSIGN_OR_RETURN(run.counts, counts(campaign, run.due));
    run.counts.customers = looked_at;
  }
  return runs;
}

Result<CampaignCounts> CampaignRuns::total(const engage::StoredCampaign& campaign) {
  ATTUNE_ASSIGN_OR_RETURN(CampaignCounts total, counts(campaign, std::nullopt));
  ATTUNE_ASSIGN_OR_RETURN(
      const auto looked_at,
      state_->find_int64("SELECT sum(looked_at) FROM campaign_runs WHERE campaign = ?1",
                         campaign.number));
  total.customers = looked_at.value_or(0);
  return total;
}

Status CampaignRuns::wait(const engage::StoredCampaign& campaign, const CampaignRun& run,
                          CustomerNumber after, std::span<const WaitingCustomer> waiting) {
  ATTUNE_RETURN_IF_ERROR(
      state_->run("DELETE FROM campaign_waiting WHERE campaign = ?1 AND customer > ?2 "
                  "AND customer <= ?3 AND (until <= ?4 OR NOT ?5)",
                  campaign.number, after, run.next, run.begun,
                  static_cast<std::int64_t>(run.after_quiet_hours)));
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement insert,
      state_->prepare("INSERT INTO campaign_waiting(campaign, customer, until) VALUES(?1, ?2, ?3) "
                      "ON CONFLICT DO UPDATE SET until = excluded.until"));
  for (const WaitingCustomer& one : waiting) {
    insert.bind_all(campaign.number, one.customer, one.until);
    ATTUNE_RETURN_IF_ERROR(insert.run());
  }
  return {};
}

Result<std::vector<CustomerNumber>> CampaignRuns::waited(const engage::StoredCampaign& campaign,
                                                         const CampaignRun& run) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT customer FROM campaign_waiting WHERE campaign = ?1 AND until <= ?2 "
                      "ORDER BY customer"));
  rows.bind_all(campaign.number, run.begun);
  std::vector<CustomerNumber> customers;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return customers;
    customers.push_back({rows.int64(0)});
  }
}

Result<std::optional<Timestamp>> CampaignRuns::waited_until(const engage::StoredCampaign& campaign,
                                                            Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto until,
      state_->find_int64(
          "SELECT max(until) FROM campaign_waiting WHERE campaign = ?1 AND until <= ?2",
          campaign.number, now));
  if (!until) return std::optional<Timestamp>();
  // A run is known by its moment.
  ATTUNE_ASSIGN_OR_RETURN(
      const auto last, state_->find_int64("SELECT max(due) FROM campaign_runs WHERE campaign = ?1",
                                          campaign.number));
  return std::optional(Timestamp{last ? std::max(*until, *last + 1) : *until});
}

Result<WaitingCustomers> CampaignRuns::waiting(const engage::StoredCampaign& campaign) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement row,
      state_->prepare("SELECT count(*), min(until) FROM campaign_waiting WHERE campaign = ?1"));
  row.bind_all(campaign.number);
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
  WaitingCustomers waiting;
  if (!found) return waiting;
  waiting.customers = row.int64(0);
  if (!row.is_null(1)) waiting.next = row.time(1);
  return waiting;
}

Status CampaignRuns::forget_waiting(const engage::StoredCampaign& campaign) {
  return state_->run("DELETE FROM campaign_waiting WHERE campaign = ?1", campaign.number);
}

Result<std::vector<std::uint32_t>> CampaignRuns::to_go_on(Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT campaign FROM campaign_runs WHERE finished IS NULL UNION "
                      "SELECT campaign FROM campaign_waiting WHERE until <= ?1"));
  rows.bind_all(now);
  std::vector<std::uint32_t> numbers;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return numbers;
    numbers.push_back(static_cast<std::uint32_t>(rows.int64(0)));
  }
}

}  // namespace attune::engine
