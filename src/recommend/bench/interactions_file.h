// Interactions that a claim lays down for both sides of a comparison.
#pragma once

#include <string>

#include "attune/recommend/interactions.h"

namespace attune::recommend::bench {

// Says why on standard error and ends the program.
[[noreturn]] void fail(const std::string& message);

// Little-endian: int32 customers, int32 items, int64 pairs, int64 offsets (customers + 1), int32
// items of the pairs (rising within a customer), float32 weights. Fails where the file is another.
Interactions read_interactions(const std::string& path);

}  // namespace attune::recommend::bench
