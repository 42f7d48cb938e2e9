// The statistics of a shop in state: a whole, and the changes since. Private to profiles.
#pragma once

#include <optional>

#include "attune/base/error.h"
#include "attune/profiles/shop_statistics.h"
#include "attune/store/state.h"

namespace attune::profiles {

Status migrate_statistics(store::State& state);

// Absent where they were never saved, or where what is stored cannot be: measure anew, and save.
// Cost: reads all, some 3 bytes a buyer.
Result<std::optional<ShopStatistics>> read_statistics(store::State& state);

Status save_statistics(store::State& state, ShopStatistics& whole);

// They are not known any more.
Status drop_statistics(store::State& state);

// Adds a change, a row of its own; nothing where no whole was saved. Now and then, when changes
// pass a quarter of the whole, they become one with it. `at_once`: now.
Status save_change(store::State& state, ShopStatistics& change, bool at_once = false);

}  // namespace attune::profiles
