// The best rows for many vectors at once. Answers: what are everybody's k best items, exactly, at
// the speed of a matrix product?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attune/math/aligned.h"
#include "attune/math/matrix.h"
#include "attune/math/quantised_rows.h"
#include "attune/math/top_k.h"

namespace attune::math {

// One question of a block: the k best rows by product with x.
struct RowQuery {
  std::span<const float> x;                     // (d)
  std::span<const std::int32_t> left_out = {};  // ascending
};

// A copy of a matrix's rows, longest first, laid out for products with a block of vectors.
//
// Invariants: (1) a list is the one that scoring every row by `dot` gives, ties to the lower row:
// products of a block choose candidates with a margin for the rounding of both sums (n * 2^-24 of
// |x| |row| each), and candidates are scored by `dot`; (2) where `every_score` is not asked for, a
// vector's scan ends where |x| |row| of the longest row left cannot reach its k-th best.
// Threads: share freely. Memory: that of the rows again.
class RankedRows {
 public:
  // Shapes: rows (n, d); present (n), zero for rows that are never found, or empty.
  // Lifetime: keeps a reference to `rows`.
  explicit RankedRows(const MatrixF& rows, std::span<const std::uint8_t> present = {});

  static constexpr std::int64_t kBlock = 96;  // queries worked on together

  // Lists of up to kBlock queries. Shapes: lists (queries.size()). `filter.left_out` is ignored:
  // queries have their own.
  // Missing values: rows whose product is NaN are left out.
  // Cost: 2 d operations a row and query at the speed of multiply_add.
  void best(std::span<const RowQuery> queries, int k, const RowFilter& filter, bool every_score,
            std::span<std::vector<ScoredIndex>> lists) const;

 private:
  struct Search;
  // Queries that need no list in full, which the others get at once.
  std::vector<Search> begin(std::span<const RowQuery> queries, int k, const RowFilter& filter,
                            std::span<std::vector<ScoredIndex>> lists) const;
  void scan_group(std::size_t first, std::span<Search*> active, const float* vectors,
                  std::vector<float>& scores) const;
  void collect(std::size_t first, std::span<const float> scores, const RowFilter& filter,
               Search& search) const;
  void best_in_full(const RowQuery& query, int k, const RowFilter& filter,
                    std::vector<ScoredIndex>& list) const;

  const MatrixF& source_;
  std::vector<std::uint8_t> present_;
  bool finite_ = true;
  std::vector<std::int32_t> rows_;  // present ones, longest first
  std::vector<float> length_;       // at least that of the row
  AlignedVector<float> panels_;     // (panels, d, kPanel): a number of kPanel rows side by side
};

}  // namespace attune::math
