#include "attune/deliver/links.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/bytes.h"
#include "attune/base/text.h"
#include "attune/deliver/mail.h"
#include "base64.h"

namespace attune::deliver {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kKeyMin = 32;
constexpr std::size_t kMacBytes = 16;  // half of the hash, as [RFC2104] allows
constexpr std::size_t kTokenMax = 4096;
constexpr double kSoonSeconds = 2;

std::string mac(std::string_view key, std::string_view body) {
  return hmac_sha256(key, fmt::format("attune link\n{}", body)).substr(0, kMacBytes);
}

Error not_ours() {
  return permission_denied("this link was not made here, or was changed on its way");
}

}  // namespace

std::string_view name(LinkKind kind) {
  constexpr std::string_view kNames[] = {"", "click", "open", "unsubscribe"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view name(Visitor visitor) {
  constexpr std::string_view kNames[] = {"person", "proxy", "machine"};
  return kNames[static_cast<std::size_t>(visitor)];
}

Result<LinkSigner> LinkSigner::open(std::string_view key) {
  if (key.size() < kKeyMin) {
    return std::unexpected(invalid_argument(
        fmt::format("the key of links has {} bytes; it needs {}", key.size(), kKeyMin)));
  }
  return LinkSigner(std::string(key));
}

Result<std::string> LinkSigner::token(const Link& link) const {
  if (link.message.empty() || link.message.size() > 64) {
    return std::unexpected(invalid_argument("a link names its message by 1 to 64 bytes"));
  }
  if ((link.kind == LinkKind::click) ? !is_web_url(link.url) : !link.url.empty()) {
    return std::unexpected(invalid_argument(fmt::format(
        "'{}' is no web address that a link can lead to (http or https, printable ASCII)",
        attune::quoted(link.url))));
  }
  ByteWriter writer;
  writer.value(kVersion);
  writer.value(link.kind);
  writer.value(link.purpose);
  writer.value(static_cast<std::uint32_t>(link.issued.micros / kMicrosPerSecond));
  writer.value(link.customer.value);
  writer.value(static_cast<std::uint8_t>(link.message.size()));
  const std::string body = writer.bytes() + link.message + link.url;
  return to_base64url(body + mac(key_, body));
}

Result<Link> LinkSigner::read(std::string_view token) const {
  if (token.size() > kTokenMax) return std::unexpected(not_ours());
  const auto bytes = from_base64url(token);
  if (!bytes || bytes->size() < kMacBytes) return std::unexpected(not_ours());
  const std::string_view body = std::string_view(*bytes).substr(0, bytes->size() - kMacBytes);
  if (!equal_in_constant_time(std::string_view(*bytes).substr(body.size()), mac(key_, body))) {
    return std::unexpected(not_ours());
  }
  // Signed by us from here on; another version is none that we make.
  ByteReader reader(body);
  const auto version = reader.value<std::uint8_t>();
  const auto kind = reader.value<std::uint8_t>();
  const auto purpose = reader.value<std::uint8_t>();
  const auto seconds = reader.value<std::uint32_t>();
  const auto customer = reader.value<std::int64_t>();
  const auto size = reader.value<std::uint8_t>();
  if (!version || *version != kVersion || !kind || *kind < 1 || *kind > 3 || !purpose ||
      *purpose >= privacy::kPurposeCount || !seconds || !customer || !size ||
      *size > reader.left()) {
    return std::unexpected(not_ours());
  }
  const std::string_view rest = body.substr(body.size() - reader.left());
  Link link{.kind = static_cast<LinkKind>(*kind),
            .message = std::string(rest.substr(0, *size)),
            .customer = {*customer},
            .purpose = static_cast<privacy::Purpose>(*purpose),
            .issued = {std::int64_t{*seconds} * kMicrosPerSecond},
            .url = std::string(rest.substr(*size))};
  if (link.kind == LinkKind::click && !is_web_url(link.url)) return std::unexpected(not_ours());
  return link;
}

Visitor judge_visit(const Visit& visit) {
  constexpr std::string_view kProxies[] = {"googleimageproxy", "ggpht.com", "yahoomailproxy"};
  constexpr std::string_view kMachines[] = {
      "bot",        "crawl",      "spider",     "scan",      "preview",     "headless",
      "curl/",      "wget/",      "python",     "java/",     "go-http",     "okhttp",
      "libwww",     "httpclient", "node-fetch", "axios",     "barracuda",   "mimecast",
      "proofpoint", "ironport",   "symantec",   "safelinks", "bitdefender", "phantomjs",
      "link check", "linkcheck"};
  const std::string agent = ascii_lower(trim(visit.user_agent));
  const auto names = [&](std::string_view word) { return agent.find(word) != std::string::npos; };
  if (visit.method != "GET" || visit.prefetch || agent.empty() || agent == "mozilla/5.0" ||
      visit.seconds_since_sent < kSoonSeconds) {
    return Visitor::machine;
  }
  if (std::ranges::any_of(kProxies, names)) return Visitor::proxy;
  if (visit.from_data_centre || std::ranges::any_of(kMachines, names)) return Visitor::machine;
  return Visitor::person;
}

}  // namespace attune::deliver
