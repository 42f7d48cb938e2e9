#include "attune/math/ranked_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ranked_rows.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include "attune/math/kernels.h"
#include "attune/math/products.h"

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Writes the places of scores that reach the threshold, rising; gives how many there are. Shapes:
// scores (count), count a multiple of 16; places (count).
std::size_t reaching_kernel(const float* scores, std::size_t count, float threshold,
                            std::int32_t* places) {
  const hn::CappedTag<float, 16> lanes;
  const std::size_t width = hn::Lanes(lanes);
  const auto least = hn::Set(lanes, threshold);
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; i += width) {
    if (hn::AllFalse(lanes, hn::Ge(hn::LoadU(lanes, scores + i), least))) continue;
    for (std::size_t j = i; j < i + width; ++j) {
      places[found] = static_cast<std::int32_t>(j);
      found += scores[j] >= threshold ? 1 : 0;
    }
  }
  return found;
}

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(reaching_kernel);

namespace {

constexpr std::size_t kPanel = 32;
constexpr std::size_t kGroup = 4 * kPanel;  // rows between two looks at the thresholds
constexpr float kInfinity = std::numeric_limits<float>::infinity();

double length_of(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  return std::sqrt(squares);
}

float rounded_up(double value) { return static_cast<float>(value * (1 + 0x1p-22)); }

}  // namespace

// What is known of one query so far.
struct RankedRows::Search {
  const RowQuery* query;
  std::vector<ScoredIndex>* list;
  std::size_t k;
  float length;                  // of x
  float margin;                  // by which two ways of one sum may differ, twice
  float threshold = -kInfinity;  // what a candidate has to reach
  std::vector<ScoredIndex> candidates;

  // Drops those that cannot be among the k best any more.
  void tidy() {
    if (candidates.size() <= k) return;
    const auto last = candidates.begin() + static_cast<std::ptrdiff_t>(k) - 1;
    std::ranges::nth_element(candidates, last, std::greater<>{}, &ScoredIndex::score);
    threshold = last->score - margin;
    std::erase_if(candidates, [&](const ScoredIndex& c) { return c.score < threshold; });
  }
};

RankedRows::RankedRows(const MatrixF& rows, std::span<const std::uint8_t> present)
    : source_(rows), present_(present.begin(), present.end()) {
  std::vector<std::pair<float, std::int32_t>> order;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    if (!present.empty() && !present[static_cast<std::size_t>(r)]) continue;
    const float length = rounded_up(length_of(rows.row(r)));
    finite_ = finite_ && std::isfinite(length);
    order.emplace_back(length, static_cast<std::int32_t>(r));
  }
  if (!finite_) return;
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  const auto d = static_cast<std::size_t>(rows.columns());
  panels_.resize((order.size() + kGroup - 1) / kGroup * kGroup * d);
  for (const auto& [length, row] : order) {
    const std::size_t at = rows_.size();
    rows_.push_back(row);
    length_.push_back(length);
    float* panel = panels_.data() + at / kPanel * kPanel * d + at % kPanel;
    for (std::size_t j = 0; j < d; ++j) panel[j * kPanel] = rows(row, static_cast<std::int64_t>(j));
  }
}

void RankedRows::best_in_full(const RowQuery& query, int k, const RowFilter& filter,
                              std::vector<ScoredIndex>& list) const {
  RowFilter own = filter;
  own.left_out = query.left_out;
  list = QuantisedRows(source_, present_).best(source_, query.x, k, own);
}

void RankedRows::scan_group(std::size_t first, std::span<Search*> active, const float* vectors,
                            std::vector<float>& scores) const {
  const std::int64_t d = source_.columns();
  const auto count = static_cast<std::int64_t>(active.size());
  scores.assign(active.size() * kGroup, 0);
  for (std::size_t panel = 0; panel < kGroup; panel += kPanel) {
    multiply_add(count, kPanel, d, {vectors, d, 1},
                 {panels_.data() + (first + panel) * static_cast<std::size_t>(d), kPanel},
                 {scores.data() + panel, kGroup});
  }
}

void RankedRows::collect(std::size_t first, std::span<const float> scores, const RowFilter& filter,
                         Search& search) const {
  std::array<std::int32_t, kGroup> places;
  const std::size_t found = HWY_DYNAMIC_DISPATCH(reaching_kernel)(scores.data(), scores.size(),
                                                                  search.threshold, places.data());
  for (std::size_t p = 0; p < found; ++p) {
    const auto place = static_cast<std::size_t>(places[p]);
    if (first + place >= rows_.size()) break;
    const std::int32_t row = rows_[first + place];
    if (!filter.allowed.empty() && !filter.allowed[static_cast<std::size_t>(row)]) continue;
    if (std::ranges::binary_search(search.query->left_out, row)) continue;
    if (filter.accepts && !filter.accepts(row)) continue;
    search.candidates.push_back({scores[place], row});
  }
  const bool first_bound = search.threshold == -kInfinity && search.candidates.size() > search.k;
  if (first_bound || search.candidates.size() >= 2 * search.k + kGroup) search.tidy();
}

std::vector<RankedRows::Search> RankedRows::begin(std::span<const RowQuery> queries, int k,
                                                  const RowFilter& filter,
                                                  std::span<std::vector<ScoredIndex>> lists) const {
  const double rounding = (4 * static_cast<double>(source_.columns()) + 16) * 0x1p-24;
  std::vector<Search> searches;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const float length = rounded_up(length_of(queries[i].x));
    lists[i].clear();
    if (!finite_ || !std::isfinite(length)) {
      best_in_full(queries[i], k, filter, lists[i]);
    } else if (!rows_.empty()) {
      searches.push_back({.query = &queries[i],
                          .list = &lists[i],
                          .k = static_cast<std::size_t>(k),
                          .length = length,
                          .margin = rounded_up(rounding * length * length_.front()),
                          .candidates = {}});
    }
  }
  return searches;
}

void RankedRows::best(std::span<const RowQuery> queries, int k, const RowFilter& filter,
                      bool every_score, std::span<std::vector<ScoredIndex>> lists) const {
  std::vector<Search> searches = begin(queries, k, filter, lists);
  std::vector<Search*> active;
  for (Search& search : searches) active.push_back(&search);
  AlignedVector<float> vectors;
  std::vector<float> scores;
  for (std::size_t first = 0; first < rows_.size() && !active.empty(); first += kGroup) {
    const std::size_t before = active.size();
    std::erase_if(active, [&](const Search* s) {
      return !every_score && length_[first] * s->length < s->threshold;
    });
    if (first == 0 || active.size() != before) {
      vectors.clear();
      for (const Search* s : active)
        vectors.insert(vectors.end(), s->query->x.begin(), s->query->x.end());
    }
    scan_group(first, active, vectors.data(), scores);
    for (std::size_t i = 0; i < active.size(); ++i)
      collect(first, std::span(scores).subspan(i * kGroup, kGroup), filter, *active[i]);
  }
  for (Search& s : searches) {
    s.tidy();
    auto top = TopK::create(k);
    if (!top) continue;
    for (const ScoredIndex& candidate : s.candidates) {
      const ScoredIndex entry{dot(source_.row(candidate.index), s.query->x), candidate.index};
      top->offer(std::span(&entry, 1));
    }
    *s.list = top->best();
  }
}

}  // namespace attune::math
#endif
