// The members of a logged JSON object, each there once. Private to decide.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "attune/base/error.h"
#include "attune/base/text.h"
#include "attune/base/time.h"

namespace attune::decide {

inline std::unexpected<Error> broken(std::string_view what) {
  return std::unexpected(data_corruption(fmt::format(
      "a logged decision {}; it was cut short, changed, or written by another version", what)));
}

class LoggedMembers {
 public:
  // Errors: data_corruption for members that are unknown, missing or there twice.
  // Lifetime: names and the parser of `object` outlive this.
  static Result<LoggedMembers> read(simdjson::dom::object object,
                                    std::span<const std::string_view> names) {
    LoggedMembers members;
    members.names_ = names;
    members.values_.resize(names.size());
    for (const simdjson::dom::key_value_pair member : object) {
      const auto known = std::ranges::find(names, member.key);
      if (known == names.end())
        return broken(fmt::format("has an unknown member '{}'", attune::quoted(member.key)));
      auto& value = members.values_[static_cast<std::size_t>(known - names.begin())];
      if (value) return broken(fmt::format("has the member '{}' twice", member.key));
      value = member.value;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!members.values_[i]) return broken(fmt::format("has no member '{}'", names[i]));
    }
    return members;
  }

  simdjson::dom::element element(std::string_view name) const {
    return *values_[static_cast<std::size_t>(std::ranges::find(names_, name) - names_.begin())];
  }
  template <class T>
  Result<T> get(std::string_view name) const {
    T value;
    if (element(name).get(value)) return broken(fmt::format("has a '{}' of another type", name));
    return value;
  }
  Result<std::string> text(std::string_view name) const {
    ATTUNE_ASSIGN_OR_RETURN(const auto value, get<std::string_view>(name));
    return std::string(value);
  }

 private:
  std::span<const std::string_view> names_;
  std::vector<std::optional<simdjson::dom::element>> values_;
};

// A moment as format_iso writes it.
Result<Timestamp> read_logged_time(std::string_view text);
Result<std::uint64_t> read_logged_seed(std::string_view text);

}  // namespace attune::decide
