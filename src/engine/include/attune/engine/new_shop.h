// A data folder with its settings, before anything is in it. Answers: where do I begin?
#pragma once

#include <filesystem>
#include <string>

#include "attune/base/error.h"

namespace attune::engine {

struct NewShop {
  std::string time_zone = "UTC";  // name of the tz database
  std::string currency;           // ISO 4217 code; empty: that of the first event
  std::string command = "attune";
};

// Errors: already_exists where the folder holds a shop; those of store::DataFolder.
Status make_shop(const std::filesystem::path& folder, const NewShop& settings);

}  // namespace attune::engine
