// Inside the engine: what people did with a campaign's messages, and which outcomes followed.
// Answers: who opened, clicked, left; and what would a claim by last touch say?
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "attune/engine/campaigns.h"

namespace attune::engine {

// Everybody assigned, by row.
// Shapes: arm (rows), rows (customer's root number to row).
struct Assigned {
  const events::MergeMap& merges;
  const std::unordered_map<CustomerNumber, std::size_t>& rows;
  std::span<const std::int32_t> arm;
  Timestamp first, last;  // of the assignments
  Timestamp until;        // what came later does not count
};

struct OutcomeAt {
  std::size_t row = 0;
  std::int64_t micros = 0;
  double value = 0;  // in the currency's units
};

// Adds to `activity` (one an arm) what the log tells of messages, and what of `outcomes` a touch
// in the `window` before claims. A touch is a person's click, in a message or on a recommendation;
// of a channel that cannot be clicked, the sending. Errors: those of the history.
Status add_activity(Workspace& workspace, const engage::Campaign& campaign,
                    const Assigned& assigned, std::vector<TreatmentActivity>& activity);
Status add_claims(Workspace& workspace, const engage::Campaign& campaign, const Assigned& assigned,
                  std::span<const OutcomeAt> outcomes, std::vector<TreatmentActivity>& activity);

// The share of an outcome that the touch `i` of `count` gets by position: first and last two
// fifths each, those between share the rest; of two, half each; one, all of it.
double position_share(std::size_t i, std::size_t count);

}  // namespace attune::engine
