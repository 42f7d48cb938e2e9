// Rows in a byte a number, for finding the best ones without reading all of them in full. Answers:
// which rows can be among the k best at all?
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "attune/math/matrix.h"
#include "attune/math/top_k.h"

namespace attune::math {

// Which rows may be found; all conditions hold together.
struct RowFilter {
  std::span<const std::uint8_t> allowed = {};      // (rows) non-zero where allowed; empty: all
  std::span<const std::int32_t> left_out = {};     // ascending
  std::function<bool(std::int32_t)> accepts = {};  // empty: all

  bool admits(std::int32_t row) const {
    return (allowed.empty() || allowed[static_cast<std::size_t>(row)]) &&
           !std::ranges::binary_search(left_out, row) && (!accepts || accepts(row));
  }
};

// A copy of a matrix's rows, longest first, each number as one of 255 steps of its row's largest,
// with a bound on what that loses.
//
// Invariant: for every finite x, dot(row, x) as kernels.h works it out lies between the two bounds
// of that row: what is lost is at most |x| times the length of what rounding took from the row, and
// the length of what rounding took from x (to 16 bits) times |row| as rounded (Cauchy-Schwarz), and
// the rounding of both sums, n * 2^-24 of |x| |row| each. So rows whose upper bound falls short of
// the k-th largest lower bound need not be looked at, nor any row from where |x| |row| does.
// Threads: share freely. Memory: a byte a number and 16 a row.
class QuantisedRows {
 public:
  QuantisedRows() = default;
  // Shapes: rows (n, d); present (n), zero for rows that are never found, or empty. Rows with
  // numbers that are not finite are always looked at in full.
  explicit QuantisedRows(const MatrixF& rows, std::span<const std::uint8_t> present = {});

  bool empty() const { return rows_.empty(); }

  // The k rows with the largest dot(row, x), exactly as scoring every row would list them.
  // Shapes: rows, those that this was made of; x (d). Ties: the lower row. Missing values: rows
  // whose product is NaN are left out.
  // Cost: at most one pass over the bytes, and the rows in full that the bounds cannot tell apart:
  // some hundreds of 50,000.
  std::vector<ScoredIndex> best(const MatrixF& rows, std::span<const float> x, int k,
                                const RowFilter& filter = {}) const;

  // Between what dot(row, x) lies. Shapes: lower and upper (n), left alone where a row is not
  // present.
  void bounds(std::span<const float> x, std::span<float> lower, std::span<float> upper) const;

 private:
  struct Chunk;
  struct Steps;
  void scan(const Steps& x, std::size_t first, float threshold, Chunk& chunk) const;

  std::vector<std::int32_t> rows_;  // present ones, longest first
  std::size_t pairs_ = 0;           // pairs of columns; the last may lack its second
  std::vector<std::int8_t> codes_;  // (blocks, pairs, 16, 2): two numbers of 16 rows side by side
  std::vector<float> scale_;        // (blocks * 16), of one step
  std::vector<float> slack_;        // (blocks * 16), lost at most for each |x|
  std::vector<float> length_;       // (blocks * 16), at least that of the row
};

}  // namespace attune::math
