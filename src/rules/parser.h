// Recursive descent over the tokens of a rule: checks types while it builds the compiled form.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/rules/rule.h"
#include "lexer.h"

namespace attune::rules {

// One text, one parser. Invariants: (1) after the first failure nothing is built and every method
// returns kNone; (2) no method recurses deeper than kMaxRuleDepth parentheses, signs and nots; (3)
// the tree that is built is at most kMaxTreeDepth deep.
class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens, const Schema& schema)
      : text_(text), tokens_(std::move(tokens)), schema_(schema) {}

  std::expected<Rule, Diagnostic> run();

 private:
  using Op = Rule::Op;
  using Node = Rule::Node;
  using Index = std::uint32_t;
  static constexpr Index kNone = 0xFFFFFFFF;
  static constexpr int kMaxTreeDepth = 400;

  struct Span {
    std::size_t offset = 0;
    std::size_t end = 0;
  };

  // Grammar, in parser.cc.
  Index any_of();
  Index all_of();
  Index negation();
  Index comparison();
  Index comparison_tail(Index left, bool negated);
  Index relation(Index left);
  Index between(Index left, bool negated);
  Index in(Index left, bool negated);
  Index contains(Index left, bool negated);
  Index starts_or_ends(Index left, bool negated, Op op);
  Index is_missing(Index left);
  Index chain(bool products);
  Index sign();
  Index primary();
  Index number_or_duration();
  Index name();
  Index plain_word(const Token& token);
  Index parenthesised();
  Index list(Type wanted, Index left);
  Index list_constant();

  // Names and calls, in parser_names.cc.
  Index field(const Token& token);
  Index call(const Token& token);
  Index days_ago(const Token& token);
  Index date(const Token& token);
  Index count(const Token& token);
  std::vector<Index> arguments(const Token& token);
  Index checked_call(const Token& token, std::size_t function, std::vector<Index> given);
  bool check_arguments(const Token& token, const Function& declared, std::span<const Index> given);
  Index unknown_name(const Token& token, bool as_function);

  // Types, in parser_types.cc.
  bool condition(Index node, std::string_view where);
  bool same_type(Index left, Index right);
  bool of_type(Index node, Type wanted, std::string_view what);
  bool arithmetic_type(Op op, Type left, Type right, Type& result) const;
  bool known_value(Index field, Index constant);
  std::string mismatch_remedy(Index left, Index right) const;
  std::string remedy_for(Type wanted, Index given) const;
  std::string shown(Index node) const;

  // Building.
  Index add(Node node, std::span<const Index> children, Span span);
  Index add(Node node, std::initializer_list<Index> children, Span span) {
    return add(node, std::span<const Index>(children.begin(), children.size()), span);
  }
  Index constant(Op op, Type type, double number, std::int64_t micros, Span span);
  Index text_constant(std::string text, Span span);
  Index duration(double amount, std::int64_t unit, Span span);
  Index negated_constant(Index node, Span span);
  Index child(Index node, std::uint32_t which) const;
  std::vector<Index> flattened(Op op, std::span<const Index> parts) const;
  void finish(Index root);
  Value constant_value(Index node) const;
  bool is_constant(Index node) const;

  // Tokens.
  const Token& peek(std::size_t ahead = 0) const;
  Token take();
  bool at_word(std::string_view keyword, std::size_t ahead = 0) const;
  bool at_sign(std::string_view sign, std::size_t ahead = 0) const;
  bool take_word(std::string_view keyword);
  bool take_sign(std::string_view sign);
  std::size_t last_end() const;
  Span span_from(Index first) const { return {spans_[first].offset, last_end()}; }
  Index fail(Span span, std::string message, std::string expected = {});
  Index unexpected(std::string expected);
  bool enter(const Token& at);

  std::string_view text_;
  std::vector<Token> tokens_;
  const Schema& schema_;
  std::size_t next_ = 0;
  int depth_ = 0;
  Rule rule_;
  std::vector<Span> spans_;       // of nodes
  std::vector<int> tree_depths_;  // of nodes
  std::optional<Type> wanted_;    // the type that a comparison would like to see next
  std::optional<Diagnostic> failure_;
};

}  // namespace attune::rules
