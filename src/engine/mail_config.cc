#include "mail_config.h"

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "webhook_config.h"

namespace attune::engine {
namespace {

constexpr std::size_t kPasswordBytes = 4096;
constexpr std::size_t kSettingsBytes = 1 << 20;

// "Shop <news@shop.example>" or the address alone.
Result<deliver::Mailbox> parse_mailbox(std::string_view setting, std::string_view text) {
  deliver::Mailbox box;
  const std::size_t open = text.rfind('<');
  std::string_view address = trim(text);
  if (open != text.npos && address.ends_with('>')) {
    box.name = trim(text.substr(0, open));
    address = trim(text.substr(open + 1, text.rfind('>') - open - 1));
  }
  auto plain = deliver::plain_address(address);
  if (!plain) return std::unexpected(plain.error().within(fmt::format("[mail] {}", setting)));
  box.address = std::move(*plain);
  return box;
}

Result<std::string> read_password(const std::filesystem::path& file) {
  ATTUNE_RETURN_IF_ERROR(check_private(file, "[mail]"));
  auto text = read_file(file, kPasswordBytes);
  if (!text) return std::unexpected(text.error().within("[mail] password_file"));
  return std::string(trim(std::string_view(*text).substr(0, text->find('\n'))));
}

}  // namespace

Result<store::MailSettings> mail_section(const store::DataFolder& folder) {
  const std::string file = folder.settings_file().string();
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file, kSettingsBytes));
  ATTUNE_ASSIGN_OR_RETURN(auto mail, store::parse_mail_settings(text, file));
  if (mail) return std::move(*mail);
  return std::unexpected(failed_precondition(fmt::format(
      "{} names no mail server; write a section into it:\n"
      "[mail]\nhost = \"smtp.shop.example\"\nuser = \"news\"\npassword_file = \"mail.password\"\n"
      "from = \"Shop <news@shop.example>\"\nlinks = \"https://mail.shop.example\"",
      file)));
}

Result<deliver::MailSettings> letter_settings(const store::MailSettings& mail) {
  deliver::MailSettings settings;
  ATTUNE_ASSIGN_OR_RETURN(settings.from, parse_mailbox("from", mail.from));
  if (!mail.reply_to.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(settings.reply_to, parse_mailbox("reply_to", mail.reply_to));
  }
  settings.envelope_from = mail.bounces;
  settings.links_base = mail.links;
  settings.count_clicks = mail.count_clicks;
  settings.count_opens = mail.count_opens;
  settings.unsubscribe_address = mail.unsubscribe_address;
  return settings;
}

Result<net::SmtpOptions> server_settings(const store::DataFolder& folder,
                                         const store::MailSettings& mail) {
  net::SmtpOptions options;
  options.host = mail.host;
  options.port = mail.port;
  options.security = mail.security == "none"  ? net::SmtpSecurity::none
                     : mail.security == "tls" ? net::SmtpSecurity::tls
                                              : net::SmtpSecurity::starttls;
  options.user = mail.user;
  options.allow_inner_addresses = mail.inner_network;
  if (!mail.user.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(options.password, read_password(folder.root() / mail.password_file));
  }
  return options;
}

Result<deliver::LinkSigner> link_signer(const store::Vault& vault) {
  return deliver::LinkSigner::open(to_hex(vault.keyed_hash("links", "first half")) +
                                   to_hex(vault.keyed_hash("links", "second half")));
}

}  // namespace attune::engine
