// The section [mail] of attune.toml. Answers: which server takes our mail, and in whose name?
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::store {

// The section [mail] of attune.toml: the server that takes our mail, and what stands in it.
struct MailSettings {
  std::string host;                   // needed
  int port = 587;                     // 1 to 65535
  std::string security = "starttls";  // none, starttls or tls
  std::string user{};                 // empty: no login
  std::string password_file{};        // the first line of it; relative to the data folder
  bool inner_network = false;         // the server may be this machine, or one of its network
  double per_second = 0;              // messages; 0: as fast as it goes
  std::string from;                   // needed: "Shop <news@shop.example>", or an address
  std::string reply_to{};
  std::string bounces{};  // where bounces go; empty: the address of `from`
  std::string links;      // needed: "https://mail.shop.example", before every link of ours
  std::string unsubscribe_address{};  // a mailbox that also takes withdrawals
  bool count_clicks = true;
  bool count_opens = true;
  std::string templates = "templates";  // folder of templates; relative to the data folder
  friend bool operator==(const MailSettings&, const MailSettings&) = default;
};

// Reads the section out of the text of an attune.toml; absent where there is none. parse_settings
// checks it too, so that a wrong one is told when the folder is opened.
// Errors: as parse_settings.
Result<std::optional<MailSettings>> parse_mail_settings(std::string_view text,
                                                        std::string_view file);

}  // namespace attune::store
