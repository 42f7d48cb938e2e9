// The best rows for many vectors at once. Answers: what are everybody's k best items, exactly, at
// the speed of a matrix product?
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "attune/math/matrix.h"
#include "attune/math/quantised_rows.h"
#include "attune/math/top_k.h"

namespace attune::math {

// One question of a block: the k best rows by product with x.
struct RowQuery {
  std::span<const float> x;                     // (d)
  std::span<const std::int32_t> left_out = {};  // ascending
};

class ByteGroups;
class FullGroups;
struct Reaching;

// A copy of a matrix's rows, longest first, laid out for products with a block of vectors: in a
// byte a number, or in full where every score is asked for.
//
// Invariants: (1) a list is the one that scoring every row by `dot` gives, ties to the lower row:
// products of a block give bounds of what `dot` gives (what bytes lose, as quantised_rows.h has it;
// n * 2^-24 of |x| |row| for each of two sums), and rows whose upper bound reaches the k-th largest
// lower bound are scored by `dot`; (2) where not every score is asked for, a vector's scan ends
// where |x| |row| of the longest row left cannot reach its k-th best.
// Threads: share freely. Memory: a byte a number and 20 a row; where every score is asked for, that
// of the rows again.
class RankedRows {
 public:
  // Shapes: rows (n, d); present (n), zero for rows that are never found, or empty.
  // Lifetime: keeps a reference to `rows`.
  explicit RankedRows(const MatrixF& rows, std::span<const std::uint8_t> present = {},
                      bool every_score = false);
  ~RankedRows();

  static constexpr std::int64_t kBlock = 192;  // queries worked on together

  // Lists of up to kBlock queries. Shapes: lists (queries.size()). `filter.left_out` is ignored:
  // queries have their own.
  // Missing values: rows whose product is NaN are left out.
  // Cost: 2 d operations a row and query, at the speed of multiply_bytes or multiply_add.
  void best(std::span<const RowQuery> queries, int k, const RowFilter& filter,
            std::span<std::vector<ScoredIndex>> lists) const;

 private:
  struct Search;
  // Queries that need no list in full, which the others get at once.
  std::vector<Search> begin(std::span<const RowQuery> queries, int k, const RowFilter& filter,
                            std::span<std::vector<ScoredIndex>> lists) const;
  template <class Groups>
  void scan(const Groups& groups, std::span<Search> searches) const;
  void collect(std::size_t group, const Reaching& found, Search& search) const;
  void list_in_full(const Search& search, int k) const;
  void list_best(const Search& search, int k, std::span<const std::int32_t> rows) const;

  const MatrixF& source_;
  bool every_score_;
  bool ordinary_ = true;  // no row is so long or the longest so short that floats would not do
  std::vector<std::int32_t> rows_;  // present ones, longest first
  std::vector<double> length_;      // at least that of the row
  std::unique_ptr<FullGroups> full_;
  std::unique_ptr<ByteGroups> bytes_;
};

}  // namespace attune::math
