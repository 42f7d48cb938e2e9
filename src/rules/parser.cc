#include "parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "attune/base/text.h"

namespace attune::rules {
namespace {

constexpr std::string_view kOperand = "a field, a function, a number, \"text\" or (";
constexpr std::string_view kAfterOperand =
    "a comparison (== != < <= > >= between in contains starts_with is), and, or, or the end";

}  // namespace

std::expected<Rule, Diagnostic> Parser::run() {
  if (peek().kind == TokenKind::end) {
    fail({0, 0}, "the rule is empty", std::string(kOperand));
  } else {
    const Index root = any_of();
    if (!failure_ && peek().kind != TokenKind::end) unexpected(std::string(kAfterOperand));
    if (!failure_ && condition(root, "the rule")) finish(root);
  }
  if (failure_) return std::unexpected(locate(text_, *failure_));
  return std::move(rule_);
}

Parser::Index Parser::any_of() {
  std::vector<Index> parts{all_of()};
  while (!failure_ && take_word("or")) parts.push_back(all_of());
  if (failure_) return kNone;
  if (parts.size() == 1) return parts.front();
  for (const Index part : parts) {
    if (!condition(part, "each side of 'or'")) return kNone;
  }
  return add({.op = Op::any_of}, flattened(Op::any_of, parts), span_from(parts.front()));
}

Parser::Index Parser::all_of() {
  std::vector<Index> parts{negation()};
  while (!failure_ && take_word("and")) parts.push_back(negation());
  if (failure_) return kNone;
  if (parts.size() == 1) return parts.front();
  for (const Index part : parts) {
    if (!condition(part, "each side of 'and'")) return kNone;
  }
  return add({.op = Op::all_of}, flattened(Op::all_of, parts), span_from(parts.front()));
}

Parser::Index Parser::negation() {
  if (!at_word("not")) return comparison();
  const Token word = take();
  if (!enter(word)) return kNone;
  const Index inner = negation();
  --depth_;
  if (failure_ || !condition(inner, "what follows 'not'")) return kNone;
  return add({.op = Op::not_of}, {inner}, {word.offset, last_end()});
}

Parser::Index Parser::comparison() {
  const Index left = chain(false);
  if (failure_) return kNone;
  const bool negated =
      at_word("not") && (at_word("between", 1) || at_word("in", 1) || at_word("contains", 1) ||
                         at_word("starts_with", 1) || at_word("ends_with", 1));
  if (negated) take();
  const Index whole = comparison_tail(left, negated);
  if (failure_) return kNone;
  if (whole != left && (at_sign("<") || at_sign("<=") || at_sign(">") || at_sign(">=") ||
                        at_sign("==") || at_sign("=") || at_sign("!="))) {
    return fail({peek().offset, peek().offset + peek().length},
                "comparisons do not chain: write x between 1 and 5, or 1 < x and x < 5");
  }
  return whole;
}

Parser::Index Parser::comparison_tail(Index left, bool negated) {
  const auto type = rule_.nodes_[left].type;
  wanted_ = type == Type::text_list ? Type::text : type;
  Index whole = left;
  if (take_word("between")) {
    whole = between(left, negated);
  } else if (take_word("in")) {
    whole = in(left, negated);
  } else if (take_word("contains")) {
    whole = contains(left, negated);
  } else if (take_word("starts_with")) {
    whole = starts_or_ends(left, negated, Op::starts_with);
  } else if (take_word("ends_with")) {
    whole = starts_or_ends(left, negated, Op::ends_with);
  } else if (take_word("is")) {
    whole = is_missing(left);
  } else if (peek().kind == TokenKind::sign) {
    whole = relation(left);
  }
  wanted_.reset();
  return failure_ ? kNone : whole;
}

Parser::Index Parser::relation(Index left) {
  constexpr std::array<std::pair<std::string_view, Op>, 8> kRelations{{{"==", Op::equal},
                                                                       {"=", Op::equal},
                                                                       {"!=", Op::unequal},
                                                                       {"<>", Op::unequal},
                                                                       {"<", Op::less},
                                                                       {"<=", Op::less_equal},
                                                                       {">", Op::greater},
                                                                       {">=", Op::greater_equal}}};
  const auto found = std::ranges::find(kRelations, peek().text, [](auto& p) { return p.first; });
  if (found == kRelations.end()) return left;
  const Token sign = take();
  const Index right = chain(false);
  if (failure_ || !same_type(left, right)) return kNone;
  const Type type = rule_.nodes_[left].type;
  if (type == Type::text_list) {
    return fail(spans_[left], fmt::format("{} is a list of text: write {} contains \"…\"",
                                          shown(left), shown(left)));
  }
  const bool ordering = found->second != Op::equal && found->second != Op::unequal;
  if (ordering && type == Type::flag) {
    return fail({sign.offset, sign.offset + sign.length},
                "flags have no order: compare them with == true or == false");
  }
  if (!ordering && (!known_value(left, right) || !known_value(right, left))) return kNone;
  return add({.op = found->second}, {left, right}, span_from(left));
}

Parser::Index Parser::between(Index left, bool negated) {
  const Index low = chain(false);
  if (failure_ || !same_type(left, low)) return kNone;
  if (!take_word("and")) return unexpected("'and' and the upper end, as in x between 1 and 5");
  const Index high = chain(false);
  if (failure_ || !same_type(left, high)) return kNone;
  const Type type = rule_.nodes_[left].type;
  if (type == Type::flag || type == Type::text_list) {
    return fail(spans_[left],
                fmt::format("{} is {}, which has no order: 'between' needs a number, a "
                            "text, a time or a duration",
                            shown(left), with_article(type)));
  }
  return add({.op = Op::between, .negated = negated}, {left, low, high}, span_from(left));
}

Parser::Index Parser::in(Index left, bool negated) {
  const Type type = rule_.nodes_[left].type;
  if (!at_sign("[")) {
    if (at_sign("(")) {
      return fail({peek().offset, peek().offset + 1},
                  "write a list in square brackets: [\"a\", \"b\"]");
    }
    if (peek().kind == TokenKind::number || peek().kind == TokenKind::text) {
      return unexpected("a list, as in [\"a\", \"b\"]");
    }
    const Index container = primary();
    if (failure_ || !of_type(container, Type::text_list, "what follows 'in'")) return kNone;
    if (!of_type(left, Type::text, "what is looked for in a list of text")) return kNone;
    if (!known_value(container, left)) return kNone;
    return add({.op = Op::contains, .negated = negated}, {container, left}, span_from(left));
  }
  if (type == Type::flag || type == Type::text_list) {
    return fail(spans_[left],
                fmt::format("{} is {}: {}", shown(left), with_article(type),
                            type == Type::flag ? "write it alone, or compare it with == true"
                                               : "write contains any [\"a\", \"b\"]"));
  }
  const Index constants = list(type, left);
  if (failure_) return kNone;
  return add({.op = Op::in_list, .negated = negated, .index = constants}, {left}, span_from(left));
}

Parser::Index Parser::contains(Index left, bool negated) {
  const Type type = rule_.nodes_[left].type;
  if (type != Type::text && type != Type::text_list) {
    return fail(spans_[left],
                fmt::format("{} is {}: 'contains' looks into a text or a list of text", shown(left),
                            with_article(type)));
  }
  const bool any = (at_word("any") || at_word("all")) && at_sign("[", 1);
  if (any) {
    const Op op = at_word("any") ? Op::contains_any : Op::contains_all;
    take();
    const Index constants = list(Type::text, left);
    if (failure_) return kNone;
    return add({.op = op, .negated = negated, .index = constants}, {left}, span_from(left));
  }
  if (at_sign("["))
    return unexpected("'any' or 'all' before the list: contains any [\"a\", \"b\"]");
  const Index part = chain(false);
  if (failure_ || !of_type(part, Type::text, "what follows 'contains'")) return kNone;
  if (type == Type::text_list && !known_value(left, part)) return kNone;
  return add({.op = Op::contains, .negated = negated}, {left, part}, span_from(left));
}

Parser::Index Parser::starts_or_ends(Index left, bool negated, Op op) {
  const std::string_view word = op == Op::starts_with ? "starts_with" : "ends_with";
  if (!of_type(left, Type::text, fmt::format("what stands before '{}'", word))) return kNone;
  const Index part = chain(false);
  if (failure_ || !of_type(part, Type::text, fmt::format("what follows '{}'", word))) return kNone;
  return add({.op = op, .negated = negated}, {left, part}, span_from(left));
}

Parser::Index Parser::is_missing(Index left) {
  const bool negated = take_word("not");
  if (!take_word("missing")) {
    return unexpected(negated ? "'missing', as in is not missing; for values write !="
                              : "'missing' or 'not missing'; for values write ==");
  }
  return add({.op = Op::is_missing, .negated = negated}, {left}, span_from(left));
}

// Sums of products, or products of signed operands; both group to the left.
Parser::Index Parser::chain(bool products) {
  Index left = products ? sign() : chain(true);
  while (!failure_) {
    const std::string_view typed =
        peek().kind == TokenKind::sign ? std::string_view(peek().text) : std::string_view();
    Op op = Op::add;
    if (products ? typed == "*" : typed == "+") {
      op = products ? Op::multiply : Op::add;
    } else if (products ? typed == "/" : typed == "-") {
      op = products ? Op::divide : Op::subtract;
    } else {
      break;
    }
    const Token sign_token = take();
    const Index right = products ? sign() : chain(true);
    if (failure_) break;
    Type result = Type::number;
    const Type a = rule_.nodes_[left].type, b = rule_.nodes_[right].type;
    if (!arithmetic_type(op, a, b, result)) {
      return fail({sign_token.offset, sign_token.offset + sign_token.length},
                  fmt::format("'{}' cannot join {} ({}) and {} ({})", sign_token.text, shown(left),
                              name_of(a), shown(right), name_of(b)),
                  "numbers; or a time and a duration such as 30 days");
    }
    left = add({.op = op, .type = result}, {left, right}, span_from(left));
  }
  return failure_ ? kNone : left;
}

Parser::Index Parser::sign() {
  if (!at_sign("-")) return primary();
  const Token minus = take();
  if (!enter(minus)) return kNone;
  const Index inner = sign();
  --depth_;
  if (failure_) return kNone;
  const Span span{minus.offset, last_end()};
  const Node& node = rule_.nodes_[inner];
  if (node.op == Op::number || node.op == Op::duration) return negated_constant(inner, span);
  if (node.type != Type::number && node.type != Type::duration) {
    return fail(span, fmt::format("{} is {}: only numbers and durations have a sign", shown(inner),
                                  with_article(node.type)));
  }
  return add({.op = Op::negate, .type = node.type}, {inner}, span);
}

Parser::Index Parser::primary() {
  const Token& token = peek();
  switch (token.kind) {
    case TokenKind::number:
      return number_or_duration();
    case TokenKind::text: {
      const Token text = take();
      return text_constant(text.text, {text.offset, text.offset + text.length});
    }
    case TokenKind::name:
    case TokenKind::quoted_name:
      return name();
    case TokenKind::sign:
      if (token.text == "(") return parenthesised();
      break;
    case TokenKind::end:
      break;
  }
  return unexpected(std::string(kOperand));
}

Parser::Index Parser::parenthesised() {
  const Token open = take();
  if (!enter(open)) return kNone;
  const auto wanted = std::exchange(wanted_, std::nullopt);
  const Index inner = any_of();
  wanted_ = wanted;
  --depth_;
  if (failure_) return kNone;
  if (!take_sign(")")) {
    if (peek().kind != TokenKind::end) return unexpected("')', " + std::string(kAfterOperand));
    return fail({open.offset, open.offset + 1}, "this parenthesis is not closed: add )");
  }
  spans_[inner] = {open.offset, last_end()};
  return inner;
}

Parser::Index Parser::number_or_duration() {
  struct Unit {
    std::string_view name;
    std::int64_t micros;
  };
  constexpr std::array<Unit, 8> kUnits{{{"minute", kMicrosPerMinute},
                                        {"minutes", kMicrosPerMinute},
                                        {"hour", kMicrosPerHour},
                                        {"hours", kMicrosPerHour},
                                        {"day", kMicrosPerDay},
                                        {"days", kMicrosPerDay},
                                        {"week", 7 * kMicrosPerDay},
                                        {"weeks", 7 * kMicrosPerDay}}};
  const Token number = take();
  const Span span{number.offset, number.offset + number.length};
  if (peek().kind == TokenKind::name) {
    const std::string unit = ascii_lower(peek().text);
    const auto found = std::ranges::find(kUnits, unit, &Unit::name);
    if (found != kUnits.end()) {
      take();
      return duration(number.number, found->micros, {number.offset, last_end()});
    }
    if (!is_keyword(unit)) {
      return fail(
          {peek().offset, peek().offset + peek().length},
          fmt::format("'{}' cannot follow a number; months and years differ in length, so count "
                      "days or weeks",
                      quoted(peek().text)),
          "minutes, hours, days or weeks, a sign, and, or, or the end");
    }
  }
  if (at_sign(",") && peek(1).kind == TokenKind::number && peek(1).length == 3) {
    const bool grouped = peek().offset == span.end && peek(1).offset == span.end + 1;
    if (grouped && depth_ == 0) {
      return fail({span.offset, peek(1).offset + 3},
                  "write a number without thousands separators: 50000, not 50,000");
    }
  }
  return constant(Op::number, Type::number, number.number, 0, span);
}

Parser::Index Parser::name() {
  const Token token = take();
  if (at_sign("(")) return call(token);
  return token.kind == TokenKind::name ? plain_word(token) : field(token);
}

Parser::Index Parser::plain_word(const Token& token) {
  const std::string word = ascii_lower(token.text);
  const Span span{token.offset, token.offset + token.length};
  if (word == "true") return constant(Op::flag, Type::flag, 1, 0, span);
  if (word == "false") return constant(Op::flag, Type::flag, 0, 0, span);
  if (word == "now") return constant(Op::now, Type::time, 0, 0, span);
  if (is_keyword(word)) {
    --next_;
    return unexpected(std::string(kOperand));
  }
  return field(token);
}

Parser::Index Parser::list(Type wanted, Index left) {
  if (!at_sign("[")) return unexpected("a list, as in [\"a\", \"b\"]");
  const Token open = take();
  Rule::List constants;
  ++depth_;  // inside a list a comma separates; it groups no thousands
  do {
    if (at_sign("]")) {
      return constants.nodes.empty()
                 ? fail({open.offset, last_end() + 1}, "the list is empty: put values into it")
                 : unexpected("a value after the comma");
    }
    const Index value = list_constant();
    if (failure_) return kNone;
    if (rule_.nodes_[value].type != wanted) {
      return fail(
          spans_[value],
          fmt::format("this list holds {}, and {} is {}{}", with_article(wanted), shown(value),
                      with_article(rule_.nodes_[value].type), remedy_for(wanted, value)));
    }
    if (!known_value(left, value)) return kNone;
    constants.nodes.push_back(value);
  } while (take_sign(","));
  --depth_;
  if (!take_sign("]")) return unexpected("',' or ']'");
  rule_.lists_.push_back(std::move(constants));
  return static_cast<Index>(rule_.lists_.size() - 1);
}

Parser::Index Parser::list_constant() {
  const Index value = sign();
  if (failure_) return kNone;
  const Op op = rule_.nodes_[value].op;
  if (op != Op::number && op != Op::text && op != Op::time && op != Op::duration) {
    return fail(spans_[value],
                "a list holds constants only: numbers, \"text\", date(\"…\") or 30 days");
  }
  return value;
}

}  // namespace attune::rules
