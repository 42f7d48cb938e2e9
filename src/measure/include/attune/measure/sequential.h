// Intervals that may be looked at every day. Answers: can we stop now, without having looked so
// long until chance gave us what we hoped for?
#pragma once

#include "attune/measure/estimate.h"

namespace attune::measure {

// An asymptotic confidence sequence: the intervals of all days hold the truth at once with `level`,
// whenever one looks and whenever one stops. It is the normal mixture boundary, with its one
// parameter chosen so that the interval is narrowest at the planned end; there it is 1.55 times as
// wide as the fixed one at 95 %.
// `fraction`: customers so far over customers planned, above 0; it may pass 1.
// Source: [WaudbySmith2024] (theorem 2.2 and appendix on the choice of rho; written here for an
// estimate with a standard error, t rho² = fraction * x with x the solution at the planned end).

// The multiple of the standard error that takes the place of 1.96.
double sequence_multiple(double fraction, double level = kLevel);

// The p value that stays valid under daily looks: the smallest 1 - level at which this sequence,
// kept tuned as for `level`, leaves 0 out. z: estimate over standard error.
double sequence_p_value(double z, double fraction, double level = kLevel);

}  // namespace attune::measure
