#include "attune/rules/rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "attune/base/text.h"
#include "lexer.h"
#include "parser.h"

namespace attune::rules {
namespace {

constexpr int kLineWidth = 100;  // columns of the rule that a message shows
constexpr int kLead = 60;        // of them before the place

// The part of a line around the place: bytes [begin, end).
struct Window {
  std::size_t begin = 0;
  std::size_t end = 0;
};

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

Window window_around(std::string_view line, std::size_t place) {
  Window window{0, line.size()};
  const auto width = [&](std::size_t from, std::size_t to) {
    return display_width(line.substr(from, to - from));
  };
  if (place > kLead) {  // bytes are at least as many as columns / 2
    window.begin = place - kLead;
    while (window.begin < place && continues_character(line[window.begin])) ++window.begin;
    while (width(window.begin, place) > kLead) {
      do ++window.begin;
      while (window.begin < place && continues_character(line[window.begin]));
    }
  }
  window.end = std::min(line.size(), std::max(place, window.begin + 4 * kLineWidth));
  while (window.end < line.size() && continues_character(line[window.end])) ++window.end;
  while (window.end > place && width(window.begin, window.end) > kLineWidth) {
    do --window.end;
    while (window.end > place && continues_character(line[window.end]));
  }
  return window;
}

// A line of a rule as a terminal can show it, byte by byte as long as the original.
std::string printable(std::string_view line) {
  std::string shown(line);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  while (const auto bad = first_invalid_utf8(shown)) shown[*bad] = '?';
  return shown;
}

}  // namespace

std::string Diagnostic::to_string(std::string_view text) const {
  const std::size_t place = std::min(offset, text.size());
  const std::size_t before = place == 0 ? std::string_view::npos : text.rfind('\n', place - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::size_t end = std::min(text.find('\n', place), text.size());
  constexpr std::size_t kLongest = 2000;  // bytes of a line that are looked at on either side
  const std::size_t from = place - begin > kLongest ? place - kLongest : begin;
  const std::string near = printable(text.substr(from, std::min(end, place + kLongest) - from));
  const std::size_t at = place - from;
  const Window window = window_around(near, at);
  const std::string_view shown =
      std::string_view(near).substr(window.begin, window.end - window.begin);
  const std::size_t marked = std::min(at + length, window.end);
  const std::string lead = window.begin > 0 || from > begin ? "…" : "";
  const int indent = display_width(lead) + display_width(shown.substr(0, at - window.begin));
  const int carets =
      std::max(1, display_width(std::string_view(near).substr(at, std::max(marked, at) - at)));
  std::string report = fmt::format("{}:{}: {}\n  {}{}{}\n  {}{}", line, column, message, lead,
                                   shown, from + window.end < end ? "…" : "",
                                   std::string(indent, ' '), std::string(carets, '^'));
  if (!expected.empty()) report += "\n  expected " + expected;
  return report;
}

Result<Rule> Rule::parse(std::string_view text, const Schema& schema) {
  auto tokens = tokenise(text);
  if (!tokens) return std::unexpected(invalid_argument(tokens.error().to_string(text)));
  auto rule = Parser(text, std::move(*tokens), schema).run();
  if (!rule) return std::unexpected(invalid_argument(rule.error().to_string(text)));
  return std::move(*rule);
}

std::optional<Diagnostic> Rule::diagnose(std::string_view text, const Schema& schema) {
  auto tokens = tokenise(text);
  if (!tokens) return tokens.error();
  auto rule = Parser(text, std::move(*tokens), schema).run();
  if (!rule) return rule.error();
  return std::nullopt;
}

Value Rule::constant(std::uint32_t node) const {
  const Node& n = nodes_[node];
  switch (n.op) {
    case Op::number:
      return n.number;
    case Op::text:
      return std::string_view(texts_[n.index]);
    case Op::flag:
      return n.number != 0;
    case Op::time:
      return Timestamp{n.micros};
    case Op::duration:
      return Duration{n.micros};
    default:
      return {};
  }
}

std::vector<Rule::CallSite> Rule::calls() const {
  std::vector<CallSite> sites;
  for (const std::uint32_t node : call_nodes_) {
    CallSite site{nodes_[node].index, {}};
    for (std::uint32_t i = 0; i < nodes_[node].count; ++i) {
      site.arguments.push_back(constant(children_[nodes_[node].first + i]));
    }
    sites.push_back(std::move(site));
  }
  return sites;
}

}  // namespace attune::rules
