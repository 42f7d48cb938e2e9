// The section [webhook] of attune.toml. Answers: which program of the shop's takes what campaigns
// send by webhook?
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::store {

// The section [webhook] of attune.toml: where messages of the channel `webhook` go.
struct WebhookSettings {
  std::string url;  // needed: https, or http where inner_network is set
  // Needed: holds "whsec_…" a line, at most two while one replaces the other; relative to the data
  // folder.
  std::string secret_file;
  bool inner_network = false;  // the receiver may be this machine, or one of its network
  double per_second = 0;       // messages; 0: as fast as it goes
  friend bool operator==(const WebhookSettings&, const WebhookSettings&) = default;
};

// Reads the section out of the text of an attune.toml; absent where there is none. parse_settings
// checks it too, so that a wrong one is told when the folder is opened.
// Errors: as parse_settings.
Result<std::optional<WebhookSettings>> parse_webhook_settings(std::string_view text,
                                                              std::string_view file);

}  // namespace attune::store
