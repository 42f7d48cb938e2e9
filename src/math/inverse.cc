#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "attune/math/parallel.h"
#include "attune/math/products.h"
#include "attune/math/solve.h"

namespace attune::math {
namespace {

constexpr std::int64_t kBlock = 128;  // rows swept out together
constexpr std::int64_t kPanel = 32;   // columns side by side in the right side of the product
constexpr std::int64_t kTile = 128;   // rows of one task

// The sweep operator by blocks: sweeping rows K of a symmetric A puts -inverse(A_KK) in their
// place, A_iK inverse(A_KK) beside, and A_ij - A_iK inverse(A_KK) A_Kj elsewhere. All rows swept, A
// is minus its inverse. It stays symmetric, so only the lower triangle is kept. Padded to whole
// panels.
class Sweep {
 public:
  Sweep(MatrixF& a, std::int64_t size, int threads)
      : a_(a),
        n_(size),
        width_(a.columns()),
        threads_(threads),
        panels_(width_ / kPanel, kBlock * kPanel),
        scaled_(width_, kBlock) {}

  bool sweep(std::int64_t first) {
    const std::int64_t size = std::min(kBlock, n_ - first);
    if (!invert_block(first, size)) return false;
    const std::int64_t tiles = (width_ + kTile - 1) / kTile;
    parallel_for(tiles, 1, threads_, [&](std::int64_t tile, std::int64_t, int) {
      gather(first, size, tile * kTile, std::min(width_, (tile + 1) * kTile));
    });
    parallel_for(tiles, 1, threads_, [&](std::int64_t tile, std::int64_t, int) {
      update(size, tile * kTile, std::min(width_, (tile + 1) * kTile));
    });
    put_back(first, size);
    return true;
  }

 private:
  bool invert_block(std::int64_t first, std::int64_t size) {
    Eigen::MatrixXd block(size, size);
    for (std::int64_t i = 0; i < size; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) block(i, j) = block(j, i) = a_(first + i, first + j);
    }
    const Eigen::LLT<Eigen::MatrixXd> factor(block);
    if (factor.info() != Eigen::Success) return false;
    const Eigen::MatrixXd inverse = factor.solve(Eigen::MatrixXd::Identity(size, size));
    inverse_ = MatrixF(kBlock, kBlock);
    for (std::int64_t i = 0; i < size; ++i) {
      for (std::int64_t j = 0; j < size; ++j) inverse_(i, j) = static_cast<float>(inverse(i, j));
    }
    return inverse.allFinite();
  }

  // Column i of the block, which lies in its rows or, by symmetry, in its columns: negated into the
  // panels, times the inverse into scaled_. Rows of the block itself become zero.
  void gather(std::int64_t first, std::int64_t size, std::int64_t begin, std::int64_t end) {
    MatrixF own(end - begin, kBlock);
    for (std::int64_t i = begin; i < end; ++i) {
      float* panel = panels_.row(i / kPanel).data() + i % kPanel;
      const bool inside = i >= first && i < first + size;
      for (std::int64_t j = 0; j < kBlock; ++j) {
        float value = 0;
        if (!inside && j < size) value = i > first ? a_(i, first + j) : a_(first + j, i);
        own(i - begin, j) = value;
        panel[j * kPanel] = -value;
      }
    }
    float* scaled = scaled_.row(begin).data();
    std::fill_n(scaled, (end - begin) * kBlock, 0.0f);
    multiply_add(end - begin, kBlock, kBlock, {own.data().data(), kBlock, 1},
                 {inverse_.data().data(), kBlock}, {scaled, kBlock});
  }

  void update(std::int64_t size, std::int64_t begin, std::int64_t end) {
    for (std::int64_t column = 0; column < end; column += kPanel) {
      const std::int64_t from = std::max(begin, column);
      multiply_add(end - from, kPanel, size, {scaled_.row(from).data(), kBlock, 1},
                   {panels_.row(column / kPanel).data(), kPanel},
                   {a_.row(from).data() + column, width_});
    }
  }

  void put_back(std::int64_t first, std::int64_t size) {
    for (std::int64_t j = 0; j < size; ++j) {
      for (std::int64_t i = 0; i < first; ++i) a_(first + j, i) = scaled_(i, j);
      for (std::int64_t i = 0; i <= j; ++i) a_(first + j, first + i) = -inverse_(j, i);
    }
    for (std::int64_t i = first + size; i < n_; ++i)
      std::copy_n(scaled_.row(i).data(), size, a_.row(i).data() + first);
  }

  MatrixF& a_;
  std::int64_t n_, width_;
  int threads_;
  MatrixF panels_;   // (width / kPanel, kBlock * kPanel): minus the block's columns
  MatrixF scaled_;   // (width, kBlock): the block's columns times the inverse
  MatrixF inverse_;  // (kBlock, kBlock), of the block
};

}  // namespace

bool invert_positive_definite(MatrixF& a, int threads,
                              const std::function<bool(std::int64_t)>& step) {
  const std::int64_t n = a.rows(), width = (n + kPanel - 1) / kPanel * kPanel;
  MatrixF padded;
  if (width != n) {
    padded = MatrixF(width, width);
    for (std::int64_t i = 0; i < n; ++i) std::ranges::copy(a.row(i), padded.row(i).begin());
  }
  MatrixF& work = width == n ? a : padded;
  Sweep sweep(work, n, threads);
  for (std::int64_t first = 0; first < n; first += kBlock) {
    if (!sweep.sweep(first)) return false;
    if (step && !step(std::min(n, first + kBlock))) return false;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) a(i, j) = -work(i, j);
  }
  constexpr std::int64_t kSquare = 64;  // of a transposition that stays in the caches
  for (std::int64_t top = 0; top < n; top += kSquare) {
    for (std::int64_t left = 0; left <= top; left += kSquare) {
      for (std::int64_t i = top; i < std::min(n, top + kSquare); ++i) {
        for (std::int64_t j = left; j < std::min(i, left + kSquare); ++j) a(j, i) = a(i, j);
      }
    }
  }
  return std::ranges::all_of(a.data(), [](float v) { return std::isfinite(v); });
}

}  // namespace attune::math
