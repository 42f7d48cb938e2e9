#include "attune/http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "attune/base/text.h"
#include "header_text.h"

namespace attune::http {
namespace {

constexpr std::array<std::string_view, kMethodCount + 1> kMethodNames{
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};

struct Reason {
  int status;
  std::string_view phrase;
};

constexpr Reason kReasons[] = {{200, "OK"},
                               {201, "Created"},
                               {202, "Accepted"},
                               {204, "No Content"},
                               {206, "Partial Content"},
                               {207, "Multi-Status"},
                               {301, "Moved Permanently"},
                               {302, "Found"},
                               {303, "See Other"},
                               {304, "Not Modified"},
                               {307, "Temporary Redirect"},
                               {308, "Permanent Redirect"},
                               {400, "Bad Request"},
                               {401, "Unauthorized"},
                               {403, "Forbidden"},
                               {404, "Not Found"},
                               {405, "Method Not Allowed"},
                               {406, "Not Acceptable"},
                               {408, "Request Timeout"},
                               {409, "Conflict"},
                               {410, "Gone"},
                               {411, "Length Required"},
                               {412, "Precondition Failed"},
                               {413, "Content Too Large"},
                               {414, "URI Too Long"},
                               {415, "Unsupported Media Type"},
                               {417, "Expectation Failed"},
                               {422, "Unprocessable Content"},
                               {428, "Precondition Required"},
                               {429, "Too Many Requests"},
                               {431, "Request Header Fields Too Large"},
                               {451, "Unavailable For Legal Reasons"},
                               {499, "Client Closed Request"},
                               {500, "Internal Server Error"},
                               {501, "Not Implemented"},
                               {502, "Bad Gateway"},
                               {503, "Service Unavailable"},
                               {504, "Gateway Timeout"},
                               {505, "HTTP Version Not Supported"},
                               {507, "Insufficient Storage"}};

Response problem_document(int status, std::string_view title, std::string_view detail,
                          std::string_view field, std::string_view code) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  std::string& out = response.body;
  out.reserve(96 + detail.size());
  out += R"({"type":"about:blank","title":)";
  append_json_string(out, title);
  fmt::format_to(std::back_inserter(out), R"(,"status":{})", status);
  const auto member = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    fmt::format_to(std::back_inserter(out), R"(,"{}":)", key);
    append_json_string(out, value);
  };
  member("detail", detail);
  member("code", code);
  member("field", field);
  out += '}';
  return response;
}

// Bytes of the text that are well-formed from its beginning.
std::size_t valid_prefix(std::string_view text) {
  return first_invalid_utf8(text).value_or(text.size());
}

}  // namespace

std::string_view name(Method method) { return kMethodNames[static_cast<std::size_t>(method)]; }

std::string_view Request::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void Response::set_header(std::string_view name, std::string value) {
  for (Header& header : headers) {
    if (!equal_ignoring_case(header.name, name)) continue;
    header.value = std::move(value);
    return;
  }
  headers.push_back({std::string(name), std::move(value)});
}

std::string_view reason_phrase(int status) {
  const auto* found = std::ranges::lower_bound(kReasons, status, {}, &Reason::status);
  return found != std::end(kReasons) && found->status == status ? found->phrase : "Unknown";
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t valid = valid_prefix(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == valid) {
      out += "\uFFFD";
      valid = i + 1 + valid_prefix(text.substr(i + 1));
      continue;
    }
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

Response problem(const Error& error, std::string_view field) {
  const ErrorCodeInfo& code = info(error.code);
  return problem_document(code.http_status, reason_phrase(code.http_status), error.message, field,
                          code.name);
}

Response problem(int status, std::string_view title, std::string_view detail,
                 std::string_view field) {
  return problem_document(status, title, detail, field, {});
}

}  // namespace attune::http
