// Takes fields out of a tree one by one, and collects what is wrong with them. Private to engage.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "field_tree.h"

namespace attune::engage {

inline constexpr std::size_t kMaxProblems = 20;
// In minor units: sums of a few million such amounts stay inside 64 bits.
inline constexpr std::int64_t kMoneyMax = 1'000'000'000'000;

class FieldProblems {
 public:
  void add(std::string_view place, std::string message);
  bool any() const { return !problems_.empty(); }
  // One line for each, "label:place: message", in the order of the file.
  Error error(std::string_view label) const;

 private:
  std::vector<FieldProblem> problems_;
};

// One table of fields. What is not asked for by the end is an unknown field.
// A getter gives nothing where the field is absent or wrong; wrong is noted.
// Lifetime: tree and problems outlive the reader.
class FieldTable {
 public:
  FieldTable(const FieldNode& node, FieldProblems& problems);
  // Notes unknown fields, each with the nearest name.
  void finish();

  const std::string& place() const { return node_->place; }
  bool has(std::string_view key) const;
  // Place of the field, or of the table where it is absent.
  const std::string& place_of(std::string_view key) const;
  void refuse(std::string_view key, std::string message);  // "key: message" at its place
  void require(std::string_view key, std::string_view example);

  std::optional<std::string> text(std::string_view key, std::size_t bytes_max);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high);
  std::optional<double> real(std::string_view key, double low, double high);
  // An amount that is a whole number of the currency's smallest unit and not below 0.
  std::optional<std::int64_t> money(std::string_view key, Currency currency);
  std::optional<Timestamp> time(std::string_view key, const TimeZone& zone);
  // Index of the name. `what`: "a channel".
  std::optional<std::size_t> choice(std::string_view key, std::span<const std::string> names,
                                    std::string_view what);
  const FieldNode* table(std::string_view key);
  const FieldNode* list(std::string_view key);

  // What `parse` gives of a text; its error becomes a problem at the field's place.
  template <class Parse>
  auto parsed(std::string_view key, std::size_t bytes_max, const Parse& parse)
      -> std::optional<typename decltype(parse(std::string_view()))::value_type> {
    const auto written = text(key, bytes_max);
    if (!written) return std::nullopt;
    auto value = parse(std::string_view(*written));
    if (value) return *std::move(value);
    refuse(key, value.error().message);
    return std::nullopt;
  }

 private:
  const FieldNode* find(std::string_view key);
  const FieldNode* find(std::string_view key, FieldNode::Kind kind);
  void wrong_kind(std::string_view key, const FieldNode& found, std::string_view wanted);

  const FieldNode* node_;
  FieldProblems* problems_;
  std::vector<std::string> known_;
};

}  // namespace attune::engage
