// Inside the engine: the section [webhook] of attune.toml as deliver and net take it, and what
// campaigns send by webhook. Answers: to which program of the shop's, signed by what, saying what?
#pragma once

#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/decide/campaign_decision.h"
#include "attune/deliver/webhook.h"
#include "attune/engage/campaign.h"
#include "attune/net/http_client.h"
#include "attune/store/data_folder.h"
#include "attune/store/webhook_settings.h"
#include "campaign_asking.h"

namespace attune::engine {

inline constexpr std::string_view kWebhookProvider = "webhook";
inline constexpr std::string_view kWebhookType = "campaign.message";

// As the file says now. Errors: those of parse_webhook_settings; failed_precondition where there is
// no [webhook], saying what to write.
Result<store::WebhookSettings> webhook_section(const store::DataFolder& folder);
// Errors: those of read_file; failed_precondition where others may read the file; invalid_argument
// for a line that is no secret, for none and for more than two. No message quotes one.
Result<std::vector<deliver::WebhookSecret>> webhook_secrets(const store::DataFolder& folder,
                                                            const store::WebhookSettings& hook);
net::HttpOptions webhook_options(const store::WebhookSettings& hook);

// Fails where others than its owner may read the file. `setting`: "[mail] password_file".
Status check_private(const std::filesystem::path& file, std::string_view setting);

// What is posted: {"type", "timestamp", "data": {"decision_id", "campaign", "treatment", "content",
// "customer_id" or "anonymous_id", "traits"}}, as Standard Webhooks lays it out; "test": true in
// data where nobody is meant.
struct WebhookWords {
  std::string_view decision;
  std::string_view campaign;
  std::string_view treatment;
  std::string_view content;
  bool test = false;
};
std::string webhook_body(const WebhookWords& words, const CalledCustomer& customer,
                         const deliver::Fields& traits, Timestamp time);

}  // namespace attune::engine
