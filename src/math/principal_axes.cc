#include "attune/math/principal_axes.h"

#include <algorithm>
#include <limits>

#include <Eigen/Eigenvalues>

#include "attune/math/aligned.h"
#include "attune/math/parallel.h"
#include "attune/math/products.h"

namespace attune::math {

PrincipalAxes principal_axes(const MatrixF& symmetric, std::int64_t used) {
  const std::int64_t n = symmetric.rows();
  Eigen::MatrixXd matrix(used, used);
  for (std::int64_t i = 0; i < used; ++i) {
    for (std::int64_t j = 0; j < used; ++j) matrix(i, j) = symmetric(i, j);
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(matrix);
  PrincipalAxes found{MatrixF(n, n), std::vector<float>(static_cast<std::size_t>(n), 0)};
  if (solved.info() != Eigen::Success) {
    std::ranges::fill(found.strengths, std::numeric_limits<float>::quiet_NaN());
    return found;
  }
  for (std::int64_t j = 0; j < n; ++j) {
    if (j >= used) {
      found.axes(j, j) = 1;
      continue;
    }
    const double strength = solved.eigenvalues()(j);
    found.strengths[static_cast<std::size_t>(j)] =
        static_cast<float>(strength < 0 ? 0 : strength);  // not a number: stays
    for (std::int64_t i = 0; i < used; ++i)
      found.axes(i, j) = static_cast<float>(solved.eigenvectors()(i, j));
  }
  return found;
}

void turn(MatrixF& vectors, const MatrixF& axes, int threads,
          const std::function<bool(std::int64_t)>& wanted) {
  constexpr std::int64_t kRows = 64;  // rows of one product
  const std::int64_t width = vectors.columns();
  parallel_for(vectors.rows(), kRows, threads, [&](std::int64_t begin, std::int64_t end, int) {
    const auto numbers = static_cast<std::size_t>(kRows * width);
    thread_local AlignedVector<float> before, after;
    before.resize(numbers);
    after.assign(numbers, 0);
    std::int64_t places[kRows], count = 0;
    for (std::int64_t r = begin; r < end; ++r) {
      if (wanted && !wanted(r)) continue;
      std::ranges::copy(vectors.row(r), before.begin() + count * width);
      places[count++] = r;
    }
    multiply_add(count, width, width, {before.data(), width, 1}, {axes.data().data(), width},
                 {after.data(), width});
    for (std::int64_t i = 0; i < count; ++i)
      std::copy_n(after.begin() + i * width, width, vectors.row(places[i]).begin());
  });
}

}  // namespace attune::math
