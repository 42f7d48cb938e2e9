#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "attune/base/text.h"
#include "parser.h"

namespace attune::rules {
namespace {

bool reads_as_number(std::string_view text) {
  double value = 0;
  text = trim(text);
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && stop == text.data() + text.size();
}

}  // namespace

bool Parser::condition(Index node, std::string_view where) {
  const Type type = rule_.nodes_[node].type;
  if (type == Type::flag) return true;
  const std::string name = shown(node);
  std::string remedy;
  switch (type) {
    case Type::number:
      remedy = fmt::format("compare it, as in {} > 0", name);
      break;
    case Type::text:
      remedy = fmt::format("compare it, as in {} == \"…\"", name);
      break;
    case Type::time:
      remedy = fmt::format("compare it, as in {} > days_ago(30)", name);
      break;
    case Type::duration:
      remedy = fmt::format("compare it, as in {} > 30 days", name);
      break;
    default:
      remedy = fmt::format("ask it, as in {} contains \"…\"", name);
      break;
  }
  fail(spans_[node], fmt::format("{} is {}, and {} must be a condition: {}", name,
                                 with_article(type), where, remedy));
  return false;
}

bool Parser::same_type(Index left, Index right) {
  const Type a = rule_.nodes_[left].type, b = rule_.nodes_[right].type;
  if (a == b) return true;
  fail(spans_[is_constant(left) && !is_constant(right) ? left : right],
       fmt::format("{} is {}, {} is {}{}", shown(left), with_article(a), shown(right),
                   with_article(b), mismatch_remedy(left, right)));
  return false;
}

std::string Parser::mismatch_remedy(Index left, Index right) const {
  if (is_constant(right) || !is_constant(left)) {
    return remedy_for(rule_.nodes_[left].type, right);
  }
  return remedy_for(rule_.nodes_[right].type, left);
}

// How to turn the constant `given` into the type that is wanted; empty when there is nothing to
// say.
std::string Parser::remedy_for(Type wanted, Index given) const {
  const Node& node = rule_.nodes_[given];
  const std::string text = node.op == Op::text ? rule_.texts_[node.index] : std::string();
  if (node.op == Op::text) {
    if (wanted == Type::number && reads_as_number(text)) return ": drop the quotes";
    if (wanted == Type::time && parse_iso(trim(text))) {
      return fmt::format(": write date({})", shown(given));
    }
    if (wanted == Type::flag) {
      const std::string word = ascii_lower(trim(text));
      return word == "true" || word == "false" ? ": drop the quotes" : ": write true or false";
    }
    if (wanted == Type::text_list) return ": write contains instead";
  }
  if (node.op == Op::number) {
    if (wanted == Type::text) return fmt::format(": put it in quotes, \"{}\"", shown(given));
    if (wanted == Type::flag) return ": write true or false";
    if (wanted == Type::duration) return fmt::format(": write {} days", shown(given));
  }
  if (wanted == Type::time) return ": write date(\"2011-06-01\"), days_ago(30) or now";
  if (wanted == Type::duration) return ": write a duration such as 30 days";
  if (wanted == Type::number && node.op == Op::duration) {
    return ": write the number alone, and mind its unit";
  }
  if (wanted == Type::number && node.type == Type::duration) {
    return ": divide it by 1 day to count days";
  }
  if (wanted == Type::number && node.type == Type::text_list) {
    return fmt::format(": write count({})", shown(given));
  }
  return "";
}

bool Parser::of_type(Index node, Type wanted, std::string_view what) {
  const Type type = rule_.nodes_[node].type;
  if (type == wanted) return true;
  fail(spans_[node], fmt::format("{} must be {}, and {} is {}{}", what, with_article(wanted),
                                 shown(node), with_article(type), remedy_for(wanted, node)));
  return false;
}

bool Parser::arithmetic_type(Op op, Type left, Type right, Type& result) const {
  const bool numbers = left == Type::number && right == Type::number;
  const bool durations = left == Type::duration && right == Type::duration;
  const bool sum = op == Op::add || op == Op::subtract;
  if (numbers || (durations && sum)) {
    result = left;
  } else if (left == Type::time && right == Type::duration && sum) {
    result = Type::time;
  } else if (left == Type::duration && right == Type::time && op == Op::add) {
    result = Type::time;
  } else if (left == Type::time && right == Type::time && op == Op::subtract) {
    result = Type::duration;
  } else if (left == Type::duration && right == Type::number && !sum) {
    result = Type::duration;
  } else if (left == Type::number && right == Type::duration && op == Op::multiply) {
    result = Type::duration;
  } else if (durations && op == Op::divide) {
    result = Type::number;
  } else {
    return false;
  }
  return true;
}

bool Parser::known_value(Index field, Index constant) {
  const Node& place = rule_.nodes_[field];
  const Node& given = rule_.nodes_[constant];
  if (place.op != Op::field || given.op != Op::text) return true;
  const Field& declared = schema_.fields()[place.index];
  const std::string& text = rule_.texts_[given.index];
  if (declared.values.empty() ||
      std::ranges::find(declared.values, text) != declared.values.end()) {
    return true;
  }
  std::string all;
  for (const std::string& value : declared.values) {
    all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", quoted(value, 30));
  }
  fail(spans_[constant],
       fmt::format("{} is never \"{}\"{}", declared.name, quoted(text),
                   did_you_mean(text, declared.values)),
       "one of " + all);
  return false;
}

// The node as it was typed, for messages.
std::string Parser::shown(Index node) const {
  const Span span = spans_[node];
  return quoted(text_.substr(span.offset, span.end - span.offset), 40);
}

}  // namespace attune::rules
