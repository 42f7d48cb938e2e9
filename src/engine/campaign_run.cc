// Previews and runs: the same questions, with and without writing what comes out.
#include <algorithm>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "attune/base/text.h"
#include "attune/deliver/send_list.h"
#include "attune/engine/campaigns.h"
#include "campaign_asking.h"
#include "campaign_events.h"
#include "campaign_lists.h"
#include "campaign_runs.h"
#include "mail_config.h"
#include "pending_events.h"

namespace attune::engine {
namespace {

using decide::StopReason;

constexpr std::size_t kExamples = 10;

std::uint64_t run_seed(const engage::Campaign& campaign, Timestamp due) {
  return combine(hash64(campaign.name), static_cast<std::uint64_t>(due.micros));
}

void add_counts(const CampaignAsking& asking, CampaignCounts& into) {
  const decide::CampaignOutcomes& out = asking.outcomes();
  into.customers += asking.looked_at();
  into.counts += out.counts;
  const decide::CampaignPlan& plan = asking.plan();
  if (into.treatments.empty()) {
    for (const std::string& name : plan.treatments) into.treatments.push_back({name, 0, 0});
  }
  for (std::size_t i = 0; i < asking.size(); ++i) {
    if (out.reasons[i] != StopReason::none) continue;
    const std::size_t treatment = out.choices[i].treatment;
    ++into.treatments[treatment].messages;
    into.treatments[treatment].cost_minor += plan.cost_minor[treatment];
  }
}

// Commits are on disk when they return, as long as this lives: what is sent, spent or journalled
// rests on them.
class OnDisk {
 public:
  static Result<OnDisk> begin(store::State& state) {
    ATTUNE_RETURN_IF_ERROR(state.execute("PRAGMA synchronous = FULL"));
    return OnDisk(state);
  }
  OnDisk(OnDisk&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ~OnDisk() {
    // Fails only where the connection does, which the next statement tells.
    if (state_ != nullptr) (void)state_->execute("PRAGMA synchronous = NORMAL");
  }

 private:
  explicit OnDisk(store::State& state) : state_(&state) {}
  store::State* state_;
};

decide::BudgetLeft left_of(const engage::Campaign& campaign,
                           const std::optional<ledger::BudgetBalances>& balances) {
  if (balances) return {balances->available.money_minor, balances->available.messages};
  return {campaign.budget_money_minor, campaign.budget_messages};
}

// The first few of every reason, then as many of those who get a message as there is room for.
class Examples {
 public:
  void offer(const CampaignAsking& asking) {
    const decide::CampaignOutcomes& out = asking.outcomes();
    for (std::size_t i = 0; i < asking.size(); ++i) {
      auto& of_reason = by_reason_[static_cast<std::size_t>(out.reasons[i])];
      if (of_reason.size() >= kExamples) continue;
      decide::CampaignDecision decision;
      decide::describe(asking.plan(), asking.inputs(), out, i, decision);
      CampaignExample& one = of_reason.emplace_back();
      one.customer = asking.called(i).id;
      one.reason = out.reasons[i];
      one.note = decision.note;
      if (decision.choice) one.treatment = asking.plan().treatments[decision.choice->treatment];
    }
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

std::string lacking_text(const LackingField& lacking, std::int64_t audience) {
  return fmt::format(
      "templates/{}/{}:{}:{}: the field '{}' is missing for {} of {} customers, such as {}; state "
      "a default: {{{{ {} | default: \"…\" }}}}",
      lacking.content, lacking.part, lacking.use.line, lacking.use.column, lacking.use.name,
      with_thousands(lacking.customers), with_thousands(audience), attune::quoted(lacking.example),
      lacking.use.name);
}

// What one chunk decided, as rows of state.
class ChunkWriter {
 public:
  ChunkWriter(Workspace& workspace, ledger::BudgetLedger& ledger, deliver::Outbox& outbox,
              const CampaignAsking& asking)
      : workspace_(workspace), ledger_(ledger), outbox_(outbox), asking_(asking) {}

  Status write() {
    collect();
    ATTUNE_RETURN_IF_ERROR(reserve());
    ATTUNE_ASSIGN_OR_RETURN(auto contacts, engage::ContactStore::open(workspace_.state()));
    ATTUNE_RETURN_IF_ERROR(contacts.record(contacts_));
    if (!messages_.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(const deliver::AddedMessages added,
                              outbox_.add(messages_, asking_.inputs().now));
      (void)added;
    }
    ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(workspace_));
    return pending.add(events_.events());
  }

 private:
  void collect() {
    const decide::CampaignOutcomes& out = asking_.outcomes();
    const engage::Campaign& campaign = asking_.campaign().campaign;
    decide::CampaignDecision decision;
    for (std::size_t i = 0; i < asking_.size(); ++i) {
      decide::describe(asking_.plan(), asking_.inputs(), out, i, decision);
      events_.add(decision, asking_.called(i));
      if (out.reasons[i] != StopReason::none) continue;
      ids_.push_back(decision.id);
      amounts_.push_back({decision.cost.minor, 1});
      contacts_.push_back(
          {decision.customer, {decision.time, asking_.campaign().number, campaign.channel}});
      if (campaign.channel == decide::Channel::email) messages_.push_back(message(decision, i));
    }
  }

  deliver::Message message(const decide::CampaignDecision& decision, std::size_t i) const {
    const engage::Campaign& campaign = asking_.campaign().campaign;
    const engage::Treatment& treatment = campaign.treatments[decision.choice->treatment];
    deliver::Message message;
    message.key = decision.id;
    message.provider = "mail";
    message.customer = decision.customer;
    message.purpose = campaign.purpose;
    message.campaign = campaign.name;
    message.treatment = treatment.name;
    message.content = treatment.content;
    message.due = decision.time;
    message.expires = campaign.schedule.end;
    message.address = asking_.card(i).email;
    message.fields = asking_.card(i).fields;
    message.fields.texts["customer_id"] = asking_.called(i).id;
    message.fields.texts["campaign"] = campaign.name;
    message.fields.texts["treatment"] = treatment.name;
    return message;
  }

  Status reserve() {
    std::vector<ledger::Claim> claims;
    std::vector<ledger::Settlement> spent;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      claims.push_back({ids_[i], amounts_[i]});
      spent.push_back({ids_[i], amounts_[i]});
    }
    const Timestamp now = asking_.inputs().now;
    const engage::Campaign& campaign = asking_.campaign().campaign;
    ATTUNE_ASSIGN_OR_RETURN(
        const std::vector<std::uint8_t> granted,
        ledger_.reserve_many(budget_name(campaign.name), claims, std::nullopt, now));
    if (std::ranges::find(granted, 0) != granted.end()) {
      return std::unexpected(internal_error(fmt::format(
          "the gates let more pass than the budget of campaign '{}' holds", campaign.name)));
    }
    // A list is given away with the decision; what is mailed is spent when it is handed over.
    if (campaign.channel == decide::Channel::file) return ledger_.settle_many(spent, now);
    return {};
  }

  Workspace& workspace_;
  ledger::BudgetLedger& ledger_;
  deliver::Outbox& outbox_;
  const CampaignAsking& asking_;
  CampaignEvents events_{asking_.campaign().campaign.name};
  std::vector<std::string> ids_;
  std::vector<ledger::Amount> amounts_;
  std::vector<engage::CustomerContact> contacts_;
  std::vector<deliver::Message> messages_;
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
  ATTUNE_ASSIGN_OR_RETURN(CampaignAsking asking,
                          CampaignAsking::open(*workspace_, customers, stored, preview.now));
  progress.phase("asking", asking.everybody(), "customers");
  decide::BudgetLeft left = preview.budget;
  Examples examples;
  for (CustomerNumber after;;) {
    if (progress.cancelled()) return std::unexpected(cancelled("the preview was stopped"));
    ATTUNE_ASSIGN_OR_RETURN(after, asking.read(after, kChunk));
    if (!after) break;
    ATTUNE_RETURN_IF_ERROR(
        asking.decide(left, run_seed(campaign, due.value_or(campaign.schedule.start))));
    left = asking.outcomes().left;
    add_counts(asking, preview.counts);
    examples.offer(asking);
    progress.advance(preview.counts.customers);
  }
  preview.examples = examples.take();
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
  ATTUNE_RETURN_IF_ERROR(check_ready(campaign.campaign));
  ATTUNE_ASSIGN_OR_RETURN(CampaignRuns runs, CampaignRuns::open(workspace_->state()));
  ATTUNE_ASSIGN_OR_RETURN(std::optional<CampaignRun> run, runs.unfinished(campaign));
  if (!run) {
    const Timestamp from = campaign.last_run ? Timestamp{campaign.last_run->micros + 1}
                                             : campaign.campaign.schedule.start;
    const auto due = engage::next_run(campaign.campaign, from, workspace_->zone());
    if (!due || *due > now) return std::optional<CampaignRun>();
    run.emplace();
    run->campaign = campaign.campaign.name;
    run->version = campaign.version;
    run->due = *due;
    run->begun = now;
    run->seed = run_seed(campaign.campaign, *due);
    ATTUNE_RETURN_IF_ERROR(sync_budget(campaign, now));
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, workspace_->state().begin());
    ATTUNE_RETURN_IF_ERROR(runs.begin(campaign, *run));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
  }
  ATTUNE_RETURN_IF_ERROR(go_on(campaign, *run, customers, now, progress));
  return run;
}

Status Campaigns::go_on(const engage::StoredCampaign& campaign, CampaignRun& run,
                        Customers& customers, Timestamp now, Progress& progress) {
  store::State& state = workspace_->state();
  ATTUNE_ASSIGN_OR_RETURN(CampaignRuns runs, CampaignRuns::open(state));
  ATTUNE_ASSIGN_OR_RETURN(const OnDisk on_disk, OnDisk::begin(state));
  ATTUNE_ASSIGN_OR_RETURN(CampaignAsking asking,
                          CampaignAsking::open(*workspace_, customers, campaign, now));
  progress.phase("deciding", asking.everybody(), "customers");
  while (true) {
    if (progress.cancelled())
      return std::unexpected(cancelled("the run was stopped; attune campaign run goes on with it"));
    ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber last, asking.read(run.next, kChunk));
    if (!last) break;
    ATTUNE_ASSIGN_OR_RETURN(const ledger::BudgetBalances balances,
                            ledger_.balances(budget_name(campaign.campaign.name)));
    ATTUNE_RETURN_IF_ERROR(asking.decide(left_of(campaign.campaign, balances), run.seed));
    CampaignCounts added;
    add_counts(asking, added);
    run.next = last;
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
    ATTUNE_RETURN_IF_ERROR(ChunkWriter(*workspace_, ledger_, outbox_, asking).write());
    ATTUNE_RETURN_IF_ERROR(runs.advance(campaign, run, added));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
    add_counts(asking, run.counts);
    progress.advance(run.counts.customers);
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t pumped, pump());
  (void)pumped;
  if (campaign.campaign.channel == decide::Channel::file) {
    ATTUNE_ASSIGN_OR_RETURN(run.list, write_campaign_list(*workspace_, campaign, run));
  }
  run.finished = now;
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
  ATTUNE_RETURN_IF_ERROR(runs.finish(campaign, run));
  ATTUNE_RETURN_IF_ERROR(store_.note_run(campaign.campaign.name, now));
  return transaction.commit();
}

Result<std::vector<CampaignRun>> Campaigns::run_due(Customers& customers, Timestamp now,
                                                    Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const auto moved, store_.advance(now));
  (void)moved;
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<engage::StoredCampaign> all, store_.list());
  std::vector<CampaignRun> done;
  for (const engage::StoredCampaign& one : all) {
    if (one.state != engage::CampaignState::running) continue;
    ATTUNE_ASSIGN_OR_RETURN(auto ran, run(one.campaign.name, customers, now, progress));
    if (ran) done.push_back(std::move(*ran));
  }
  return done;
}

}  // namespace attune::engine
