#include "attune/rules/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "attune/base/text.h"
#include "lexer.h"

namespace attune::rules {
namespace {

struct TypeName {
  std::string_view name;
  std::string_view with_article;
};
constexpr std::array<TypeName, 6> kTypes{{{"number", "a number"},
                                          {"text", "text"},
                                          {"flag", "a flag (true or false)"},
                                          {"time", "a time"},
                                          {"list of text", "a list of text"},
                                          {"duration", "a duration"}}};
constexpr std::string_view kBuiltIn[] = {"date", "days_ago", "now", "count"};

Status check_field(const Field& field) {
  if (field.name.empty()) return std::unexpected(invalid_argument("a field has no name"));
  if (field.name.find_first_of("`\n\r") != std::string::npos || first_invalid_utf8(field.name)) {
    return std::unexpected(invalid_argument(fmt::format(
        "field '{}': a name holds no backquote, no line break, and is UTF-8", quoted(field.name))));
  }
  if (field.type == Type::duration) {
    return std::unexpected(invalid_argument(
        fmt::format("field '{}' cannot be a duration: make it a number, with its unit in the name",
                    field.name)));
  }
  return {};
}

Status check_function(const Function& function) {
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(
        invalid_argument(fmt::format("function '{}': {}", quoted(function.name), why)));
  };
  if (!is_plain_name(function.name))
    return refuse("a name is letters, digits and _, and no keyword");
  if (std::ranges::find(kBuiltIn, function.name) != std::end(kBuiltIn)) {
    return refuse("the language has a function of that name");
  }
  if (function.arguments.size() > kMaxArguments) {
    return refuse(fmt::format("more than {} arguments", kMaxArguments));
  }
  if (function.optional_arguments > function.arguments.size()) {
    return refuse("more optional arguments than arguments");
  }
  if (std::ranges::find(function.arguments, Type::text_list) != function.arguments.end()) {
    return refuse("an argument cannot be a list of text");
  }
  if (function.result == Type::text_list || function.result == Type::duration) {
    return refuse("the result is a number, a text, a flag or a time");
  }
  return {};
}

}  // namespace

std::string_view with_article(Type type) {
  return kTypes[static_cast<std::size_t>(type)].with_article;
}

std::string_view name_of(Type type) { return kTypes[static_cast<std::size_t>(type)].name; }

Result<Schema> Schema::create(std::vector<Field> fields, std::vector<Function> functions,
                              TimeZone zone) {
  Schema schema(std::move(zone));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(check_field(fields[i]));
    if (!schema.field_index_.emplace(fields[i].name, i).second) {
      return std::unexpected(
          invalid_argument(fmt::format("there are two fields '{}'", quoted(fields[i].name))));
    }
  }
  for (std::size_t i = 0; i < functions.size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(check_function(functions[i]));
    if (!schema.function_index_.emplace(functions[i].name, i).second) {
      return std::unexpected(
          invalid_argument(fmt::format("there are two functions '{}'", functions[i].name)));
    }
  }
  schema.fields_ = std::move(fields);
  schema.functions_ = std::move(functions);
  return schema;
}

std::optional<std::size_t> Schema::find_field(std::string_view name) const {
  const auto found = field_index_.find(std::string(name));
  return found == field_index_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::size_t> Schema::find_function(std::string_view name) const {
  const auto found = function_index_.find(std::string(name));
  return found == function_index_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace attune::rules
