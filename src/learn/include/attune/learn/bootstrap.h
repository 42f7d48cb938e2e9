// Intervals by resampling. Answers: how sure is a mean, and is A really better than B?
#pragma once

#include <cstdint>
#include <vector>

#include "attune/math/matrix.h"

namespace attune::learn {

struct Interval {
  double mean = 0;
  double low = 0;   // 2.5 % quantile of the resampled means, unless asked otherwise
  double high = 0;  // 97.5 %
  friend bool operator==(const Interval&, const Interval&) = default;
};

struct BootstrapOptions {
  int draws = 1000;
  double confidence = 0.95;
  std::uint64_t seed = 1;
  int threads = 0;
};

// Percentile bootstrap [EfronTibshirani1993] over two crossed factors, customers and seeds: a draw
// takes customers with replacement and seeds with replacement, and averages the cells at their
// crossings [Owen2007].
// The same draws serve every series, so intervals of differences are paired.
//
// Shapes: each series (seeds, customers); NaN marks a customer who was not tested under that seed.
// All of one shape.
// Missing values: NaN cells carry no weight. A series without any cell gives NaN throughout.
// Determinism: streams keyed by (seed, "bootstrap", draw); any thread count.
// Cost: draws * cells of all series.
class PairedBootstrap {
 public:
  PairedBootstrap(std::vector<const math::Matrix*> series, const BootstrapOptions& options = {});

  Interval interval(std::size_t series) const;
  // mean(a) - mean(b), over the same draws. Cells present in one alone make the pairing weaker,
  // never wrong.
  Interval difference(std::size_t a, std::size_t b) const;

 private:
  Interval summarise(double mean, std::vector<double> draws) const;

  double confidence_;
  std::vector<double> means_;               // per series
  std::vector<std::vector<double>> draws_;  // per series
};

}  // namespace attune::learn
