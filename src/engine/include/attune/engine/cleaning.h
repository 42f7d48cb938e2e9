// Cleaning by a shop's own rules. Answers: which rules hold here, and what do they find?
#pragma once

#include "attune/base/error.h"
#include "attune/engine/workspace.h"
#include "attune/events/event_history.h"

namespace attune::engine {

// The defaults, and over them the section [cleaning] of attune.toml as it is now.
// Errors: invalid_argument naming file, line and key.
Result<events::CleaningRules> cleaning_rules(const Workspace& workspace);

// Cleans the whole history anew by these rules, as every import does at its end. Profiles and taste
// follow when they are next asked for. Result: what was found.
Result<events::CleaningCounts> clean(Workspace& workspace);

}  // namespace attune::engine
