#include "attune/base/parameters.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/text.h"

namespace attune {
namespace {

std::string range_text(const ParameterSpec& spec) {
  const std::string unit = spec.unit.empty() ? "" : " " + spec.unit;
  return fmt::format("{} to {}{}", spec.minimum, spec.maximum, unit);
}

Result<double> parse_choice(const ParameterSpec& spec, std::string_view text) {
  for (std::size_t i = 0; i < spec.choices.size(); ++i) {
    if (spec.choices[i] == text) return static_cast<double>(i);
  }
  return std::unexpected(invalid_argument(
      fmt::format("{} cannot be '{}'; choose one of {}{}", spec.name, quoted(text),
                  fmt::join(spec.choices, ", "), did_you_mean(text, spec.choices))));
}

Result<double> parse_flag(const ParameterSpec& spec, std::string_view text) {
  const std::string lower = ascii_lower(text);
  if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") return 1.0;
  if (lower == "false" || lower == "0" || lower == "no" || lower == "off") return 0.0;
  return std::unexpected(invalid_argument(
      fmt::format("{} cannot be '{}'; write true or false", spec.name, quoted(text))));
}

}  // namespace

Result<double> parse_parameter(const ParameterSpec& spec, std::string_view text) {
  if (spec.kind == ParameterKind::choice) return parse_choice(spec, text);
  if (spec.kind == ParameterKind::flag) return parse_flag(spec, text);
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::unexpected(invalid_argument(fmt::format(
        "{} cannot be '{}'; write a number from {}", spec.name, quoted(text), range_text(spec))));
  }
  if (spec.kind == ParameterKind::integer && value != std::floor(value)) {
    return std::unexpected(invalid_argument(fmt::format(
        "{} cannot be {}; write a whole number from {}", spec.name, value, range_text(spec))));
  }
  if (value < spec.minimum || value > spec.maximum) {
    return std::unexpected(invalid_argument(
        fmt::format("{} is {}, but goes from {}", spec.name, value, range_text(spec))));
  }
  return value;
}

Result<std::size_t> find_parameter(std::span<const ParameterSpec> specs, std::string_view name) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return i;
    names.push_back(specs[i].name);
  }
  return std::unexpected(
      not_found(fmt::format("there is no parameter '{}'{}; there are {}", quoted(name),
                            did_you_mean(name, names), fmt::join(names, ", "))));
}

std::string print_parameter(const ParameterSpec& spec, double value) {
  switch (spec.kind) {
    case ParameterKind::flag:
      return value != 0 ? "true" : "false";
    case ParameterKind::choice: {
      const auto index = static_cast<std::size_t>(value);
      return index < spec.choices.size() ? spec.choices[index] : "";
    }
    case ParameterKind::integer:
      return fmt::format("{}", static_cast<std::int64_t>(value));
    case ParameterKind::real:
      return fmt::format("{}", value);
  }
  return "";
}

}  // namespace attune
