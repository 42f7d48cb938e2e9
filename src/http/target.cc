#include "target.h"

#include <fmt/format.h>

#include <utility>

#include "attune/base/text.h"

namespace attune::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c == '\0' || static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// "http://host/path" is what a proxy sends; only the path matters to us.
std::string_view without_authority(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (ascii_lower(text.substr(0, scheme.size())) != scheme) continue;
    const std::size_t end = text.find_first_of("/?", scheme.size());
    return end == text.npos ? std::string_view() : text.substr(end);
  }
  return text;
}

Status read_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equal = std::min(pair.find('='), pair.size());
    auto key = percent_decode(pair.substr(0, equal), true);
    auto value = percent_decode(pair.substr(std::min(equal + 1, pair.size())), true);
    if (!key || !value) {
      return std::unexpected(invalid_argument(fmt::format(
          "the query has a bad escape or is not UTF-8 at '{}'; write bytes as %XX", quoted(pair))));
    }
    request.query.emplace_back(std::move(*key), std::move(*value));
  }
  return {};
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && form) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (is_plain(out)) return out;
  if (out.find('\0') != out.npos || first_invalid_utf8(out)) return std::nullopt;
  return out;
}

Status read_target(std::string_view text, Request& request) {
  if (text == "*") {
    request.target = request.path = "*";
    return {};
  }
  const std::string_view origin = without_authority(text);
  const bool absolute = origin.size() < text.size();
  request.target = absolute && !origin.starts_with('/') ? "/" : "";
  request.target += origin;
  const std::string_view target = request.target;
  if (!target.starts_with('/') || target.find('#') != target.npos) {
    return std::unexpected(invalid_argument(
        fmt::format("'{}' is no request target; write a path that begins with '/'", quoted(text))));
  }
  const std::size_t end = std::min(target.find('?'), target.size());
  auto path = percent_decode(target.substr(0, end));
  if (!path) {
    return std::unexpected(invalid_argument(
        fmt::format("the path '{}' has a bad escape or is not UTF-8; write bytes as %XX",
                    quoted(target.substr(0, end)))));
  }
  request.path = std::move(*path);
  return read_query(target.substr(std::min(end + 1, target.size())), request);
}

std::optional<std::vector<std::string>> split_path(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    auto segment = percent_decode(path.substr(0, end));
    if (!segment) return std::nullopt;
    segments.push_back(std::move(*segment));
    path.remove_prefix(end);
  }
  return segments;
}

}  // namespace attune::http
