// What waits in the outbox goes out, and what became of it comes back to budgets, contacts and log.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

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
    ATTUNE_ASSIGN_OR_RETURN(CampaignSender sender,
                            CampaignSender::open(
                                *workspace_, [this](const auto& work) { return work(*workspace_); },
                                now, sending_without_));
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

// What pays for the message: of a webhook that was requeued, the reservation of the last time.
Result<std::string> Campaigns::reservation_of(const MessageStatus& message) {
  std::string id = message.key;
  if (message.channel != deliver::Channel::webhook) return id;
  for (int time = 2;; ++time) {
    std::string next = fmt::format("{}:{}", message.key, time);
    const auto found = ledger_.find(next);
    if (!found && found.error().code == ErrorCode::not_found) return id;
    if (!found) return std::unexpected(found.error());
    id = std::move(next);
  }
}

Result<std::vector<OutboxMessage>> Campaigns::messages(std::string_view state, int limit) {
  std::vector<std::string> names;
  std::optional<MessageState> wanted;
  for (int i = 0; i < deliver::kMessageStateCount; ++i) {
    const auto one = static_cast<MessageState>(i);
    names.emplace_back(deliver::name(one));
    if (names.back() == state) wanted = one;
  }
  if (!wanted) {
    return std::unexpected(invalid_argument(
        fmt::format("there is no state '{}'{}; there are {}", attune::quoted(state),
                    did_you_mean(state, names), fmt::join(names, ", "))));
  }
  ATTUNE_ASSIGN_OR_RETURN(std::vector<MessageStatus> found, outbox_.list(*wanted, limit));
  std::vector<OutboxMessage> all;
  for (MessageStatus& one : found) {
    ATTUNE_ASSIGN_OR_RETURN(const auto customer, called(*workspace_, one.customer));
    all.push_back({std::move(one), customer ? customer->id : std::string()});
  }
  return all;
}

Result<MessageStatus> Campaigns::requeue(std::string_view key, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t told, settle_outbox(now));
  (void)told;
  ATTUNE_ASSIGN_OR_RETURN(const auto found, outbox_.find(key));
  if (found && found->channel == deliver::Channel::webhook &&
      found->state == MessageState::failed) {
    ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign campaign, store_.find(found->campaign));
    if (campaign.state == engage::CampaignState::done) {
      return std::unexpected(failed_precondition(
          fmt::format("campaign '{}' is done; nothing of it is sent any more", found->campaign)));
    }
    ATTUNE_ASSIGN_OR_RETURN(const std::string last, reservation_of(*found));
    ATTUNE_ASSIGN_OR_RETURN(const ledger::Reservation paid, ledger_.find(last));
    const std::size_t colon = last.find(':');
    const int time = colon == last.npos ? 2 : std::stoi(last.substr(colon + 1)) + 1;
    ATTUNE_ASSIGN_OR_RETURN(auto contacts, engage::ContactStore::open(workspace_->state()));
    ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root,
                            workspace_->identity().root(found->customer));
    const engage::CustomerContact contact{
        root, {found->created, campaign.number, campaign.campaign.channel}};
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, workspace_->state().begin());
    const auto reserved = ledger_.reserve(fmt::format("{}:{}", key, time), paid.budget, paid.amount,
                                          std::nullopt, now);
    if (!reserved) return std::unexpected(reserved.error());
    ATTUNE_RETURN_IF_ERROR(contacts.record(std::span(&contact, 1)));
    ATTUNE_RETURN_IF_ERROR(outbox_.requeue(key, now));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
  } else {
    ATTUNE_RETURN_IF_ERROR(outbox_.requeue(key, now));  // says why not
  }
  ATTUNE_ASSIGN_OR_RETURN(auto again, outbox_.find(key));
  return std::move(*again);
}

// Its money and its contact. What may have arrived, or cost its hand-over, is spent.
Status Campaigns::settle(const MessageStatus& message, engage::ContactStore& contacts,
                         Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string id, reservation_of(message));
  if (message.state == MessageState::sent || message.state == MessageState::unknown ||
      message.state == MessageState::refused) {
    ATTUNE_ASSIGN_OR_RETURN(const ledger::Reservation reservation, ledger_.find(id));
    const auto settled = ledger_.settle(id, reservation.amount, now);
    return settled ? Status{} : std::unexpected(settled.error());
  }
  const auto released = ledger_.release(id, now);
  if (!released) return std::unexpected(released.error());
  ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign campaign, store_.find(message.campaign));
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, workspace_->identity().root(message.customer));
  const engage::CustomerContact contact{
      root, {message.created, campaign.number, campaign.campaign.channel}};
  return contacts.retract(std::span(&contact, 1));
}

}  // namespace attune::engine
