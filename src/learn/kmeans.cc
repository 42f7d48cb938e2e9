#include "attune/learn/kmeans.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/math/nearest_columns.h"
#include "attune/math/parallel.h"
#include "kmeans_starts.h"

namespace attune::learn {
namespace {

using math::DenseMatrix;
using math::Matrix;
using math::MatrixF;

template <class Real>
MatrixF as_floats(const DenseMatrix<Real>& m) {
  MatrixF floats(m.rows(), m.columns());
  std::ranges::transform(m.data(), floats.data().begin(),
                         [](Real v) { return static_cast<float>(v); });
  return floats;
}

template <class Real>
double length_of(std::span<const Real> row) {
  double squares = 0;
  for (const Real value : row) squares += double{value} * value;
  return std::sqrt(squares);
}

// Rows and what is worked out of them once: a copy in single precision, and lengths.
template <class Real>
struct Rows {
  explicit Rows(const DenseMatrix<Real>& given) : exact(given) {
    if constexpr (std::is_same_v<Real, float>) {
      floats = &given;
    } else {
      copy = as_floats(given);
      floats = &copy;
    }
    for (std::int64_t r = 0; r < given.rows(); ++r) length.push_back(length_of(given.row(r)));
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  const DenseMatrix<Real>& exact;
  const MatrixF* floats;
  MatrixF copy;
  std::vector<double> length;
};

template <class Real>
std::int32_t nearest(const Matrix& centres, std::span<const Real> row) {
  std::int32_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t c = 0; c < centres.rows(); ++c) {
    const double distance = squared_distance(centres.row(c), row);
    if (distance < least) {
      least = distance;
      best = static_cast<std::int32_t>(c);
    }
  }
  return best;
}

// How far each centre went, and the two that went farthest.
struct Moves {
  Moves(const Matrix& before, const Matrix& after) {
    for (std::int64_t c = 0; c < before.rows(); ++c) {
      const double way = std::sqrt(squared_distance(before.row(c), std::as_const(after).row(c)));
      each.push_back(static_cast<float>(way * (1 + 1e-6)));
      squares += way * way;
      if (each.back() > of(farthest)) farthest = static_cast<std::int32_t>(c);
    }
    for (std::size_t c = 0; c < each.size(); ++c) {
      if (static_cast<std::int32_t>(c) != farthest) second = std::max(second, each[c]);
    }
  }
  float of(std::int32_t c) const { return each[static_cast<std::size_t>(c)]; }
  // The most that a centre other than `c` went.
  float of_others(std::int32_t c) const { return c == farthest ? second : of(farthest); }

  std::vector<float> each;
  std::int32_t farthest = 0;
  float second = 0;
  double squares = 0;  // in double, summed
};

// Finds the nearest centre of rows, exactly: single precision decides where the next one is farther
// by more than rounding can be, plain double loops elsewhere.
template <class Real>
class NearestCentres {
 public:
  NearestCentres(const Rows<Real>& rows, const Matrix& centres)
      : rows_(rows), centres_(centres), columns_(as_floats(centres)) {
    for (std::int64_t c = 0; c < centres.rows(); ++c)
      longest_ = std::max(longest_, length_of(centres.row(c)));
  }

  // Rows `which` of all; scratch holds what a thread needs. At most kBlock of them.
  void find(std::span<const std::int64_t> which, std::vector<float>& scratch,
            Assignment& out) const {
    const auto d = static_cast<std::size_t>(centres_.columns());
    const bool neighbours =
        which.back() - which.front() + 1 == static_cast<std::int64_t>(which.size());
    std::span<const float> floats = rows_.floats->data().subspan(
        static_cast<std::size_t>(which.front()) * d, neighbours ? which.size() * d : 0);
    if (!neighbours) {
      scratch.resize(which.size() * d);
      for (std::size_t i = 0; i < which.size(); ++i)
        std::copy_n(rows_.floats->row(which[i]).data(), d, scratch.data() + i * d);
      floats = scratch;
    }
    std::array<float, kBlock> least, gap;
    std::array<std::int32_t, kBlock> found;
    columns_.find(floats, std::span(found).first(which.size()),
                  std::span(least).first(which.size()), std::span(gap).first(which.size()));
    for (std::size_t i = 0; i < which.size(); ++i) {
      const auto place = static_cast<std::size_t>(which[i]);
      const double length = rows_.length[place];
      const double doubt = doubt_of(length);
      const bool sure = gap[i] > doubt;
      out.cluster[place] = sure ? found[i] : nearest(centres_, rows_.exact.row(which[i]));
      // |x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x.c)
      const double own = length * length + 2 * double{least[i]};
      const double lead = sure ? 2 * double{gap[i]} : 0;
      out.own_at_most[place] = root(own + 2 * doubt, 1);
      out.other_at_least[place] = root(own + lead - 2 * doubt, -1);
    }
  }

  // Whether a row keeps its centre for sure, though the centres went so far [Hamerly2010].
  bool stays(std::int64_t row, const Moves& moves, Assignment& out) const {
    const auto place = static_cast<std::size_t>(row);
    const std::int32_t own = out.cluster[place];
    float& at_most = out.own_at_most[place];
    float& at_least = out.other_at_least[place];
    at_most = beyond(at_most + moves.of(own), 1);
    at_least = beyond(at_least - moves.of_others(own), -1);
    return at_most < at_least;
  }

 private:
  // By how much two sums for a row of this length may be off together: rounding of each operation,
  // to a share of its value or to the least float; anything where one may overflow.
  double doubt_of(double length) const {
    const double operations = 2.1 * (static_cast<double>(centres_.columns()) + 8);
    const double largest = longest_ * (longest_ / 2 + length);
    if (largest > 1e38) return std::numeric_limits<double>::infinity();
    return operations * (largest * 0x1p-24 + 0x1p-149);
  }
  // A float beyond the value, by more than rounding, to `side`.
  static float beyond(float value, int side) {
    return value + static_cast<float>(side) * (std::abs(value) * 1e-6f + 1e-30f);
  }
  static float root(double square, int side) {
    return beyond(std::sqrt(static_cast<float>(std::max(0.0, square))), side);
  }

  const Rows<Real>& rows_;
  const Matrix& centres_;
  math::NearestColumns columns_;
  double longest_ = 0;
};

// The nearest centre of each row. Where `moves` is given, `out` holds those of the centres before,
// and rows that cannot have changed are left alone.
template <class Real>
void find_nearest(const Rows<Real>& rows, const Matrix& centres, const Moves* moves, int threads,
                  Assignment& out) {
  const NearestCentres<Real> finder(rows, centres);
  out.cluster.resize(rows.length.size());
  out.own_at_most.resize(rows.length.size());
  out.other_at_least.resize(rows.length.size());
  math::parallel_for(rows.exact.rows(), kBlock, threads,
                     [&](std::int64_t begin, std::int64_t end, int) {
                       thread_local std::vector<std::int64_t> which;
                       thread_local std::vector<float> scratch;
                       which.clear();
                       for (std::int64_t r = begin; r < end; ++r) {
                         if (!moves || !finder.stays(r, *moves, out)) which.push_back(r);
                       }
                       if (!which.empty()) finder.find(which, scratch, out);
                     });
}

template <class Real>
void measure(const DenseMatrix<Real>& rows, const Matrix& centres, int threads, Assignment& out) {
  out.distance.resize(out.cluster.size());
  math::parallel_for(rows.rows(), kBlock, threads, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      const auto place = static_cast<std::size_t>(r);
      out.distance[place] = squared_distance(centres.row(out.cluster[place]), rows.row(r));
    }
  });
  out.objective = std::accumulate(out.distance.begin(), out.distance.end(), 0.0);
}

// Sums of the rows of each cluster, in blocks of fixed size and order.
template <class Real>
Matrix cluster_sums(const DenseMatrix<Real>& rows, std::int64_t clusters,
                    const std::vector<std::int32_t>& cluster, int threads) {
  constexpr std::int64_t kPart = 16 * kBlock;
  const std::int64_t parts = (rows.rows() + kPart - 1) / kPart, d = rows.columns();
  std::vector<Matrix> partial(static_cast<std::size_t>(parts));
  math::parallel_for(rows.rows(), kPart, threads, [&](std::int64_t begin, std::int64_t end, int) {
    Matrix sums(clusters, d);
    for (std::int64_t r = begin; r < end; ++r) {
      double* sum = sums.row(cluster[static_cast<std::size_t>(r)]).data();
      const Real* row = rows.row(r).data();
      for (std::int64_t j = 0; j < d; ++j) sum[j] += row[j];
    }
    partial[static_cast<std::size_t>(begin / kPart)] = std::move(sums);
  });
  Matrix total = std::move(partial.front());
  for (std::size_t p = 1; p < partial.size(); ++p)
    std::ranges::transform(total.data(), partial[p].data(), total.data().begin(), std::plus<>{});
  return total;
}

// Means of the clusters; an empty cluster takes the row that lies farthest from its centre.
template <class Real>
Matrix means(const DenseMatrix<Real>& rows, const Matrix& before, int threads,
             Assignment& assignment) {
  const std::int64_t clusters = before.rows();
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(clusters), 0);
  for (const std::int32_t c : assignment.cluster) ++sizes[static_cast<std::size_t>(c)];
  if (std::ranges::find(sizes, 0) != sizes.end()) measure(rows, before, threads, assignment);
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    if (sizes[c] > 0) continue;
    std::int64_t farthest = -1;
    for (std::size_t r = 0; r < assignment.distance.size(); ++r) {
      const bool lone = sizes[static_cast<std::size_t>(assignment.cluster[r])] < 2;
      if (lone || (farthest >= 0 && assignment.distance[r] <=
                                        assignment.distance[static_cast<std::size_t>(farthest)]))
        continue;
      farthest = static_cast<std::int64_t>(r);
    }
    const auto row = static_cast<std::size_t>(farthest);
    --sizes[static_cast<std::size_t>(assignment.cluster[row])];
    assignment.cluster[row] = static_cast<std::int32_t>(c);
    assignment.distance[row] = 0;
    assignment.other_at_least[row] = -1;  // its bounds were those of another centre
    sizes[c] = 1;
  }
  Matrix centres = cluster_sums(rows, clusters, assignment.cluster, threads);
  for (std::int64_t c = 0; c < clusters; ++c) {
    for (double& value : centres.row(c))
      value /= static_cast<double>(sizes[static_cast<std::size_t>(c)]);
  }
  return centres;
}

template <class Real>
double mean_variance(const DenseMatrix<Real>& rows) {
  std::vector<double> mean(static_cast<std::size_t>(rows.columns()), 0), squares = mean;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const double share = 1 / static_cast<double>(r + 1);
    const Real* row = rows.row(r).data();
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double delta = row[c] - mean[c];
      mean[c] += delta * share;
      squares[c] += delta * (row[c] - mean[c]);
    }
  }
  const double total =
      std::accumulate(squares.begin(), squares.end(), 0.0) / static_cast<double>(rows.rows());
  return total / static_cast<double>(rows.columns());
}

template <class Real>
Run lloyd(const Rows<Real>& rows, Matrix centres, const KMeansParameters& parameters, double enough,
          int threads) {
  Run run;
  run.centres = std::move(centres);
  std::optional<Moves> moves;
  std::vector<std::int32_t> before;
  while (run.iterations < parameters.iterations_max && !run.converged) {
    find_nearest(rows, run.centres, moves ? &*moves : nullptr, threads, run.assignment);
    Matrix next = means(rows.exact, run.centres, threads, run.assignment);
    moves.emplace(run.centres, next);
    run.centres = std::move(next);
    run.converged = run.assignment.cluster == before || moves->squares <= enough;
    before = run.assignment.cluster;
    ++run.iterations;
  }
  find_nearest(rows, run.centres, moves ? &*moves : nullptr, threads, run.assignment);
  measure(rows.exact, run.centres, threads, run.assignment);
  return run;
}

template <class Real>
Status check_rows(const DenseMatrix<Real>& rows, const KMeansParameters& parameters) {
  if (rows.rows() == 0 || rows.columns() == 0) {
    return std::unexpected(invalid_argument("there are no rows or no columns to cluster"));
  }
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    if (std::ranges::all_of(rows.row(r), [](Real x) { return std::isfinite(x); })) continue;
    return std::unexpected(invalid_argument(fmt::format(
        "row {} holds a value that is missing or infinite; fill it in or leave the row out", r)));
  }
  const auto wanted = static_cast<std::size_t>(parameters.clusters);
  std::set<std::vector<Real>> distinct;
  for (std::int64_t r = 0; r < rows.rows() && distinct.size() < wanted; ++r) {
    distinct.emplace(rows.row(r).begin(), rows.row(r).end());
  }
  if (distinct.size() < wanted) {
    return std::unexpected(invalid_argument(
        fmt::format("{} clusters are asked for, but only {} rows differ; ask for fewer",
                    parameters.clusters, distinct.size())));
  }
  return {};
}

Status check_cancelled(const Progress* progress) {
  if (progress && progress->cancelled()) return std::unexpected(cancelled("k-means was stopped"));
  return {};
}

Status check_parameters(const KMeansParameters& parameters) {
  KMeansParameters scratch;
  for (const auto& [name, value] : kmeans_table().values(parameters)) {
    ATTUNE_RETURN_IF_ERROR(kmeans_table().set(scratch, name, value));
  }
  return {};
}

// Largest cluster first, ties by the first row.
KMeansModel number_clusters(Run run) {
  const std::int64_t clusters = run.centres.rows();
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(clusters), 0), first(sizes.size(), -1);
  for (std::size_t r = 0; r < run.assignment.cluster.size(); ++r) {
    const auto c = static_cast<std::size_t>(run.assignment.cluster[r]);
    if (sizes[c]++ == 0) first[c] = static_cast<std::int64_t>(r);
  }
  std::vector<std::int32_t> order(sizes.size()), number(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::int32_t a, std::int32_t b) {
    const auto x = static_cast<std::size_t>(a), y = static_cast<std::size_t>(b);
    return sizes[x] != sizes[y] ? sizes[x] > sizes[y] : first[x] < first[y];
  });
  KMeansModel model;
  model.centres = Matrix(clusters, run.centres.columns());
  for (std::size_t i = 0; i < order.size(); ++i) {
    number[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
    copy_row(run.centres, order[i], model.centres, static_cast<std::int64_t>(i));
    model.sizes.push_back(sizes[static_cast<std::size_t>(order[i])]);
  }
  for (const std::int32_t c : run.assignment.cluster)
    model.cluster.push_back(number[static_cast<std::size_t>(c)]);
  model.objective = run.assignment.objective;
  model.iterations = run.iterations;
  model.converged = run.converged;
  return model;
}

}  // namespace

const ParameterTable<KMeansParameters>& kmeans_table() {
  static const auto table = [] {
    ParameterTable<KMeansParameters> t;
    t.integer("clusters", &KMeansParameters::clusters, 1, 10'000, "", "number of groups");
    t.choice("start", &KMeansParameters::start, {"plus_plus", "random"},
             "how the first centres are chosen");
    t.integer("restarts", &KMeansParameters::restarts, 1, 1000, "",
              "runs from different starts; the best is kept");
    t.integer("moves", &KMeansParameters::moves, 0, 10'000, "",
              "tries to better the best run by moving one centre to where more is to gain");
    t.integer("iterations_max", &KMeansParameters::iterations_max, 1, 100'000, "",
              "Lloyd iterations of one run");
    t.real("tolerance", &KMeansParameters::tolerance, 0, 1, "share of the mean variance",
           "a run ends once its centres together move less");
    return t;
  }();
  return table;
}

namespace {

template <class Real>
Result<KMeansModel> fit(const DenseMatrix<Real>& rows, const KMeansParameters& parameters,
                        const KMeansOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check_parameters(parameters));
  ATTUNE_RETURN_IF_ERROR(check_rows(rows, parameters));
  const Rows<Real> prepared(rows);
  const double enough = parameters.tolerance * mean_variance(rows);
  const int moves = parameters.clusters > 1 ? parameters.moves : 0;
  if (options.progress) options.progress->phase("k-means", parameters.restarts + moves, "runs");
  Run best;
  std::vector<double> objectives;
  const auto run_from = [&](Matrix start) {
    return lloyd(prepared, std::move(start), parameters, enough, options.threads);
  };
  for (int restart = 0; restart < parameters.restarts; ++restart) {
    ATTUNE_RETURN_IF_ERROR(check_cancelled(options.progress));
    Rng rng(options.seed, "kmeans", static_cast<std::uint64_t>(restart));
    Run run = run_from(parameters.start == KMeansStart::plus_plus
                           ? start_plus_plus(rows, parameters.clusters, options.threads, rng)
                           : start_random(rows, parameters.clusters, rng));
    objectives.push_back(run.assignment.objective);
    if (restart == 0 || objectives.back() < best.assignment.objective) best = std::move(run);
    if (options.progress) options.progress->advance(restart + 1);
  }
  std::vector<std::int64_t> order;  // of centres, those first that are missed least
  std::size_t failed = 0;
  for (int move = 0; move < moves; ++move) {
    ATTUNE_RETURN_IF_ERROR(check_cancelled(options.progress));
    if (failed == 0) order = by_usefulness(rows, best, options.threads);
    const std::int64_t moved = order[failed++ % order.size()];
    Rng rng(options.seed, "kmeans move", static_cast<std::uint64_t>(move));
    Run run = run_from(move_a_centre(rows, best, moved, options.threads, rng));
    if (options.progress) options.progress->advance(parameters.restarts + move + 1);
    if (run.assignment.objective >= best.assignment.objective) continue;
    best = std::move(run);
    failed = 0;
  }
  KMeansModel model = number_clusters(std::move(best));
  model.restart_objectives = std::move(objectives);
  if (!model.converged) {
    model.warnings.push_back(
        fmt::format("the best run was still moving after {} iterations", model.iterations));
  }
  return model;
}

}  // namespace

Result<KMeansModel> fit_kmeans(const Matrix& rows, const KMeansParameters& parameters,
                               const KMeansOptions& options) {
  return fit(rows, parameters, options);
}

Result<KMeansModel> fit_kmeans(const MatrixF& rows, const KMeansParameters& parameters,
                               const KMeansOptions& options) {
  return fit(rows, parameters, options);
}

Result<std::vector<std::int32_t>> nearest_centres(const Matrix& centres, const Matrix& rows,
                                                  int threads) {
  if (centres.columns() != rows.columns() || centres.rows() == 0) {
    return std::unexpected(
        invalid_argument(fmt::format("the {} centres have {} columns, these rows have {}",
                                     centres.rows(), centres.columns(), rows.columns())));
  }
  Assignment assignment;
  find_nearest(Rows<double>(rows), centres, nullptr, threads, assignment);
  return assignment.cluster;
}

}  // namespace attune::learn
