#include "attune/engine/campaigns.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "campaign_asking.h"
#include "campaign_lists.h"
#include "campaign_runs.h"
#include "mail_config.h"
#include "pending_events.h"
#include "webhook_config.h"

namespace attune::engine {
namespace {

using engage::CampaignState;
using engage::StoredCampaign;

constexpr int kRunsShown = 10;

// A budget began with the first run, and can only grow from there: money that was put in is in the
// books.
Status check_budget(const engage::Campaign& campaign, const ledger::BudgetBalances& balances) {
  const auto fits = [](const std::optional<std::int64_t>& had,
                       const std::optional<std::int64_t>& has) {
    return had.has_value() == has.has_value() && (!had || *has >= *had);
  };
  if (fits(balances.limits.money_minor, campaign.budget_money_minor) &&
      fits(balances.limits.messages, campaign.budget_messages)) {
    return {};
  }
  return std::unexpected(failed_precondition(fmt::format(
      "the budget of campaign '{}' is in use: it can grow, and neither shrink nor begin "
      "or cease to be limited; pause the campaign or stop it to spend less",
      campaign.name)));
}

}  // namespace

Result<Campaigns> Campaigns::open(Workspace& workspace, bool pump) {
  ATTUNE_ASSIGN_OR_RETURN(auto store, engage::CampaignStore::open(workspace.state()));
  ATTUNE_ASSIGN_OR_RETURN(auto ledger, ledger::BudgetLedger::open(workspace.state()));
  ATTUNE_ASSIGN_OR_RETURN(auto outbox, deliver::Outbox::open(workspace.state(), workspace.vault()));
  // What a crash left behind goes first.
  ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(workspace));
  if (pump) {
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t pumped, pending.pump());
    (void)pumped;
  }
  return Campaigns(workspace, store, ledger, std::move(outbox));
}

Status Campaigns::check_ready(const engage::Campaign& campaign) {
  using enum decide::Channel;
  if (campaign.channel == file || campaign.channel == on_page) return {};
  if (campaign.channel == webhook) {
    ATTUNE_ASSIGN_OR_RETURN(const auto hook, webhook_section(workspace_->folder()));
    const auto secrets = webhook_secrets(workspace_->folder(), hook);
    return secrets ? Status{} : std::unexpected(secrets.error());
  }
  if (campaign.channel != email) {
    return std::unexpected(failed_precondition(fmt::format(
        "campaign '{}': nothing is sent over the channel {} itself; a program of yours "
        "can, told by channel = \"webhook\" and purpose = \"{}\"",
        campaign.name, decide::name(campaign.channel), privacy::name(campaign.purpose))));
  }
  ATTUNE_ASSIGN_OR_RETURN(const store::MailSettings mail, mail_section(workspace_->folder()));
  ATTUNE_ASSIGN_OR_RETURN(const deliver::MailSettings letters, letter_settings(mail));
  (void)letters;
  for (const engage::Treatment& treatment : campaign.treatments) {
    const auto read = read_template(workspace_->folder(), treatment.content);
    if (!read)
      return std::unexpected(read.error().within(fmt::format("treatment '{}'", treatment.name)));
  }
  return {};
}

Result<engage::Campaign> Campaigns::check(std::string_view text, std::string_view label,
                                          Customers& customers) {
  ATTUNE_ASSIGN_OR_RETURN(const rules::Schema schema, campaign_schema(*workspace_, customers));
  ATTUNE_ASSIGN_OR_RETURN(const auto segments, customers.segments());
  std::vector<std::string> names;
  for (const profiles::Segment& segment : segments) names.push_back(segment.name);
  engage::CampaignContext context;
  context.zone = workspace_->zone();
  ATTUNE_ASSIGN_OR_RETURN(const auto currency, workspace_->reporting_currency());
  context.currency = currency.value_or(Currency{});
  context.schema = &schema;
  context.segments = &names;
  return engage::parse_campaign(text, label, context);
}

Result<StoredCampaign> Campaigns::save(const engage::Campaign& campaign, Timestamp now,
                                       std::string_view by) {
  if (auto stored = store_.find(campaign.name); !stored) {
    if (stored.error().code != ErrorCode::not_found) return std::unexpected(stored.error());
    return store_.create(campaign, now, by);
  }
  if (const auto balances = ledger_.balances(budget_name(campaign.name)))
    ATTUNE_RETURN_IF_ERROR(check_budget(campaign, *balances));
  return store_.change(campaign, now, by);
}

Status Campaigns::sync_budget(const StoredCampaign& stored, Timestamp now) {
  const engage::Campaign& campaign = stored.campaign;
  const std::string name = budget_name(campaign.name);
  const auto balances = ledger_.balances(name);
  if (!balances) {
    if (balances.error().code != ErrorCode::not_found) return std::unexpected(balances.error());
    return ledger_.open_budget(name + ":open", name, campaign.currency,
                               {campaign.budget_money_minor, campaign.budget_messages}, now);
  }
  ATTUNE_RETURN_IF_ERROR(check_budget(campaign, *balances));
  const auto more = [](const std::optional<std::int64_t>& had,
                       const std::optional<std::int64_t>& has) {
    return had && has ? *has - *had : 0;
  };
  const ledger::Amount amount{more(balances->limits.money_minor, campaign.budget_money_minor),
                              more(balances->limits.messages, campaign.budget_messages)};
  if (amount == ledger::Amount{}) return {};
  return ledger_.add(fmt::format("{}:version {}", name, stored.version), name, amount, now);
}

Result<StoredCampaign> Campaigns::start(std::string_view name, Customers& customers, Timestamp now,
                                        std::string_view by) {
  ATTUNE_ASSIGN_OR_RETURN(const StoredCampaign stored, store_.find(name));
  if (stored.state == CampaignState::draft) {
    NoProgress quiet;
    ATTUNE_ASSIGN_OR_RETURN(const CampaignPreview seen,
                            preview(stored.campaign, customers, now, quiet));
    if (!seen.problems.empty()) {
      std::string all;
      for (const std::string& problem : seen.problems) all += "\n" + problem;
      return std::unexpected(
          failed_precondition(fmt::format("campaign '{}' cannot start:{}", name, all)));
    }
    if (now >= stored.campaign.schedule.end) {
      return std::unexpected(
          failed_precondition(fmt::format("campaign '{}' ended at {}; give it a later end", name,
                                          format_iso(stored.campaign.schedule.end))));
    }
    ATTUNE_ASSIGN_OR_RETURN(const StoredCampaign scheduled,
                            store_.transition(name, CampaignState::scheduled, now, by));
    (void)scheduled;
  } else if (stored.state == CampaignState::paused || stored.state == CampaignState::done) {
    return store_.transition(name, CampaignState::scheduled, now, by);  // says what could be done
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto moved, store_.advance(now));
  (void)moved;
  return store_.find(name);
}

Result<StoredCampaign> Campaigns::pause(std::string_view name, Timestamp now, std::string_view by) {
  return store_.transition(name, CampaignState::paused, now, by);
}

Result<StoredCampaign> Campaigns::resume(std::string_view name, Timestamp now,
                                         std::string_view by) {
  ATTUNE_ASSIGN_OR_RETURN(const StoredCampaign stored, store_.find(name));
  if (stored.state != CampaignState::paused && stored.state != CampaignState::running) {
    return std::unexpected(failed_precondition(
        fmt::format("campaign '{}' is {} and not paused", name, engage::name(stored.state))));
  }
  return store_.transition(name, CampaignState::running, now, by);
}

Result<StoredCampaign> Campaigns::stop(std::string_view name, Timestamp now, std::string_view by) {
  ATTUNE_ASSIGN_OR_RETURN(StoredCampaign stopped,
                          store_.transition(name, CampaignState::done, now, by));
  ATTUNE_ASSIGN_OR_RETURN(CampaignRuns runs, CampaignRuns::open(workspace_->state()));
  ATTUNE_RETURN_IF_ERROR(runs.forget_waiting(stopped));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t withheld,
                          outbox_.withhold(name, "the campaign was stopped", now));
  (void)withheld;
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t settled, settle_outbox(now));
  (void)settled;
  return stopped;
}

Result<std::vector<StoredCampaign>> Campaigns::list() { return store_.list(); }
Result<StoredCampaign> Campaigns::find(std::string_view name) { return store_.find(name); }

Result<CampaignStatus> Campaigns::status(std::string_view name, Timestamp now) {
  CampaignStatus status;
  ATTUNE_ASSIGN_OR_RETURN(status.campaign, store_.find(name));
  ATTUNE_ASSIGN_OR_RETURN(status.history, store_.history(name));
  ATTUNE_ASSIGN_OR_RETURN(CampaignRuns runs, CampaignRuns::open(workspace_->state()));
  ATTUNE_ASSIGN_OR_RETURN(status.runs, runs.list(status.campaign, kRunsShown));
  ATTUNE_ASSIGN_OR_RETURN(status.total, runs.total(status.campaign));
  if (auto balances = ledger_.balances(budget_name(name))) {
    status.budget = std::move(*balances);
  } else if (balances.error().code != ErrorCode::not_found) {
    return std::unexpected(balances.error());
  }
  ATTUNE_ASSIGN_OR_RETURN(status.outbox, outbox_.counts(name));
  const CampaignState state = status.campaign.state;
  const bool by_schedule = status.campaign.campaign.channel != decide::Channel::on_page;
  if (by_schedule && (state == CampaignState::running || state == CampaignState::scheduled)) {
    const auto& last = status.campaign.last_run;
    const Timestamp from =
        last ? Timestamp{last->micros + 1} : status.campaign.campaign.schedule.start;
    status.next_run = engage::next_run(status.campaign.campaign, from, workspace_->zone());
    ATTUNE_ASSIGN_OR_RETURN(const WaitingCustomers waiting, runs.waiting(status.campaign));
    status.waiting = waiting.customers;
    if (waiting.next && (!status.next_run || *waiting.next < *status.next_run))
      status.next_run = waiting.next;
    if (status.next_run) status.next_run = std::max(*status.next_run, now);
  }
  return status;
}

Result<std::int64_t> Campaigns::pump() {
  ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(*workspace_));
  return pending.pump();
}

Result<decide::CampaignDecision> Campaigns::find_decision(std::string_view id) {
  ATTUNE_RETURN_IF_ERROR(workspace_->catch_up());
  return read_campaign_decision(*workspace_, id);
}

}  // namespace attune::engine
