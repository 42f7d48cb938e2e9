// What a row is known by. Answers: is this the row that came before?
#pragma once

#include <cstdint>

#include "attune/base/hash.h"
#include "attune/events/event.h"

namespace attune::events {

// What a row is known by, but for how many equal rows came before it: of its source and event id,
// else of its content. An event id that an export wrote is the key itself, so that what was taken
// out is known again when it comes back.
Hash128 fingerprint(const Event& event);

// Of an event's fingerprint, and of how many equal rows came before where it has no id.
Hash128 key_of(const Event& event, const Hash128& print, std::uint32_t occurrence);

}  // namespace attune::events
