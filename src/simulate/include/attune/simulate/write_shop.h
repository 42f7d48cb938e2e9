// A simulated shop as files. Answers: what would this shop have exported, and what is true about
// it?
//
//   events.csv[.gz]     what its feeds sent, in the order of arrival, with repeats, gaps, bots and
//                       malformed rows
//   orders.csv          order lines as a shop exports them (Chinese headings for a Chinese shop); a
//                       line taken back has a negative quantity under the same order
//   items.csv customers.csv
//   truth.json truth_items.csv truth_customers.csv truth_bots.csv
//                       what nobody but a simulation knows; `Truth` reads them
#pragma once

#include <cstdint>
#include <filesystem>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/simulate/shop_parameters.h"
#include "attune/simulate/truth.h"

namespace attune::simulate {

// Writes all files, or none: they are named at the end, and a cancelled or failed run removes what
// it wrote. The folder is made if absent. An earlier simulation in it is replaced, other people's
// files never.
// Errors: invalid_argument (parameters); already_exists (a file of that name which no simulation
// made); cancelled; those of the file system.
// Cost: about a second for 500,000 events. Determinism: the same parameters give the same bytes.
Result<PlantedCounts> write_shop(const ShopParameters& parameters,
                                 const std::filesystem::path& directory, Progress& progress);

}  // namespace attune::simulate
