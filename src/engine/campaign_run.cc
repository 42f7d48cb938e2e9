// Previews and runs: the same questions, with and without writing what comes out.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engine/campaigns.h"
#include "campaign_asking.h"
#include "campaign_lists.h"
#include "campaign_runs.h"
#include "campaign_writing.h"
#include "pending_events.h"

namespace attune::engine {
namespace {

using decide::StopReason;

constexpr std::size_t kExamples = 10;
// So that little waits in state.
constexpr std::int64_t kWaitingMax = 40'000;

Status journal_pending(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(workspace));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t appended, pending.append());
  (void)appended;
  return {};
}

void add_counts(const decide::CampaignPlan& plan, const CampaignChunk& chunk,
                CampaignCounts& into) {
  const decide::CampaignOutcomes& out = chunk.outcomes;
  into.customers += chunk.looked_at;
  into.counts += out.counts;
  if (into.treatments.empty()) {
    for (const std::string& name : plan.treatments) into.treatments.push_back({name, 0, 0});
  }
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    if (out.reasons[i] != StopReason::none) continue;
    const std::size_t treatment = out.choices[i].treatment;
    ++into.treatments[treatment].messages;
    into.treatments[treatment].cost_minor += plan.cost_minor[treatment];
  }
}

// The first few of every reason, then as many of those who get a message as there is room for.
class Examples {
 public:
  Status offer(Workspace& workspace, const decide::CampaignPlan& plan, const CampaignChunk& chunk) {
    const decide::CampaignOutcomes& out = chunk.outcomes;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      auto& of_reason = by_reason_[static_cast<std::size_t>(out.reasons[i])];
      if (of_reason.size() >= kExamples) continue;
      decide::CampaignDecision decision;
      decide::describe(plan, chunk.inputs, out, i, decision);
      CampaignExample& one = of_reason.emplace_back();
      ATTUNE_ASSIGN_OR_RETURN(one.customer, workspace.identity().label(decision.customer));
      one.reason = out.reasons[i];
      one.note = decision.note;
      if (decision.choice) one.treatment = plan.treatments[decision.choice->treatment];
    }
    return {};
  }
  std::vector<CampaignExample> take() {
    std::vector<CampaignExample> all;
    for (std::size_t round = 0; round < kExamples; ++round) {
      for (auto& of_reason : by_reason_) {
        if (round < of_reason.size() && all.size() < kExamples) all.push_back(of_reason[round]);
      }
    }
    std::ranges::stable_sort(all, {}, &CampaignExample::reason);
    return all;
  }

 private:
  std::array<std::vector<CampaignExample>, decide::kStopReasonCount> by_reason_;
};

// Whom quiet hours stop, and who is still in time when these end.
std::vector<WaitingCustomer> waiting_of(const CampaignChunk& chunk, Timestamp end) {
  const decide::CampaignOutcomes& out = chunk.outcomes;
  std::vector<WaitingCustomer> waiting;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    if (out.reasons[i] == StopReason::quiet_hours && out.retry_at[i] < end)
      waiting.push_back({chunk.numbers[i], out.retry_at[i]});
  }
  return waiting;
}

// Who would be in a group, ascending.
void note_assigned(const CampaignChunk& chunk, std::vector<CustomerNumber>& assigned) {
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    if (chunk.outcomes.groups[i] != decide::kNotAssigned) assigned.push_back(chunk.numbers[i]);
  }
}

std::string lacking_text(const LackingField& lacking, std::int64_t audience) {
  return fmt::format(
      "templates/{}/{}:{}:{}: the field '{}' is missing for {} of {} customers, such as {}; state "
      "a default: {{{{ {} | default: \"…\" }}}}",
      lacking.content, lacking.part, lacking.use.line, lacking.use.column, lacking.use.name,
      with_thousands(lacking.customers), with_thousands(audience), attune::quoted(lacking.example),
      lacking.use.name);
}

// A run, a chunk of customers at a time. While one is worked out, the one before it is written and
// the one after it is read and decided: what a chunk spends is known before it is written. The
// first of a call is written alone, so that a short call reads nothing in vain.
class RunSteps {
 public:
  struct Stores {
    Workspace& workspace;
    ledger::BudgetLedger& ledger;
    deliver::Outbox& outbox;
    PendingEvents& pending;
    CampaignRuns& runs;
    CampaignAsking& asking;
  };
  // `listing` takes in who gets something; null: nobody asks.
  RunSteps(const Stores& stores, CampaignRun& run, CampaignListing* listing)
      : stores_(stores), run_(run), listing_(listing) {}

  // Asks everybody after `run.next`, at most `limit` at once. Errors: cancelled; those of the
  // stores; where a chunk cannot be read, those before it are written.
  Status go(std::int64_t limit, Progress& progress) {
    if (progress.cancelled()) return stopped();
    limit_ = limit;
    const engage::StoredCampaign& campaign = stores_.asking.campaign();
    ATTUNE_ASSIGN_OR_RETURN(const ledger::BudgetBalances balances,
                            stores_.ledger.balances(budget_name(campaign.campaign.name)));
    ATTUNE_RETURN_IF_ERROR(read(run_.next, left_of(campaign.campaign, balances), chunks_[0]));
    if (!chunks_[0].last) return {};
    for (std::size_t now = 0;; now = after(now)) {
      const bool alone = !any_written_;
      ATTUNE_RETURN_IF_ERROR(work_out(now, /*ahead=*/!alone));
      if (alone) ATTUNE_RETURN_IF_ERROR(write());
      progress.advance(run_.counts.customers);
      if (!chunks_[now].at_end && !progress.cancelled()) {
        if (alone) ATTUNE_RETURN_IF_ERROR(read_after(now));
        continue;
      }
      ATTUNE_RETURN_IF_ERROR(write());
      progress.advance(run_.counts.customers);
      return progress.cancelled() ? stopped() : Status();
    }
  }

 private:
  static std::unexpected<Error> stopped() {
    return std::unexpected(cancelled("the run was stopped; attune campaign run goes on with it"));
  }
  std::size_t after(std::size_t chunk) const { return (chunk + 1) % chunks_.size(); }

  Status read(CustomerNumber last, const decide::BudgetLeft& left, CampaignChunk& into) {
    ATTUNE_RETURN_IF_ERROR(stores_.asking.read(last, limit_, into));
    return stores_.asking.decide(left, run_.seed, into);
  }
  Status read_after(std::size_t now) {
    return read(chunks_[now].last, chunks_[now].outcomes.left, chunks_[after(now)]);
  }

  Status work_out(std::size_t now, bool ahead) {
    auto writing =
        std::make_unique<CampaignWriting>(stores_.workspace, stores_.ledger, stores_.outbox,
                                          stores_.pending, stores_.asking, chunks_[now]);
    Status read;
    ATTUNE_RETURN_IF_ERROR(writing->prepare([&]() -> Status {
      ATTUNE_RETURN_IF_ERROR(write());
      if (ahead && !chunks_[now].at_end) read = read_after(now);
      return {};
    }));
    worked_out_ = std::move(writing);
    if (read) return {};
    ATTUNE_RETURN_IF_ERROR(write());  // what cannot be read comes after it
    return read;
  }

  // What was worked out and is not written yet.
  Status write() {
    if (!worked_out_) return {};
    const auto writing = std::exchange(worked_out_, nullptr);
    const CampaignChunk& chunk = writing->chunk();
    const decide::CampaignPlan& plan = stores_.asking.plan();
    const engage::StoredCampaign& campaign = stores_.asking.campaign();
    CampaignCounts added;
    add_counts(plan, chunk, added);
    const CustomerNumber before = std::exchange(run_.next, chunk.last);
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, stores_.workspace.state().begin());
    ATTUNE_RETURN_IF_ERROR(writing->write());
    ATTUNE_RETURN_IF_ERROR(stores_.runs.advance(campaign, run_, added));
    ATTUNE_RETURN_IF_ERROR(stores_.runs.wait(campaign, run_, before, waiting_of(chunk, plan.end)));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
    any_written_ = true;
    add_counts(plan, chunk, run_.counts);
    if (listing_ != nullptr) writing->list(*listing_);
    events_waiting_ += static_cast<std::int64_t>(chunk.size());
    if (events_waiting_ < kWaitingMax) return {};
    events_waiting_ = 0;
    return journal_pending(stores_.workspace);
  }

  Stores stores_;
  CampaignRun& run_;
  CampaignListing* listing_;
  std::int64_t limit_ = 0;
  std::int64_t events_waiting_ = 0;  // for the journal
  bool any_written_ = false;
  std::array<CampaignChunk, 3> chunks_;  // written, worked out, read
  std::unique_ptr<CampaignWriting> worked_out_;
};

}  // namespace

std::int64_t CampaignCounts::cost_minor() const {
  std::int64_t cost = 0;
  for (const TreatmentCount& one : treatments) cost += one.cost_minor;
  return cost;
}

Result<CampaignPreview> Campaigns::preview(const engage::Campaign& campaign, Customers& customers,
                                           Timestamp now, Progress& progress) {
  CampaignPreview preview;
  preview.campaign = campaign;
  preview.now = std::max(now, campaign.schedule.start);
  if (Status ready = check_ready(campaign); !ready) {
    preview.problems.push_back(ready.error().message);
    return preview;
  }
  engage::StoredCampaign stored;
  stored.campaign = campaign;
  std::optional<ledger::BudgetBalances> balances;
  if (auto saved = store_.find(campaign.name)) {
    stored.number = saved->number;
    stored.version = preview.version = saved->version;
    if (auto budget = ledger_.balances(budget_name(campaign.name))) balances = std::move(*budget);
  }
  preview.budget = left_of(campaign, balances);
  const auto due = engage::next_run(campaign, preview.now, workspace_->zone());
  ATTUNE_ASSIGN_OR_RETURN(
      CampaignAsking asking,
      CampaignAsking::open(*workspace_, customers, stored, preview.now,
                           {.only = {}, .among = {}, .will_write = false, .without = {}}));
  progress.phase("asking", asking.everybody(), "customers");
  decide::BudgetLeft left = preview.budget;
  Examples examples;
  std::vector<CustomerNumber> assigned;
  const std::uint64_t seed = run_seed(campaign, due.value_or(campaign.schedule.start));
  for (CampaignChunk chunk;;) {
    if (progress.cancelled()) return std::unexpected(cancelled("the preview was stopped"));
    ATTUNE_RETURN_IF_ERROR(asking.read(chunk.last, chunk_, chunk));
    if (!chunk.last) break;
    ATTUNE_RETURN_IF_ERROR(asking.decide(left, seed, chunk));
    left = chunk.outcomes.left;
    add_counts(asking.plan(), chunk, preview.counts);
    ATTUNE_RETURN_IF_ERROR(examples.offer(*workspace_, asking.plan(), chunk));
    note_assigned(chunk, assigned);
    progress.advance(preview.counts.customers);
  }
  preview.examples = examples.take();
  ATTUNE_RETURN_IF_ERROR(add_power(campaign, now, std::move(assigned), preview));
  for (const auto& [key, lacking] : asking.lacking())
    preview.problems.push_back(lacking_text(lacking, preview.counts.counts.customers()));
  return preview;
}

Result<std::optional<CampaignRun>> Campaigns::run(std::string_view name, Customers& customers,
                                                  Timestamp now, Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t pumped, pump());
  (void)pumped;
  ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign campaign, store_.find(name));
  if (campaign.state != engage::CampaignState::running) {
    return std::unexpected(failed_precondition(fmt::format(
        "campaign '{}' is {}; {}", name, engage::name(campaign.state),
        campaign.state == engage::CampaignState::draft
            ? fmt::format("start it first: attune campaign start {}", name)
        : campaign.state == engage::CampaignState::scheduled
            ? fmt::format("it begins at {}", format_iso(campaign.campaign.schedule.start))
        : campaign.state == engage::CampaignState::paused
            ? fmt::format("let it go on: attune campaign resume {}", name)
            : std::string("make a new campaign"))));
  }
  if (campaign.campaign.channel == decide::Channel::on_page) {
    return std::unexpected(failed_precondition(
        fmt::format("campaign '{}' has offers on pages, which are decided when a page asks for "
                    "them: GET /v1/offers",
                    name)));
  }
  ATTUNE_RETURN_IF_ERROR(check_ready(campaign.campaign));
  ATTUNE_ASSIGN_OR_RETURN(CampaignRuns runs, CampaignRuns::open(workspace_->state()));
  ATTUNE_ASSIGN_OR_RETURN(std::optional<CampaignRun> run, runs.unfinished(campaign));
  if (!run) {
    ATTUNE_ASSIGN_OR_RETURN(run, begin_run(campaign, runs, now));
    if (!run) return std::optional<CampaignRun>();
  }
  ATTUNE_RETURN_IF_ERROR(go_on(campaign, *run, customers, now, progress));
  return run;
}

Result<std::optional<CampaignRun>> Campaigns::begin_run(const engage::StoredCampaign& campaign,
                                                        CampaignRuns& runs, Timestamp now) {
  const Timestamp from = campaign.last_run ? Timestamp{campaign.last_run->micros + 1}
                                           : campaign.campaign.schedule.start;
  CampaignRun run;
  auto due = engage::next_run(campaign.campaign, from, workspace_->zone());
  if (!due || *due > now) {
    run.after_quiet_hours = true;
    ATTUNE_ASSIGN_OR_RETURN(due, runs.waited_until(campaign, now));
    if (!due) return std::optional<CampaignRun>();
  }
  run.campaign = campaign.campaign.name;
  run.version = campaign.version;
  run.due = *due;
  run.begun = now;
  run.seed = run_seed(campaign.campaign, *due);
  ATTUNE_RETURN_IF_ERROR(sync_budget(campaign, now));
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, workspace_->state().begin());
  ATTUNE_RETURN_IF_ERROR(runs.begin(campaign, run));
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return std::optional(std::move(run));
}

Status Campaigns::go_on(const engage::StoredCampaign& campaign, CampaignRun& run,
                        Customers& customers, Timestamp now, Progress& progress) {
  store::State& state = workspace_->state();
  ATTUNE_ASSIGN_OR_RETURN(CampaignRuns runs, CampaignRuns::open(state));
  ATTUNE_ASSIGN_OR_RETURN(const OnDisk on_disk, OnDisk::begin(state));
  AskingOptions options{.only = {}, .among = {}, .will_write = true, .without = without_};
  if (run.after_quiet_hours) {
    ATTUNE_ASSIGN_OR_RETURN(options.among, runs.waited(campaign, run));
  }
  ATTUNE_ASSIGN_OR_RETURN(CampaignAsking asking,
                          CampaignAsking::open(*workspace_, customers, campaign, now, options));
  const bool listed = campaign.campaign.channel == decide::Channel::file;
  const bool resumed = run.next != CustomerNumber{};  // the log alone knows the parts before
  CampaignListing listing(*workspace_, campaign.campaign);
  progress.phase("deciding", asking.everybody(), "customers");
  ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(*workspace_));
  RunSteps steps({*workspace_, ledger_, outbox_, pending, runs, asking}, run,
                 listed && !resumed ? &listing : nullptr);
  ATTUNE_RETURN_IF_ERROR(steps.go(chunk_, progress));
  ATTUNE_RETURN_IF_ERROR(journal_pending(*workspace_));
  if (listed) {
    if (resumed) {
      ATTUNE_RETURN_IF_ERROR(workspace_->catch_up(progress));
      ATTUNE_RETURN_IF_ERROR(listing.read_log(run.begun));
    }
    ATTUNE_ASSIGN_OR_RETURN(run.list, listing.write(run.due));
  }
  run.finished = now;
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
  ATTUNE_RETURN_IF_ERROR(runs.finish(campaign, run));
  if (!run.after_quiet_hours) ATTUNE_RETURN_IF_ERROR(store_.note_run(campaign.campaign.name, now));
  return transaction.commit();
}

Result<std::vector<engage::StoredCampaign>> Campaigns::due(Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(const auto moved, store_.advance(now));
  (void)moved;
  ATTUNE_ASSIGN_OR_RETURN(std::vector<engage::StoredCampaign> due,
                          store_.due(now, workspace_->zone()));
  ATTUNE_ASSIGN_OR_RETURN(CampaignRuns runs, CampaignRuns::open(workspace_->state()));
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<std::uint32_t> more, runs.to_go_on(now));
  if (!more.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<engage::StoredCampaign> all, store_.list());
    for (const engage::StoredCampaign& one : all) {
      if (one.state == engage::CampaignState::running && std::ranges::count(more, one.number) > 0 &&
          std::ranges::count(due, one.number, &engage::StoredCampaign::number) == 0)
        due.push_back(one);
    }
  }
  // Offers on a page are decided when they are asked for.
  std::erase_if(due, [](const engage::StoredCampaign& one) {
    return one.campaign.channel == decide::Channel::on_page;
  });
  return due;
}

Result<std::vector<CampaignRun>> Campaigns::run_due(Customers& customers, Timestamp now,
                                                    Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<engage::StoredCampaign> all, due(now));
  std::vector<CampaignRun> done;
  for (const engage::StoredCampaign& one : all) {
    ATTUNE_ASSIGN_OR_RETURN(auto ran, run(one.campaign.name, customers, now, progress));
    if (ran) done.push_back(std::move(*ran));
  }
  return done;
}

}  // namespace attune::engine
