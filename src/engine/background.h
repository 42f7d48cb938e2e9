// Work that nobody waits for. Answers: how does it leave the processor to those who are waited for?
#pragma once

namespace attune::engine {

// From now on this thread, and threads that it starts, get about a tenth of a processor that others
// want too, and all of one that nobody wants. Where the system does not allow that, nothing
// changes.
void give_way();

}  // namespace attune::engine
