#include "attune/math/solve.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "attune/math/kernels.h"
#include "attune/math/parallel.h"
#include "attune/math/products.h"

namespace attune::math {
namespace {

template <class Real>
using RowMajor = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Real>
Eigen::Map<RowMajor<Real>> map(DenseMatrix<Real>& m) {
  return {m.data().data(), m.rows(), m.columns()};
}

// A row-major lower triangle is the column-major upper one: Eigen's column-major factorisation is
// the faster of the two.
template <class Real, class Rhs>
bool solve_in_place(DenseMatrix<Real>& a, Rhs&& b) {
  using ColumnMajor = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<ColumnMajor> transposed(a.data().data(), a.rows(), a.columns());
  Eigen::LLT<Eigen::Ref<ColumnMajor>, Eigen::Upper> factor(transposed);
  if (factor.info() != Eigen::Success) return false;
  factor.solveInPlace(b);
  return b.allFinite();
}

constexpr std::int64_t kGramianBlock = 4096;  // rows of one partial sum, at most
constexpr std::int64_t kGramianParts = 16;    // partial sums of few rows, for several threads
constexpr std::int64_t kProductRows = 256;    // rows of one product: they stay in the caches

}  // namespace

bool solve_cholesky(MatrixF& a, MatrixF& b) { return solve_in_place(a, map(b)); }
bool solve_cholesky(Matrix& a, Matrix& b) { return solve_in_place(a, map(b)); }

bool solve_cholesky(MatrixF& a, std::span<float> b) {
  return solve_in_place(a,
                        Eigen::Map<Eigen::VectorXf>(b.data(), static_cast<Eigen::Index>(b.size())));
}

int solve_conjugate_gradient(
    const std::function<void(std::span<const float>, std::span<float>)>& multiply,
    std::span<const float> b, std::span<float> x, std::span<float> scratch,
    const ConjugateGradientOptions& options) {
  const std::size_t n = b.size();
  const std::span<float> residual = scratch.subspan(0, n), direction = scratch.subspan(n, n),
                         product = scratch.subspan(2 * n, n);
  multiply(x, product);
  for (std::size_t i = 0; i < n; ++i) residual[i] = direction[i] = b[i] - product[i];
  double error = dot(residual, residual);
  const double enough = options.tolerance * options.tolerance * dot(b, b);
  int step = 0;
  for (; step < options.steps && error > enough; ++step) {
    multiply(direction, product);
    const double curvature = dot(direction, product);
    if (!(curvature > 0)) break;
    const auto length = static_cast<float>(error / curvature);
    axpy(length, direction, x);
    axpy(-length, product, residual);
    const double next = dot(residual, residual);
    const auto turn = static_cast<float>(next / error);
    for (std::size_t i = 0; i < n; ++i) direction[i] = residual[i] + turn * direction[i];
    error = next;
  }
  return step;
}

void add_outer_products(const MatrixF& vectors, std::span<const std::int32_t> rows,
                        std::span<const float> weights, MatrixF& scratch, MatrixF& c) {
  const std::int64_t d = vectors.columns(), width = padded_columns(d);
  const auto n = static_cast<std::int64_t>(rows.size());
  const std::int64_t chunk = std::min(n, kProductRows);
  if (scratch.rows() < chunk || scratch.columns() != width) scratch = MatrixF(chunk, width);
  MatrixF padded(d == width ? 0 : width, width);
  const Target target{d == width ? c.data().data() : padded.data().data(), width};
  for (std::int64_t first = 0; first < n; first += kProductRows) {
    const std::int64_t size = std::min(kProductRows, n - first);
    for (std::int64_t r = 0; r < size; ++r) {
      const auto place = static_cast<std::size_t>(first + r);
      const float scale = std::sqrt(weights[place]);
      std::ranges::transform(vectors.row(rows[place]), scratch.row(r).begin(),
                             [scale](float v) { return scale * v; });
    }
    add_gramian(size, width, {scratch.data().data(), width}, target);
  }
  for (std::int64_t i = 0; i < padded.rows() && i < d; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) c(i, j) += padded(i, j);
  }
}

MatrixF gramian(const MatrixF& vectors, int threads) {
  const std::int64_t d = vectors.columns(), width = padded_columns(d);
  const std::int64_t share = (vectors.rows() + kGramianParts - 1) / kGramianParts;
  const std::int64_t block = std::clamp((share + kProductRows - 1) / kProductRows * kProductRows,
                                        kProductRows, kGramianBlock);
  const std::int64_t blocks = (vectors.rows() + block - 1) / block;
  std::vector<MatrixF> partial(static_cast<std::size_t>(blocks));
  parallel_for(vectors.rows(), block, threads, [&](std::int64_t begin, std::int64_t end, int) {
    MatrixF sum(width, width);
    MatrixF padded(d == width ? 0 : kProductRows, width);
    for (std::int64_t first = begin; first < end; first += kProductRows) {
      const std::int64_t size = std::min(kProductRows, end - first);
      for (std::int64_t r = 0; r < size && d != width; ++r)
        std::ranges::copy(vectors.row(first + r), padded.row(r).begin());
      const float* rows = d == width ? vectors.row(first).data() : padded.data().data();
      add_gramian(size, width, {rows, width}, {sum.data().data(), width});
    }
    partial[static_cast<std::size_t>(begin / block)] = std::move(sum);
  });
  Matrix total(width, width);
  for (const MatrixF& part : partial) {
    for (std::size_t i = 0; i < part.data().size(); ++i) total.data()[i] += part.data()[i];
  }
  MatrixF result(d, d);
  for (std::int64_t i = 0; i < d; ++i) {
    for (std::int64_t j = 0; j <= i; ++j)
      result(i, j) = result(j, i) = static_cast<float>(total(i, j));
  }
  return result;
}

}  // namespace attune::math
