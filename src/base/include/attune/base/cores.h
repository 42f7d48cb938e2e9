// How much of the machine is ours. Answers: how many threads can work at once?
#pragma once

#include <optional>
#include <string_view>

namespace attune {

// The cores that this process may run on, and no more than the time that its control group (a
// container's limit) gives it. At least 1.
int usable_cores();

// Cores, rounded up, that a control group's "cpu.max" ("QUOTA PERIOD", or "max PERIOD") gives.
// Absent: as many as there are.
std::optional<int> cores_of_quota(std::string_view cpu_max);

}  // namespace attune
