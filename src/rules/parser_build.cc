#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attune/base/text.h"
#include "parser.h"

namespace attune::rules {
namespace {

// Durations are kept to the millisecond, so that a fraction of a minute prints and reads back as
// itself.
constexpr std::int64_t kDurationStep = 1000;
constexpr double kLongestDuration = 10'000.0 * 366 * kMicrosPerDay;

}  // namespace

Parser::Index Parser::add(Node node, std::span<const Index> children, Span span) {
  if (failure_) return kNone;
  int depth = 1;
  for (const Index part : children) depth = std::max(depth, tree_depths_[part] + 1);
  if (depth > kMaxTreeDepth) {
    return fail({span.offset, span.offset + 1},
                fmt::format("more than {} operations hang on each other here: group them with "
                            "parentheses, or split the rule",
                            kMaxTreeDepth));
  }
  node.first = static_cast<std::uint32_t>(rule_.children_.size());
  node.count = static_cast<std::uint32_t>(children.size());
  rule_.children_.insert(rule_.children_.end(), children.begin(), children.end());
  rule_.nodes_.push_back(node);
  spans_.push_back(span);
  tree_depths_.push_back(depth);
  return static_cast<Index>(rule_.nodes_.size() - 1);
}

Parser::Index Parser::constant(Op op, Type type, double number, std::int64_t micros, Span span) {
  return add({.op = op, .type = type, .number = number, .micros = micros}, {}, span);
}

Parser::Index Parser::text_constant(std::string text, Span span) {
  rule_.texts_.push_back(std::move(text));
  return add(
      {.op = Op::text, .type = Type::text, .index = static_cast<Index>(rule_.texts_.size() - 1)},
      {}, span);
}

Parser::Index Parser::duration(double amount, std::int64_t unit, Span span) {
  const double micros = amount * static_cast<double>(unit);
  if (!(std::abs(micros) <= kLongestDuration)) {
    return fail(span, "a duration is at most 10,000 years long");
  }
  const std::int64_t steps = std::llround(micros / static_cast<double>(kDurationStep));
  return constant(Op::duration, Type::duration, 0, steps * kDurationStep, span);
}

Parser::Index Parser::negated_constant(Index node, Span span) {
  Node& constant = rule_.nodes_[node];
  constant.number = -constant.number;
  constant.micros = -constant.micros;
  spans_[node] = span;
  return node;
}

Parser::Index Parser::child(Index node, std::uint32_t which) const {
  return rule_.children_[rule_.nodes_[node].first + which];
}

// (a or b) or c is a or b or c.
std::vector<Parser::Index> Parser::flattened(Op op, std::span<const Index> parts) const {
  std::vector<Index> flat;
  for (const Index part : parts) {
    const Node& node = rule_.nodes_[part];
    if (node.op != op) {
      flat.push_back(part);
      continue;
    }
    for (std::uint32_t i = 0; i < node.count; ++i) flat.push_back(child(part, i));
  }
  return flat;
}

bool Parser::is_constant(Index node) const {
  const Op op = rule_.nodes_[node].op;
  return op == Op::number || op == Op::text || op == Op::flag || op == Op::time ||
         op == Op::duration;
}

Value Parser::constant_value(Index node) const { return rule_.constant(node); }

// The last steps of compiling: sorted lists, short paths, what the rule reads.
void Parser::finish(Index root) {
  rule_.root_ = root;
  for (Rule::List& list : rule_.lists_) {
    for (const Index value : list.nodes) {
      const Node& node = rule_.nodes_[value];
      if (node.op == Op::text) {
        list.texts.push_back(rule_.texts_[node.index]);
      } else if (node.op == Op::number) {
        list.numbers.push_back(node.number);
      } else {
        list.micros.push_back(node.micros);
      }
    }
    std::ranges::sort(list.numbers);
    std::ranges::sort(list.micros);
    std::ranges::sort(list.texts);
  }
  for (Node& node : rule_.nodes_) {
    if (node.op == Op::now) rule_.depends_on_clock_ = true;
    if (node.op == Op::field) rule_.fields_used_.push_back(node.index);
    if (node.op < Op::equal || node.op > Op::greater_equal) continue;
    const Node& left = rule_.nodes_[rule_.children_[node.first]];
    const Node& right = rule_.nodes_[rule_.children_[node.first + 1]];
    if (left.op != Op::field || (right.op != Op::number && right.op != Op::time)) continue;
    node.field_against_constant = true;
    node.index = left.index;
    node.number = right.number;
    node.micros = right.micros;
  }
  auto& used = rule_.fields_used_;
  std::ranges::sort(used);
  used.erase(std::ranges::unique(used).begin(), used.end());
}

const Token& Parser::peek(std::size_t ahead) const {
  return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
}

Token Parser::take() {
  Token token = peek();
  if (next_ + 1 < tokens_.size()) ++next_;
  return token;
}

bool Parser::at_word(std::string_view keyword, std::size_t ahead) const {
  const Token& token = peek(ahead);
  return token.kind == TokenKind::name && token.text.size() == keyword.size() &&
         ascii_lower(token.text) == keyword;
}

bool Parser::at_sign(std::string_view sign, std::size_t ahead) const {
  const Token& token = peek(ahead);
  return token.kind == TokenKind::sign && token.text == sign;
}

bool Parser::take_word(std::string_view keyword) {
  if (failure_ || !at_word(keyword)) return false;
  take();
  return true;
}

bool Parser::take_sign(std::string_view sign) {
  if (failure_ || !at_sign(sign)) return false;
  take();
  return true;
}

std::size_t Parser::last_end() const {
  if (next_ == 0) return 0;
  const Token& last = tokens_[next_ - 1];
  return last.offset + last.length;
}

Parser::Index Parser::fail(Span span, std::string message, std::string expected) {
  if (!failure_) {
    failure_ = Diagnostic{span.offset, span.end - span.offset, 1,
                          1,           std::move(message),     std::move(expected)};
  }
  return kNone;
}

Parser::Index Parser::unexpected(std::string expected) {
  const Token& token = peek();
  if (token.kind == TokenKind::end) {
    return fail({token.offset, token.offset}, "the rule ends too early", std::move(expected));
  }
  const std::string typed = quoted(text_.substr(token.offset, token.length), 40);
  std::string message = fmt::format("{} cannot stand here",
                                    token.kind == TokenKind::text ? typed : "'" + typed + "'");
  if (token.kind == TokenKind::name && !is_keyword(token.text)) {
    constexpr std::string_view kSimilar[] = {
        "and", "or", "not", "between", "in", "contains", "starts_with", "ends_with", "is"};
    const std::vector<std::string> words(std::begin(kSimilar), std::end(kSimilar));
    const std::string word = ascii_lower(token.text);
    if (word == "like" || word == "matches") {
      message += ": there are contains, starts_with and ends_with";
    } else if (word == "null" || word == "empty") {
      message += ": write 'is missing'";
    } else {
      message += did_you_mean(word, words);
    }
  }
  return fail({token.offset, token.offset + token.length}, std::move(message), std::move(expected));
}

bool Parser::enter(const Token& at) {
  if (++depth_ <= kMaxRuleDepth) return true;
  fail({at.offset, at.offset + at.length},
       fmt::format("nested more than {} levels deep: split the rule into several segments",
                   kMaxRuleDepth));
  return false;
}

}  // namespace attune::rules
