// Logarithm of numbers between 0 and 1, the same bits on every machine. Private to decide.
#pragma once

namespace attune::decide {

// ln(x) for 0 < x <= 1, within 2 units in the last place. Made of operations that IEEE 754 fixes,
// which the library's log is not.
double log_of_unit(double x);

}  // namespace attune::decide
