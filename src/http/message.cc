#include "attune/http/message.h"

#include <fmt/format.h>

#include <array>

#include "attune/base/text.h"
#include "header_text.h"

namespace attune::http {
namespace {

constexpr std::array<std::string_view, kMethodCount> kMethodNames{
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

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
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
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
