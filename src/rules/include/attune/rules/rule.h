// One predicate language for customers, items and campaigns. Answers: is this so?
//
//   monetary_cents > 50000 and recency_days < 30 and likes("category:shoes")
//   stage == "at risk" or not (country in ["UK", "法国"])
//   last_purchase >= date("2011-06-01") and now - first_purchase > 26 weeks
//   orders between 2 and 5 and brands contains any ["Acme", "Bolt"] and email is not missing
//
// Grammar (keywords in any case; white space and line breaks are free):
//   rule       = all { "or" all }
//   all        = negation { "and" negation }
//   negation   = "not" negation | comparison
//   comparison = sum [ ( "==" | "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) sum
//                    | ["not"] "between" sum "and" sum              both ends belong to it
//                    | ["not"] "in" ( list | field of type list of text )
//                    | ["not"] "contains" ( sum | ( "any" | "all" ) list )
//                    | ["not"] ( "starts_with" | "ends_with" ) sum
//                    | "is" ["not"] "missing" ]
//   sum        = product { ( "+" | "-" ) product }
//   product    = sign { ( "*" | "/" ) sign }
//   sign       = "-" sign | primary
//   primary    = number | text | duration | "true" | "false" | "now" | field
//              | function "(" [ rule { "," rule } ] ")" | "(" rule ")"
//   duration   = number ( "minutes" | "hours" | "days" | "weeks" )     singular too; a day is 24 h
//   list       = "[" constant { "," constant } "]"
// Built in: now · days_ago(30) is now - 30 days · date("2011-06-01") or date("2011-06-01 14:30") is
// that moment in the shop's time zone unless the text names its own, a day alone means its
// beginning · count(list) is a number. Text stands in " or ' with the escapes \" \' \\ \n \t; texts
// compare byte by byte (code point order, case matters). A field with an awkward name stands in
// backquotes: `order count`. Chinese names need none.
//
// Missing values. A value is present or missing; a condition is always true or false.
//   1. Arithmetic with a missing value is missing; so is x / 0, and every result that is not finite
//      or past the range of time.
//   2. Every comparison with a missing value is false, "!=" and the "not in" forms too. So
//      country != "UK" leaves out customers without a country, while not (country == "UK") takes
//      them in.
//   3. A missing flag, alone as a condition, is false.
//   4. "is missing" and "is not missing" tell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/rules/field_source.h"
#include "attune/rules/schema.h"

namespace attune::rules {

inline constexpr std::size_t kMaxRuleBytes = 64 * 1024;
inline constexpr int kMaxRuleDepth = 100;  // of parentheses, "not" and signs inside each other

// What is wrong with a rule's text, and where.
struct Diagnostic {
  std::size_t offset = 0;  // bytes
  std::size_t length = 0;  // bytes; 0 at the end of the text
  int line = 1;            // from 1
  int column = 1;          // from 1, in characters
  std::string message;     // one sentence, with the remedy
  std::string expected;    // what could stand there; may be empty

  // "1:15: message", the line of the rule, a caret line, and "expected …".
  std::string to_string(std::string_view text) const;
};

// A parsed and compiled rule. A value: immutable, equal when it prints the same for the same
// schema, safe to share between threads, needs neither its text nor its schema after parsing (but a
// source with the schema's numbering).
class Rule {
 public:
  // Errors: invalid_argument; the message is Diagnostic::to_string. Cost: linear in the text.
  static Result<Rule> parse(std::string_view text, const Schema& schema);
  // The same as data for an editor; absent when the rule is well.
  static std::optional<Diagnostic> diagnose(std::string_view text, const Schema& schema);

  // Whether the rule holds for `source` at `now`. Never fails, never allocates. Cost: tens of
  // nanoseconds for a rule of two comparisons, plus the source's; "and" and "or" stop at the first
  // answer; long lists are searched by halving.
  bool matches(const FieldSource& source, Timestamp now) const;

  // The rule in normal form: parsing it again (same schema) gives an equal rule.
  std::string print() const;

  // Indexes of the schema's fields that the rule reads, ascending, each once.
  const std::vector<std::size_t>& fields_used() const { return fields_used_; }

  // The function calls, in order of writing. `arguments` are views into the rule; std::monostate
  // where not constant.
  struct CallSite {
    std::size_t function = 0;
    std::vector<Value> arguments;
  };
  std::vector<CallSite> calls() const;

  // Whether the answer can change while the source stays: now or days_ago is used.
  bool depends_on_clock() const { return depends_on_clock_; }

  friend bool operator==(const Rule& a, const Rule& b) { return a.print() == b.print(); }

 private:
  Rule() = default;
  friend class Parser;
  friend class Evaluation;
  friend class Printer;

  enum class Op : std::uint8_t {
    number,
    text,
    flag,
    time,
    duration,
    now,  // constants and the clock
    field,
    call,
    count,  // reads
    negate,
    add,
    subtract,
    multiply,
    divide,  // arithmetic
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    between,
    in_list,
    contains,
    contains_any,
    contains_all,
    starts_with,
    ends_with,
    is_missing,
    all_of,
    any_of,
    not_of
  };

  // The compiled form is a flat tree. `first` and `count` name children (indexes into nodes_) in
  // children_.
  struct Node {
    Op op = Op::flag;
    Type type = Type::flag;
    bool negated = false;
    bool field_against_constant =
        false;  // comparison of a number or time field with a constant: short path
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t index = 0;  // field, function, text, list or, for a short path, field
    std::uint32_t site = 0;   // of a call, in call_nodes_
    std::uint32_t name = 0;   // of a field or function, in names_; of a date, its text in texts_
    double number = 0;        // also a flag as 0 or 1; for a short path the constant
    std::int64_t micros = 0;  // of a time or duration
  };

  // A list of constants: in order of writing, and sorted for the search.
  struct List {
    std::vector<std::uint32_t> nodes;
    std::vector<double> numbers;
    std::vector<std::int64_t> micros;
    std::vector<std::string> texts;
  };

  Value constant(std::uint32_t node) const;

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> children_;
  std::vector<std::string> texts_;
  std::vector<List> lists_;
  std::vector<std::uint32_t> call_nodes_;
  std::vector<std::string> names_;  // of fields and functions, for printing
  std::vector<std::size_t> fields_used_;
  std::uint32_t root_ = 0;
  bool depends_on_clock_ = false;
};

}  // namespace attune::rules
