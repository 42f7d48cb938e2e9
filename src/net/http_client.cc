#include "attune/net/http_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "transfer.h"

namespace attune::net {
namespace {

constexpr std::size_t kHeaderBytesMax = 64 << 10;

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 127 &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  });
}

Status check_header(const HttpHeader& header) {
  const std::string lower = ascii_lower(header.first);
  const bool ours = lower == "host" || lower == "content-length" || lower == "connection" ||
                    lower == "transfer-encoding" || lower == "expect";
  const bool clean = std::ranges::all_of(
      header.second, [](char c) { return (c >= ' ' || c == '\t' || c < 0) && c != 127; });
  if (is_token(header.first) && clean && !ours) return {};
  return std::unexpected(invalid_argument(
      ours ? fmt::format("the header '{}' is made by the client", quoted(header.first))
           : fmt::format(
                 "the header '{}' holds what no header may (control characters in its value, "
                 "or blanks in its name)",
                 quoted(header.first))));
}

Status check_url(const UrlParts& parts, const std::string& url) {
  const bool clean = std::ranges::all_of(url, [](char c) { return c > ' ' && c != 127; });
  if (clean && parts.valid && !parts.has_login && !parts.host.empty() &&
      (parts.scheme == "http" || parts.scheme == "https")) {
    return {};
  }
  return std::unexpected(invalid_argument(
      parts.has_login
          ? fmt::format("the URL for '{}' holds a user or password; send them as a header",
                        quoted(parts.host))
          : fmt::format("'{}' is no URL of http or https in ASCII", quoted(url))));
}

bool same_place(const UrlParts& here, const UrlParts& there) {
  const bool raised =
      here.scheme == "http" && there.scheme == "https" && here.port == "80" && there.port == "443";
  return there.host == here.host &&
         (raised || (there.port == here.port && there.scheme == here.scheme));
}

// What another host may be told of the caller's headers: a key for the first is none of its.
std::vector<HttpHeader> for_strangers(const std::vector<HttpHeader>& headers) {
  std::vector<HttpHeader> kept;
  for (const HttpHeader& header : headers) {
    const std::string lower = ascii_lower(header.first);
    if (lower == "accept" || lower == "content-type") kept.push_back(header);
  }
  return kept;
}

bool may_follow(const HttpRequest& request, int status) {
  if (status == 307 || status == 308) return true;
  return request.method == "GET" && (status == 301 || status == 302 || status == 303);
}

}  // namespace

std::optional<std::string_view> HttpAnswer::header(std::string_view name) const {
  const std::string wanted = ascii_lower(name);
  for (const auto& [key, value] : headers) {
    if (ascii_lower(key) == wanted) return value;
  }
  return std::nullopt;
}

struct HttpClient::Impl {
  HttpOptions options;
  Transfer transfer;

  Result<std::pair<HttpAnswer, std::string>> exchange(const HttpRequest& request,
                                                      const std::string& url);
};

HttpClient::HttpClient(HttpOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

// One request and its answer, with the URL that a redirect leads to.
Result<std::pair<HttpAnswer, std::string>> HttpClient::Impl::exchange(const HttpRequest& request,
                                                                      const std::string& url) {
  HttpAnswer answer;
  answer.url = url;
  std::size_t header_bytes = 0;
  TransferSpec spec;
  spec.url = url;
  spec.connect_ms = options.connect_ms;
  spec.total_ms = options.total_ms;
  spec.allow_inner_addresses = options.allow_inner_addresses;
  spec.ca_file = options.ca_file;
  spec.user_agent = options.user_agent;
  spec.post = request.method == "POST";
  spec.put = request.method == "PUT";
  spec.body = request.body;
  spec.headers = {"Expect:"};
  // libcurl takes "Name;" for a header without a value.
  for (const auto& [key, value] : request.headers)
    spec.headers.push_back(trim(value).empty() ? key + ';' : fmt::format("{}: {}", key, value));
  spec.on_body = [&](std::string_view bytes) {
    if (answer.body.size() + bytes.size() > options.answer_bytes_max) return false;
    answer.body += bytes;
    return true;
  };
  spec.on_header = [&](std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kHeaderBytesMax) return false;
    if (line.starts_with("HTTP/")) answer.headers.clear();
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      answer.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
    }
    return true;
  };
  const TransferResult result = transfer.run(spec);
  const std::string host = split_url(url).host;
  switch (result.end) {
    case TransferEnd::done:
      answer.status = result.code;
      return std::pair(std::move(answer), result.redirect_url);
    case TransferEnd::inner_address:
      return std::unexpected(permission_denied(
          fmt::format("{} leads to the inner address {}; calls go to the open Internet unless "
                      "inner addresses are allowed",
                      host, result.problem)));
    case TransferEnd::cut:
      return std::unexpected(resource_exhausted(fmt::format(
          "the answer of {} is larger than {} bytes", host,
          header_bytes > kHeaderBytesMax ? kHeaderBytesMax : options.answer_bytes_max)));
    case TransferEnd::failed:
      break;
  }
  return std::unexpected(unavailable(fmt::format("{} did not answer: {}", host, result.problem)));
}

Result<HttpAnswer> HttpClient::send(const HttpRequest& asked) {
  HttpRequest request = asked;
  if (request.method != "GET" && request.method != "POST" && request.method != "PUT") {
    return std::unexpected(
        invalid_argument(fmt::format("'{}' is not GET, POST or PUT", quoted(request.method))));
  }
  for (const HttpHeader& header : request.headers) ATTUNE_RETURN_IF_ERROR(check_header(header));
  UrlParts here = split_url(request.url);
  ATTUNE_RETURN_IF_ERROR(check_url(here, request.url));
  std::string url = request.url;
  for (int redirects = 0;; ++redirects) {
    ATTUNE_ASSIGN_OR_RETURN(auto got, impl_->exchange(request, url));
    auto& [answer, next] = got;
    if (next.empty() || redirects >= impl_->options.redirects_max ||
        !may_follow(request, answer.status)) {
      return std::move(answer);
    }
    const UrlParts there = split_url(next);
    const bool same = same_place(here, there);
    const bool weaker = here.scheme == "https" && there.scheme != "https";
    if (!check_url(there, next) || weaker || (!same && !impl_->options.redirects_to_other_hosts)) {
      return std::move(answer);
    }
    if (!same) request.headers = for_strangers(request.headers);
    url = std::move(next);
    here = there;
  }
}

}  // namespace attune::net
