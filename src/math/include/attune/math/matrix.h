// Dense matrices. Answers: how are rows of numbers laid out and handed around?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "attune/math/aligned.h"

namespace attune::math {

// A dense matrix, row-major and contiguous: element (i, j) lies at data()[i * columns() + j],
// element (0, 0) at a multiple of kAlignment. Invariant: data().size() == rows() * columns().
// Threads: const calls from any thread; different rows may be written from different threads.
// Lifetime: spans and pointers are good until the matrix is assigned to, moved from or destroyed.
template <class Real>
class DenseMatrix {
 public:
  DenseMatrix() = default;
  DenseMatrix(std::int64_t rows, std::int64_t columns, Real value = Real{0})
      : rows_(rows), columns_(columns), data_(static_cast<std::size_t>(rows * columns), value) {}
  // Shapes: data (rows * columns), row after row. A different size leaves an empty matrix.
  DenseMatrix(std::int64_t rows, std::int64_t columns, const std::vector<Real>& data)
      : rows_(rows), columns_(columns), data_(data.begin(), data.end()) {
    if (static_cast<std::int64_t>(data_.size()) != rows * columns) *this = DenseMatrix();
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  bool empty() const { return data_.empty(); }

  Real& operator()(std::int64_t row, std::int64_t column) {
    return data_[static_cast<std::size_t>(row * columns_ + column)];
  }
  Real operator()(std::int64_t row, std::int64_t column) const {
    return data_[static_cast<std::size_t>(row * columns_ + column)];
  }
  // Shape: (columns).
  std::span<Real> row(std::int64_t index) {
    return {data_.data() + index * columns_, static_cast<std::size_t>(columns_)};
  }
  std::span<const Real> row(std::int64_t index) const {
    return {data_.data() + index * columns_, static_cast<std::size_t>(columns_)};
  }
  std::span<Real> data() { return data_; }
  std::span<const Real> data() const { return data_; }

  friend bool operator==(const DenseMatrix&, const DenseMatrix&) = default;

 private:
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  AlignedVector<Real> data_;
};

using Matrix = DenseMatrix<double>;
using MatrixF = DenseMatrix<float>;

}  // namespace attune::math
