// Declared parameters: one table per struct validates, parses, prints and documents them. Answers:
// what can be set, to what, and what does it mean?
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"

namespace attune {

enum class ParameterKind : std::uint8_t { integer, real, flag, choice };

// One row of a table, for help and reference pages.
struct ParameterSpec {
  std::string name;
  ParameterKind kind = ParameterKind::integer;
  std::string default_value;
  double minimum = 0;  // of integer and real, inclusive
  double maximum = 0;
  std::vector<std::string> choices;
  std::string unit;
  std::string help;
};

// Checks `text` against `spec`. Errors: invalid_argument naming parameter, value, range or choices.
Result<double> parse_parameter(const ParameterSpec& spec, std::string_view text);
// Errors: not_found that names the nearest parameter.
Result<std::size_t> find_parameter(std::span<const ParameterSpec> specs, std::string_view name);
// A value as text that parses to the same value.
std::string print_parameter(const ParameterSpec& spec, double value);

// The table of one struct. Build it once in a function-local constant:
//   ParameterTable<IalsParameters> table{{}};
//   table.integer("factors", &IalsParameters::factors, 1, 4096, "", "length of a customer's and an
//   item's vector");
// Threads: immutable after construction, safe to share.
template <class Struct>
class ParameterTable {
 public:
  // Enumerations are declared with their names in the order of their values, starting at 0.
  template <class Integer>
  ParameterTable& integer(std::string name, Integer Struct::* member, double minimum,
                          double maximum, std::string unit, std::string help) {
    return add(
        {std::move(name),
         ParameterKind::integer,
         {},
         minimum,
         maximum,
         {},
         std::move(unit),
         std::move(help)},
        [member](const Struct& s) { return static_cast<double>(s.*member); },
        [member](Struct& s, double v) { s.*member = static_cast<Integer>(v); });
  }
  template <class Real>
  ParameterTable& real(std::string name, Real Struct::* member, double minimum, double maximum,
                       std::string unit, std::string help) {
    return add(
        {std::move(name),
         ParameterKind::real,
         {},
         minimum,
         maximum,
         {},
         std::move(unit),
         std::move(help)},
        [member](const Struct& s) { return static_cast<double>(s.*member); },
        [member](Struct& s, double v) { s.*member = static_cast<Real>(v); });
  }
  ParameterTable& flag(std::string name, bool Struct::* member, std::string help) {
    return add(
        {std::move(name), ParameterKind::flag, {}, 0, 1, {}, {}, std::move(help)},
        [member](const Struct& s) { return s.*member ? 1.0 : 0.0; },
        [member](Struct& s, double v) { s.*member = v != 0; });
  }
  template <class Enum>
  ParameterTable& choice(std::string name, Enum Struct::* member, std::vector<std::string> names,
                         std::string help) {
    return add(
        {std::move(name),
         ParameterKind::choice,
         {},
         0,
         static_cast<double>(names.size()) - 1,
         std::move(names),
         {},
         std::move(help)},
        [member](const Struct& s) { return static_cast<double>(static_cast<int>(s.*member)); },
        [member](Struct& s, double v) { s.*member = static_cast<Enum>(static_cast<int>(v)); });
  }

  // Errors: not_found (with the nearest name), invalid_argument (with the range).
  Status set(Struct& target, std::string_view name, std::string_view text) const {
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t index, find_parameter(specs_, name));
    ATTUNE_ASSIGN_OR_RETURN(const double value, parse_parameter(specs_[index], text));
    setters_[index](target, value);
    return {};
  }
  std::string get(const Struct& source, std::size_t index) const {
    return print_parameter(specs_[index], getters_[index](source));
  }
  std::vector<std::pair<std::string, std::string>> values(const Struct& source) const {
    std::vector<std::pair<std::string, std::string>> all;
    for (std::size_t i = 0; i < specs_.size(); ++i)
      all.emplace_back(specs_[i].name, get(source, i));
    return all;
  }
  std::span<const ParameterSpec> specs() const { return specs_; }

 private:
  ParameterTable& add(ParameterSpec spec, std::function<double(const Struct&)> getter,
                      std::function<void(Struct&, double)> setter) {
    spec.default_value = print_parameter(spec, getter(Struct{}));
    specs_.push_back(std::move(spec));
    getters_.push_back(std::move(getter));
    setters_.push_back(std::move(setter));
    return *this;
  }

  std::vector<ParameterSpec> specs_;
  std::vector<std::function<double(const Struct&)>> getters_;
  std::vector<std::function<void(Struct&, double)>> setters_;
};

}  // namespace attune
