// Signatures of webhooks as the Standard Webhooks specification has them. Answers: did this come
// from us, as it is, and lately?
// Source: [StandardWebhooks2023].
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"

namespace attune::deliver {

// The key behind "whsec_<base64>": 24 to 64 bytes.
class WebhookSecret {
 public:
  // Errors: invalid_argument, which does not quote the secret.
  static Result<WebhookSecret> parse(std::string_view text);
  static WebhookSecret make();  // 32 bytes of chance
  std::string text() const;     // with its prefix

 private:
  friend std::string webhook_signature(const WebhookSecret&, std::string_view, std::int64_t,
                                       std::string_view);
  explicit WebhookSecret(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

// "v1,<base64>": HMAC-SHA256 of "id.seconds.body".
std::string webhook_signature(const WebhookSecret& secret, std::string_view id,
                              std::int64_t seconds, std::string_view body);

// webhook-id, webhook-timestamp and webhook-signature, the last with one signature for each secret
// (while one is replaced by another, receivers know either).
// Errors: invalid_argument (no secret; an id with a dot, a blank or what is not ASCII).
using WebhookHeaders = std::vector<std::pair<std::string, std::string>>;
Result<WebhookHeaders> webhook_headers(std::span<const WebhookSecret> secrets, std::string_view id,
                                       Timestamp now, std::string_view body);

struct WebhookCall {
  std::string_view id;
  std::string_view timestamp;
  std::string_view signature;  // blanks between several
  std::string_view body;
};

// True to nobody but the holder of one of `secrets`: compares in constant time.
// Errors: permission_denied (no signature fits, or the time is more than `tolerance_seconds` away
// from `now` on either side); invalid_argument (a header is missing or malformed).
Status verify_webhook(std::span<const WebhookSecret> secrets, const WebhookCall& call,
                      Timestamp now, int tolerance_seconds = 300);

}  // namespace attune::deliver
