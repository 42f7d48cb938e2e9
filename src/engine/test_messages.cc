#include "attune/engine/test_messages.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/deliver/mail.h"
#include "attune/deliver/mail_writer.h"
#include "attune/store/vault.h"
#include "campaign_asking.h"
#include "mail_config.h"
#include "webhook_config.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

constexpr std::size_t kKeyBytes = 12;

void take(deliver::Fields& into, deliver::Fields more) {
  into.texts.merge(more.texts);
  into.lists.merge(more.lists);
}

deliver::Fields made_up(const deliver::MailTemplate& mail) {
  deliver::Fields fields = deliver::example_fields(mail.subject);
  take(fields, deliver::example_fields(mail.text));
  if (mail.html) take(fields, deliver::example_fields(*mail.html));
  return fields;
}

std::string said(const net::SmtpOutcome& outcome) {
  return outcome.reply.empty() ? outcome.problem : outcome.reply;
}

}  // namespace

class TestWriter {
 public:
  TestWriter(Workspace& workspace, const engage::Campaign& campaign, const TestRequest& request)
      : workspace_(workspace), campaign_(campaign), request_(request) {}

  Result<TestMessages> write() {
    ATTUNE_RETURN_IF_ERROR(choose_treatments());
    if (!request_.as.empty()) ATTUNE_RETURN_IF_ERROR(read_customer());
    switch (campaign_.channel) {
      case decide::Channel::email:
        ATTUNE_RETURN_IF_ERROR(write_mails());
        break;
      case decide::Channel::webhook:
        ATTUNE_RETURN_IF_ERROR(write_webhooks());
        break;
      default:
        return std::unexpected(failed_precondition(
            fmt::format("campaign '{}' sends nothing by itself over the channel {}; its preview "
                        "shows who would get what",
                        campaign_.name, decide::name(campaign_.channel))));
    }
    return std::move(made_);
  }

 private:
  Status choose_treatments() {
    std::vector<std::string> names;
    for (const engage::Treatment& one : campaign_.treatments) {
      names.push_back(one.name);
      if (request_.treatment.empty() || one.name == request_.treatment) chosen_.push_back(&one);
    }
    if (!chosen_.empty()) return {};
    return std::unexpected(invalid_argument(
        fmt::format("treatment: campaign '{}' has no treatment '{}'{}", campaign_.name,
                    attune::quoted(request_.treatment), did_you_mean(request_.treatment, names))));
  }

  // Fields of a customer are shown to others only where they would be written to.
  Status read_customer() {
    ATTUNE_ASSIGN_OR_RETURN(const auto number, workspace_.identity().find(request_.as));
    if (!number) {
      return std::unexpected(
          not_found(fmt::format("as: no customer is called '{}'", attune::quoted(request_.as))));
    }
    ATTUNE_ASSIGN_OR_RETURN(card_, read_card(workspace_, *number));
    ATTUNE_ASSIGN_OR_RETURN(const privacy::Consent consent,
                            workspace_.consent().find(*number, campaign_.purpose));
    if (privacy::allows(consent, workspace_.shop_consent().mode(card_->region, campaign_.purpose)))
      return {};
    return std::unexpected(failed_precondition(
        fmt::format("as: '{}' does not consent to {}; take another customer, or none, for fields "
                    "that are made up",
                    attune::quoted(request_.as), privacy::name(campaign_.purpose))));
  }

  Result<std::vector<std::string>> read_addresses() {
    if (request_.to.empty() || request_.to.size() > kTestAddressesMax) {
      return std::unexpected(invalid_argument(
          fmt::format("to: a test goes to 1 to {} addresses of the shop's own people, not to {}",
                      kTestAddressesMax, request_.to.size())));
    }
    ATTUNE_ASSIGN_OR_RETURN(auto list, privacy::SuppressionList::open(workspace_.state()));
    std::vector<std::string> addresses;
    for (const std::string& text : request_.to) {
      auto address = deliver::plain_address(trim(text));
      if (!address) return std::unexpected(address.error().within("to"));
      ATTUNE_ASSIGN_OR_RETURN(const auto found, list.find(privacy::suppression_key(
                                                    workspace_.vault(), "email", *address)));
      if (found) {
        return std::unexpected(failed_precondition(fmt::format(
            "to: {} is on the suppression list and is not written to, by a test neither",
            *address)));
      }
      addresses.push_back(std::move(*address));
    }
    return addresses;
  }

  Status write_mails() {
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<std::string> addresses, read_addresses());
    const store::DataFolder& folder = workspace_.folder();
    ATTUNE_ASSIGN_OR_RETURN(const store::MailSettings mail, mail_section(folder));
    ATTUNE_ASSIGN_OR_RETURN(deliver::MailSettings letters, letter_settings(mail));
    ATTUNE_ASSIGN_OR_RETURN(net::SmtpOptions server, server_settings(folder, mail));
    ATTUNE_ASSIGN_OR_RETURN(net::SmtpClient opened, net::SmtpClient::open(std::move(server)));
    const auto client = std::make_shared<net::SmtpClient>(std::move(opened));
    ATTUNE_ASSIGN_OR_RETURN(const deliver::LinkSigner signer, link_signer(workspace_.vault()));
    ATTUNE_ASSIGN_OR_RETURN(const deliver::MailWriter writer,
                            deliver::MailWriter::open(std::move(letters), signer));
    for (const engage::Treatment* treatment : chosen_) {
      ATTUNE_ASSIGN_OR_RETURN(const deliver::MailTemplate words,
                              read_template(folder, treatment->content));
      for (const std::string& address : addresses) {
        deliver::Message message = message_of(*treatment, address);
        message.fields = card_ ? card_->fields : made_up(words);
        message.fields.texts["customer_id"] = request_.as.empty() ? "test" : request_.as;
        message.fields.texts["campaign"] = campaign_.name;
        message.fields.texts["treatment"] = treatment->name;
        ATTUNE_ASSIGN_OR_RETURN(deliver::WrittenMail written,
                                writer.write(message, words, workspace_.now(), /*test=*/true));
        made_.messages_.push_back(
            {{treatment->name, address, false, {}},
             [client, letter = std::move(written.letter)](TestOutcome& outcome) {
               const auto handed = client->send({letter.from, letter.to, letter.bytes});
               outcome.sent = handed && handed->hand_over == net::HandOver::accepted;
               outcome.detail = handed ? said(*handed) : handed.error().message;
             }});
      }
    }
    return {};
  }

  // About nobody: its links lead on, and tell and change nothing.
  deliver::Message message_of(const engage::Treatment& treatment,
                              const std::string& address) const {
    deliver::Message message;
    message.key = "test-" + store::random_text(kKeyBytes);
    message.purpose = campaign_.purpose;
    message.campaign = campaign_.name;
    message.treatment = treatment.name;
    message.content = treatment.content;
    message.address = address;
    return message;
  }

  Status write_webhooks() {
    if (!request_.to.empty()) {
      return std::unexpected(invalid_argument(
          "to: a webhook goes to the receiver that [webhook] names; leave it out"));
    }
    ATTUNE_ASSIGN_OR_RETURN(const store::WebhookSettings hook,
                            webhook_section(workspace_.folder()));
    ATTUNE_ASSIGN_OR_RETURN(const auto secrets, webhook_secrets(workspace_.folder(), hook));
    const auto client = std::make_shared<net::HttpClient>(webhook_options(hook));
    const Timestamp now = workspace_.now();
    for (const engage::Treatment* treatment : chosen_) {
      const deliver::Message message = message_of(*treatment, {});
      net::HttpRequest request{"POST", hook.url, {}, {}};
      request.body = webhook_body(
          {message.key, campaign_.name, treatment->name, treatment->content, /*test=*/true},
          {events::IdKind::customer, request_.as.empty() ? "test" : request_.as},
          card_ ? card_->fields : deliver::Fields{}, now);
      ATTUNE_ASSIGN_OR_RETURN(request.headers,
                              deliver::webhook_headers(secrets, message.key, now, request.body));
      request.headers.emplace_back("Content-Type", "application/json");
      made_.messages_.push_back(
          {{treatment->name, hook.url, false, {}},
           [client, request = std::move(request)](TestOutcome& outcome) {
             const auto answer = client->send(request);
             outcome.sent = answer && answer->status >= 200 && answer->status < 300;
             outcome.detail =
                 answer ? fmt::format("HTTP status {}", answer->status) : answer.error().message;
           }});
    }
    return {};
  }

  Workspace& workspace_;
  const engage::Campaign& campaign_;
  const TestRequest& request_;
  std::vector<const engage::Treatment*> chosen_;
  std::optional<CustomerCard> card_;
  TestMessages made_;
};

Result<TestMessages> TestMessages::prepare(Workspace& workspace, const engage::Campaign& campaign,
                                           const TestRequest& request) {
  return TestWriter(workspace, campaign, request).write();
}

std::vector<TestOutcome> TestMessages::send() {
  std::vector<TestOutcome> outcomes;
  for (Prepared& one : messages_) {
    one.hand_over(one.outcome);
    outcomes.push_back(one.outcome);
  }
  return outcomes;
}

std::string to_json(const std::vector<TestOutcome>& outcomes) {
  json::array sent;
  for (const TestOutcome& one : outcomes) {
    sent.push_back(json::object{
        {"treatment", one.treatment}, {"to", one.to}, {"sent", one.sent}, {"detail", one.detail}});
  }
  return json::serialize(json::object{{"test", std::move(sent)}});
}

}  // namespace attune::engine
