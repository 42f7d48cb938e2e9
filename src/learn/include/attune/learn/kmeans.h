// K-means clusters. Answers: which k groups describe these rows best, and how well?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/parameters.h"
#include "attune/base/progress.h"
#include "attune/math/matrix.h"

namespace attune::learn {

enum class KMeansStart : std::uint8_t {
  plus_plus,  // k-means++ [ArthurVassilvitskii2007]
  random,     // k distinct rows [Forgy1965]
};

struct KMeansParameters {
  int clusters = 5;
  KMeansStart start = KMeansStart::plus_plus;
  int restarts = 10;  // the best objective of these is kept
  // Tries to better it: a centre that is missed little moves to where most is left, and Lloyd's
  // iterations start from there.
  int moves = 30;
  int iterations_max = 300;  // of each restart or try
  // Stops once no row changes its cluster, or the centres together move less than tolerance * the
  // mean variance of columns.
  double tolerance = 1e-6;
};
const ParameterTable<KMeansParameters>& kmeans_table();

struct KMeansModel {
  math::Matrix centres;               // (clusters, columns)
  std::vector<std::int32_t> cluster;  // (rows): nearest centre; ties go to the lower number
  std::vector<std::int64_t> sizes;    // (clusters), none is 0
  double objective = 0;               // J: sum over rows of the squared distance to their centre
  int iterations = 0;                 // of the run that was kept
  bool converged = false;
  std::vector<double> restart_objectives;
  std::vector<std::string> warnings;
};

struct KMeansOptions {
  std::uint64_t seed = 1;
  int threads = 0;
  Progress* progress = nullptr;
};

// Lloyd's iterations [Lloyd1982] from each start. A cluster that loses all rows takes the row that
// lies farthest from its centre. Clusters are numbered by size, largest first, ties by the first
// row.
// Shapes: rows (n, d), finite. Scale the columns first (learn/scaling.h): distances are Euclidean.
// Errors: invalid_argument (no rows or columns, a value that is not finite, a parameter out of
// range, more clusters than distinct rows: names how many there are), cancelled.
// Determinism: (seed, "kmeans", restart), (seed, "kmeans move", move); the result does not depend
// on the thread count. Cost: (restarts + moves) * iterations * n * clusters * d products in single
// precision; a row whose two nearest centres differ by no more than that rounds is looked at again
// in double, so clusters are those of double precision on every instruction set.
Result<KMeansModel> fit_kmeans(const math::Matrix& rows, const KMeansParameters& parameters,
                               const KMeansOptions& options = {});

// The same on rows in single precision, without a copy in double: half the memory, and faster where
// rows do not fit into caches. Sums, centres and the objective are double in both.
Result<KMeansModel> fit_kmeans(const math::MatrixF& rows, const KMeansParameters& parameters,
                               const KMeansOptions& options = {});

// Nearest centre of each row. Shapes: rows (n, centres.columns()). Errors: invalid_argument if the
// columns differ.
Result<std::vector<std::int32_t>> nearest_centres(const math::Matrix& centres,
                                                  const math::Matrix& rows, int threads = 0);

}  // namespace attune::learn
