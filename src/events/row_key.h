// What a row is known by. Answers: is this the row that came before?
#pragma once

#include <cstdint>

#include "attune/base/hash.h"
#include "attune/events/event.h"

namespace attune::events {

// Of its source and event id, else of its content and how many equal rows came before it. An event
// id that an export wrote is the key itself, so that what was taken out is known again when it
// comes back.
Hash128 key_of(const Event& event, const Hash128& content, std::uint32_t occurrence);

}  // namespace attune::events
