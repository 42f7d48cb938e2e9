#include "campaign_writing.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "pending_events.h"
#include "webhook_config.h"

namespace attune::engine {

Result<OnDisk> OnDisk::begin(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.execute("PRAGMA synchronous = FULL"));
  return OnDisk(state);
}

OnDisk::~OnDisk() {
  // Fails only where the connection does, which the next statement tells.
  if (state_ != nullptr) (void)state_->execute("PRAGMA synchronous = NORMAL");
}

std::uint64_t run_seed(const engage::Campaign& campaign, Timestamp due) {
  return combine(hash64(campaign.name), static_cast<std::uint64_t>(due.micros));
}

decide::BudgetLeft left_of(const engage::Campaign& campaign,
                           const std::optional<ledger::BudgetBalances>& balances) {
  if (balances) return {balances->available.money_minor, balances->available.messages};
  return {campaign.budget_money_minor, campaign.budget_messages};
}

bool goes_by_outbox(decide::Channel channel) {
  return channel == decide::Channel::email || channel == decide::Channel::webhook;
}

Status CampaignWriting::write() {
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

void CampaignWriting::collect() {
  const decide::CampaignOutcomes& out = asking_.outcomes();
  const engage::Campaign& campaign = asking_.campaign().campaign;
  decide::CampaignDecision decision;
  for (std::size_t i = 0; i < asking_.size(); ++i) {
    decide::describe(asking_.plan(), asking_.inputs(), out, i, decision);
    events_.add(decision, asking_.called(i));
    if (out.reasons[i] != decide::StopReason::none) continue;
    ids_.push_back(decision.id);
    amounts_.push_back({decision.cost.minor, 1});
    contacts_.push_back(
        {decision.customer, {decision.time, asking_.campaign().number, campaign.channel}});
    if (listing_ != nullptr) listing_->add(decision, asking_.called(i).id);
    if (goes_by_outbox(campaign.channel)) messages_.push_back(message(decision, i));
  }
}

deliver::Message CampaignWriting::message(const decide::CampaignDecision& decision,
                                          std::size_t i) const {
  const engage::Campaign& campaign = asking_.campaign().campaign;
  const engage::Treatment& treatment = campaign.treatments[decision.choice->treatment];
  deliver::Message message;
  message.key = decision.id;
  message.customer = decision.customer;
  message.purpose = campaign.purpose;
  message.campaign = campaign.name;
  message.treatment = treatment.name;
  message.due = decision.time;
  message.expires = campaign.schedule.end;
  if (campaign.channel == decide::Channel::webhook) {
    message.channel = deliver::Channel::webhook;
    message.provider = kWebhookProvider;
    message.content = kWebhookType;
    message.body = webhook_body({decision.id, campaign.name, treatment.name, treatment.content},
                                asking_.called(i), asking_.card(i).fields, decision.time);
    return message;
  }
  message.provider = "mail";
  message.content = treatment.content;
  message.address = asking_.card(i).email;
  message.fields = asking_.card(i).fields;
  message.fields.texts["customer_id"] = asking_.called(i).id;
  message.fields.texts["campaign"] = campaign.name;
  message.fields.texts["treatment"] = treatment.name;
  return message;
}

Status CampaignWriting::reserve() {
  std::vector<ledger::Claim> claims;
  claims.reserve(ids_.size());
  for (std::size_t i = 0; i < ids_.size(); ++i) claims.push_back({ids_[i], amounts_[i]});
  const Timestamp now = asking_.inputs().now;
  const engage::Campaign& campaign = asking_.campaign().campaign;
  const std::string budget = budget_name(campaign.name);
  // What is given away with the decision is spent; what the outbox sends, when it is handed over.
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> granted,
                          goes_by_outbox(campaign.channel)
                              ? ledger_.reserve_many(budget, claims, std::nullopt, now)
                              : ledger_.spend_many(budget, claims, now));
  if (std::ranges::find(granted, 0) == granted.end()) return {};
  return std::unexpected(internal_error(fmt::format(
      "the gates let more pass than the budget of campaign '{}' holds", campaign.name)));
}

}  // namespace attune::engine
