// Everything about a shop on one page. Answers: what should a person who runs it know today?
#pragma once

#include <filesystem>
#include <string>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/customers.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

struct ReportOptions {
  Customers::Options profiles;
  std::string language = "en";  // or zh
  int seeds = 1;                // splits of the leaderboard; 0: none
};

// Writes a self-contained page: figures, data quality of every import, RFM map, stages, cohort
// retention, segments, clusters, categories, leaderboard. Sections without data say so. Errors:
// invalid_argument (language); those of profiles and of writing.
Status write_report(Workspace& workspace, const ReportOptions& options,
                    const std::filesystem::path& file, Progress& progress);

}  // namespace attune::engine
