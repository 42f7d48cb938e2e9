// truth.json: parameters, window, categories and counts, written and read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/simulate/truth.h"
#include "attune/simulate/world.h"

namespace attune::simulate {

// The first line that tells a truth.json of ours from any other file.
inline constexpr std::string_view kMadeBy = "\"made_by\": \"attune simulate\"";

struct TruthSummary {
  std::vector<std::string> category_keys;
  std::vector<std::string> category_names;
  std::array<double, kCategoryCount> season_at_end{};
  PlantedCounts planted;
};

std::string write_summary(const World& world, const PlantedCounts& planted);
// Errors: data_corruption saying what is wrong.
Result<TruthSummary> parse_summary(std::string_view json);

}  // namespace attune::simulate
