// Inside the engine: the columns of an experiment's file, read cell by cell.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "attune/engine/experiment.h"

namespace attune::engine {

// A column of names as indices into the names that occur, in the order of their first row.
class NameColumn {
 public:
  NameColumn(std::string column, std::size_t names_max)
      : column_(std::move(column)), names_max_(names_max) {}

  // Errors: invalid_argument once there are more names than allowed.
  Status add(std::string_view cell);
  // Indices by rank: `first` before the others (if it occurs), which follow by name.
  void sort(std::string_view first);

  const std::string& column() const { return column_; }
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<std::int32_t>& codes() const { return codes_; }  // -1: blank

 private:
  std::string column_;
  std::size_t names_max_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int32_t> index_;
  std::vector<std::int32_t> codes_;
};

// What is read of the file.
struct ExperimentColumns {
  NameColumn arm;
  std::optional<NameColumn> group;
  std::map<std::string, std::vector<double>> numbers;  // by column; NaN: missing
  std::int64_t rows = 0;
  std::int64_t rejected = 0;
  std::string first_rejection;
};

// The two columns of "revenue/orders". Either may hold a slash itself: the first cut whose both
// sides are columns counts.
struct RatioColumns {
  std::string above;
  std::string below;
};
Result<RatioColumns> columns_of_ratio(const std::string& ratio,
                                      const std::vector<std::string>& columns);

Result<ExperimentColumns> read_experiment(const ExperimentRequest& request, Progress& progress);

}  // namespace attune::engine
