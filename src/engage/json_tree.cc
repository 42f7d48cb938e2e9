#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "attune/base/text.h"
#include "field_tree.h"

namespace attune::engage {
namespace {

namespace dom = simdjson::dom;

std::unexpected<FieldProblem> problem(std::string_view place, std::string message) {
  return std::unexpected(FieldProblem{std::string(place), std::move(message)});
}

std::string member_place(std::string_view place, std::string_view key) {
  const bool plain = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain ? fmt::format("{}.{}", place, key)
               : fmt::format("{}[\"{}\"]", place, attune::quoted(key));
}

FieldResult<FieldNode> convert(dom::element element, std::string place, int depth);

FieldResult<FieldNode> convert_object(dom::object object, FieldNode made, int depth) {
  made.kind = FieldNode::Kind::table;
  for (const dom::key_value_pair member : object) {
    std::string place = member_place(made.place, member.key);
    const auto same = [&](const auto& other) { return other.key == member.key; };
    if (std::ranges::any_of(made.members, same)) return problem(place, "is stated twice");
    if (made.members.size() == kMaxFieldsTogether) return problem(place, "is one field too many");
    auto value = convert(member.value, std::move(place), depth + 1);
    if (!value) return std::unexpected(std::move(value).error());
    value->key = member.key;
    made.members.push_back(*std::move(value));
  }
  return made;
}

FieldResult<FieldNode> convert_array(dom::array array, FieldNode made, int depth) {
  made.kind = FieldNode::Kind::list;
  for (const dom::element item : array) {
    if (made.items.size() == kMaxFieldsTogether) return problem(made.place, "is too long");
    auto value = convert(item, fmt::format("{}[{}]", made.place, made.items.size()), depth + 1);
    if (!value) return std::unexpected(std::move(value).error());
    made.items.push_back(*std::move(value));
  }
  return made;
}

FieldResult<FieldNode> convert(dom::element element, std::string place, int depth) {
  if (depth > kMaxFieldDepth) return problem(place, "is nested too deep");
  FieldNode made;
  made.place = std::move(place);
  switch (element.type()) {  // and what is asked for below is of that type
    case dom::element_type::OBJECT:
      return convert_object(element.get_object().value_unsafe(), std::move(made), depth);
    case dom::element_type::ARRAY:
      return convert_array(element.get_array().value_unsafe(), std::move(made), depth);
    case dom::element_type::STRING:
      made.kind = FieldNode::Kind::text;
      made.text = element.get_string().value_unsafe();
      break;
    case dom::element_type::INT64:
      made.kind = FieldNode::Kind::integer;
      made.integer = element.get_int64().value_unsafe();
      break;
    case dom::element_type::UINT64:
      return problem(made.place, "is a number past what 64 bits hold");
    case dom::element_type::DOUBLE:
      made.kind = FieldNode::Kind::real;
      made.real = element.get_double().value_unsafe();
      break;
    case dom::element_type::BOOL:
      made.kind = FieldNode::Kind::flag;
      made.flag = element.get_bool().value_unsafe();
      break;
    case dom::element_type::NULL_VALUE:
      return problem(made.place, "is null; leave the field out instead");
  }
  return made;
}

}  // namespace

FieldResult<FieldNode> read_json_tree(std::string_view text) {
  dom::parser parser;
  dom::element root;
  const auto failure =
      text.empty() ? simdjson::EMPTY : parser.parse(text.data(), text.size(), true).get(root);
  if (failure)
    return problem("$", fmt::format("is not JSON: {}", simdjson::error_message(failure)));
  if (!root.is_object()) return problem("$", "is no JSON object");
  return convert(root, "$", 0);
}

}  // namespace attune::engage
