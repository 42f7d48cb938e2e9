// Work that nobody waits for. Answers: how does it leave the processor to those who are waited for?
#pragma once

#include <filesystem>

#include "attune/base/error.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

// From now on this thread, and threads that it starts, get about a tenth of a processor that others
// want too, and all of one that nobody wants. Where the system does not allow that, nothing
// changes.
void give_way();

// Workspace::open, by a thread that gives way: those that the history starts for itself rank as the
// one that opened it.
Result<Workspace> open_giving_way(const std::filesystem::path& folder, const WorkspaceOptions& how);

}  // namespace attune::engine
