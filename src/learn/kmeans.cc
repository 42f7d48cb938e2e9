#include "attune/learn/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/math/parallel.h"

namespace attune::learn {
namespace {

using math::Matrix;

constexpr std::int64_t kBlock = 1024;  // rows of one partial sum

double squared_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// One assignment of rows to centres, and what the next centres are made of.
struct Assignment {
  std::vector<std::int32_t> cluster;
  std::vector<double> distance;  // squared, to the own centre
  double objective = 0;
};

struct Nearest {
  std::int32_t cluster = 0;
  double distance = std::numeric_limits<double>::infinity();
};

Nearest nearest(const Matrix& centres, std::span<const double> row) {
  Nearest best;
  for (std::int64_t c = 0; c < centres.rows(); ++c) {
    const double distance = squared_distance(centres.row(c), row);
    if (distance < best.distance) best = {static_cast<std::int32_t>(c), distance};
  }
  return best;
}

void assign(const Matrix& rows, const Matrix& centres, int threads, Assignment& out) {
  out.cluster.resize(static_cast<std::size_t>(rows.rows()));
  out.distance.resize(static_cast<std::size_t>(rows.rows()));
  math::parallel_for(rows.rows(), kBlock, threads, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      const Nearest found = nearest(centres, rows.row(r));
      out.cluster[static_cast<std::size_t>(r)] = found.cluster;
      out.distance[static_cast<std::size_t>(r)] = found.distance;
    }
  });
  out.objective = std::accumulate(out.distance.begin(), out.distance.end(), 0.0);
}

// Means of the clusters; an empty cluster takes the row that lies farthest from its centre.
Matrix means(const Matrix& rows, std::int64_t clusters, Assignment& assignment) {
  Matrix centres(clusters, rows.columns());
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(clusters), 0);
  for (const std::int32_t c : assignment.cluster) ++sizes[static_cast<std::size_t>(c)];
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
    sizes[c] = 1;
  }
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const auto centre = centres.row(assignment.cluster[static_cast<std::size_t>(r)]);
    std::ranges::transform(centre, rows.row(r), centre.begin(), std::plus<>{});
  }
  for (std::int64_t c = 0; c < clusters; ++c) {
    for (double& value : centres.row(c))
      value /= static_cast<double>(sizes[static_cast<std::size_t>(c)]);
  }
  return centres;
}

void copy_row(const Matrix& from, std::int64_t row, Matrix& to, std::int64_t place) {
  std::ranges::copy(from.row(row), to.row(place).begin());
}

// Each next centre is a row drawn with probability proportional to its squared distance from the
// centres chosen so far.
Matrix start_plus_plus(const Matrix& rows, std::int64_t clusters, int threads, Rng& rng) {
  Matrix centres(clusters, rows.columns());
  copy_row(rows, static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(rows.rows()))),
           centres, 0);
  std::vector<double> distance(static_cast<std::size_t>(rows.rows()),
                               std::numeric_limits<double>::infinity());
  for (std::int64_t c = 1; c < clusters; ++c) {
    math::parallel_for(rows.rows(), kBlock, threads,
                       [&](std::int64_t begin, std::int64_t end, int) {
                         for (std::int64_t r = begin; r < end; ++r) {
                           auto& d = distance[static_cast<std::size_t>(r)];
                           d = std::min(d, squared_distance(rows.row(r), centres.row(c - 1)));
                         }
                       });
    copy_row(rows, static_cast<std::int64_t>(rng.categorical(distance)), centres, c);
  }
  return centres;
}

// k rows of different values, in a random order.
Matrix start_random(const Matrix& rows, std::int64_t clusters, Rng& rng) {
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

double mean_variance(const Matrix& rows) {
  double total = 0;
  for (std::int64_t c = 0; c < rows.columns(); ++c) {
    double mean = 0, squares = 0;
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
      const double delta = rows(r, c) - mean;
      mean += delta / static_cast<double>(r + 1);
      squares += delta * (rows(r, c) - mean);
    }
    total += squares / static_cast<double>(rows.rows());
  }
  return total / static_cast<double>(rows.columns());
}

struct Run {
  Matrix centres;
  Assignment assignment;
  int iterations = 0;
  bool converged = false;
};

Run lloyd(const Matrix& rows, Matrix centres, const KMeansParameters& parameters, double enough,
          int threads) {
  Run run;
  run.centres = std::move(centres);
  std::vector<std::int32_t> before;
  while (run.iterations < parameters.iterations_max && !run.converged) {
    assign(rows, run.centres, threads, run.assignment);
    Matrix next = means(rows, run.centres.rows(), run.assignment);
    double moved = 0;
    for (std::size_t i = 0; i < next.data().size(); ++i) {
      moved += (next.data()[i] - run.centres.data()[i]) * (next.data()[i] - run.centres.data()[i]);
    }
    run.centres = std::move(next);
    run.converged = run.assignment.cluster == before || moved <= enough;
    before = run.assignment.cluster;
    ++run.iterations;
  }
  assign(rows, run.centres, threads, run.assignment);
  return run;
}

Status check_rows(const Matrix& rows, const KMeansParameters& parameters) {
  if (rows.rows() == 0 || rows.columns() == 0) {
    return std::unexpected(invalid_argument("there are no rows or no columns to cluster"));
  }
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    if (std::ranges::all_of(rows.row(r), [](double x) { return std::isfinite(x); })) continue;
    return std::unexpected(invalid_argument(fmt::format(
        "row {} holds a value that is missing or infinite; fill it in or leave the row out", r)));
  }
  const auto wanted = static_cast<std::size_t>(parameters.clusters);
  std::set<std::vector<double>> distinct;
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
    t.integer("iterations_max", &KMeansParameters::iterations_max, 1, 100'000, "",
              "Lloyd iterations of one run");
    t.real("tolerance", &KMeansParameters::tolerance, 0, 1, "share of the mean variance",
           "a run ends once its centres together move less");
    return t;
  }();
  return table;
}

Result<KMeansModel> fit_kmeans(const Matrix& rows, const KMeansParameters& parameters,
                               const KMeansOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check_parameters(parameters));
  ATTUNE_RETURN_IF_ERROR(check_rows(rows, parameters));
  const double enough = parameters.tolerance * mean_variance(rows);
  if (options.progress) options.progress->phase("k-means", parameters.restarts, "restarts");
  Run best;
  std::vector<double> objectives;
  for (int restart = 0; restart < parameters.restarts; ++restart) {
    if (options.progress && options.progress->cancelled())
      return std::unexpected(cancelled("k-means was stopped"));
    Rng rng(options.seed, "kmeans", static_cast<std::uint64_t>(restart));
    Matrix start = parameters.start == KMeansStart::plus_plus
                       ? start_plus_plus(rows, parameters.clusters, options.threads, rng)
                       : start_random(rows, parameters.clusters, rng);
    Run run = lloyd(rows, std::move(start), parameters, enough, options.threads);
    objectives.push_back(run.assignment.objective);
    if (restart == 0 || run.assignment.objective < best.assignment.objective) best = std::move(run);
    if (options.progress) options.progress->advance(restart + 1);
  }
  KMeansModel model = number_clusters(std::move(best));
  model.restart_objectives = std::move(objectives);
  if (!model.converged) {
    model.warnings.push_back(
        fmt::format("the best run was still moving after {} iterations", model.iterations));
  }
  return model;
}

Result<std::vector<std::int32_t>> nearest_centres(const Matrix& centres, const Matrix& rows,
                                                  int threads) {
  if (centres.columns() != rows.columns() || centres.rows() == 0) {
    return std::unexpected(
        invalid_argument(fmt::format("the {} centres have {} columns, these rows have {}",
                                     centres.rows(), centres.columns(), rows.columns())));
  }
  Assignment assignment;
  assign(rows, centres, threads, assignment);
  return assignment.cluster;
}

}  // namespace attune::learn
