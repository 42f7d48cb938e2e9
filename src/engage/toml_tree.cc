#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "field_tree.h"

// The same in every file that reads TOML, or the one-definition rule breaks. Input reaches checks
// of toml++ ("[[["); behind them it tells an error as it should, so they may not end the program.
#define TOML_EXCEPTIONS 0
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

namespace attune::engage {
namespace {

// Dotted keys nest tables without a limit of the library's, and each level is a call while they are
// taken apart: so many dots stay far from the stack's end.
constexpr std::ptrdiff_t kMaxDots = 2000;

std::string place_of(const toml::source_region& source) {
  return fmt::format("{}:{}", source.begin.line, source.begin.column);
}

FieldProblem problem(const toml::node& node, std::string message) {
  return {place_of(node.source()), std::move(message)};
}

template <class Value>
std::string printed(const Value& value) {
  std::ostringstream out;
  out << value;
  return std::move(out).str();
}

FieldResult<FieldNode> convert(const toml::node& node, int depth);

FieldResult<FieldNode> convert_table(const toml::table& table, FieldNode made, int depth) {
  made.kind = FieldNode::Kind::table;
  if (table.size() > kMaxFieldsTogether)
    return std::unexpected(problem(table, "has too many fields"));
  for (const auto& [key, value] : table) {
    auto member = convert(value, depth + 1);
    if (!member) return std::unexpected(std::move(member).error());
    // A header's or key's own place is where a person looks for it.
    if (key.source().begin.line > 0) member->place = place_of(key.source());
    member->key = key.str();
    made.members.push_back(*std::move(member));
  }
  // The library keeps tables by name.
  std::ranges::stable_sort(made.members, {}, [&table](const FieldNode& member) {
    const toml::node* node = table.get(member.key);
    return std::pair(node->source().begin.line, node->source().begin.column);
  });
  return made;
}

FieldResult<FieldNode> convert_array(const toml::array& array, FieldNode made, int depth) {
  made.kind = FieldNode::Kind::list;
  if (array.size() > kMaxFieldsTogether) return std::unexpected(problem(array, "is too long"));
  for (const toml::node& item : array) {
    auto converted = convert(item, depth + 1);
    if (!converted) return std::unexpected(std::move(converted).error());
    made.items.push_back(*std::move(converted));
  }
  return made;
}

FieldResult<FieldNode> convert(const toml::node& node, int depth) {
  if (depth > kMaxFieldDepth) return std::unexpected(problem(node, "is nested too deep"));
  FieldNode made;
  made.place = place_of(node.source());
  switch (node.type()) {
    case toml::node_type::table:
      return convert_table(*node.as_table(), std::move(made), depth);
    case toml::node_type::array:
      return convert_array(*node.as_array(), std::move(made), depth);
    case toml::node_type::string:
      made.kind = FieldNode::Kind::text;
      made.text = **node.as_string();
      break;
    case toml::node_type::integer:
      made.kind = FieldNode::Kind::integer;
      made.integer = **node.as_integer();
      break;
    case toml::node_type::floating_point:
      made.kind = FieldNode::Kind::real;
      made.real = **node.as_floating_point();
      break;
    case toml::node_type::boolean:
      made.kind = FieldNode::Kind::flag;
      made.flag = **node.as_boolean();
      break;
    case toml::node_type::date:
      made.kind = FieldNode::Kind::text;
      made.text = printed(**node.as_date());
      break;
    case toml::node_type::time:
      made.kind = FieldNode::Kind::text;
      made.text = printed(**node.as_time());
      break;
    case toml::node_type::date_time:
      made.kind = FieldNode::Kind::text;
      made.text = printed(**node.as_date_time());
      break;
    case toml::node_type::none:
      return std::unexpected(problem(node, "has no value"));
  }
  return made;
}

}  // namespace

FieldResult<FieldNode> read_toml_tree(std::string_view text) {
  if (std::ranges::count(text, '.') > kMaxDots)
    return std::unexpected(FieldProblem{"1:1", "has more dots than any campaign needs"});
  if (const auto bad = first_invalid_utf8(text)) {
    const std::string_view before = text.substr(0, *bad);
    const auto line = std::ranges::count(before, '\n') + 1;
    const std::size_t begin = before.rfind('\n');
    return std::unexpected(
        FieldProblem{fmt::format("{}:{}", line, *bad - (begin == before.npos ? 0 : begin + 1) + 1),
                     "is not UTF-8; save the file as UTF-8"});
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return std::unexpected(
        FieldProblem{place_of(parsed.error().source()),
                     fmt::format("is not TOML: {}", parsed.error().description())});
  }
  auto tree = convert(parsed.table(), 0);
  if (tree) tree->place = "1:1";
  return tree;
}

}  // namespace attune::engage
