#include "attune/math/csr_matrix.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace attune::math {
namespace {

Status check_triplet(const Triplet& t, std::size_t place, std::int32_t rows, std::int32_t columns) {
  if (t.row < 0 || t.row >= rows || t.column < 0 || t.column >= columns) {
    return std::unexpected(
        out_of_range(fmt::format("entry {} lies at ({}, {}), outside a matrix of {} x {}", place,
                                 t.row, t.column, rows, columns)));
  }
  if (!std::isfinite(t.weight)) {
    return std::unexpected(invalid_argument(
        fmt::format("entry {} at ({}, {}) has weight {}; weights are finite numbers", place, t.row,
                    t.column, t.weight)));
  }
  return {};
}

// Counting sort of places by a key below `keys` of the triplet that lies there; stable.
template <class Place, class Key>
std::vector<Place> order_by(std::span<const Triplet> triplets, const std::vector<Place>& places,
                            std::int32_t keys, Key key) {
  std::vector<std::int64_t> start(static_cast<std::size_t>(keys) + 1, 0);
  const auto key_at = [&](Place place) { return static_cast<std::size_t>(key(triplets[place])); };
  for (const Place place : places) ++start[key_at(place) + 1];
  for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
  std::vector<Place> order(places.size());
  for (const Place place : places) order[static_cast<std::size_t>(start[key_at(place)]++)] = place;
  return order;
}

template <class Place>
std::vector<Place> places_of(std::span<const Triplet> triplets,
                             const std::function<bool(const Triplet&)>& taken) {
  std::vector<Place> places;
  places.reserve(triplets.size());  // what stays unused is never touched
  for (std::size_t i = 0; i < triplets.size(); ++i) {
    if (!taken || taken(triplets[i])) places.push_back(static_cast<Place>(i));
  }
  return places;
}

Status corrupt(std::string what) {
  return std::unexpected(data_corruption(fmt::format("this is no sparse matrix: {}", what)));
}

Status check_offsets(const std::vector<std::int64_t>& offsets, std::size_t entries) {
  if (offsets.empty() || offsets.front() != 0) return corrupt("offsets do not begin with 0");
  if (!std::ranges::is_sorted(offsets)) return corrupt("offsets fall");
  if (offsets.back() != static_cast<std::int64_t>(entries))
    return corrupt("offsets do not end at the last entry");
  if (offsets.size() - 1 > static_cast<std::size_t>(INT32_MAX))
    return corrupt("more than 2^31 rows");
  return {};
}

}  // namespace

Result<CsrMatrix> CsrMatrix::from_triplets(std::int32_t rows, std::int32_t columns,
                                           std::span<const Triplet> triplets, Times times) {
  return from_triplets(rows, columns, triplets, nullptr, times);
}

Result<CsrMatrix> CsrMatrix::from_triplets(std::int32_t rows, std::int32_t columns,
                                           std::span<const Triplet> triplets,
                                           const std::function<bool(const Triplet&)>& taken,
                                           Times times) {
  if (rows < 0 || columns < 0) {
    return std::unexpected(
        invalid_argument(fmt::format("a matrix of {} x {} cannot be", rows, columns)));
  }
  for (std::size_t i = 0; i < triplets.size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(check_triplet(triplets[i], i, rows, columns));
  }
  CsrMatrix matrix = triplets.size() <= UINT32_MAX
                         ? summed<std::uint32_t>(rows, columns, triplets, taken, times)
                         : summed<std::uint64_t>(rows, columns, triplets, taken, times);
  const auto infinite =
      std::ranges::find_if_not(matrix.weights_, [](float w) { return std::isfinite(w); });
  if (infinite != matrix.weights_.end()) {
    return std::unexpected(invalid_argument(
        "the weights of one cell add up to more than a float holds; scale them down"));
  }
  return matrix;
}

template <class Place>
CsrMatrix CsrMatrix::summed(std::int32_t rows, std::int32_t columns,
                            std::span<const Triplet> triplets,
                            const std::function<bool(const Triplet&)>& taken, Times times) {
  std::vector<Place> order = places_of<Place>(triplets, taken);
  order = order_by(triplets, order, columns, [](const Triplet& t) { return t.column; });
  order = order_by(triplets, order, rows, [](const Triplet& t) { return t.row; });
  CsrMatrix matrix;
  matrix.columns_ = columns;
  matrix.offsets_.assign(static_cast<std::size_t>(rows) + 1, 0);
  const Triplet* previous = nullptr;
  for (const Place place : order) {
    const Triplet& t = triplets[place];
    if (previous && previous->row == t.row && previous->column == t.column) {
      matrix.weights_.back() += t.weight;
      if (times == Times::keep) matrix.times_.back() = std::max(matrix.times_.back(), t.time);
    } else {
      matrix.column_indices_.push_back(t.column);
      matrix.weights_.push_back(t.weight);
      if (times == Times::keep) matrix.times_.push_back(t.time);
      ++matrix.offsets_[at(t.row) + 1];
    }
    previous = &t;
  }
  for (std::size_t i = 1; i < matrix.offsets_.size(); ++i)
    matrix.offsets_[i] += matrix.offsets_[i - 1];
  return matrix;
}

Result<CsrMatrix> CsrMatrix::from_parts(std::int32_t columns, std::vector<std::int64_t> offsets,
                                        std::vector<std::int32_t> column_indices,
                                        std::vector<float> weights, std::vector<Timestamp> times) {
  const std::size_t entries = column_indices.size();
  if (columns < 0) return std::unexpected(corrupt("a negative number of columns").error());
  ATTUNE_RETURN_IF_ERROR(check_offsets(offsets, entries));
  if (weights.size() != entries)
    return std::unexpected(corrupt("weights and columns differ in number").error());
  if (!times.empty() && times.size() != entries) {
    return std::unexpected(corrupt("times and columns differ in number").error());
  }
  for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
    std::int32_t last = -1;
    for (auto e = static_cast<std::size_t>(offsets[row]);
         e < static_cast<std::size_t>(offsets[row + 1]); ++e) {
      if (column_indices[e] <= last || column_indices[e] >= columns) {
        return std::unexpected(
            corrupt(fmt::format("row {} has a column out of order or range", row)).error());
      }
      last = column_indices[e];
      if (!std::isfinite(weights[e]))
        return std::unexpected(corrupt("a weight is not finite").error());
    }
  }
  CsrMatrix matrix;
  matrix.columns_ = columns;
  matrix.offsets_ = std::move(offsets);
  matrix.column_indices_ = std::move(column_indices);
  matrix.weights_ = std::move(weights);
  matrix.times_ = std::move(times);
  return matrix;
}

bool CsrMatrix::contains(std::int32_t row, std::int32_t column) const {
  return std::ranges::binary_search(columns_of(row), column);
}

float CsrMatrix::weight(std::int32_t row, std::int32_t column) const {
  const auto columns = columns_of(row);
  const auto found = std::ranges::lower_bound(columns, column);
  if (found == columns.end() || *found != column) return 0;
  return weights_of(row)[static_cast<std::size_t>(found - columns.begin())];
}

CsrMatrix CsrMatrix::transposed() const {
  CsrMatrix t;
  t.columns_ = rows();
  t.offsets_.assign(static_cast<std::size_t>(columns_) + 1, 0);
  for (const std::int32_t column : column_indices_) ++t.offsets_[at(column) + 1];
  for (std::size_t i = 1; i < t.offsets_.size(); ++i) t.offsets_[i] += t.offsets_[i - 1];
  t.column_indices_.resize(column_indices_.size());
  t.weights_.resize(weights_.size());
  t.times_.resize(times_.size());
  std::vector<std::int64_t> next(t.offsets_.begin(), t.offsets_.end() - 1);
  for (std::int32_t row = 0; row < rows(); ++row) {
    for (auto e = static_cast<std::size_t>(offsets_[at(row)]);
         e < static_cast<std::size_t>(offsets_[at(row) + 1]); ++e) {
      const auto place = static_cast<std::size_t>(next[at(column_indices_[e])]++);
      t.column_indices_[place] = row;
      t.weights_[place] = weights_[e];
      if (has_times()) t.times_[place] = times_[e];
    }
  }
  return t;
}

CsrMatrix CsrMatrix::with_weights(std::vector<float> weights) const {
  ATTUNE_CHECK(weights.size() == weights_.size(), "as many weights as entries");
  CsrMatrix other = *this;
  other.weights_ = std::move(weights);
  return other;
}

CsrMatrix CsrMatrix::without_row(std::int32_t row) const {
  ATTUNE_CHECK(row >= 0 && row < rows(), "row inside the matrix");
  CsrMatrix other = *this;
  const std::int64_t first = offsets_[at(row)], last = offsets_[at(row) + 1];
  const auto drop = [&](auto& values) {
    if (!values.empty()) values.erase(values.begin() + first, values.begin() + last);
  };
  drop(other.column_indices_);
  drop(other.weights_);
  drop(other.times_);
  for (std::size_t i = at(row) + 1; i < offsets_.size(); ++i) other.offsets_[i] -= last - first;
  return other;
}

CsrMatrix CsrMatrix::positive_part() const {
  CsrMatrix kept;
  kept.columns_ = columns_;
  kept.offsets_.assign(offsets_.size(), 0);
  for (std::int32_t row = 0; row < rows(); ++row) {
    for (auto e = static_cast<std::size_t>(offsets_[at(row)]);
         e < static_cast<std::size_t>(offsets_[at(row) + 1]); ++e) {
      if (!(weights_[e] > 0)) continue;
      kept.column_indices_.push_back(column_indices_[e]);
      kept.weights_.push_back(weights_[e]);
      if (has_times()) kept.times_.push_back(times_[e]);
    }
    kept.offsets_[at(row) + 1] = kept.entries();
  }
  return kept;
}

std::vector<Triplet> CsrMatrix::triplets() const {
  std::vector<Triplet> all;
  all.reserve(column_indices_.size());
  for (std::int32_t row = 0; row < rows(); ++row) {
    for (auto e = static_cast<std::size_t>(offsets_[at(row)]);
         e < static_cast<std::size_t>(offsets_[at(row) + 1]); ++e) {
      all.push_back({row, column_indices_[e], weights_[e], has_times() ? times_[e] : Timestamp{}});
    }
  }
  return all;
}

}  // namespace attune::math
