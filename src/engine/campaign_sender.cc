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
  net::SmtpClient client;
  deliver::LinkSigner signer;  // which the letters' writer keeps the address of
  std::optional<LetterDesk> desk{};
  std::optional<deliver::Sender> sender{};
  bool told_unknown = false;

  Result<GateAnswer> ask(const deliver::Message& message, Timestamp now) {
    GateAnswer answer;
    ATTUNE_RETURN_IF_ERROR(with_stores([&](Workspace&) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(answer, gate.ask(message, now));
      return {};
    }));
    return answer;
  }

  deliver::SenderOptions options(double per_second, Timestamp now) {
    deliver::SenderOptions options;
    options.state_file = workspace.folder().state_file();
    options.seed = static_cast<std::uint64_t>(now.micros);
    options.mail.push_back(
        {.name = "mail",
         .hand_over = [this](const net::SmtpMessage& m) { return client.send(m); },
         .rate = {.per_second = per_second, .burst = std::max(1.0, per_second)},
         .retry = {}});
    options.hooks.gate = [this](const deliver::Message& m, Timestamp at) { return ask(m, at); };
    options.hooks.write_letter = [this](const deliver::Message& m, Timestamp at) {
      return desk->write(m, at);
    };
    return options;
  }
};

CampaignSender::CampaignSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CampaignSender::CampaignSender(CampaignSender&&) noexcept = default;
CampaignSender::~CampaignSender() = default;

Result<CampaignSender> CampaignSender::open(Workspace& workspace, WithStores with_stores,
                                            Timestamp now) {
  const store::DataFolder& folder = workspace.folder();
  ATTUNE_ASSIGN_OR_RETURN(Turn turn, Turn::take(folder.root()));
  ATTUNE_ASSIGN_OR_RETURN(const store::MailSettings mail, mail_section(folder));
  ATTUNE_ASSIGN_OR_RETURN(deliver::MailSettings letters, letter_settings(mail));
  ATTUNE_ASSIGN_OR_RETURN(net::SmtpOptions server, server_settings(folder, mail));
  ATTUNE_ASSIGN_OR_RETURN(net::SmtpClient client, net::SmtpClient::open(std::move(server)));
  std::optional<SendingGate> gate;
  ATTUNE_RETURN_IF_ERROR(with_stores([&](Workspace& stores) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(gate, SendingGate::open(stores));
    return {};
  }));
  ATTUNE_ASSIGN_OR_RETURN(deliver::LinkSigner signer, link_signer(workspace.vault()));
  auto impl = std::make_unique<Impl>(Impl{std::move(turn), workspace, std::move(with_stores),
                                          std::move(*gate), std::move(client), std::move(signer)});
  ATTUNE_ASSIGN_OR_RETURN(deliver::MailWriter writer,
                          deliver::MailWriter::open(std::move(letters), impl->signer));
  impl->desk.emplace(folder, std::move(writer));
  ATTUNE_ASSIGN_OR_RETURN(impl->sender, deliver::Sender::open(impl->options(mail.per_second, now),
                                                              workspace.vault(), now));
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
  result.troubles = run.troubles;
  return result;
}

}  // namespace attune::engine
