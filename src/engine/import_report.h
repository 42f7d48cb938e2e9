// What cleaning found, in the words of a quality report. Answers: which of these rows did only many
// rows together give away?
#pragma once

#include "attune/engine/workspace.h"
#include "attune/events/quality.h"

namespace attune::engine {

// Puts what cleaning says of the rows numbered from `first` on into the report, in the place of
// what it said there before.
Result<events::CleaningCounts> tell_cleaning(Workspace& workspace, Sequence first,
                                             events::QualityReport& report);

}  // namespace attune::engine
