// Decisions as the history keeps them. Answers: what was shown then, and would it be shown again?
#pragma once

#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/decide/decision.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

// What the event of a decision carries as its properties: the decision as a text, so that numbers
// stay to the last digit.
std::string decision_properties(const decide::Decision& decision);

// The source of every decision that a service logs. Nothing from outside carries it but what an
// operator imports, exports of decisions among it.
inline constexpr std::string_view kDecisionSource = "attune";

// Only what carries that source is a decision. Errors: not_found; failed_precondition (its customer
// is forgotten); data_corruption.
Result<decide::Decision> read_decision(Workspace& workspace, std::string_view id);

}  // namespace attune::engine
