// Inside the module: an arm's variance and third moment from its customers' influences.
#pragma once

#include <span>

#include "attune/measure/arm_estimate.h"

namespace attune::measure {

// Shapes: influence (n), centred on 0.
void set_moments(ArmEstimate& arm, std::span<const double> influence);

}  // namespace attune::measure
