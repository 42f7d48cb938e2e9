// Several comparisons at once. Answers: is the best of five treatments better than nothing, or the
// luckiest of five?
#pragma once

#include <span>
#include <vector>

namespace attune::measure {

// Adjusted p values: with a bar on them, the chance of even one false call over the family stays
// below that bar, whatever the dependence. Shapes: p (m); result (m), in the same order.
// Source: [Holm1979].
std::vector<double> holm(std::span<const double> p);

// Confidence of each of `comparisons` intervals, so that all hold at once with `level`: 1 - (1 -
// level) / comparisons (Bonferroni).
double bonferroni_level(double level, std::size_t comparisons);

// The multiple of the standard error at which two-sided intervals of all differences against one
// control hold at once with `level`. Narrower than Bonferroni's: the differences share the control.
// Shapes: control_part (k): standard error of the control over that of the difference, 0 to 1, one
// a treatment; the correlation of two differences is the product of theirs. degrees: of the t
// distribution, or infinite. Deviation: with unequal variances the smallest of the comparisons' is
// taken for all, which errs towards wide. Accuracy: 2e-4; a part above .999 counts as .999, which
// errs towards wide. Cost: below a millisecond, with fewer than 2,000 degrees some. Source:
// [Dunnett1955]; [HaslerHothorn2008] (unequal variances).
double dunnett_multiple(std::span<const double> control_part, double degrees, double level);

}  // namespace attune::measure
