#include "attune/deliver/webhook.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "attune/store/vault.h"
#include "base64.h"

namespace attune::deliver {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kKeyMin = 24;
constexpr std::size_t kKeyMax = 64;

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 256 &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 127 && c != '.'; });
}

}  // namespace

Result<WebhookSecret> WebhookSecret::parse(std::string_view text) {
  const std::string_view body = text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : "";
  auto key = from_base64(body);
  if (!key || key->size() < kKeyMin || key->size() > kKeyMax) {
    return std::unexpected(invalid_argument(
        fmt::format("a webhook's secret is {} followed by {} to {} bytes in base 64", kPrefix,
                    kKeyMin, kKeyMax)));
  }
  return WebhookSecret(std::move(*key));
}

WebhookSecret WebhookSecret::make() {
  return WebhookSecret(*from_base64url(store::random_text(32)));
}

std::string WebhookSecret::text() const { return std::string(kPrefix) + to_base64(key_); }

std::string webhook_signature(const WebhookSecret& secret, std::string_view id,
                              std::int64_t seconds, std::string_view body) {
  return "v1," + to_base64(hmac_sha256(secret.key_, fmt::format("{}.{}.{}", id, seconds, body)));
}

Result<WebhookHeaders> webhook_headers(std::span<const WebhookSecret> secrets, std::string_view id,
                                       Timestamp now, std::string_view body) {
  if (secrets.empty()) return std::unexpected(invalid_argument("there is no secret to sign with"));
  if (!is_id(id)) {
    return std::unexpected(
        invalid_argument("a webhook's id is printable ASCII without blanks and dots"));
  }
  const std::int64_t seconds = now.micros / kMicrosPerSecond;
  std::string signatures;
  for (const WebhookSecret& secret : secrets) {
    if (!signatures.empty()) signatures += ' ';
    signatures += webhook_signature(secret, id, seconds, body);
  }
  return WebhookHeaders{{"webhook-id", std::string(id)},
                        {"webhook-timestamp", std::to_string(seconds)},
                        {"webhook-signature", signatures}};
}

Status verify_webhook(std::span<const WebhookSecret> secrets, const WebhookCall& call,
                      Timestamp now, int tolerance_seconds) {
  std::int64_t seconds = 0;
  const char* end = call.timestamp.data() + call.timestamp.size();
  const auto [stop, problem] = std::from_chars(call.timestamp.data(), end, seconds);
  if (call.id.empty() || call.signature.empty() || problem != std::errc() || stop != end ||
      seconds < 0 || seconds > std::int64_t{1} << 40) {
    return std::unexpected(invalid_argument(
        "webhook-id, webhook-timestamp (Unix seconds) and webhook-signature are needed"));
  }
  const std::int64_t age = now.micros / kMicrosPerSecond - seconds;
  if (age > tolerance_seconds || -age > tolerance_seconds) {
    return std::unexpected(permission_denied(fmt::format(
        "the webhook was signed {} seconds {}; at most {} are allowed", age < 0 ? -age : age,
        age < 0 ? "ahead of our clock" : "ago", tolerance_seconds)));
  }
  bool fits = false;
  for (const WebhookSecret& secret : secrets) {
    const std::string wanted = webhook_signature(secret, call.id, seconds, call.body);
    std::string_view rest = call.signature;
    while (!rest.empty()) {
      const std::size_t blank = std::min(rest.find(' '), rest.size());
      fits |= equal_in_constant_time(rest.substr(0, blank), wanted);
      rest.remove_prefix(std::min(blank + 1, rest.size()));
    }
  }
  if (fits) return {};
  return std::unexpected(permission_denied("no signature of the webhook fits a secret"));
}

}  // namespace attune::deliver
