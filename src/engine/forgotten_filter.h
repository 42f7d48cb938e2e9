// What may be taken in of what arrives. Answers: does this name somebody whom the shop has
// forgotten?
#pragma once

#include <span>
#include <vector>

#include "attune/engine/workspace.h"

namespace attune::engine {

// Without what names forgotten customers. A device of theirs says nothing of who uses it now: an
// event of somebody else on it comes in without it. Threads: any.
std::vector<events::Event> let_in(const Workspace& workspace,
                                  std::span<const events::Event> events);
std::vector<RefusedMessage> let_in(const Workspace& workspace,
                                   std::span<const RefusedMessage> messages);

}  // namespace attune::engine
