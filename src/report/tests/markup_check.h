// What tests ask of HTML and SVG: tags close in order, attributes are quoted, nothing but known
// tags appears.
#pragma once

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace attune::report {

// The first thing that is wrong, or an empty text.
inline std::string markup_problem(std::string_view text) {
  static const std::set<std::string, std::less<>> kEmpty{"meta", "br"};
  static const std::set<std::string, std::less<>> kKnown{
      "html",    "head", "meta",    "title",   "style",  "body",       "div",    "header", "h1",
      "h2",      "h3",   "nav",     "b",       "ol",     "ul",         "li",     "a",      "main",
      "section", "p",    "code",    "strong",  "pre",    "table",      "thead",  "tbody",  "tr",
      "th",      "td",   "details", "summary", "figure", "figcaption", "footer", "svg",    "text",
      "rect",    "line", "circle",  "path",    "br"};
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string_view::npos;) {
    const std::size_t end = text.find('>', at);
    if (end == std::string_view::npos) return "a tag does not end";
    std::string_view tag = text.substr(at + 1, end - at - 1);
    at = end + 1;
    if (tag == "!doctype html") continue;
    const bool closing = tag.starts_with('/');
    if (closing) tag.remove_prefix(1);
    const bool alone = tag.ends_with('/');
    std::size_t length = 0;
    while (length < tag.size() && std::isalnum(static_cast<unsigned char>(tag[length]))) ++length;
    const std::string name(tag.substr(0, length));
    if (!kKnown.contains(name)) return "unknown tag <" + std::string(tag) + ">";
    int quotes = 0;
    for (const char c : tag) quotes += c == '"';
    if (quotes % 2 != 0) return "odd quotes in <" + std::string(tag) + ">";
    if (std::string(tag).find(" on") != std::string::npos)
      return "a handler in <" + std::string(tag) + ">";
    if (closing) {
      if (open.empty() || open.back() != name) return "</" + name + "> closes nothing";
      open.pop_back();
    } else if (!alone && !kEmpty.contains(name)) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

}  // namespace attune::report
