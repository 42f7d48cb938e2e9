// What waits in the outbox goes out, and what became of it comes back to budgets, contacts and log.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/mail_writer.h"
#include "attune/deliver/sender.h"
#include "attune/engage/contact_store.h"
#include "attune/engine/campaigns.h"
#include "campaign_asking.h"
#include "campaign_events.h"
#include "campaign_lists.h"
#include "mail_config.h"
#include "pending_events.h"

namespace attune::engine {
namespace {

using deliver::GateAnswer;
using deliver::MessageState;
using deliver::MessageStatus;

constexpr std::int64_t kPausedMicros =
    5 * kMicrosPerMinute;  // how soon a paused one is asked again
constexpr int kSettledAtOnce = 5'000;

GateAnswer withhold(std::string reason) {
  return {.verdict = GateAnswer::Verdict::withhold, .at = {}, .reason = std::move(reason)};
}

// Asked straight before each message is handed over: everything that may have changed since the
// decision.
class SendingGate {
 public:
  static Result<SendingGate> open(Workspace& workspace) {
    SendingGate gate(workspace);
    ATTUNE_ASSIGN_OR_RETURN(auto list, privacy::SuppressionList::open(workspace.state()));
    gate.suppressions_ = std::make_unique<privacy::SuppressionList>(std::move(list));
    ATTUNE_ASSIGN_OR_RETURN(auto store, engage::CampaignStore::open(workspace.state()));
    gate.campaigns_ = std::make_unique<engage::CampaignStore>(std::move(store));
    return gate;
  }

  Result<GateAnswer> ask(const deliver::Message& message, Timestamp now) {
    ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign campaign,
                            campaigns_->find(message.campaign));
    switch (campaign.state) {
      case engage::CampaignState::running:
        break;
      case engage::CampaignState::paused:
        return GateAnswer{.verdict = GateAnswer::Verdict::later,
                          .at = {now.micros + kPausedMicros},
                          .reason = {}};
      default:
        return withhold(fmt::format("the campaign is {}", engage::name(campaign.state)));
    }
    ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root,
                            workspace_->identity().root(message.customer));
    ATTUNE_ASSIGN_OR_RETURN(const privacy::Consent consent,
                            workspace_->consent().find(root, message.purpose));
    if (!privacy::allows(consent, privacy::ConsentRules().mode("", message.purpose)))
      return withhold(fmt::format("no consent for {}", privacy::name(message.purpose)));
    ATTUNE_ASSIGN_OR_RETURN(const bool suppressed, is_suppressed(root, message.address));
    if (suppressed) return withhold("on the suppression list");
    return ask_hours(campaign.campaign, root, now);
  }

 private:
  explicit SendingGate(Workspace& workspace) : workspace_(&workspace) {}

  Result<bool> is_suppressed(CustomerNumber root, const std::string& address) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string id, workspace_->identity().label(root));
    for (const auto& [kind, text] : {std::pair("customer", id), std::pair("email", address)}) {
      ATTUNE_ASSIGN_OR_RETURN(const auto found, suppressions_->find(privacy::suppression_key(
                                                    workspace_->vault(), kind, text)));
      if (found) return true;
    }
    return false;
  }

  Result<GateAnswer> ask_hours(const engage::Campaign& campaign, CustomerNumber root,
                               Timestamp now) {
    if (!campaign.quiet_hours) return GateAnswer{};
    TimeZone zone = workspace_->zone();
    ATTUNE_ASSIGN_OR_RETURN(const CustomerCard card, read_card(*workspace_, root));
    if (!card.time_zone.empty()) {
      if (auto own = TimeZone::find(card.time_zone)) zone = std::move(*own);
    }
    if (!decide::is_quiet(*campaign.quiet_hours, now, zone)) return GateAnswer{};
    return GateAnswer{.verdict = GateAnswer::Verdict::later,
                      .at = decide::next_allowed(*campaign.quiet_hours, now, zone),
                      .reason = {}};
  }

  Workspace* workspace_;
  std::unique_ptr<privacy::SuppressionList> suppressions_;
  std::unique_ptr<engage::CampaignStore> campaigns_;
};

// Letters by template, each read once.
class LetterDesk {
 public:
  LetterDesk(const store::DataFolder& folder, deliver::MailWriter writer)
      : folder_(&folder), writer_(std::move(writer)) {}

  Result<deliver::Letter> write(const deliver::Message& message, Timestamp now) {
    auto found = templates_.find(message.content);
    if (found == templates_.end()) {
      ATTUNE_ASSIGN_OR_RETURN(deliver::MailTemplate read, read_template(*folder_, message.content));
      found = templates_.emplace(message.content, std::move(read)).first;
    }
    ATTUNE_ASSIGN_OR_RETURN(deliver::WrittenMail mail, writer_.write(message, found->second, now));
    return std::move(mail.letter);
  }

 private:
  const store::DataFolder* folder_;
  deliver::MailWriter writer_;
  std::map<std::string, deliver::MailTemplate, std::less<>> templates_;
};

void add_run(const deliver::SenderRun& run, SendResult& into) {
  into.sent += run.sent;
  into.refused += run.refused;
  into.failed += run.failed;
  into.unknown += run.unknown;
  into.withheld += run.withheld;
  into.postponed += run.postponed;
  into.next = run.next;
  for (const std::string& trouble : run.troubles) {
    if (std::ranges::find(into.troubles, trouble) == into.troubles.end())
      into.troubles.push_back(trouble);
  }
}

}  // namespace

Result<SendResult> Campaigns::send_due(Timestamp now) {
  const store::DataFolder& folder = workspace_->folder();
  ATTUNE_ASSIGN_OR_RETURN(const store::MailSettings mail, mail_section(folder));
  ATTUNE_ASSIGN_OR_RETURN(deliver::MailSettings letters, letter_settings(mail));
  ATTUNE_ASSIGN_OR_RETURN(const deliver::LinkSigner signer, link_signer(workspace_->vault()));
  ATTUNE_ASSIGN_OR_RETURN(deliver::MailWriter writer,
                          deliver::MailWriter::open(std::move(letters), signer));
  ATTUNE_ASSIGN_OR_RETURN(net::SmtpOptions server, server_settings(folder, mail));
  ATTUNE_ASSIGN_OR_RETURN(net::SmtpClient client, net::SmtpClient::open(std::move(server)));
  ATTUNE_ASSIGN_OR_RETURN(SendingGate gate, SendingGate::open(*workspace_));
  LetterDesk desk(folder, std::move(writer));

  deliver::SenderOptions options;
  options.state_file = folder.state_file();
  options.seed = static_cast<std::uint64_t>(now.micros);
  options.mail.push_back(
      {.name = "mail",
       .hand_over = [&](const net::SmtpMessage& m) { return client.send(m); },
       .rate = {.per_second = mail.per_second, .burst = std::max(1.0, mail.per_second)},
       .retry = {}});
  options.hooks.gate = [&](const deliver::Message& m, Timestamp at) { return gate.ask(m, at); };
  options.hooks.write_letter = [&](const deliver::Message& m, Timestamp at) {
    return desk.write(m, at);
  };
  SendResult result;
  {
    ATTUNE_ASSIGN_OR_RETURN(deliver::Sender sender,
                            deliver::Sender::open(std::move(options), workspace_->vault(), now));
    result.unknown += static_cast<int>(sender.unknown_at_start());
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const deliver::SenderRun run, sender.run_once(now));
      add_run(run, result);
      const bool moved = run.sent + run.refused + run.failed + run.unknown + run.withheld > 0;
      if (!moved || !run.next || *run.next > now) break;
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t settled, settle_outbox(now));
  (void)settled;
  return result;
}

Result<std::int64_t> Campaigns::settle_outbox(Timestamp now) {
  std::int64_t total = 0;
  std::vector<Person> people;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<MessageStatus> told, outbox_.untold(kSettledAtOnce));
    if (told.empty()) break;
    if (people.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(people, everybody_of(*workspace_));
    }
    ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(*workspace_));
    ATTUNE_ASSIGN_OR_RETURN(auto contacts, engage::ContactStore::open(workspace_->state()));
    std::map<std::string, CampaignEvents> events;  // by campaign
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, workspace_->state().begin());
    for (const MessageStatus& message : told) {
      ATTUNE_RETURN_IF_ERROR(settle(message, contacts, now));
      ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root,
                              workspace_->identity().root(message.customer));
      const auto person = std::ranges::lower_bound(people, root, {}, &Person::number);
      if (person == people.end() || person->number != root) continue;  // forgotten
      ATTUNE_ASSIGN_OR_RETURN(std::string id, workspace_->identity().label(root));
      events.try_emplace(message.campaign, message.campaign)
          .first->second.add(message, {person->kind, std::move(id)});
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
