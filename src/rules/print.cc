// Rules in normal form: one blank around operators, double quotes, parentheses only where they are
// needed.
#include <fmt/format.h>

#include <cmath>

#include "attune/rules/rule.h"
#include "lexer.h"

namespace attune::rules {
namespace {

std::string quoted_text(std::string_view text) {
  std::string shown = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        shown += "\\\"";
        break;
      case '\\':
        shown += "\\\\";
        break;
      case '\n':
        shown += "\\n";
        break;
      case '\t':
        shown += "\\t";
        break;
      default:
        shown += c;
    }
  }
  return shown + "\"";
}

std::string name_in_rule(const std::string& name) {
  return is_plain_name(name) ? name : "`" + name + "`";
}

std::string duration_text(std::int64_t micros) {
  struct Unit {
    std::int64_t micros;
    std::string_view name;
  };
  for (const Unit unit : {Unit{kMicrosPerDay, "days"}, Unit{kMicrosPerHour, "hours"}}) {
    if (micros % unit.micros == 0) return fmt::format("{} {}", micros / unit.micros, unit.name);
  }
  return fmt::format("{} minutes", static_cast<double>(micros) / kMicrosPerMinute);
}

}  // namespace

class Printer {
 public:
  explicit Printer(const Rule& rule) : rule_(rule) {}

  std::string node(std::uint32_t index) const {
    const Node& n = rule_.nodes_[index];
    switch (n.op) {
      case Op::number:
        return fmt::format("{}", n.number);
      case Op::text:
        return quoted_text(rule_.texts_[n.index]);
      case Op::flag:
        return n.number != 0 ? "true" : "false";
      case Op::time:
        return fmt::format("date({})", quoted_text(rule_.texts_[n.name]));
      case Op::duration:
        return duration_text(n.micros);
      case Op::now:
        return "now";
      case Op::field:
        return name_in_rule(rule_.names_[n.name]);
      case Op::call:
        return name_in_rule(rule_.names_[n.name]) + "(" + joined(n, ", ", kRule) + ")";
      case Op::count:
        return "count(" + child(n, 0, kRule) + ")";
      case Op::negate:
        return "-" + child(n, 0, kSign);
      case Op::not_of:
        return "not " + child(n, 0, kNegation);
      case Op::all_of:
        return joined(n, " and ", kNegation);
      case Op::any_of:
        return joined(n, " or ", kAll);
      default:
        return binary(n);
    }
  }

 private:
  using Op = Rule::Op;
  using Node = Rule::Node;
  // How tightly a construct binds; a child that binds less tightly than its place asks for stands
  // in parentheses.
  enum Level { kRule, kAll, kNegation, kComparison, kSum, kProduct, kSign, kPrimary };

  static Level level(const Node& n) {
    switch (n.op) {
      case Op::any_of:
        return kRule;
      case Op::all_of:
        return kAll;
      case Op::not_of:
        return kNegation;
      case Op::add:
      case Op::subtract:
        return kSum;
      case Op::multiply:
      case Op::divide:
        return kProduct;
      case Op::negate:
        return kSign;
      case Op::number:
        return std::signbit(n.number) ? kSign : kPrimary;
      case Op::duration:
        return n.micros < 0 ? kSign : kPrimary;
      case Op::text:
      case Op::flag:
      case Op::time:
      case Op::now:
      case Op::field:
      case Op::call:
      case Op::count:
        return kPrimary;
      default:
        return kComparison;
    }
  }

  std::string child(const Node& n, std::uint32_t which, Level wanted) const {
    const std::uint32_t index = rule_.children_[n.first + which];
    const std::string text = node(index);
    return level(rule_.nodes_[index]) < wanted ? "(" + text + ")" : text;
  }

  std::string joined(const Node& n, std::string_view between, Level wanted) const {
    std::string text;
    for (std::uint32_t i = 0; i < n.count; ++i) {
      if (i > 0) text += between;
      text += child(n, i, wanted);
    }
    return text;
  }

  std::string list(const Node& n) const {
    std::string text = "[";
    for (const std::uint32_t value : rule_.lists_[n.index].nodes) {
      if (text.size() > 1) text += ", ";
      text += node(value);
    }
    return text + "]";
  }

  std::string binary(const Node& n) const {
    const auto two = [&](std::string_view sign, Level left, Level right) {
      return fmt::format("{} {} {}", child(n, 0, left), sign, child(n, 1, right));
    };
    const std::string_view no = n.negated ? "not " : "";
    switch (n.op) {
      case Op::add:
        return two("+", kSum, kProduct);
      case Op::subtract:
        return two("-", kSum, kProduct);
      case Op::multiply:
        return two("*", kProduct, kSign);
      case Op::divide:
        return two("/", kProduct, kSign);
      case Op::equal:
        return two("==", kSum, kSum);
      case Op::unequal:
        return two("!=", kSum, kSum);
      case Op::less:
        return two("<", kSum, kSum);
      case Op::less_equal:
        return two("<=", kSum, kSum);
      case Op::greater:
        return two(">", kSum, kSum);
      case Op::greater_equal:
        return two(">=", kSum, kSum);
      case Op::contains:
        return two(fmt::format("{}contains", no), kSum, kSum);
      case Op::starts_with:
        return two(fmt::format("{}starts_with", no), kSum, kSum);
      case Op::ends_with:
        return two(fmt::format("{}ends_with", no), kSum, kSum);
      case Op::in_list:
        return fmt::format("{} {}in {}", child(n, 0, kSum), no, list(n));
      case Op::contains_any:
        return fmt::format("{} {}contains any {}", child(n, 0, kSum), no, list(n));
      case Op::contains_all:
        return fmt::format("{} {}contains all {}", child(n, 0, kSum), no, list(n));
      case Op::between:
        return fmt::format("{} {}between {} and {}", child(n, 0, kSum), no, child(n, 1, kSum),
                           child(n, 2, kSum));
      case Op::is_missing:
        return fmt::format("{} is {}missing", child(n, 0, kSum), no);
      default:
        return "";
    }
  }

  const Rule& rule_;
};

std::string Rule::print() const { return Printer(*this).node(root_); }

}  // namespace attune::rules
