#include "sending_gate.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "attune/decide/frequency_caps.h"
#include "attune/decide/quiet_hours.h"
#include "attune/engine/shop_consent.h"
#include "campaign_writing.h"

namespace attune::engine {
namespace {

using deliver::GateAnswer;

// How soon a paused campaign is asked again.
constexpr std::int64_t kPausedMicros = 5 * kMicrosPerMinute;

GateAnswer withhold(std::string reason) {
  return {.verdict = GateAnswer::Verdict::withhold, .at = {}, .reason = std::move(reason)};
}

decide::Channel channel_of(deliver::Channel channel) {
  return channel == deliver::Channel::webhook ? decide::Channel::webhook : decide::Channel::email;
}

GateAnswer later(Timestamp at) {
  return {.verdict = GateAnswer::Verdict::later, .at = at, .reason = {}};
}

}  // namespace

Result<SendingGate> SendingGate::open(Workspace& workspace, std::optional<SendingCheck> without) {
  SendingGate gate(workspace, without);
  store::State& state = workspace.state();
  ATTUNE_ASSIGN_OR_RETURN(auto list, privacy::SuppressionList::open(state));
  gate.suppressions_ = std::make_unique<privacy::SuppressionList>(list);
  ATTUNE_ASSIGN_OR_RETURN(auto store, engage::CampaignStore::open(state));
  gate.campaigns_ = std::make_unique<engage::CampaignStore>(store);
  ATTUNE_ASSIGN_OR_RETURN(auto contacts, engage::ContactStore::open(state));
  gate.contacts_ = std::make_unique<engage::ContactStore>(std::move(contacts));
  ATTUNE_ASSIGN_OR_RETURN(auto outbox, deliver::Outbox::open(state, workspace.vault()));
  gate.outbox_ = std::make_unique<deliver::Outbox>(std::move(outbox));
  return gate;
}

Result<GateAnswer> SendingGate::ask(const deliver::Message& message, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign campaign,
                          campaigns_->find(message.campaign));
  if (const Answer no = ask_campaign(campaign, now)) return *no;
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, workspace_->identity().root(message.customer));
  ATTUNE_ASSIGN_OR_RETURN(const CustomerCard card, read_card(*workspace_, root));
  ATTUNE_ASSIGN_OR_RETURN(Answer no, ask_consent(message, root, card));
  if (no) return *no;
  ATTUNE_ASSIGN_OR_RETURN(no, ask_suppression(message, root, card));
  if (no) return *no;
  ATTUNE_ASSIGN_OR_RETURN(no, ask_caps(message, root, campaign, now));
  if (no) return *no;
  return ask_hours(campaign.campaign, card, now).value_or(GateAnswer{});
}

SendingGate::Answer SendingGate::ask_campaign(const engage::StoredCampaign& campaign,
                                              Timestamp now) const {
  if (!stands(SendingCheck::campaign)) return std::nullopt;
  if (campaign.state == engage::CampaignState::paused) return later({now.micros + kPausedMicros});
  if (campaign.state != engage::CampaignState::running)
    return withhold(fmt::format("the campaign is {}", engage::name(campaign.state)));
  const Timestamp start = campaign.campaign.schedule.start;
  return now < start ? Answer(later(start)) : std::nullopt;
}

Result<SendingGate::Answer> SendingGate::ask_consent(const deliver::Message& message,
                                                     CustomerNumber root,
                                                     const CustomerCard& card) {
  if (!stands(SendingCheck::consent)) return Answer();
  ATTUNE_ASSIGN_OR_RETURN(const privacy::Consent consent,
                          workspace_->consent().find(root, message.purpose));
  const ShopConsent& shop = workspace_->shop_consent();
  if (privacy::allows(consent, shop.mode(card.region, message.purpose))) return Answer();
  return Answer(withhold(fmt::format("no consent for {}", privacy::name(message.purpose))));
}

Result<SendingGate::Answer> SendingGate::ask_suppression(const deliver::Message& message,
                                                         CustomerNumber root,
                                                         const CustomerCard& card) {
  if (!stands(SendingCheck::suppression)) return Answer();
  ATTUNE_ASSIGN_OR_RETURN(const std::string id, workspace_->identity().label(root));
  for (const auto& [kind, text] : {std::pair("customer", id), std::pair("email", message.address),
                                   std::pair("email", card.email)}) {
    if (text.empty()) continue;
    ATTUNE_ASSIGN_OR_RETURN(const auto found, suppressions_->find(privacy::suppression_key(
                                                  workspace_->vault(), kind, text)));
    if (found) return Answer(withhold("on the suppression list"));
  }
  return Answer();
}

Result<std::uint32_t> SendingGate::number_of(const std::string& campaign) {
  const auto known = numbers_.find(campaign);
  if (known != numbers_.end()) return known->second;
  const auto found = campaigns_->find(campaign);
  if (!found && found.error().code != ErrorCode::not_found) return std::unexpected(found.error());
  return numbers_[campaign] = found ? found->number : 0;
}

// What was handed over, by the moment at which it was; lists and offers are given away with the
// decision.
Result<std::vector<decide::Contact>> SendingGate::heard_lately(const deliver::Message& message,
                                                               CustomerNumber root,
                                                               Timestamp since) {
  std::vector<decide::Contact> heard;
  ATTUNE_ASSIGN_OR_RETURN(const auto family, workspace_->identity().numbers_of(root));
  for (const CustomerNumber number : family) {
    ATTUNE_ASSIGN_OR_RETURN(const auto mails, outbox_->handed_over(number, since, message.key));
    for (const deliver::Outbox::HandedOver& mail : mails) {
      ATTUNE_ASSIGN_OR_RETURN(const std::uint32_t campaign, number_of(mail.campaign));
      heard.push_back({mail.time, campaign, channel_of(mail.channel)});
    }
  }
  engage::ContactColumns other;
  ATTUNE_RETURN_IF_ERROR(contacts_->load(std::span(&root, 1), since, other));
  std::ranges::copy_if(other.contacts, std::back_inserter(heard),
                       [](const decide::Contact& one) { return !goes_by_outbox(one.channel); });
  std::ranges::sort(heard);
  return heard;
}

Result<SendingGate::Answer> SendingGate::ask_caps(const deliver::Message& message,
                                                  CustomerNumber root,
                                                  const engage::StoredCampaign& campaign,
                                                  Timestamp now) {
  const auto& caps = campaign.campaign.caps;
  if (!stands(SendingCheck::caps) || caps.empty()) return Answer();
  const decide::CapWindows windows = decide::CapWindows::make(now, workspace_->zone());
  ATTUNE_ASSIGN_OR_RETURN(const auto heard,
                          heard_lately(message, root, decide::earliest_needed(caps, windows)));
  const auto reached =
      decide::reached_cap(caps, windows, heard, campaign.number, campaign.campaign.channel);
  if (!reached) return Answer();
  return Answer(later(windows.next(caps[*reached].period)));
}

SendingGate::Answer SendingGate::ask_hours(const engage::Campaign& campaign,
                                           const CustomerCard& card, Timestamp now) const {
  if (!stands(SendingCheck::quiet_hours) || !campaign.quiet_hours) return std::nullopt;
  TimeZone zone = workspace_->zone();
  if (!card.time_zone.empty()) {
    if (auto own = TimeZone::find(card.time_zone)) zone = std::move(*own);
  }
  if (!decide::is_quiet(*campaign.quiet_hours, now, zone)) return std::nullopt;
  return later(decide::next_allowed(*campaign.quiet_hours, now, zone));
}

}  // namespace attune::engine
