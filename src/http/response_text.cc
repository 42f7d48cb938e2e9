#include "response_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "attune/base/text.h"
#include "gzip.h"
#include "header_text.h"

namespace attune::http {
namespace {

constexpr std::size_t kCompressFrom = 1024;

bool is_compressible(std::string_view type) {
  const std::string_view bare = trim(type.substr(0, type.find(';')));
  return bare.starts_with("text/") || bare.ends_with("json") || bare.ends_with("xml") ||
         bare.ends_with("javascript");
}

void append_date(std::string& out, std::time_t now) {
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&now, &utc);
  fmt::format_to(std::back_inserter(out), "Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n",
                 kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                 kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                 utc.tm_min, utc.tm_sec);
}

bool is_token(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c < 0x7f && !std::string_view("()<>@,;:\\\"/[]?={}").contains(c);
  });
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  const std::size_t begin = out.size();
  out += value;
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (static_cast<unsigned char>(out[i]) < 0x20 || out[i] == 0x7f) out[i] = ' ';
  }
  out += "\r\n";
}

// What frames the answer is the server's to say.
bool is_ours(std::string_view name) {
  for (const std::string_view ours :
       {"content-length", "transfer-encoding", "connection", "keep-alive", "date"}) {
    if (equal_ignoring_case(name, ours)) return true;
  }
  return false;
}

const Header* find(const Response& response, std::string_view name) {
  for (const Header& header : response.headers) {
    if (equal_ignoring_case(header.name, name)) return &header;
  }
  return nullptr;
}

}  // namespace

bool list_accepts(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view entry = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const std::size_t weight = std::min(entry.find(';'), entry.size());
    if (!equal_ignoring_case(trim(entry.substr(0, weight)), token)) continue;
    const std::size_t q = entry.find("q=", weight);
    if (q == entry.npos) return true;
    return trim(entry.substr(q + 2)).find_first_not_of("0.") != entry.npos;
  }
  return false;
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

bool asks_to_close(const Response& response) {
  const Header* header = find(response, "connection");
  return header != nullptr && list_accepts(header->value, "close");
}

void compress(const Request& request, Response& response) {
  if (response.body.size() <= kCompressFrom || !is_compressible(response.content_type)) return;
  if (!may_have_body(response.status) || find(response, "content-encoding") != nullptr) return;
  response.headers.push_back({"Vary", "Accept-Encoding"});
  if (!list_accepts(request.header("Accept-Encoding"), "gzip")) return;
  std::string small = gzip(response.body);
  if (small.empty() || small.size() >= response.body.size()) return;
  response.body = std::move(small);
  response.headers.push_back({"Content-Encoding", "gzip"});
}

void append_head(std::string& out, const Response& response, std::time_t now, After after) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  append_date(out, now);
  if (may_have_body(response.status)) {
    if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", response.body.size());
  }
  for (const Header& header : response.headers) {
    if (!is_ours(header.name) && is_token(header.name)) {
      append_header(out, header.name, header.value);
    }
  }
  if (after == After::close) out += "Connection: close\r\n";
  if (after == After::keep_and_say_so) out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

}  // namespace attune::http
