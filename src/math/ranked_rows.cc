#include "attune/math/ranked_rows.h"

#include <algorithm>
#include <utility>

#include "attune/math/kernels.h"
#include "ranked_candidates.h"
#include "row_groups.h"
#include "safe_bounds.h"

namespace attune::math {

namespace {

// Between these, bounds of products neither overflow nor lose digits for want of an exponent, nor
// do the steps that vectors are rounded to.
constexpr double kLeastLength = 1e-15, kMostLength = 1e15, kLeastProduct = 1e-22;
constexpr double kLeastShare = 1e-9;  // of the longest row, that a row has in bytes

bool is_ordinary(double length) {
  return length == 0 || (length > kLeastLength && length < kMostLength);
}

}  // namespace

// What is known of one query so far.
struct RankedRows::Search {
  const RowQuery* query;
  std::vector<ScoredIndex>* list;
  const RowFilter* filter;
  RowMarks left_out;
  double length;  // of x
  RankedCandidates candidates;

  bool admits(std::int32_t row) const { return !left_out.holds(row) && filter->admits(row); }
};

RankedRows::~RankedRows() = default;

RankedRows::RankedRows(const MatrixF& rows, std::span<const std::uint8_t> present, bool every_score)
    : source_(rows), every_score_(every_score) {
  std::vector<std::pair<double, std::int32_t>> order;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    if (!present.empty() && !present[static_cast<std::size_t>(r)]) continue;
    order.emplace_back(length_of(rows.row(r)), static_cast<std::int32_t>(r));
    ordinary_ = ordinary_ && order.back().first < kMostLength;
  }
  if (ordinary_) {
    std::ranges::sort(order, [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
  }
  const double rounding = rounding_of(static_cast<std::size_t>(rows.columns()));
  for (const auto& [length, row] : order) {
    rows_.push_back(row);
    length_.push_back(length * (1 + rounding));
  }
  if (order.empty() || !ordinary_) return;
  double shortest = order.front().first;
  for (const auto& [length, row] : order) shortest = length > 0 ? length : shortest;
  ordinary_ = is_ordinary(order.front().first);
  const bool alike = shortest >= kLeastShare * order.front().first;
  if (every_score || !alike || !ByteGroups::fits(rows.columns())) {
    full_ = std::make_unique<FullGroups>(rows, rows_);
  } else {
    bytes_ = std::make_unique<ByteGroups>(rows, rows_);
  }
}

void RankedRows::list_in_full(const Search& search, int k) const {
  std::vector<std::int32_t> admitted;
  for (const std::int32_t row : rows_) {
    if (search.admits(row)) admitted.push_back(row);
  }
  list_best(search, k, admitted);
}

// As a single list scores them.
void RankedRows::list_best(const Search& search, int k, std::span<const std::int32_t> rows) const {
  constexpr std::int64_t kLine = 16;  // floats of a cache line
  for (const std::int32_t row : rows) {
    const float* vector = source_.row(row).data();
    for (std::int64_t j = 0; j < source_.columns(); j += kLine) __builtin_prefetch(vector + j);
  }
  std::vector<ScoredIndex> scored;
  scored.reserve(rows.size());
  for (const std::int32_t row : rows)
    scored.push_back({dot(source_.row(row), search.query->x), row});
  *search.list = best_of(scored, k);
}

void RankedRows::collect(std::size_t group, const Reaching& found, Search& search) const {
  for (std::size_t i = 0; i < found.count; ++i) {
    const std::size_t at = group * kRowGroup + static_cast<std::size_t>(found.place[i]);
    if (at >= rows_.size()) break;
    if (search.admits(rows_[at])) search.candidates.add(rows_[at], found.lower[i], found.upper[i]);
  }
  search.candidates.make_room();
}

std::vector<RankedRows::Search> RankedRows::begin(std::span<const RowQuery> queries, int k,
                                                  const RowFilter& filter,
                                                  std::span<std::vector<ScoredIndex>> lists) const {
  std::vector<Search> searches;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    lists[i].clear();
    if (rows_.empty() || k < 1) continue;
    const std::size_t most = std::min(static_cast<std::size_t>(k), rows_.size());
    Search search{.query = &queries[i],
                  .list = &lists[i],
                  .filter = &filter,
                  .left_out = RowMarks(queries[i].left_out),
                  .length = length_of(queries[i].x),
                  .candidates = RankedCandidates(most, kRowGroup)};
    const double product = search.length * length_.front();
    if (ordinary_ && is_ordinary(search.length) && (product == 0 || product > kLeastProduct)) {
      searches.push_back(std::move(search));
    } else {
      list_in_full(search, k);
    }
  }
  return searches;
}

template <class Groups>
void RankedRows::scan(const Groups& groups, std::span<Search> searches) const {
  std::vector<std::span<const float>> vectors;
  std::vector<Search*> active;
  for (Search& search : searches) {
    vectors.push_back(search.query->x);
    active.push_back(&search);
  }
  typename Groups::Block block(groups, vectors);
  std::vector<std::size_t> going;
  Reaching found;
  for (std::size_t group = 0; group * kRowGroup < rows_.size() && !active.empty(); ++group) {
    going.clear();
    const double longest = length_[group * kRowGroup];
    for (std::size_t i = 0; i < active.size(); ++i) {
      if (!every_score_ && longest * active[i]->length < active[i]->candidates.threshold())
        continue;
      active[going.size()] = active[i];
      going.push_back(i);
    }
    if (going.size() < active.size()) block.keep(going);
    active.resize(going.size());
    block.multiply(group);
    for (std::size_t i = 0; i < active.size(); ++i) {
      block.reaching(i, active[i]->candidates.threshold(), found);
      collect(group, found, *active[i]);
    }
  }
}

void RankedRows::best(std::span<const RowQuery> queries, int k, const RowFilter& filter,
                      std::span<std::vector<ScoredIndex>> lists) const {
  RowFilter everyones = filter;
  everyones.left_out = {};
  std::vector<Search> searches = begin(queries, k, everyones, lists);
  if (searches.empty()) return;
  if (full_) {
    scan(*full_, searches);
  } else {
    scan(*bytes_, searches);
  }
  for (Search& search : searches) {
    search.candidates.tidy();
    list_best(search, k, search.candidates.rows());
  }
}

}  // namespace attune::math
