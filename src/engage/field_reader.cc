#include "field_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/text.h"

namespace attune::engage {
namespace {

// digits * 10^-scale as a whole number of units of 10^-exponent; absent where it is none.
std::optional<std::int64_t> whole_units(Decimal amount, int exponent) {
  while (amount.scale > exponent && amount.digits % 10 == 0) {
    amount.digits /= 10;
    --amount.scale;
  }
  if (amount.scale > exponent) return std::nullopt;
  for (; amount.scale < exponent; ++amount.scale)
    if (__builtin_mul_overflow(amount.digits, 10, &amount.digits)) return std::nullopt;
  return amount.digits;
}

// Of "12:9"; paths are all equal, and stay in the order of reading.
std::pair<int, int> line_column(std::string_view place) {
  std::pair<int, int> read{0, 0};
  const char* const last = place.data() + place.size();
  const auto line = std::from_chars(place.data(), last, read.first);
  if (line.ec == std::errc{} && line.ptr != last) std::from_chars(line.ptr + 1, last, read.second);
  return read;
}

}  // namespace

std::string_view with_article(FieldNode::Kind kind) {
  switch (kind) {
    case FieldNode::Kind::text:
      return "a text";
    case FieldNode::Kind::integer:
      return "a whole number";
    case FieldNode::Kind::real:
      return "a number";
    case FieldNode::Kind::flag:
      return "true or false";
    case FieldNode::Kind::list:
      return "a list";
    case FieldNode::Kind::table:
      break;
  }
  return "a table";
}

void FieldProblems::add(std::string_view place, std::string message) {
  problems_.push_back({std::string(place), std::move(message)});
}

Error FieldProblems::error(std::string_view label) const {
  std::vector<FieldProblem> sorted = problems_;
  std::ranges::stable_sort(sorted, {}, [](const FieldProblem& p) { return line_column(p.place); });
  if (sorted.size() > kMaxProblems) sorted.resize(kMaxProblems);
  std::vector<std::string> lines;
  for (const FieldProblem& problem : sorted) {
    const std::string_view between = problem.place.starts_with('$') ? ": " : ":";
    lines.push_back(fmt::format("{}{}{}: {}", label, between, problem.place, problem.message));
  }
  return invalid_argument(fmt::format("{}", fmt::join(lines, "\n")));
}

FieldTable::FieldTable(const FieldNode& node, FieldProblems& problems)
    : node_(&node), problems_(&problems) {}

void FieldTable::finish() {
  for (const FieldNode& member : node_->members) {
    if (std::ranges::find(known_, member.key) != known_.end()) continue;
    problems_->add(member.place,
                   fmt::format("there is no field '{}' here{}", attune::quoted(member.key),
                               did_you_mean(ascii_lower(member.key), known_)));
  }
}

const FieldNode* FieldTable::find(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  const auto found = std::ranges::find(node_->members, key, &FieldNode::key);
  return found == node_->members.end() ? nullptr : &*found;
}

const FieldNode* FieldTable::find(std::string_view key, FieldNode::Kind kind) {
  const FieldNode* found = find(key);
  if (found == nullptr || found->kind == kind) return found;
  wrong_kind(key, *found, with_article(kind));
  return nullptr;
}

void FieldTable::wrong_kind(std::string_view key, const FieldNode& found, std::string_view wanted) {
  refuse(key, fmt::format("needs {}, and has {}", wanted, with_article(found.kind)));
}

bool FieldTable::has(std::string_view key) const {
  return std::ranges::find(node_->members, key, &FieldNode::key) != node_->members.end();
}

const std::string& FieldTable::place_of(std::string_view key) const {
  for (const FieldNode& member : node_->members)
    if (member.key == key) return member.place;
  return node_->place;
}

void FieldTable::refuse(std::string_view key, std::string message) {
  problems_->add(place_of(key), fmt::format("{}: {}", key, message));
}

void FieldTable::require(std::string_view key, std::string_view example) {
  if (find(key) == nullptr) refuse(key, fmt::format("is missing; write {}", example));
}

std::optional<std::string> FieldTable::text(std::string_view key, std::size_t bytes_max) {
  const FieldNode* found = find(key, FieldNode::Kind::text);
  if (found == nullptr) return std::nullopt;
  if (found->text.size() > bytes_max) {
    refuse(key, fmt::format("has {} bytes; at most {}", found->text.size(), bytes_max));
    return std::nullopt;
  }
  const bool readable = std::ranges::all_of(found->text, [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t' || c == '\r';
  });
  if (!readable) {
    refuse(key, "holds a control character");
    return std::nullopt;
  }
  return found->text;
}

std::optional<std::int64_t> FieldTable::integer(std::string_view key, std::int64_t low,
                                                std::int64_t high) {
  const FieldNode* found = find(key, FieldNode::Kind::integer);
  if (found == nullptr) return std::nullopt;
  if (found->integer >= low && found->integer <= high) return found->integer;
  refuse(key, fmt::format("is {}; it is {} to {}", found->integer, low, high));
  return std::nullopt;
}

std::optional<double> FieldTable::real(std::string_view key, double low, double high) {
  const FieldNode* found = find(key);
  if (found == nullptr) return std::nullopt;
  double value = found->real;
  if (found->kind == FieldNode::Kind::integer) {
    value = static_cast<double>(found->integer);
  } else if (found->kind != FieldNode::Kind::real) {
    wrong_kind(key, *found, "a number");
    return std::nullopt;
  }
  if (value >= low && value <= high) return value;
  refuse(key, fmt::format("is {}; it is {} to {}", value, low, high));
  return std::nullopt;
}

std::optional<std::int64_t> FieldTable::money(std::string_view key, Currency currency) {
  const FieldNode* found = find(key);
  if (found == nullptr) return std::nullopt;
  std::string written = found->text;
  if (found->kind == FieldNode::Kind::integer) {
    written = fmt::to_string(found->integer);
  } else if (found->kind == FieldNode::Kind::real && std::isfinite(found->real)) {
    // The shortest decimal that reads back as the number: what was typed, up to 15 digits.
    written = fmt::to_string(found->real);
  } else if (found->kind != FieldNode::Kind::text) {
    wrong_kind(key, *found, "an amount such as 0.05");
    return std::nullopt;
  }
  const auto amount = parse_decimal(written);
  if (!amount) {
    refuse(key, amount.error().message);
    return std::nullopt;
  }
  const auto minor = whole_units(*amount, currency.exponent());
  if (!minor || *minor < 0 || *minor > kMoneyMax) {
    refuse(key, fmt::format("'{}' is no amount of {}: 0 or more, with at most {} digits behind the "
                            "point and no larger than {}",
                            attune::quoted(written), currency.to_string(), currency.exponent(),
                            kMoneyMax));
    return std::nullopt;
  }
  return minor;
}

std::optional<Timestamp> FieldTable::time(std::string_view key, const TimeZone& zone) {
  return parsed(key, 64, [&zone](std::string_view written) -> Result<Timestamp> {
    ATTUNE_ASSIGN_OR_RETURN(const IsoTime iso, parse_iso(written));
    if (!iso.offset_minutes) return zone.from_civil(iso.civil);
    return Timestamp{utc_from_civil(iso.civil).micros - *iso.offset_minutes * kMicrosPerMinute};
  });
}

std::optional<std::size_t> FieldTable::choice(std::string_view key,
                                              std::span<const std::string> names,
                                              std::string_view what) {
  const auto written = text(key, 64);
  if (!written) return std::nullopt;
  const auto found = std::ranges::find(names, *written);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  refuse(key, fmt::format("'{}' is not {}; there are {}{}", attune::quoted(*written), what,
                          fmt::join(names, ", "), did_you_mean(*written, names)));
  return std::nullopt;
}

const FieldNode* FieldTable::table(std::string_view key) {
  return find(key, FieldNode::Kind::table);
}

const FieldNode* FieldTable::list(std::string_view key) { return find(key, FieldNode::Kind::list); }

}  // namespace attune::engage
