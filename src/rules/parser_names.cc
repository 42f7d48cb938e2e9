#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "attune/base/text.h"
#include "attune/base/time.h"
#include "parser.h"

namespace attune::rules {
namespace {

constexpr std::array<std::string_view, 3> kBuiltIn{"count", "date", "days_ago"};

// What a field is called elsewhere: in tables, in exports, in files.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"stage", "lifecycle"}, {"item_id", "id"}, {"product_id", "id"}, {"sku", "id"}};

std::string hint_of(const Schema& schema, std::string_view typed,
                    std::span<const std::string> candidates) {
  const auto other = std::ranges::find(kOtherNames, ascii_lower(typed),
                                       &std::pair<std::string_view, std::string_view>::first);
  if (other == std::end(kOtherNames) || !schema.find_field(other->second))
    return did_you_mean(typed, candidates);
  return fmt::format("; did you mean '{}'?", other->second);
}

}  // namespace

Parser::Index Parser::field(const Token& token) {
  const auto index = schema_.find_field(token.text);
  if (!index) return unknown_name(token, false);
  const Field& declared = schema_.fields()[*index];
  rule_.names_.push_back(declared.name);
  return add({.op = Op::field,
              .type = declared.type,
              .index = static_cast<Index>(*index),
              .name = static_cast<Index>(rule_.names_.size() - 1)},
             {}, {token.offset, token.offset + token.length});
}

Parser::Index Parser::unknown_name(const Token& token, bool as_function) {
  const Span span{token.offset, token.offset + token.length};
  const std::string typed = quoted(token.text);
  std::vector<std::string> fields, functions(kBuiltIn.begin(), kBuiltIn.end());
  for (const Field& f : schema_.fields()) fields.push_back(f.name);
  for (const Function& f : schema_.functions()) functions.push_back(f.name);
  const bool other = as_function ? schema_.find_field(token.text).has_value()
                                 : std::ranges::find(functions, token.text) != functions.end();
  if (other) {
    return fail(span, as_function
                          ? fmt::format("'{}' is a field: write it without parentheses", typed)
                          : fmt::format("'{}' is a function: write {}(…)", typed, typed));
  }
  auto& candidates = as_function ? functions : fields;
  std::string message = fmt::format("unknown {} '{}'", as_function ? "function" : "field", typed);
  const std::string hint =
      as_function ? did_you_mean(token.text, candidates) : hint_of(schema_, token.text, candidates);
  if (hint.empty() && !as_function && wanted_ == Type::text) {
    message += fmt::format("; a text needs quotes: \"{}\"", typed);
  } else {
    message += hint;
  }
  std::ranges::sort(candidates);
  std::string expected = as_function ? "one of " : "one of the fields ";
  constexpr std::size_t kShown = 12;
  for (std::size_t i = 0; i < std::min(candidates.size(), kShown); ++i) {
    expected += (i == 0 ? "" : ", ") + quoted(candidates[i], 40);
  }
  if (candidates.size() > kShown) expected += fmt::format(" … ({} in all)", candidates.size());
  return fail(span, std::move(message), candidates.empty() ? "" : std::move(expected));
}

Parser::Index Parser::call(const Token& token) {
  if (const auto function = schema_.find_function(token.text)) {
    std::vector<Index> given = arguments(token);
    return failure_ ? kNone : checked_call(token, *function, std::move(given));
  }
  const std::string word = token.kind == TokenKind::name ? ascii_lower(token.text) : "";
  if (word == "days_ago") return days_ago(token);
  if (word == "date") return date(token);
  if (word == "count") return count(token);
  if (word == "now") {
    return fail({token.offset, token.offset + token.length},
                "'now' is written without parentheses");
  }
  if (is_keyword(word)) {
    --next_;
    return unexpected("a field, a function, a number, \"text\" or (");
  }
  return unknown_name(token, true);
}

// "(" [ sum { "," sum } ] ")"
std::vector<Parser::Index> Parser::arguments(const Token& token) {
  std::vector<Index> given;
  take();
  if (!enter(token)) return given;
  const auto wanted = std::exchange(wanted_, std::nullopt);
  if (!at_sign(")")) {
    do {
      given.push_back(any_of());
    } while (!failure_ && take_sign(","));
  }
  wanted_ = wanted;
  --depth_;
  if (!failure_ && !take_sign(")")) unexpected("',' or ')'");
  return given;
}

Parser::Index Parser::checked_call(const Token& token, std::size_t function,
                                   std::vector<Index> given) {
  const Function& declared = schema_.functions()[function];
  if (!check_arguments(token, declared, given)) return kNone;
  if (declared.check) {
    std::vector<Value> values;
    for (const Index argument : given) values.push_back(constant_value(argument));
    if (const Status accepted = declared.check(values); !accepted) {
      const Span at = given.empty() ? Span{token.offset, token.offset + token.length}
                                    : Span{spans_[given.front()].offset, spans_[given.back()].end};
      return fail(at, accepted.error().message);
    }
  }
  rule_.names_.push_back(declared.name);
  const Index node = add({.op = Op::call,
                          .type = declared.result,
                          .index = static_cast<Index>(function),
                          .site = static_cast<Index>(rule_.call_nodes_.size()),
                          .name = static_cast<Index>(rule_.names_.size() - 1)},
                         given, {token.offset, last_end()});
  rule_.call_nodes_.push_back(node);
  return node;
}

bool Parser::check_arguments(const Token& token, const Function& declared,
                             std::span<const Index> given) {
  const std::size_t most = declared.arguments.size();
  const std::size_t least = most - declared.optional_arguments;
  if (given.size() < least || given.size() > most) {
    const std::string wanted =
        least == most ? fmt::format("{}", most) : fmt::format("{} to {}", least, most);
    std::string signature;
    for (const Type type : declared.arguments) {
      signature += (signature.empty() ? "" : ", ") + std::string(name_of(type));
    }
    fail({token.offset, last_end()},
         fmt::format("{} takes {} argument{}, and {} {} given: {}({})", declared.name, wanted,
                     most == 1 ? "" : "s", given.size(), given.size() == 1 ? "is" : "are",
                     declared.name, signature));
    return false;
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!of_type(given[i], declared.arguments[i],
                 fmt::format("argument {} of {}", i + 1, declared.name))) {
      return false;
    }
  }
  return true;
}

Parser::Index Parser::days_ago(const Token& token) {
  const std::vector<Index> given = arguments(token);
  if (failure_) return kNone;
  const Span span{token.offset, last_end()};
  if (given.size() != 1) return fail(span, "days_ago takes one number: days_ago(30)");
  if (!of_type(given[0], Type::number, "the argument of days_ago")) return kNone;
  const Node days = rule_.nodes_[given[0]];
  const Index now = constant(Op::now, Type::time, 0, 0, span);
  const Index one = duration(days.op == Op::number ? days.number : 1, kMicrosPerDay, span);
  if (failure_) return kNone;
  const Index back = days.op == Op::number
                         ? one
                         : add({.op = Op::multiply, .type = Type::duration}, {given[0], one}, span);
  if (failure_) return kNone;
  return add({.op = Op::subtract, .type = Type::time}, {now, back}, span);
}

Parser::Index Parser::date(const Token& token) {
  const std::vector<Index> given = arguments(token);
  if (failure_) return kNone;
  const Span span{token.offset, last_end()};
  if (given.size() != 1 || rule_.nodes_[given[0]].op != Op::text) {
    return fail(span, "date takes one text: date(\"2011-06-01\") or date(\"2011-06-01 14:30\")");
  }
  const std::string text(trim(rule_.texts_[rule_.nodes_[given[0]].index]));
  const auto parsed = parse_iso(text);
  if (!parsed || !is_valid(parsed->civil)) {
    return fail(
        spans_[given[0]],
        fmt::format("\"{}\" is no date: write year, month and day, as in date(\"2011-06-01\")",
                    quoted(text)));
  }
  const Timestamp moment = parsed->offset_minutes
                               ? Timestamp{utc_from_civil(parsed->civil).micros -
                                           *parsed->offset_minutes * kMicrosPerMinute}
                               : schema_.zone().from_civil(parsed->civil);
  rule_.texts_.push_back(text);
  return add({.op = Op::time,
              .type = Type::time,
              .name = static_cast<Index>(rule_.texts_.size() - 1),
              .micros = moment.micros},
             {}, span);
}

Parser::Index Parser::count(const Token& token) {
  const std::vector<Index> given = arguments(token);
  if (failure_) return kNone;
  const Span span{token.offset, last_end()};
  if (given.size() != 1) return fail(span, "count takes one list of text: count(brands)");
  if (!of_type(given[0], Type::text_list, "the argument of count")) return kNone;
  return add({.op = Op::count, .type = Type::number}, {given[0]}, span);
}

}  // namespace attune::rules
