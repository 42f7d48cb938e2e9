#include "campaign_writing.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "attune/math/parallel.h"
#include "campaign_events.h"
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

Status CampaignWriting::prepare(const std::function<Status()>& beside) {
  constexpr std::size_t kPart = PendingEvents::kTogether;
  std::vector<Result<Part>> parts((chunk_.size() + kPart - 1) / kPart);
  Status done;
  const std::int64_t more = beside ? 1 : 0;
  // The caller's thread begins at 0: with what lasts longest.
  math::parallel_for(std::ssize(parts) + more, 1, 0, [&](std::int64_t range, std::int64_t, int) {
    if (range < more) {
      done = beside();
      return;
    }
    const auto part = static_cast<std::size_t>(range - more);
    parts[part] = work_out(part * kPart, std::min(chunk_.size(), (part + 1) * kPart));
  });
  if (!done) return done;
  for (Result<Part>& part : parts) {
    if (!part) return std::unexpected(std::move(part).error());
    parts_.push_back(std::move(*part));
  }
  return {};
}

Result<CampaignWriting::Part> CampaignWriting::work_out(std::size_t begin, std::size_t end) const {
  Part part;
  const engage::Campaign& campaign = asking_.campaign().campaign;
  CampaignEvents events(campaign.name);
  decide::CampaignDecision decision;
  for (std::size_t i = begin; i < end; ++i) {
    decide::describe(asking_.plan(), chunk_.inputs, chunk_.outcomes, i, decision);
    events.add(decision, chunk_.called[i]);
    if (!decision.choice) continue;
    part.sent.push_back({i, decision.id, decision.choice->treatment, {decision.cost.minor, 1}});
    if (goes_by_outbox(campaign.channel)) part.messages.push_back(message(decision, i));
  }
  ATTUNE_ASSIGN_OR_RETURN(part.events, pending_.seal(events.events()));
  return part;
}

Status CampaignWriting::write() {
  ATTUNE_RETURN_IF_ERROR(reserve());
  ATTUNE_RETURN_IF_ERROR(record_contacts());
  for (const Part& part : parts_) {
    if (!part.messages.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(const deliver::AddedMessages added,
                              outbox_.add(part.messages, chunk_.inputs.now));
      (void)added;
    }
    ATTUNE_RETURN_IF_ERROR(pending_.add(std::span(&part.events, 1)));
  }
  return {};
}

Status CampaignWriting::record_contacts() {
  ATTUNE_ASSIGN_OR_RETURN(auto store, engage::ContactStore::open(workspace_.state()));
  const engage::StoredCampaign& campaign = asking_.campaign();
  const decide::Contact contact{chunk_.inputs.now, campaign.number, campaign.campaign.channel};
  std::vector<engage::CustomerContact> contacts;
  for (const Part& part : parts_) {
    for (const Sent& sent : part.sent) contacts.push_back({chunk_.numbers[sent.index], contact});
  }
  return store.record(contacts);
}

void CampaignWriting::list(CampaignListing& listing) const {
  for (const Part& part : parts_) {
    for (const Sent& sent : part.sent)
      listing.add(sent.id, asking_.plan().treatments[sent.treatment], chunk_.called[sent.index].id,
                  chunk_.cards[sent.index]);
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
                                chunk_.called[i], chunk_.cards[i].fields, decision.time);
    return message;
  }
  message.provider = "mail";
  message.content = treatment.content;
  message.address = chunk_.cards[i].email;
  message.fields = chunk_.cards[i].fields;
  message.fields.texts["customer_id"] = chunk_.called[i].id;
  message.fields.texts["campaign"] = campaign.name;
  message.fields.texts["treatment"] = treatment.name;
  return message;
}

Status CampaignWriting::reserve() {
  std::vector<ledger::Claim> claims;
  for (const Part& part : parts_) {
    for (const Sent& sent : part.sent) claims.push_back({sent.id, sent.amount});
  }
  // All or none are granted; in the order of the table's key its pages are touched once.
  std::ranges::sort(claims, {}, &ledger::Claim::id);
  const Timestamp now = chunk_.inputs.now;
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
