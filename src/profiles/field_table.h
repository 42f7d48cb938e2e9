// The fields of a profile as one table: what the schema declares and how the source answers.
// Private to profiles.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/profiles/fields.h"

namespace attune::profiles {

struct FieldRow {
  std::string name;
  rules::Type type = rules::Type::number;
  Dependence dependence = Dependence::events;
  std::string help;
  std::vector<std::string> values;  // of a closed vocabulary

  // The field's answer; only what belongs to its type does anything. Counts by event type and
  // window are one method for all: `count_of` says which.
  std::optional<double> number(const Profile& p) const;
  std::string_view text(const Profile& p, const Vocabulary& names) const {
    return read_text != nullptr ? read_text(p, names) : std::string_view();
  }
  std::optional<Timestamp> time(const Profile& p) const {
    return read_time != nullptr ? read_time(p) : std::nullopt;
  }
  std::optional<std::size_t> list_size(const Profile& p) const {
    return read_size != nullptr ? std::optional(read_size(p)) : std::nullopt;
  }
  std::string_view list_at(const Profile& p, const Vocabulary& names, std::size_t i) const {
    return read_at != nullptr ? read_at(p, names, i) : std::string_view();
  }

  std::optional<double> (*read_number)(const Profile&) = nullptr;
  const WindowCounts& (*read_counts)(const Profile&, std::size_t type) = nullptr;
  std::size_t count_type = 0;  // of read_counts
  int window = -1;             // index in kWindowDays; -1: of all time
  std::string_view (*read_text)(const Profile&, const Vocabulary&) = nullptr;
  std::optional<Timestamp> (*read_time)(const Profile&) = nullptr;
  std::size_t (*read_size)(const Profile&) = nullptr;
  std::string_view (*read_at)(const Profile&, const Vocabulary&, std::size_t) = nullptr;
};

std::span<const FieldRow> field_table();

}  // namespace attune::profiles
