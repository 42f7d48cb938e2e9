// A campaign's assignments as the log has them. Answers: who is in which group, since when, and who
// gets which message?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/decide/campaign_gates.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

// One decision about somebody who was assigned to a group; who was stopped before has none.
struct CampaignAssignment {
  std::int64_t number = 0;  // of the log: the next page begins after it
  std::string customer;     // as the shop calls them now
  Timestamp time;
  std::string decision;   // id
  std::string group;      // "holdout", else the arm; with policy top "treated"
  std::string treatment;  // of the message; empty: none is sent
  decide::StopReason reason = decide::StopReason::none;  // why none is
};

// In the order of the log, from behind `after` on, at most `limit`; decisions about people who were
// forgotten are left out. Errors: not_found that names the nearest campaign; those of the stores.
Result<std::vector<CampaignAssignment>> campaign_assignments(Workspace& workspace,
                                                             std::string_view campaign,
                                                             std::int64_t after,
                                                             std::int64_t limit);
// {"assignments": […]}
std::string to_json(std::span<const CampaignAssignment> assignments);

}  // namespace attune::engine
