// Campaigns of an open shop, from a file to what they changed. Answers: whom would this campaign
// write to, whom did it write to, what became of it, and what did it cause?
//
// Campaigns, budgets, contacts and the outbox are true in state; what was decided and sent becomes
// events by a table of state that is pumped into the journal (docs/adr/0018).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/base/time.h"
#include "attune/decide/campaign_decision.h"
#include "attune/decide/campaign_gates.h"
#include "attune/deliver/outbox.h"
#include "attune/engage/campaign_store.h"
#include "attune/engage/contact_store.h"
#include "attune/engine/campaign_report.h"
#include "attune/engine/customers.h"
#include "attune/engine/offers.h"
#include "attune/engine/workspace.h"
#include "attune/ledger/budget_ledger.h"
#include "attune/measure/planning.h"
#include "attune/report/table.h"

namespace attune::engine {

enum class SendingCheck : std::uint8_t;
struct Person;
class CampaignRuns;

struct TreatmentCount {
  std::string name;
  std::int64_t messages = 0;
  std::int64_t cost_minor = 0;
};

struct CampaignExample {
  std::string customer;
  decide::StopReason reason = decide::StopReason::none;
  std::string treatment;  // of those who get a message
  std::string note;       // which cap, which hours
};

// What a run decides: of a preview would decide.
// Invariant: `counts` counts everybody in the audience once.
struct CampaignCounts {
  std::int64_t customers = 0;  // looked at
  decide::GateCounts counts;
  std::vector<TreatmentCount> treatments;  // as the campaign's
  std::int64_t cost_minor() const;
};

// Which effect the campaign could show, before it starts: by what the same people did in as many
// days before.
struct CampaignPower {
  std::string metric;  // "conversion", or "revenue" in the currency's units
  measure::Baseline before;
  measure::Plan plan;  // effect: the smallest that 8 of 10 such campaigns would call
};

struct CampaignPreview {
  engage::Campaign campaign;
  int version = 0;  // 0: not saved
  Timestamp now;    // as of when the gates were asked
  CampaignCounts counts;
  decide::BudgetLeft budget;              // before the run
  std::vector<CampaignExample> examples;  // 10, of every reason there is
  std::vector<std::string> problems;      // what has to be mended before it can start
  std::vector<CampaignPower> power;       // empty: nobody held out, or too few to tell
};

struct CampaignRun {
  std::string campaign;
  int version = 1;
  std::uint64_t seed = 0;
  Timestamp due;
  Timestamp begun;
  std::optional<Timestamp> finished;
  bool after_quiet_hours = false;  // asks those alone whom quiet hours stopped before
  CustomerNumber next;             // everybody up to this number was asked
  CampaignCounts counts;
  std::filesystem::path list;  // of channel file: where the send list lies
};

struct CampaignStatus {
  engage::StoredCampaign campaign;
  std::vector<engage::CampaignChange> history;
  std::vector<CampaignRun> runs;  // newest first, at most 10
  CampaignCounts total;           // of all runs
  std::optional<ledger::BudgetBalances> budget;
  std::array<std::int64_t, deliver::kMessageStateCount> outbox{};
  std::optional<Timestamp> next_run;  // those who wait for the end of quiet hours included
  std::int64_t waiting = 0;           // how many they are
};

// A message of the outbox, by the id that the shop knows its customer by.
struct OutboxMessage {
  deliver::MessageStatus status;
  std::string customer;
};

struct SendResult {
  int sent = 0;
  int refused = 0;
  int failed = 0;
  int unknown = 0;
  int withheld = 0;
  int postponed = 0;
  std::optional<Timestamp> next;  // when something is due again
  std::vector<std::string> troubles;
  int settled() const { return sent + refused + failed + unknown + withheld; }
  void add(const SendResult& more);
};

// Façade over an open shop. Everything that changes takes the moment it happens at.
// Invariants: (1) a customer is asked at most once in a run, and a run happens once for each moment
// that the schedule names, and once more for those whom quiet hours stopped, when these end:
// reservation, contact, outbox row and event are one transaction of state, on disk before anything
// is sent; (2) nobody gets a row in the outbox whom a gate stopped; (3) an event is journalled once
// in effect: its id follows from the decision and what became of it.
// Errors of every member: those of the stores; not_found that names the nearest campaign.
// Threads: as Workspace, which outlives the object.
class Campaigns {
 public:
  static constexpr std::int64_t kChunk = 20'000;  // customers a transaction

  // `pump`: whether what waits for the journal goes first.
  static Result<Campaigns> open(Workspace& workspace, bool pump = true);

  // Reads and checks a campaign file with the shop's zone, currency, fields and segments, and that
  // its channel and templates are ready. Errors: invalid_argument, a line for each problem.
  Result<engage::Campaign> check(std::string_view text, std::string_view label,
                                 Customers& customers);

  // A new draft, or a new version of the campaign of this name. Errors: those of CampaignStore;
  // failed_precondition for a budget that began and would shrink.
  Result<engage::StoredCampaign> save(const engage::Campaign& campaign, Timestamp now,
                                      std::string_view by);
  // Draft: scheduled, and running where its start has come. Errors: failed_precondition with the
  // problems that preview finds.
  Result<engage::StoredCampaign> start(std::string_view name, Customers& customers, Timestamp now,
                                       std::string_view by);
  Result<engage::StoredCampaign> pause(std::string_view name, Timestamp now, std::string_view by);
  Result<engage::StoredCampaign> resume(std::string_view name, Timestamp now, std::string_view by);
  // For good: what waits in the outbox is withheld, and its money is free again.
  Result<engage::StoredCampaign> stop(std::string_view name, Timestamp now, std::string_view by);

  // What a run at `now` would do; nothing is written. A campaign that has not begun is asked as of
  // its start.
  Result<CampaignPreview> preview(const engage::Campaign& campaign, Customers& customers,
                                  Timestamp now, Progress& progress);

  // The run that is due, or goes on with one that was cut off; absent where none is due. What the
  // schedule names goes before those who waited for the end of quiet hours.
  // Errors: failed_precondition for a campaign that does not run; cancelled (the rest follows).
  Result<std::optional<CampaignRun>> run(std::string_view name, Customers& customers, Timestamp now,
                                         Progress& progress);
  // Of every campaign; starts and ends those whose time has come.
  Result<std::vector<CampaignRun>> run_due(Customers& customers, Timestamp now, Progress& progress);
  // Those that run() would find something to do for; starts and ends those whose time has come.
  Result<std::vector<engage::StoredCampaign>> due(Timestamp now);

  Result<std::vector<engage::StoredCampaign>> list();
  Result<engage::StoredCampaign> find(std::string_view name);
  Result<CampaignStatus> status(std::string_view name, Timestamp now);
  // `customers`: needed for a breakdown by segment. Errors: invalid_argument naming the segments.
  Result<CampaignReport> report(std::string_view name, Timestamp now,
                                const CampaignReportOptions& options = {},
                                Customers* customers = nullptr);

  // Asks the running campaigns of the surface, oldest first, through all gates, until enough offer
  // something. Everybody who was asked has a decision in the log; whoever has no profile is offered
  // nothing. Events wait for pump. Errors: invalid_argument (nobody or both named, count).
  Result<OfferAnswer> offers(const OfferRequest& request, Customers& customers, Timestamp now);

  // Hands over what is due, asking again about consent, suppression, state of the campaign and
  // quiet hours, and tells what became of it. Errors: failed_precondition without [mail].
  Result<SendResult> send_due(Timestamp now);
  // Settles or releases budgets, takes contacts back and makes events of what became of messages.
  // Called by send_due and stop; harmless at any time. Result: messages.
  Result<std::int64_t> settle_outbox(Timestamp now);
  // Newest change first. Unknown: may have arrived, is not sent again; failed webhooks: dead
  // letters. Errors: invalid_argument naming the nearest state.
  Result<std::vector<OutboxMessage>> messages(std::string_view state, int limit);
  // A dead letter goes again under the same id, paid anew. Errors: those of Outbox::requeue;
  // failed_precondition for a campaign that ended; resource_exhausted where its budget has ended.
  Result<deliver::MessageStatus> requeue(std::string_view key, Timestamp now);
  // Takes pending events to the journal and applies them. Called by whatever makes some; harmless
  // at any time. Result: events.
  Result<std::int64_t> pump();

  // The decision as it was logged. Errors: not_found.
  Result<decide::CampaignDecision> find_decision(std::string_view id);

 private:
  explicit Campaigns(Workspace& workspace, engage::CampaignStore store, ledger::BudgetLedger ledger,
                     deliver::Outbox outbox)
      : workspace_(&workspace), store_(store), ledger_(ledger), outbox_(std::move(outbox)) {}

  friend struct GateSeam;  // of tests

  Result<std::string> reservation_of(const deliver::MessageStatus& message);
  Status offer(const engage::StoredCampaign& campaign, const Person& person, Customers& customers,
               Timestamp now, OfferAnswer& answer);
  Status add_power(const engage::Campaign& campaign, Timestamp until,
                   std::vector<CustomerNumber> assigned, CampaignPreview& preview);
  Status sync_budget(const engage::StoredCampaign& campaign, Timestamp now);
  Status check_ready(const engage::Campaign& campaign);
  Status settle(const deliver::MessageStatus& message, engage::ContactStore& contacts,
                Timestamp now);
  // Absent: nothing is due.
  Result<std::optional<CampaignRun>> begin_run(const engage::StoredCampaign& campaign,
                                               CampaignRuns& runs, Timestamp now);
  // Asks from `run.next` on, and ends the run.
  Status go_on(const engage::StoredCampaign& campaign, CampaignRun& run, Customers& customers,
               Timestamp now, Progress& progress);

  Workspace* workspace_;
  engage::CampaignStore store_;
  ledger::BudgetLedger ledger_;
  deliver::Outbox outbox_;
  std::int64_t chunk_ = kChunk;
  std::optional<decide::Gate> without_ = {};
  std::optional<SendingCheck> sending_without_ = {};
};

// Names of fields stay.
std::string to_json(const engage::StoredCampaign& campaign);  // its name, state and version
std::string to_json(const std::vector<engage::StoredCampaign>& campaigns);
std::string to_json(const CampaignPreview& preview);
std::string to_json(const CampaignRun& run);
std::string to_json(const CampaignStatus& status);
std::string to_json(const SendResult& result);
std::string to_json(const std::vector<OutboxMessage>& messages);
std::string to_json(const deliver::MessageStatus& message);  // its id and state

// For people.
std::string preview_text(const CampaignPreview& preview, const TimeZone& zone,
                         const report::TerminalStyle& style);
std::string run_text(const CampaignRun& run, const Currency& currency, const TimeZone& zone,
                     const report::TerminalStyle& style);
std::string status_text(const CampaignStatus& status, const TimeZone& zone,
                        const report::TerminalStyle& style);
std::string messages_text(const std::vector<OutboxMessage>& messages, const TimeZone& zone,
                          const report::TerminalStyle& style);

}  // namespace attune::engine
