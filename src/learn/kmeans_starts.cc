#include "kmeans_starts.h"

#include <limits>
#include <numeric>
#include <utility>

#include "attune/math/parallel.h"

namespace attune::learn {

using math::DenseMatrix;
using math::Matrix;

namespace {

// The squared distance of each row from the nearest of some centres.
template <class Real>
class NearestOf {
 public:
  NearestOf(const DenseMatrix<Real>& rows, int threads)
      : rows_(rows),
        threads_(threads),
        distance_(static_cast<std::size_t>(rows.rows()), std::numeric_limits<double>::infinity()) {}

  void add(std::span<const double> centre) {
    math::parallel_for(rows_.rows(), kBlock, threads_,
                       [&](std::int64_t begin, std::int64_t end, int) {
                         for (std::int64_t r = begin; r < end; ++r) {
                           double& least = distance_[static_cast<std::size_t>(r)];
                           least = std::min(least, squared_distance(centre, rows_.row(r)));
                         }
                       });
  }
  double sum() const { return std::accumulate(distance_.begin(), distance_.end(), 0.0); }
  // A row drawn with probability proportional to its squared distance.
  std::int64_t draw(Rng& rng) const {
    return static_cast<std::int64_t>(rng.categorical(distance_));
  }

 private:
  const DenseMatrix<Real>& rows_;
  int threads_;
  std::vector<double> distance_;
};

}  // namespace

template <class Real>
Matrix start_plus_plus(const DenseMatrix<Real>& rows, std::int64_t clusters, int threads,
                       Rng& rng) {
  Matrix centres(clusters, rows.columns());
  copy_row(rows, static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(rows.rows()))),
           centres, 0);
  NearestOf<Real> nearest_of(rows, threads);
  for (std::int64_t c = 1; c < clusters; ++c) {
    nearest_of.add(centres.row(c - 1));
    copy_row(rows, nearest_of.draw(rng), centres, c);
  }
  return centres;
}

template <class Real>
Matrix start_random(const DenseMatrix<Real>& rows, std::int64_t clusters, Rng& rng) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows.rows()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  rng.shuffle(std::span(order));
  Matrix centres(clusters, rows.columns());
  std::int64_t taken = 0;
  for (std::size_t i = 0; i < order.size() && taken < clusters; ++i) {
    bool known = false;
    for (std::int64_t c = 0; c < taken && !known; ++c)
      known = std::ranges::equal(centres.row(c), rows.row(order[i]));
    if (!known) copy_row(rows, order[i], centres, taken++);
  }
  return centres;
}

template <class Real>
std::vector<std::int64_t> by_usefulness(const DenseMatrix<Real>& rows, const Run& run,
                                        int threads) {
  constexpr double kMost = std::numeric_limits<double>::max();
  std::vector<double> second(run.assignment.cluster.size(), kMost);
  math::parallel_for(rows.rows(), kBlock, threads, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      const auto place = static_cast<std::size_t>(r);
      for (std::int64_t c = 0; c < run.centres.rows(); ++c) {
        if (c == run.assignment.cluster[place]) continue;
        second[place] = std::min(second[place], squared_distance(run.centres.row(c), rows.row(r)));
      }
    }
  });
  std::vector<double> use(static_cast<std::size_t>(run.centres.rows()), 0);
  for (std::size_t r = 0; r < second.size(); ++r)
    use[static_cast<std::size_t>(run.assignment.cluster[r])] +=
        second[r] - std::min(run.assignment.distance[r], kMost);
  std::vector<std::int64_t> order(use.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::sort(order, {},
                    [&](std::int64_t c) { return std::pair(use[static_cast<std::size_t>(c)], c); });
  return order;
}

template <class Real>
Matrix move_a_centre(const DenseMatrix<Real>& rows, const Run& run, std::int64_t moved, int threads,
                     Rng& rng) {
  constexpr int kDraws = 10;
  NearestOf<Real> others(rows, threads);
  for (std::int64_t c = 0; c < run.centres.rows(); ++c) {
    if (c != moved) others.add(run.centres.row(c));
  }
  Matrix centres = run.centres, best = centres;
  double least = std::numeric_limits<double>::infinity();
  for (int draw = 0; draw < kDraws; ++draw) {
    copy_row(rows, others.draw(rng), centres, moved);
    NearestOf<Real> with = others;
    with.add(centres.row(moved));
    if (with.sum() >= least) continue;
    least = with.sum();
    best = centres;
  }
  return best;
}

template Matrix start_plus_plus(const Matrix&, std::int64_t, int, Rng&);
template Matrix start_plus_plus(const math::MatrixF&, std::int64_t, int, Rng&);
template Matrix start_random(const Matrix&, std::int64_t, Rng&);
template Matrix start_random(const math::MatrixF&, std::int64_t, Rng&);
template std::vector<std::int64_t> by_usefulness(const Matrix&, const Run&, int);
template std::vector<std::int64_t> by_usefulness(const math::MatrixF&, const Run&, int);
template Matrix move_a_centre(const Matrix&, const Run&, std::int64_t, int, Rng&);
template Matrix move_a_centre(const math::MatrixF&, const Run&, std::int64_t, int, Rng&);

}  // namespace attune::learn
