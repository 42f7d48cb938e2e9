// Any bytes as a rule: an error with a place, or a rule that evaluates, prints and reads back as
// itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attune/rules/rule.h"

namespace {

using attune::Timestamp;
using namespace attune::rules;

class EverySecondKnown final : public FieldSource {
 public:
  explicit EverySecondKnown(bool odd) : odd_(odd) {}
  std::optional<double> number(std::size_t field) const override {
    return known(field) ? std::optional(1.5 * static_cast<double>(field)) : std::nullopt;
  }
  std::optional<std::string_view> text(std::size_t field) const override {
    return known(field) ? std::optional<std::string_view>("法国 UK") : std::nullopt;
  }
  std::optional<bool> flag(std::size_t field) const override {
    return known(field) ? std::optional(true) : std::nullopt;
  }
  std::optional<Timestamp> time(std::size_t field) const override {
    return known(field) ? std::optional(Timestamp{INT64_MAX}) : std::nullopt;
  }
  std::optional<std::size_t> list_size(std::size_t field) const override {
    return known(field) ? std::optional<std::size_t>(2) : std::nullopt;
  }
  std::string_view list_at(std::size_t, std::size_t index) const override {
    return index == 0 ? "UK" : "";
  }
  Value call(const Call& call) const override {
    return call.arguments.empty() ? Value() : call.arguments[0];
  }

 private:
  bool known(std::size_t field) const { return (field % 2 == 1) == odd_; }
  bool odd_;
};

Schema make_schema() {
  return Schema::create({{"n", Type::number, ""},
                         {"m", Type::number, ""},
                         {"t", Type::text, "", {"new", "at risk"}},
                         {"国家", Type::text, ""},
                         {"f", Type::flag, ""},
                         {"g", Type::flag, ""},
                         {"d", Type::time, ""},
                         {"e", Type::time, ""},
                         {"l", Type::text_list, ""},
                         {"order count", Type::text_list, ""}},
                        {{"likes", {Type::text, Type::number}, Type::flag, "", 1},
                         {"size", {Type::number}, Type::number, ""},
                         {"name", {Type::text}, Type::text, ""},
                         {"since", {Type::time, Type::duration}, Type::time, "", 2}})
      .value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Schema schema = make_schema();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto rule = Rule::parse(text, schema);
  if (!rule) {
    const auto problem = Rule::diagnose(text, schema);
    if (!problem || problem->offset > size || rule.error().message.empty()) std::abort();
    return 0;
  }
  const EverySecondKnown odd(true), even(false);
  const Timestamp now{1'300'000'000'000'000};
  const bool held_odd = rule->matches(odd, now), held_even = rule->matches(even, now);
  const auto again = Rule::parse(rule->print(), schema);
  if (!again) {
    // Normal form may be longer than what was typed; then the limit is the only reason to refuse
    // it.
    if (rule->print().size() > kMaxRuleBytes) return 0;
    std::abort();
  }
  if (!(*again == *rule) || again->calls().size() != rule->calls().size()) std::abort();
  if (again->matches(odd, now) != held_odd || again->matches(even, now) != held_even) std::abort();
  return 0;
}
