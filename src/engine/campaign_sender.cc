#include "campaign_sender.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/mail_writer.h"
#include "attune/deliver/sender.h"
#include "mail_config.h"
#include "sending_gate.h"
#include "webhook_config.h"

namespace attune::engine {
namespace {

using deliver::GateAnswer;

// Whose turn it is to send from a folder. A folder is one process's alone, so its memory is enough.
class Turn {
 public:
  static Result<Turn> take(std::filesystem::path folder) {
    const std::scoped_lock lock(mutex());
    if (!taken().insert(folder).second) {
      return std::unexpected(unavailable(
          "mails are being handed over already: attune serve does so by itself; what became of "
          "them: attune campaign status NAME"));
    }
    return Turn(std::move(folder));
  }
  Turn(Turn&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  ~Turn() {
    if (folder_.empty()) return;  // moved from
    const std::scoped_lock lock(mutex());
    taken().erase(folder_);
  }

 private:
  explicit Turn(std::filesystem::path folder) : folder_(std::move(folder)) {}
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  static std::set<std::filesystem::path>& taken() {
    static std::set<std::filesystem::path> all;
    return all;
  }
  std::filesystem::path folder_;
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

}  // namespace

struct CampaignSender::Impl {
  Turn turn;
  Workspace& workspace;
  WithStores with_stores;
  SendingGate gate;
  deliver::LinkSigner signer;             // which the letters' writer keeps the address of
  std::optional<net::SmtpClient> smtp{};  // where there is a [mail]
  double mails_per_second = 0;
  std::optional<LetterDesk> desk{};
  std::optional<net::HttpClient> http{};  // where there is a [webhook]
  store::WebhookSettings hook{};
  std::vector<deliver::WebhookSecret> secrets{};
  std::optional<deliver::Sender> sender{};
  std::vector<std::string> troubles{};
  bool told_unknown = false;

  Result<GateAnswer> ask(const deliver::Message& message, Timestamp now) {
    GateAnswer answer;
    ATTUNE_RETURN_IF_ERROR(with_stores([&](Workspace&) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(answer, gate.ask(message, now));
      return {};
    }));
    return answer;
  }

  static deliver::Rate rate(double per_second) {
    return {.per_second = per_second, .burst = std::max(1.0, per_second)};
  }

  deliver::SenderOptions options(Timestamp now) {
    deliver::SenderOptions options;
    options.state_file = workspace.folder().state_file();
    options.seed = static_cast<std::uint64_t>(now.micros);
    if (smtp) {
      options.mail.push_back(
          {.name = "mail",
           .hand_over = [this](const net::SmtpMessage& m) { return smtp->send(m); },
           .rate = rate(mails_per_second),
           .retry = {}});
    }
    if (http) {
      options.webhooks.push_back(
          {.name = std::string(kWebhookProvider),
           .url = hook.url,
           .secrets = secrets,
           .post = [this](const net::HttpRequest& r) { return http->send(r); },
           .rate = rate(hook.per_second)});
    }
    options.hooks.gate = [this](const deliver::Message& m, Timestamp at) { return ask(m, at); };
    options.hooks.write_letter = [this](const deliver::Message& m, Timestamp at) {
      return desk->write(m, at);
    };
    return options;
  }

  Status open_mail(const store::MailSettings& mail) {
    const store::DataFolder& folder = workspace.folder();
    ATTUNE_ASSIGN_OR_RETURN(deliver::MailSettings letters, letter_settings(mail));
    ATTUNE_ASSIGN_OR_RETURN(net::SmtpOptions server, server_settings(folder, mail));
    ATTUNE_ASSIGN_OR_RETURN(smtp, net::SmtpClient::open(std::move(server)));
    ATTUNE_ASSIGN_OR_RETURN(deliver::MailWriter writer,
                            deliver::MailWriter::open(std::move(letters), signer));
    desk.emplace(folder, std::move(writer));
    mails_per_second = mail.per_second;
    return {};
  }

  Status open_webhook(store::WebhookSettings settings) {
    hook = std::move(settings);
    ATTUNE_ASSIGN_OR_RETURN(secrets, webhook_secrets(workspace.folder(), hook));
    http.emplace(webhook_options(hook));
    return {};
  }

  // Ways out that messages wait for and that the settings do not have, or have wrong. One that does
  // not work holds up no other.
  Status open_ways() {
    bool mails = false, hooks = false;
    ATTUNE_RETURN_IF_ERROR(with_stores([&](Workspace& stores) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(auto outbox, deliver::Outbox::open(stores.state(), stores.vault()));
      ATTUNE_ASSIGN_OR_RETURN(mails, outbox.has_work(deliver::Channel::email));
      ATTUNE_ASSIGN_OR_RETURN(hooks, outbox.has_work(deliver::Channel::webhook));
      return {};
    }));
    const auto mail = mail_section(workspace.folder());
    Status of_mail = mail ? open_mail(*mail) : std::unexpected(mail.error());
    auto hook_section = webhook_section(workspace.folder());
    Status of_hook = hook_section ? open_webhook(std::move(*hook_section))
                                  : std::unexpected(hook_section.error());
    if (!of_mail && !of_hook) return hooks && !mails ? of_hook : of_mail;
    if (!of_mail && mails) troubles.push_back(of_mail.error().message);
    if (!of_hook && hooks) troubles.push_back(of_hook.error().message);
    return {};
  }
};

CampaignSender::CampaignSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CampaignSender::CampaignSender(CampaignSender&&) noexcept = default;
CampaignSender::~CampaignSender() = default;

Result<CampaignSender> CampaignSender::open(Workspace& workspace, WithStores with_stores,
                                            Timestamp now, std::optional<SendingCheck> without) {
  ATTUNE_ASSIGN_OR_RETURN(Turn turn, Turn::take(workspace.folder().root()));
  std::optional<SendingGate> gate;
  ATTUNE_RETURN_IF_ERROR(with_stores([&](Workspace& stores) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(gate, SendingGate::open(stores, without));
    return {};
  }));
  ATTUNE_ASSIGN_OR_RETURN(deliver::LinkSigner signer, link_signer(workspace.vault()));
  auto impl = std::make_unique<Impl>(Impl{std::move(turn), workspace, std::move(with_stores),
                                          std::move(*gate), std::move(signer)});
  ATTUNE_RETURN_IF_ERROR(impl->open_ways());
  ATTUNE_ASSIGN_OR_RETURN(impl->sender,
                          deliver::Sender::open(impl->options(now), workspace.vault(), now));
  return CampaignSender(std::move(impl));
}

Result<SendResult> CampaignSender::run_once(Timestamp now) {
  SendResult result;
  if (!std::exchange(impl_->told_unknown, true))
    result.unknown += static_cast<int>(impl_->sender->unknown_at_start());
  ATTUNE_ASSIGN_OR_RETURN(const deliver::SenderRun run, impl_->sender->run_once(now));
  result.sent = run.sent;
  result.refused = run.refused;
  result.failed = run.failed;
  result.unknown += run.unknown;
  result.withheld = run.withheld;
  result.postponed = run.postponed;
  result.next = run.next;
  result.troubles = impl_->troubles;
  result.troubles.insert(result.troubles.end(), run.troubles.begin(), run.troubles.end());
  return result;
}

}  // namespace attune::engine
