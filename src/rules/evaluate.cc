#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "attune/rules/rule.h"

namespace attune::rules {
namespace {

std::optional<std::int64_t> whole(double micros) {
  constexpr double kLimit = 9.2e18;
  if (!(std::abs(micros) < kLimit)) return std::nullopt;
  return std::llround(micros);
}

std::optional<double> finite(double number) {
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace

// One question to one source. The recursion is as deep as the tree, which the parser bounds.
class Evaluation {
 public:
  Evaluation(const Rule& rule, const FieldSource& source, Timestamp now)
      : rule_(rule), source_(source), now_(now) {}

  bool condition(std::uint32_t index) const {
    const Node& n = rule_.nodes_[index];
    switch (n.op) {
      case Op::all_of:
        return std::ranges::all_of(children(n), [this](auto i) { return condition(i); });
      case Op::any_of:
        return std::ranges::any_of(children(n), [this](auto i) { return condition(i); });
      case Op::not_of:
        return !condition(child(n, 0));
      case Op::flag:
        return n.number != 0;
      case Op::field:
        return source_.flag(n.index).value_or(false);
      case Op::call:
        return flag(index).value_or(false);
      case Op::between:
        return between(n);
      case Op::in_list:
        return in_list(n);
      case Op::contains:
      case Op::contains_any:
      case Op::contains_all:
        return contains(n);
      case Op::starts_with:
      case Op::ends_with:
        return starts_or_ends(n);
      case Op::is_missing:
        return missing(child(n, 0)) != n.negated;
      default:
        return n.field_against_constant ? short_relation(n) : relation(n);
    }
  }

 private:
  using Op = Rule::Op;
  using Node = Rule::Node;

  std::span<const std::uint32_t> children(const Node& n) const {
    return {rule_.children_.data() + n.first, n.count};
  }
  std::uint32_t child(const Node& n, std::uint32_t which) const {
    return rule_.children_[n.first + which];
  }
  Type type_of(std::uint32_t index) const { return rule_.nodes_[index].type; }

  template <class T>
  static bool related(Op op, const T& a, const T& b) {
    switch (op) {
      case Op::equal:
        return a == b;
      case Op::unequal:
        return a != b;
      case Op::less:
        return a < b;
      case Op::less_equal:
        return a <= b;
      case Op::greater:
        return a > b;
      default:
        return a >= b;
    }
  }

  template <class T>
  static bool related(Op op, const std::optional<T>& a, const std::optional<T>& b) {
    return a && b && related(op, *a, *b);
  }

  // The common case, without a walk down the tree: monetary_cents > 50000.
  bool short_relation(const Node& n) const {
    if (type_of(child(n, 0)) == Type::number) {
      const std::optional<double> number = source_.number(n.index);
      return number && !std::isnan(*number) && related(n.op, *number, n.number);
    }
    const std::optional<Timestamp> time = source_.time(n.index);
    return time && related(n.op, time->micros, n.micros);
  }

  bool relation(const Node& n) const {
    const std::uint32_t a = child(n, 0), b = child(n, 1);
    switch (type_of(a)) {
      case Type::number:
        return related(n.op, number(a), number(b));
      case Type::text:
        return related(n.op, text(a), text(b));
      case Type::flag:
        return related(n.op, flag(a), flag(b));
      default:
        return related(n.op, micros(a), micros(b));
    }
  }

  template <class T>
  static bool within(const std::optional<T>& value, const std::optional<T>& low,
                     const std::optional<T>& high, bool negated) {
    return value && low && high && (*low <= *value && *value <= *high) != negated;
  }

  bool between(const Node& n) const {
    const std::uint32_t a = child(n, 0), b = child(n, 1), c = child(n, 2);
    switch (type_of(a)) {
      case Type::number:
        return within(number(a), number(b), number(c), n.negated);
      case Type::text:
        return within(text(a), text(b), text(c), n.negated);
      default:
        return within(micros(a), micros(b), micros(c), n.negated);
    }
  }

  bool in_list(const Node& n) const {
    const Rule::List& list = rule_.lists_[n.index];
    const std::uint32_t a = child(n, 0);
    const auto found = [&](const auto& value, const auto& sorted) {
      return value && std::ranges::binary_search(sorted, *value, std::less<>{}) != n.negated;
    };
    switch (type_of(a)) {
      case Type::number:
        return found(number(a), list.numbers);
      case Type::text:
        return found(text(a), list.texts);
      default:
        return found(micros(a), list.micros);
    }
  }

  bool contains(const Node& n) const {
    const std::uint32_t a = child(n, 0);
    const std::optional<std::string_view> whole_text =
        type_of(a) == Type::text ? text(a) : std::nullopt;
    const std::optional<std::size_t> size =
        type_of(a) == Type::text_list ? source_.list_size(rule_.nodes_[a].index) : std::nullopt;
    if (!whole_text && !size) return false;
    const auto has = [&](std::string_view part) {
      if (whole_text) return whole_text->find(part) != std::string_view::npos;
      for (std::size_t i = 0; i < *size; ++i) {
        if (source_.list_at(rule_.nodes_[a].index, i) == part) return true;
      }
      return false;
    };
    if (n.op == Op::contains) {
      const auto part = text(child(n, 1));
      return part && has(*part) != n.negated;
    }
    const std::vector<std::string>& parts = rule_.lists_[n.index].texts;
    const bool held = n.op == Op::contains_any ? std::ranges::any_of(parts, has)
                                               : std::ranges::all_of(parts, has);
    return held != n.negated;
  }

  bool starts_or_ends(const Node& n) const {
    const auto whole_text = text(child(n, 0));
    const auto part = text(child(n, 1));
    if (!whole_text || !part) return false;
    const bool held =
        n.op == Op::starts_with ? whole_text->starts_with(*part) : whole_text->ends_with(*part);
    return held != n.negated;
  }

  bool missing(std::uint32_t index) const {
    switch (type_of(index)) {
      case Type::number:
        return !number(index);
      case Type::text:
        return !text(index);
      case Type::flag:
        return !flag(index);
      case Type::text_list:
        return !source_.list_size(rule_.nodes_[index].index);
      default:
        return !micros(index);
    }
  }

  std::optional<bool> flag(std::uint32_t index) const {
    const Node& n = rule_.nodes_[index];
    if (n.op == Op::field) return source_.flag(n.index);
    if (n.op == Op::call) return called<bool>(n);
    return condition(index);
  }

  std::optional<double> number(std::uint32_t index) const {
    const Node& n = rule_.nodes_[index];
    switch (n.op) {
      case Op::number:
        return n.number;
      case Op::field:
        return present(source_.number(n.index));
      case Op::call:
        return present(called<double>(n));
      case Op::count: {
        const auto size = source_.list_size(rule_.nodes_[child(n, 0)].index);
        return size ? std::optional(static_cast<double>(*size)) : std::nullopt;
      }
      case Op::negate: {
        const auto value = number(child(n, 0));
        return value ? std::optional(-*value) : std::nullopt;
      }
      default:
        return type_of(child(n, 0)) == Type::duration ? ratio(n) : arithmetic(n);
    }
  }

  static std::optional<double> present(std::optional<double> value) {
    return value && std::isnan(*value) ? std::nullopt : value;
  }

  std::optional<double> arithmetic(const Node& n) const {
    const auto a = number(child(n, 0));
    if (!a) return std::nullopt;
    const auto b = number(child(n, 1));
    if (!b) return std::nullopt;
    switch (n.op) {
      case Op::add:
        return finite(*a + *b);
      case Op::subtract:
        return finite(*a - *b);
      case Op::multiply:
        return finite(*a * *b);
      default:
        return *b == 0 ? std::nullopt : finite(*a / *b);
    }
  }

  // duration / duration
  std::optional<double> ratio(const Node& n) const {
    const auto a = micros(child(n, 0)), b = micros(child(n, 1));
    if (!a || !b || *b == 0) return std::nullopt;
    return static_cast<double>(*a) / static_cast<double>(*b);
  }

  // Times and durations.
  std::optional<std::int64_t> micros(std::uint32_t index) const {
    const Node& n = rule_.nodes_[index];
    switch (n.op) {
      case Op::time:
      case Op::duration:
        return n.micros;
      case Op::now:
        return now_.micros;
      case Op::field: {
        const auto time = source_.time(n.index);
        return time ? std::optional(time->micros) : std::nullopt;
      }
      case Op::call: {
        const auto time = called<Timestamp>(n);
        return time ? std::optional(time->micros) : std::nullopt;
      }
      case Op::add:
      case Op::subtract:
        return sum(n);
      case Op::negate: {
        const auto value = micros(child(n, 0));
        std::int64_t result = 0;
        if (!value || __builtin_sub_overflow(std::int64_t{0}, *value, &result)) return std::nullopt;
        return result;
      }
      default:
        return scaled(n);
    }
  }

  std::optional<std::int64_t> sum(const Node& n) const {
    const auto a = micros(child(n, 0)), b = micros(child(n, 1));
    if (!a || !b) return std::nullopt;
    std::int64_t result = 0;
    const bool overflow = n.op == Op::add ? __builtin_add_overflow(*a, *b, &result)
                                          : __builtin_sub_overflow(*a, *b, &result);
    return overflow ? std::nullopt : std::optional(result);
  }

  // duration * number, number * duration, duration / number
  std::optional<std::int64_t> scaled(const Node& n) const {
    const bool swapped = type_of(child(n, 0)) == Type::number;
    const auto length = micros(child(n, swapped ? 1 : 0));
    const auto factor = number(child(n, swapped ? 0 : 1));
    if (!length || !factor) return std::nullopt;
    const auto exact = static_cast<double>(*length);
    if (n.op == Op::multiply) return whole(exact * *factor);
    return *factor == 0 ? std::nullopt : whole(exact / *factor);
  }

  std::optional<std::string_view> text(std::uint32_t index) const {
    const Node& n = rule_.nodes_[index];
    if (n.op == Op::text) return rule_.texts_[n.index];
    if (n.op == Op::field) return source_.text(n.index);
    return called<std::string_view>(n);
  }

  Value value(std::uint32_t index) const {
    const auto wrap = [](const auto& found) { return found ? Value(*found) : Value(); };
    switch (type_of(index)) {
      case Type::number:
        return wrap(number(index));
      case Type::text:
        return wrap(text(index));
      case Type::flag:
        return wrap(flag(index));
      case Type::time: {
        const auto time = micros(index);
        return time ? Value(Timestamp{*time}) : Value();
      }
      case Type::duration: {
        const auto length = micros(index);
        return length ? Value(Duration{*length}) : Value();
      }
      default:
        return {};
    }
  }

  template <class T>
  std::optional<T> called(const Node& n) const {
    std::array<Value, kMaxArguments> arguments;
    for (std::uint32_t i = 0; i < n.count; ++i) arguments[i] = value(child(n, i));
    const Value result = source_.call({n.index, n.site, {arguments.data(), n.count}});
    const T* held = std::get_if<T>(&result);
    return held != nullptr ? std::optional<T>(*held) : std::nullopt;
  }

  const Rule& rule_;
  const FieldSource& source_;
  Timestamp now_;
};

bool Rule::matches(const FieldSource& source, Timestamp now) const {
  return Evaluation(*this, source, now).condition(root_);
}

}  // namespace attune::rules
