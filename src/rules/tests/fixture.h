// A schema and a source for the tests of rules.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attune/rules/rule.h"

namespace attune::rules {

// Fields 0 to 8, one customer's values beside them.
struct Customer final : FieldSource {
  std::array<std::optional<double>, 9> numbers;
  std::array<std::optional<std::string>, 9> texts;
  std::array<std::optional<bool>, 9> flags;
  std::array<std::optional<Timestamp>, 9> times;
  std::array<std::optional<std::vector<std::string>>, 9> lists;
  std::vector<std::string> liked;

  std::optional<double> number(std::size_t field) const override { return numbers[field]; }
  std::optional<std::string_view> text(std::size_t field) const override {
    return texts[field] ? std::optional<std::string_view>(*texts[field]) : std::nullopt;
  }
  std::optional<bool> flag(std::size_t field) const override { return flags[field]; }
  std::optional<Timestamp> time(std::size_t field) const override { return times[field]; }
  std::optional<std::size_t> list_size(std::size_t field) const override {
    return lists[field] ? std::optional(lists[field]->size()) : std::nullopt;
  }
  std::string_view list_at(std::size_t field, std::size_t index) const override {
    return (*lists[field])[index];
  }
  // likes(what [, at_least]): whether so; affinity(what): 0.5 for what is liked, else missing.
  Value call(const Call& call) const override {
    const auto* what = std::get_if<std::string_view>(&call.arguments[0]);
    if (what == nullptr) return {};
    bool known = false;
    for (const std::string& name : liked) known |= name == *what;
    if (call.function == 1) return known ? Value(0.5) : Value();
    const double* least =
        call.arguments.size() > 1 ? std::get_if<double>(&call.arguments[1]) : nullptr;
    return known && (least == nullptr || *least <= 0.5);
  }
};

enum FieldIndex : std::size_t {
  kMonetary,
  kRecency,
  kCountry,
  kStage,
  kNewsletter,
  kLastPurchase,
  kBrands,
  kGuojia,
  kOrderCount
};

inline Schema make_schema(TimeZone zone = TimeZone::utc()) {
  return Schema::create({{"monetary_cents", Type::number, "money spent"},
                         {"recency_days", Type::number, "days since the last purchase"},
                         {"country", Type::text, ""},
                         {"stage", Type::text, "lifecycle", {"new", "active", "at risk", "lapsed"}},
                         {"newsletter", Type::flag, ""},
                         {"last_purchase", Type::time, ""},
                         {"brands", Type::text_list, ""},
                         {"国家", Type::text, ""},
                         {"order count", Type::number, ""}},
                        {{"likes", {Type::text, Type::number}, Type::flag, "", 1},
                         {"affinity", {Type::text}, Type::number, ""}},
                        std::move(zone))
      .value();
}

inline Timestamp moment(int year, int month, int day, int hour = 0) {
  return utc_from_civil({.year = year, .month = month, .day = day, .hour = hour});
}

inline const Timestamp kNow = moment(2011, 7, 1);

}  // namespace attune::rules
