#include "attune/deliver/mail_writer.h"

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::deliver {

Result<MailWriter> MailWriter::open(MailSettings settings, const LinkSigner& signer) {
  ATTUNE_ASSIGN_OR_RETURN(settings.from.address, plain_address(settings.from.address));
  if (settings.envelope_from.empty()) settings.envelope_from = settings.from.address;
  ATTUNE_ASSIGN_OR_RETURN(settings.envelope_from, plain_address(settings.envelope_from));
  if (!is_web_url(settings.links_base) || !settings.links_base.starts_with("https://") ||
      settings.links_base.ends_with('/') || settings.links_base.size() > 200) {
    return std::unexpected(invalid_argument(
        fmt::format("'{}' is no base for links: an https URL without '/' at its end is needed, as "
                    "\"https://mail.shop.example\"",
                    attune::quoted(settings.links_base))));
  }
  return MailWriter(std::move(settings), signer);
}

Result<std::string> MailWriter::url(std::string_view path, const Link& link) const {
  ATTUNE_ASSIGN_OR_RETURN(const std::string token, signer_->token(link));
  return fmt::format("{}/{}/{}", settings_.links_base, path, token);
}

Result<WrittenMail> MailWriter::write(const Message& message, const MailTemplate& with,
                                      Timestamp now, bool test) const {
  Link link{.kind = LinkKind::unsubscribe,
            .message = message.key,
            .customer = message.customer,
            .purpose = message.purpose,
            .issued = now,
            .url = {}};
  ATTUNE_ASSIGN_OR_RETURN(const std::string unsubscribe, url("u", link));
  Fields fields = message.fields;
  fields.texts["unsubscribe_url"] = unsubscribe;
  link.kind = LinkKind::click;
  const Template::LinkMaker click = [&](std::string_view target) -> Result<std::string> {
    if (!settings_.count_clicks) return std::string(target);
    Link one = link;
    one.url = target;
    return url("c", one);
  };
  WrittenMail written;
  ATTUNE_ASSIGN_OR_RETURN(written.subject, with.subject.render(fields, click));
  if (test) written.subject = "[Test] " + written.subject;
  ATTUNE_ASSIGN_OR_RETURN(written.text, with.text.render(fields, click));
  if (with.html) {
    ATTUNE_ASSIGN_OR_RETURN(written.html, with.html->render(fields, click));
    if (settings_.count_opens) {
      link.kind = LinkKind::open;
      ATTUNE_ASSIGN_OR_RETURN(const std::string pixel, url("o", link));
      const std::string image =
          fmt::format("<img src=\"{}.gif\" width=\"1\" height=\"1\" alt=\"\">", pixel);
      const std::size_t end = written.html.rfind("</body>");
      written.html.insert(end == std::string::npos ? written.html.size() : end, image);
    }
  }
  const std::string domain = settings_.from.address.substr(settings_.from.address.rfind('@') + 1);
  Mail mail{.from = settings_.from,
            .to = {.name = {}, .address = message.address},
            .reply_to = settings_.reply_to,
            .subject = written.subject,
            .text = written.text,
            .html = written.html,
            .message_id = fmt::format("{}@{}", message.key, domain),
            .date = now,
            .unsubscribe_url = unsubscribe,
            .unsubscribe_address = settings_.unsubscribe_address,
            .headers = {}};
  if (test) mail.headers.emplace_back("X-Attune-Test", "yes");
  ATTUNE_ASSIGN_OR_RETURN(written.letter.bytes, write_mail(mail));
  ATTUNE_ASSIGN_OR_RETURN(written.letter.to, plain_address(message.address));
  written.letter.from = settings_.envelope_from;
  return written;
}

std::string message_key(std::string_view message_id) {
  message_id = trim(message_id);
  if (message_id.starts_with('<')) message_id.remove_prefix(1);
  const std::size_t at = message_id.find('@');
  if (at == std::string_view::npos || at == 0 || at > 64) return {};
  const std::string_view key = message_id.substr(0, at);
  for (const char c : key) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!fine) return {};
  }
  return std::string(key);
}

}  // namespace attune::deliver
