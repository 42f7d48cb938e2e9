// Random rules, evaluated a second time by a reference that walks a tree of its own over optional
// values.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>

#include "attune/base/random.h"
#include "fixture.h"

namespace attune::rules {
namespace {

// A written rule and its meaning. Missing is nullopt.
template <class T>
struct Written {
  std::string text;
  std::optional<T> value;
};

class Writer {
 public:
  Writer(std::uint64_t seed, const Customer& customer) : random_(seed), c_(customer) {}

  Written<bool> condition(int depth) {
    if (depth > 0 && random_.below(3) == 0) {
      const std::string_view word = random_.chance(.5) ? "and" : "or";
      const auto a = condition(depth - 1), b = condition(depth - 1), c = condition(depth - 1);
      const bool held =
          word == "and" ? *a.value && *b.value && *c.value : *a.value || *b.value || *c.value;
      return {fmt::format("({} {} {} {} {})", a.text, word, b.text, word, c.text), held};
    }
    if (depth > 0 && random_.below(4) == 0) {
      const auto inner = condition(depth - 1);
      return {fmt::format("not ({})", inner.text), !*inner.value};
    }
    switch (random_.below(8)) {
      case 0:
        return related(number(depth), number(depth));
      case 1:
        return related(text(), text());
      case 2:
        return related(time(depth), time(depth));
      case 3:
        return between(depth);
      case 4:
        return in_list(depth);
      case 5:
        return list_holds();
      case 6:
        return is_missing(depth);
      default:
        return {"newsletter", c_.flags[kNewsletter].value_or(false)};
    }
  }

 private:
  template <class T>
  Written<bool> related(const Written<T>& a, const Written<T>& b) {
    static constexpr std::string_view kSigns[] = {"==", "!=", "<", "<=", ">", ">="};
    const std::size_t which = random_.below(6);
    const std::string text = fmt::format("{} {} {}", a.text, kSigns[which], b.text);
    if (!a.value || !b.value) return {text, false};
    const T &x = *a.value, &y = *b.value;
    const bool all[] = {x == y, x != y, x<y, x <= y, x> y, x >= y};
    return {text, all[which]};
  }

  Written<double> number(int depth) {
    const std::uint64_t kind = random_.below(depth > 0 ? 7 : 4);
    if (kind == 0) return {"monetary_cents", c_.numbers[kMonetary]};
    if (kind == 1) return {"`recency_days`", c_.numbers[kRecency]};
    if (kind == 2) {
      const auto& list = c_.lists[kBrands];
      return {"count(brands)", list ? std::optional<double>(list->size()) : std::nullopt};
    }
    if (kind == 3) {
      const double value = static_cast<double>(random_.below(9)) / 2 - 2;
      return {fmt::format("{}", value), value};
    }
    const auto a = number(depth - 1), b = number(depth - 1);
    const std::size_t which = random_.below(4);
    const std::string text = fmt::format("({}{}{})", a.text, "+-*/"[which], b.text);
    if (!a.value || !b.value || (which == 3 && *b.value == 0)) return {text, std::nullopt};
    const double all[] = {*a.value + *b.value, *a.value - *b.value, *a.value * *b.value,
                          which == 3 ? *a.value / *b.value : 0};
    return {text, all[which]};
  }

  Written<std::string> text() {
    if (random_.chance(.4)) return {"country", c_.texts[kCountry]};
    if (random_.chance(.4)) return {"国家", c_.texts[kGuojia]};
    const std::string word = words()[random_.below(words().size())];
    return {"'" + word + "'", word};
  }

  Written<std::int64_t> time(int depth) {
    if (depth > 0 && random_.chance(.4)) {
      const auto a = time(depth - 1);
      const auto days = static_cast<std::int64_t>(random_.below(20)) - 10;
      const std::string text = fmt::format("({} - {} days)", a.text, days);
      return {text, a.value ? std::optional(*a.value - days * kMicrosPerDay) : std::nullopt};
    }
    switch (random_.below(3)) {
      case 0:
        return {"now", kNow.micros};
      case 1:
        return {"date(\"2011-06-21\")", moment(2011, 6, 21).micros};
      default: {
        const auto& t = c_.times[kLastPurchase];
        return {"last_purchase", t ? std::optional(t->micros) : std::nullopt};
      }
    }
  }

  Written<bool> between(int depth) {
    const auto a = number(depth), low = number(depth), high = number(depth);
    const bool no = random_.chance(.5);
    const std::string text =
        fmt::format("{}{} between {} and {}", a.text, no ? " not" : "", low.text, high.text);
    if (!a.value || !low.value || !high.value) return {text, false};
    return {text, (*low.value <= *a.value && *a.value <= *high.value) != no};
  }

  Written<bool> in_list(int) {
    const auto a = text();
    std::string list;
    bool found = false;
    for (std::uint64_t i = 0; i <= random_.below(4); ++i) {
      const std::string& word = words()[random_.below(words().size())];
      list += fmt::format("{}\"{}\"", list.empty() ? "" : ",", word);
      found |= a.value == word;
    }
    const bool no = random_.chance(.5);
    return {fmt::format("{}{} in [{}]", a.text, no ? " not" : "", list),
            a.value.has_value() && found != no};
  }

  Written<bool> list_holds() {
    const auto a = text();
    const bool no = random_.chance(.5);
    const std::string text = fmt::format("brands{} contains {}", no ? " not" : "", a.text);
    const auto& list = c_.lists[kBrands];
    if (!list || !a.value) return {text, false};
    return {text, (std::ranges::find(*list, *a.value) != list->end()) != no};
  }

  Written<bool> is_missing(int depth) {
    const auto a = number(depth);
    const bool no = random_.chance(.5);
    return {fmt::format("{} is {}missing", a.text, no ? "not " : ""), a.value.has_value() == no};
  }

 public:
  static const std::vector<std::string>& words() {
    static const std::vector<std::string> all{"UK", "法国", "", "K", "Acme", "a b"};
    return all;
  }

 private:
  Rng random_;
  const Customer& c_;
};

Customer random_customer(std::uint64_t seed) {
  Rng random(seed, "customer");
  Customer c;
  const auto word = [&] { return Writer::words()[random.below(Writer::words().size())]; };
  if (random.chance(.7)) c.numbers[kMonetary] = static_cast<double>(random.below(7)) - 3;
  if (random.chance(.7)) c.numbers[kRecency] = static_cast<double>(random.below(4)) / 2;
  if (random.chance(.7)) c.texts[kCountry] = word();
  if (random.chance(.7)) c.texts[kGuojia] = word();
  if (random.chance(.7)) c.flags[kNewsletter] = random.chance(.5);
  if (random.chance(.7)) c.times[kLastPurchase] = moment(2011, 6, 11 + random.below(20));
  if (random.chance(.7)) {
    c.lists[kBrands].emplace();
    for (std::uint64_t i = 0; i < random.below(4); ++i) c.lists[kBrands]->push_back(word());
  }
  return c;
}

RC_GTEST_PROP(RuleProperty, EqualsTheReferenceAndPrintsToItself, (std::uint64_t seed)) {
  const Schema schema = make_schema();
  const Customer customer = random_customer(seed);
  for (std::uint64_t round = 0; round < 10; ++round) {
    const auto written = Writer(seed + round * 7919, customer).condition(4);
    const auto rule = Rule::parse(written.text, schema);
    if (!rule) RC_FAIL(rule.error().message);
    if (rule->matches(customer, kNow) != *written.value) RC_FAIL(written.text);
    const auto again = Rule::parse(rule->print(), schema);
    if (!again) RC_FAIL(again.error().message);
    RC_ASSERT(*again == *rule);
    RC_ASSERT(again->print() == rule->print());
    RC_ASSERT(again->matches(customer, kNow) == *written.value);
  }
}

// Words of the language in random order: mostly nonsense, never a crash, and always a place inside
// the text.
RC_GTEST_PROP(RuleProperty, AnswersNonsenseWithAPlace, (std::uint64_t seed)) {
  static const std::vector<std::string> kPieces{
      "and",          "or",       "not",           "(",     ")",    "[",  "]",          ",",
      "recency_days", "国家",     "brands",        "3",     "'x'",  "in", "between",    "is",
      "missing",      "contains", "any",           "now",   "days", "-",  "==",         "<",
      "likes",        "date",     "days_ago",      "count", "“",    "\"", "newsletter", "stage",
      "\n",           "*",        "last_purchase", "\xe5"};
  Rng random(seed, "nonsense");
  std::string text;
  for (std::uint64_t i = 0; i < 1 + random.below(20); ++i) {
    text += kPieces[random.below(kPieces.size())];
    if (random.chance(.8)) text += " ";
  }
  const Schema schema = make_schema();
  const auto problem = Rule::diagnose(text, schema);
  const auto rule = Rule::parse(text, schema);
  RC_ASSERT(problem.has_value() == !rule.has_value());
  if (rule) {
    RC_ASSERT(*Rule::parse(rule->print(), schema) == *rule);
  } else {
    RC_ASSERT(problem->offset + problem->length <= text.size());
    RC_ASSERT(!problem->message.empty());
    RC_ASSERT(rule.error().message.find('^') != std::string::npos);
  }
}

}  // namespace
}  // namespace attune::rules
