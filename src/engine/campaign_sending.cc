// What waits in the outbox goes out, and what became of it comes back to budgets, contacts and log.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engage/contact_store.h"
#include "attune/engine/campaigns.h"
#include "campaign_events.h"
#include "campaign_lists.h"
#include "campaign_sender.h"
#include "pending_events.h"

namespace attune::engine {
namespace {

using deliver::MessageState;
using deliver::MessageStatus;

constexpr int kSettledAtOnce = 5'000;

}  // namespace

void SendResult::add(const SendResult& more) {
  sent += more.sent;
  refused += more.refused;
  failed += more.failed;
  unknown += more.unknown;
  withheld += more.withheld;
  postponed += more.postponed;
  next = more.next;
  for (const std::string& trouble : more.troubles) {
    if (std::ranges::find(troubles, trouble) == troubles.end()) troubles.push_back(trouble);
  }
}

Result<SendResult> Campaigns::send_due(Timestamp now) {
  SendResult result;
  {
    ATTUNE_ASSIGN_OR_RETURN(
        CampaignSender sender,
        CampaignSender::open(
            *workspace_, [this](const auto& work) { return work(*workspace_); }, now));
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const SendResult run, sender.run_once(now));
      result.add(run);
      if (run.settled() == 0 || !run.next || *run.next > now) break;
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t settled, settle_outbox(now));
  (void)settled;
  return result;
}

Result<std::int64_t> Campaigns::settle_outbox(Timestamp now) {
  std::int64_t total = 0;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<MessageStatus> told, outbox_.untold(kSettledAtOnce));
    if (told.empty()) break;
    ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(*workspace_));
    ATTUNE_ASSIGN_OR_RETURN(auto contacts, engage::ContactStore::open(workspace_->state()));
    std::map<std::string, CampaignEvents> events;  // by campaign
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, workspace_->state().begin());
    for (const MessageStatus& message : told) {
      ATTUNE_RETURN_IF_ERROR(settle(message, contacts, now));
      ATTUNE_ASSIGN_OR_RETURN(const auto customer, called(*workspace_, message.customer));
      if (!customer) continue;
      events.try_emplace(message.campaign, message.campaign).first->second.add(message, *customer);
    }
    for (const auto& [campaign, of_campaign] : events)
      ATTUNE_RETURN_IF_ERROR(pending.add(of_campaign.events()));
    ATTUNE_RETURN_IF_ERROR(outbox_.mark_told(told));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
    total += static_cast<std::int64_t>(told.size());
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t pumped, pump());
  (void)pumped;
  return total;
}

// Its money and its contact. What may have arrived, or cost its hand-over, is spent.
Status Campaigns::settle(const MessageStatus& message, engage::ContactStore& contacts,
                         Timestamp now) {
  if (message.state == MessageState::sent || message.state == MessageState::unknown ||
      message.state == MessageState::refused) {
    ATTUNE_ASSIGN_OR_RETURN(const ledger::Reservation reservation, ledger_.find(message.key));
    const auto settled = ledger_.settle(message.key, reservation.amount, now);
    return settled ? Status{} : std::unexpected(settled.error());
  }
  const auto released = ledger_.release(message.key, now);
  if (!released) return std::unexpected(released.error());
  ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign campaign, store_.find(message.campaign));
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, workspace_->identity().root(message.customer));
  const engage::CustomerContact contact{
      root, {message.created, campaign.number, campaign.campaign.channel}};
  return contacts.retract(std::span(&contact, 1));
}

}  // namespace attune::engine
