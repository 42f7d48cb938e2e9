// Where a run of Lloyd's iterations begins. Answers: which centres are a good guess?
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "attune/base/random.h"
#include "attune/math/matrix.h"

namespace attune::learn {

inline constexpr std::int64_t kBlock = 1024;  // rows of one partial sum

template <class Real>
double squared_distance(std::span<const double> a, std::span<const Real> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

template <class Real>
void copy_row(const math::DenseMatrix<Real>& from, std::int64_t row, math::Matrix& to,
              std::int64_t place) {
  std::ranges::copy(from.row(row), to.row(place).begin());
}

// One assignment of rows to centres, and what the next centres are made of.
struct Assignment {
  std::vector<std::int32_t> cluster;
  std::vector<double> distance;  // squared, to the own centre
  // Bounds of the distance to the own centre and to the nearest of the others.
  std::vector<float> own_at_most, other_at_least;
  double objective = 0;
};

struct Run {
  math::Matrix centres;
  Assignment assignment;
  int iterations = 0;
  bool converged = false;
};

// Shapes of all below: rows (n, d), of double or float; the centres (clusters, d).
// Each next centre is a row drawn with probability proportional to its squared distance from the
// centres chosen so far [ArthurVassilvitskii2007].
template <class Real>
math::Matrix start_plus_plus(const math::DenseMatrix<Real>& rows, std::int64_t clusters,
                             int threads, Rng& rng);

// k rows of different values, in a random order.
template <class Real>
math::Matrix start_random(const math::DenseMatrix<Real>& rows, std::int64_t clusters, Rng& rng);

// Centres in the order of what the objective would gain without them, rows moving to their second
// nearest: the one that is missed least first. At least two centres.
template <class Real>
std::vector<std::int64_t> by_usefulness(const math::DenseMatrix<Real>& rows, const Run& run,
                                        int threads);

// The centres of a run of which one moves to where most is left: the best of a few rows drawn as in
// start_plus_plus.
template <class Real>
math::Matrix move_a_centre(const math::DenseMatrix<Real>& rows, const Run& run, std::int64_t moved,
                           int threads, Rng& rng);

}  // namespace attune::learn
