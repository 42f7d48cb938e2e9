// Money in other currencies than the shop's. Answers: which purchases and refunds stand in no sum?
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "attune/engine/workspace.h"
#include "attune/events/quality.h"

namespace attune::engine {

// Purchases and refunds with an amount in another currency than sums are given in, by currency, of
// the rows numbered from `first` on and up to `until`. Where nothing tells which currency sums are
// given in, and events carry several: all of them. Cost: one pass over the rows, where events carry
// another currency than the shop's.
Result<std::map<std::string, std::int64_t>> foreign_amounts(Workspace& workspace, Sequence first,
                                                            Timestamp until);

// Puts the same, of all times, into the report, in the place of what it said there before.
Status tell_foreign_amounts(Workspace& workspace, Sequence first, events::QualityReport& report);

}  // namespace attune::engine
