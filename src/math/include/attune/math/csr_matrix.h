// Sparse matrices in compressed rows. Answers: who met what, how strongly, and when last?
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"

namespace attune::math {

// One cell as it arrives, in any order.
struct Triplet {
  std::int32_t row = 0;
  std::int32_t column = 0;
  float weight = 1;
  Timestamp time = {};
  friend bool operator==(const Triplet&, const Triplet&) = default;
};

// A sparse matrix (customers x items, say), compressed by rows.
//
// Invariants: (1) offsets() has rows() + 1 values that never fall, from 0 to entries(); (2) the
// columns of a row rise strictly and lie in 0 .. columns() - 1; (3) weights are finite; (4) there
// is a time for each entry, or for none.
// Threads: immutable, safe to share. Lifetime: spans are good as long as the matrix.
class CsrMatrix {
 public:
  CsrMatrix() = default;  // 0 x 0

  enum class Times : std::uint8_t { drop, keep };

  // Cells that occur several times become one: weights are summed in the order given, the latest
  // time stays.
  // Errors: invalid_argument (a negative size), out_of_range (an index outside the matrix),
  // invalid_argument (a weight that is not finite); each names the place in `triplets`.
  // Cost: O(entries + rows + columns); memory: 8 bytes a triplet beyond the result's (16 from 2^32
  // triplets on). Determinism: the order of cells matters only for the rounding of sums.
  static Result<CsrMatrix> from_triplets(std::int32_t rows, std::int32_t columns,
                                         std::span<const Triplet> triplets,
                                         Times times = Times::keep);
  // The same of those alone that `taken` says yes to.
  static Result<CsrMatrix> from_triplets(std::int32_t rows, std::int32_t columns,
                                         std::span<const Triplet> triplets,
                                         const std::function<bool(const Triplet&)>& taken,
                                         Times times = Times::keep);

  // Takes the arrays over after checking every invariant: for bytes from disk.
  // Shapes: offsets (rows + 1), column_indices and weights (entries), times (entries) or empty.
  // Errors: data_corruption, naming the invariant that fails.
  static Result<CsrMatrix> from_parts(std::int32_t columns, std::vector<std::int64_t> offsets,
                                      std::vector<std::int32_t> column_indices,
                                      std::vector<float> weights, std::vector<Timestamp> times);

  std::int32_t rows() const {
    return offsets_.empty() ? 0 : static_cast<std::int32_t>(offsets_.size() - 1);
  }
  std::int32_t columns() const { return columns_; }
  std::int64_t entries() const { return static_cast<std::int64_t>(column_indices_.size()); }
  bool has_times() const { return !times_.empty(); }

  // Entries of one row. Shape: (row_size). times_of is empty without times.
  std::int64_t row_size(std::int32_t row) const {
    return offsets_[at(row) + 1] - offsets_[at(row)];
  }
  std::span<const std::int32_t> columns_of(std::int32_t row) const {
    return part(column_indices_, row);
  }
  std::span<const float> weights_of(std::int32_t row) const { return part(weights_, row); }
  std::span<const Timestamp> times_of(std::int32_t row) const {
    return has_times() ? part(times_, row) : std::span<const Timestamp>{};
  }
  bool contains(std::int32_t row, std::int32_t column) const;  // O(log row_size)
  float weight(std::int32_t row, std::int32_t column) const;   // 0 where there is no entry

  std::span<const std::int64_t> offsets() const { return offsets_; }
  std::span<const std::int32_t> column_indices() const { return column_indices_; }
  std::span<const float> weights() const { return weights_; }
  std::span<const Timestamp> times() const { return times_; }

  // Rows and columns exchanged, times carried along. Cost: O(entries + rows + columns).
  CsrMatrix transposed() const;
  // The same pattern with other weights. Shape: weights (entries), all finite.
  CsrMatrix with_weights(std::vector<float> weights) const;
  // The same matrix without the entries of `row`: what is left when a customer is forgotten.
  CsrMatrix without_row(std::int32_t row) const;
  // The same matrix without the entries of weight 0 or less.
  CsrMatrix positive_part() const;
  // Entry after entry, rows rising, columns rising within a row.
  std::vector<Triplet> triplets() const;

  friend bool operator==(const CsrMatrix&, const CsrMatrix&) = default;

 private:
  static std::size_t at(std::int32_t row) { return static_cast<std::size_t>(row); }
  template <class T>
  std::span<const T> part(const std::vector<T>& values, std::int32_t row) const {
    return {values.data() + offsets_[at(row)], static_cast<std::size_t>(row_size(row))};
  }

  // Sorts the places of `taken` triplets by row and column, and sums the cells.
  template <class Place>
  static CsrMatrix summed(std::int32_t rows, std::int32_t columns,
                          std::span<const Triplet> triplets,
                          const std::function<bool(const Triplet&)>& taken, Times times);

  std::int32_t columns_ = 0;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int32_t> column_indices_;
  std::vector<float> weights_;
  std::vector<Timestamp> times_;
};

}  // namespace attune::math
