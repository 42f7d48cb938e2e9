#include "mime_reader.h"

#include <algorithm>

#include "attune/base/text.h"
#include "mime_text.h"

namespace attune::deliver {
namespace {

constexpr std::size_t kHeadersMax = 500;
constexpr std::size_t kPartsMax = 50;
constexpr int kDepthMax = 4;

// Takes a line without its end off the front of `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// "multipart/report; report-type=delivery-status; boundary=\"x\"": its first word, and a parameter.
std::string first_word(std::string_view value) {
  return ascii_lower(trim(value.substr(0, std::min(value.find(';'), value.size()))));
}

std::string parameter(std::string_view value, std::string_view name) {
  std::size_t at = std::min(value.find(';'), value.size());
  while (at < value.size()) {
    ++at;
    const std::size_t equals = value.find('=', at);
    if (equals == std::string_view::npos) return {};
    const std::string key = ascii_lower(trim(value.substr(at, equals - at)));
    std::string found;
    at = equals + 1;
    while (at < value.size() && (value[at] == ' ' || value[at] == '\t')) ++at;
    if (at < value.size() && value[at] == '"') {
      for (++at; at < value.size() && value[at] != '"'; ++at) {
        if (value[at] == '\\' && at + 1 < value.size()) ++at;
        found += value[at];
      }
      at = std::min(value.find(';', at), value.size());
    } else {
      const std::size_t end = std::min(value.find(';', at), value.size());
      found = trim(value.substr(at, end - at));
      at = end;
    }
    if (key == name) return found;
  }
  return {};
}

std::string decoded(std::string_view body, std::string_view encoding) {
  const std::string name = ascii_lower(trim(encoding));
  if (name == "quoted-printable") return from_quoted_printable(body);
  if (name == "base64") return from_base64_lines(body);
  return std::string(body);
}

void read_parts(std::string_view body, std::string_view boundary, int depth,
                std::vector<MimePart>& parts);

void read_part(std::string_view bytes, int depth, std::vector<MimePart>& parts) {
  MimePart part;
  part.headers = take_headers(bytes);
  const std::string_view type = find_header(part.headers, "content-type");
  part.type = type.empty() ? "text/plain" : first_word(type);
  const std::string inner = parameter(type, "boundary");
  if (part.type.starts_with("multipart/") && !inner.empty() && depth < kDepthMax) {
    read_parts(bytes, inner, depth + 1, parts);
    return;
  }
  part.body = decoded(bytes, find_header(part.headers, "content-transfer-encoding"));
  parts.push_back(std::move(part));
}

// The end of a part is the line before a boundary; without any more boundaries, the end.
void read_parts(std::string_view body, std::string_view boundary, int depth,
                std::vector<MimePart>& parts) {
  const std::string mark = "--" + std::string(boundary);
  std::string_view rest = body;
  const char* begun = nullptr;  // of the part that is being read
  while (!rest.empty() && parts.size() < kPartsMax) {
    const char* line_begins = rest.data();
    const std::string_view line = take_line(rest);
    if (!line.starts_with(mark)) continue;
    const std::string_view tail = trim(line.substr(mark.size()));
    if (!tail.empty() && tail != "--") continue;
    if (begun != nullptr) {
      read_part({begun, static_cast<std::size_t>(line_begins - begun)}, depth, parts);
    }
    begun = rest.data();
    if (tail == "--") return;
  }
  if (begun != nullptr && parts.size() < kPartsMax) {
    read_part({begun, static_cast<std::size_t>(body.data() + body.size() - begun)}, depth, parts);
  }
}

}  // namespace

std::string_view find_header(const MimeHeaders& headers, std::string_view lower_name) {
  for (const auto& [name, value] : headers) {
    if (name == lower_name) return value;
  }
  return {};
}

MimeHeaders take_headers(std::string_view& text) {
  MimeHeaders headers;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    if (line.front() == ' ' || line.front() == '\t') {
      if (!headers.empty()) (headers.back().second += ' ') += trim(line);
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || headers.size() >= kHeadersMax) continue;
    headers.emplace_back(ascii_lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
  }
  return headers;
}

MimeMessage read_mime(std::string_view bytes) {
  MimeMessage message;
  message.headers = take_headers(bytes);
  const std::string_view type = find_header(message.headers, "content-type");
  message.type = first_word(type);
  message.report_type = ascii_lower(parameter(type, "report-type"));
  if (const std::string boundary = parameter(type, "boundary"); !boundary.empty()) {
    read_parts(bytes, boundary, 1, message.parts);
  }
  return message;
}

}  // namespace attune::deliver
