// The section [cleaning] of attune.toml. Answers: which rules of cleaning does this shop set
// otherwise?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"

namespace attune::store {

// What a name means is told by events::CleaningRules::table, which lies above this layer.
struct CleaningSetting {
  std::string name;
  std::string value;  // "true", "60", "0.35"
  int line = 0;       // in the file
};

// Reads the section out of the text of an attune.toml; none where there is no section.
// parse_settings checks its form too, so that a wrong one is told when the folder is opened.
// Errors: as parse_settings.
Result<std::vector<CleaningSetting>> parse_cleaning_settings(std::string_view text,
                                                             std::string_view file);

}  // namespace attune::store
