// How far may a drawn share lie from its true one before a test says so?
#pragma once

namespace attune::simulate {

// Standard deviations; the two-sided chance of a false alarm is 7 in a million.
inline constexpr double kDeviations = 4.5;

}  // namespace attune::simulate
