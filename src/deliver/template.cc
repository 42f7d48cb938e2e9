#include "attune/deliver/template.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "html_place.h"

namespace attune::deliver {
namespace {

constexpr std::size_t kSourceMax = 1 << 20;
constexpr std::size_t kDepthMax = 8;

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

// Reads a template from its first byte to its last.
class TemplateParser {
 public:
  TemplateParser(std::string_view source, TemplateKind kind, std::string title) : source_(source) {
    result_.kind_ = kind;
    result_.title_ = std::move(title);
  }

  Result<Template> parse() {
    if (source_.size() > kSourceMax) return fail("the template is larger than 1 MiB");
    if (first_invalid_utf8(source_)) return fail("the template is not UTF-8");
    while (at_ < source_.size()) {
      const std::size_t open = std::min(source_.find("{{", at_), source_.size());
      if (open > at_) add_literal(source_.substr(at_, open - at_));
      move_to(open);
      if (at_ < source_.size()) ATTUNE_RETURN_IF_ERROR(parse_tag());
    }
    if (!open_.empty()) {
      const Template::Node& section = result_.nodes_[open_.back().node];
      line_ = section.line;
      column_ = section.column;
      return fail(fmt::format("the section '{}' is never closed; write {{{{/{}}}}} at its end",
                              attune::quoted(section.text), section.text));
    }
    return std::move(result_);
  }

 private:
  using Node = Template::Node;
  struct Open {
    std::size_t node;
    HtmlPlace place;
  };

  std::unexpected<Error> fail(std::string_view what) const {
    return std::unexpected(invalid_argument(
        fmt::format("{}, line {}, column {}: {}", result_.title_, line_, column_, what)));
  }

  void move_to(std::size_t to) {
    for (; at_ < to; ++at_) {
      if (source_[at_] == '\n') {
        ++line_;
        column_ = 1;
      } else if ((static_cast<unsigned char>(source_[at_]) & 0xC0) != 0x80) {
        ++column_;
      }
    }
  }

  void add_literal(std::string_view text) {
    if (result_.kind_ == TemplateKind::html) place_.read(text);
    add_node({.kind = Node::Kind::literal, .text = std::string(text), .default_text = {}});
  }

  void add_node(Node node) {
    node.line = line_;
    node.column = column_;
    result_.nodes_.push_back(std::move(node));
  }

  Status parse_tag() {
    const auto close = closing_braces();
    if (!close) return fail("'{{' is never closed by '}}'; to show it write {{ \"{{\" }}");
    std::string_view inside = trim(source_.substr(at_ + 2, *close - at_ - 2));
    if (inside.starts_with('!')) {
      // a note
    } else if (inside.starts_with('#') || inside.starts_with('^')) {
      ATTUNE_RETURN_IF_ERROR(open_section(inside));
    } else if (inside.starts_with('/')) {
      ATTUNE_RETURN_IF_ERROR(close_section(trim(inside.substr(1))));
    } else {
      ATTUNE_RETURN_IF_ERROR(add_value(inside));
    }
    move_to(*close + 2);
    return {};
  }

  // Braces inside of quotes do not close.
  std::optional<std::size_t> closing_braces() const {
    bool quoted = false;
    const bool note = trim(source_.substr(at_ + 2, 20)).starts_with('!');
    for (std::size_t i = at_ + 2; i < source_.size(); ++i) {
      if (quoted && source_[i] == '\\') {
        ++i;
      } else if (source_[i] == '"' && !note) {
        quoted = !quoted;
      } else if (!quoted && source_.substr(i).starts_with("}}")) {
        return i;
      }
    }
    return std::nullopt;
  }

  Status open_section(std::string_view inside) {
    const bool inverted = inside.front() == '^';
    const std::string_view name = trim(inside.substr(1));
    ATTUNE_RETURN_IF_ERROR(check_name(name));
    if (open_.size() >= kDepthMax) return fail("sections are at most 8 deep");
    add_use(name, /*required=*/false);
    open_.push_back({result_.nodes_.size(), place_});
    add_node({.kind = inverted ? Node::Kind::inverted : Node::Kind::section,
              .text = std::string(name),
              .default_text = {}});
    return {};
  }

  Status close_section(std::string_view name) {
    if (open_.empty()) {
      return fail(fmt::format("there is no section '{}' to close", attune::quoted(name)));
    }
    Node& section = result_.nodes_[open_.back().node];
    if (section.text != name) {
      return fail(fmt::format("the section '{}' of line {} has to be closed before '{}'",
                              attune::quoted(section.text), section.line, attune::quoted(name)));
    }
    if (!open_.back().place.same_as(place_)) {
      return fail(
          fmt::format("the section '{}' ends in another place of the HTML than it began: "
                      "close its tags and quotes inside of it",
                      attune::quoted(name)));
    }
    section.jump = result_.nodes_.size();
    open_.pop_back();
    add_node({.kind = Node::Kind::end, .text = {}, .default_text = {}});
    return {};
  }

  Status check_name(std::string_view name) const {
    if (!name.empty() && name.size() <= 100 && std::ranges::all_of(name, is_name_byte)) return {};
    return fail(fmt::format("'{}' is no name of a field (letters, digits, '_', '-', '.')",
                            attune::quoted(name)));
  }

  void add_use(std::string_view name, bool required) {
    std::string list;
    for (const Open& open : open_) {
      const Node& section = result_.nodes_[open.node];
      if (section.kind == Node::Kind::section) list = section.text;
    }
    result_.uses_.push_back({std::string(name), required, std::move(list), line_, column_});
  }

  // Takes a quoted text off the front of `rest`.
  Result<std::string> take_quoted(std::string_view& rest) const {
    std::string words;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') {
        rest = trim(rest.substr(i + 1));
        return words;
      }
      if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
      words += rest[i];
    }
    return fail("a quote is never closed");
  }

  Status add_value(std::string_view rest) {
    Node node{.kind = Node::Kind::value, .text = {}, .default_text = {}};
    if (rest.starts_with('"')) {
      ATTUNE_ASSIGN_OR_RETURN(node.text, take_quoted(rest));
      node.quoted = true;
    } else {
      const std::size_t end = std::min(rest.find('|'), rest.size());
      const std::string_view name = trim(rest.substr(0, end));
      ATTUNE_RETURN_IF_ERROR(check_name(name));
      node.text = name;
      rest = trim(rest.substr(end));
    }
    while (!rest.empty()) ATTUNE_RETURN_IF_ERROR(take_filter(rest, node));
    if (result_.kind_ == TemplateKind::html) {
      if (const std::string_view objection = place_.objection(); !objection.empty()) {
        return fail(fmt::format("no field may stand {}", objection));
      }
      node.starts_url = place_.starts_url();
      place_.put_field();
    }
    if (node.link && result_.kind_ == TemplateKind::header) {
      return fail("a link has no place in a header");
    }
    if (!node.quoted) add_use(node.text, !node.has_default);
    add_node(std::move(node));
    return {};
  }

  Status take_filter(std::string_view& rest, Node& node) const {
    if (!rest.starts_with('|')) {
      return fail(fmt::format("'{}' is not understood here; a '|' goes before a filter",
                              attune::quoted(rest)));
    }
    rest = trim(rest.substr(1));
    const auto length = std::ranges::find_if_not(rest, is_name_byte) - rest.begin();
    const std::string word(rest.substr(0, static_cast<std::size_t>(length)));
    rest = trim(rest.substr(word.size()));
    if (word == "link" && !node.link) {
      node.link = true;
      return {};
    }
    if (word != "default" || node.has_default || node.quoted) {
      const std::vector<std::string> filters{"default", "link"};
      return fail(
          fmt::format("there is no filter '{}' here; there are default: \"…\" and link, each "
                      "once{}",
                      attune::quoted(word), did_you_mean(word, filters)));
    }
    if (rest.starts_with(':')) rest = trim(rest.substr(1));
    if (!rest.starts_with('"')) return fail("default needs words in quotes: default: \"friend\"");
    ATTUNE_ASSIGN_OR_RETURN(node.default_text, take_quoted(rest));
    node.has_default = true;
    return {};
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  int column_ = 1;
  HtmlPlace place_;
  std::vector<Open> open_;
  Template result_;
};

Result<Template> Template::parse(std::string_view source, TemplateKind kind, std::string title) {
  return TemplateParser(source, kind, std::move(title)).parse();
}

bool Template::uses(std::string_view field) const {
  return std::ranges::any_of(uses_, [&](const FieldUse& use) { return use.name == field; });
}

Fields example_fields(const Template& of) {
  Fields fields;
  for (const FieldUse& use : of.fields()) {
    const bool address = use.name.ends_with("url") || use.name.ends_with("link");
    const std::string value = address ? "https://shop.example/" + use.name : '[' + use.name + ']';
    if (use.required) fields.texts.emplace(use.name, value);
    if (!use.list.empty() && use.required) {
      auto& records = fields.lists[use.list];
      if (records.empty()) records.resize(2);
      for (auto& record : records) record.emplace(use.name, value);
    }
  }
  return fields;
}

}  // namespace attune::deliver
