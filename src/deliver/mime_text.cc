#include "mime_text.h"

#include <algorithm>
#include <cstdint>

#include "base64.h"

namespace attune::deliver {
namespace {

constexpr std::size_t kLineMax = 76;
constexpr std::size_t kWordBytes = 39;  // 52 in base 64: fits behind "Reply-To: " within 76
constexpr std::string_view kHex = "0123456789ABCDEF";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16 + 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' && text[i] != '\n') {
      out += text[i];
      continue;
    }
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    out += "\r\n";
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

std::string to_quoted_printable(std::string_view crlf_text) {
  std::string out;
  out.reserve(crlf_text.size() + crlf_text.size() / 4);
  std::size_t line = 0;
  for (std::size_t i = 0; i < crlf_text.size(); ++i) {
    const char c = crlf_text[i];
    const bool line_ends = crlf_text.substr(i + 1).starts_with("\r\n");
    if (c == '\r' && i + 1 < crlf_text.size() && crlf_text[i + 1] == '\n') {
      out += "\r\n";
      line = 0;
      ++i;
      continue;
    }
    const bool blank = c == ' ' || c == '\t';
    const bool plain = (c > ' ' && c < 127 && c != '=') || (blank && !line_ends);
    const std::size_t size = plain ? 1 : 3;
    // Room for the soft break's '=', except before a hard break.
    if (line + size > kLineMax - (line_ends ? 0 : 1)) {
      out += "=\r\n";
      line = 0;
    }
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'=', kHex[byte >> 4], kHex[byte & 15]};
    }
    line += size;
  }
  return out;
}

std::string to_base64_lines(std::string_view bytes) {
  const std::string all = to_base64(bytes);
  std::string out;
  out.reserve(all.size() + all.size() / 38 + 2);
  for (std::size_t i = 0; i < all.size(); i += kLineMax) {
    out.append(all, i, kLineMax);
    out += "\r\n";
  }
  return out;
}

std::string from_quoted_printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const std::string_view rest = text.substr(i + 1);
    if (rest.starts_with("\r\n")) {
      i += 2;
    } else if (rest.starts_with("\n")) {
      i += 1;
    } else if (rest.size() >= 2 && hex_value(rest[0]) >= 0 && hex_value(rest[1]) >= 0) {
      out += static_cast<char>(hex_value(rest[0]) * 16 + hex_value(rest[1]));
      i += 2;
    } else {
      out += '=';
    }
  }
  return out;
}

std::string from_base64_lines(std::string_view text) {
  std::string packed;
  for (const char c : text) {
    const bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '+' || c == '/';
    if (digit) packed += c;
  }
  packed.resize(packed.size() - (packed.size() % 4 == 1 ? 1 : 0));
  while (packed.size() % 4 != 0) packed += '=';
  return from_base64(packed).value_or(std::string(text));
}

std::string encoded_words(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    std::size_t size = std::min(kWordBytes, utf8.size());
    while (size < utf8.size() && size > 1 && is_continuation(utf8[size])) --size;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + to_base64(utf8.substr(0, size)) + "?=";
    utf8.remove_prefix(size);
  }
  return out;
}

}  // namespace attune::deliver
