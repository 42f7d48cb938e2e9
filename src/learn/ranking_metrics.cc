#include "attune/learn/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attune::learn {
namespace {

double discount(std::size_t rank) { return 1 / std::log2(static_cast<double>(rank) + 1); }

double ideal_gain(std::size_t hits) {
  double sum = 0;
  for (std::size_t rank = 1; rank <= hits; ++rank) sum += discount(rank);
  return sum;
}

}  // namespace

ListScores score_list(std::span<const std::int32_t> ranked, std::span<const std::int32_t> relevant,
                      int k) {
  const std::size_t shown = std::min(ranked.size(), static_cast<std::size_t>(k));
  const std::size_t reachable = std::min(relevant.size(), static_cast<std::size_t>(k));
  ListScores scores;
  double hits = 0, gain = 0, precisions = 0;
  for (std::size_t rank = 1; rank <= shown; ++rank) {
    if (!std::ranges::binary_search(relevant, ranked[rank - 1])) continue;
    ++hits;
    gain += discount(rank);
    precisions += hits / static_cast<double>(rank);
    if (scores.mrr == 0) scores.mrr = 1 / static_cast<double>(rank);
  }
  scores.precision = hits / k;
  scores.recall = hits / static_cast<double>(relevant.size());
  scores.ndcg = gain / ideal_gain(reachable);
  scores.map = precisions / static_cast<double>(reachable);
  scores.hit_rate = hits > 0 ? 1 : 0;
  return scores;
}

ListScores score_rank(std::int64_t rank, int k) {
  if (rank > k) return {};
  const auto place = static_cast<double>(rank);
  return {.precision = 1.0 / k,
          .recall = 1,
          .ndcg = discount(static_cast<std::size_t>(rank)),
          .map = 1 / place,
          .mrr = 1 / place,
          .hit_rate = 1};
}

CatalogueScores::CatalogueScores(const math::CsrMatrix& by_item, int k)
    : by_item_(&by_item),
      k_(static_cast<std::size_t>(k)),
      shown_(static_cast<std::size_t>(by_item.rows()), 0) {
  std::vector<double> lengths(shown_.size());
  for (std::int32_t item = 0; item < by_item.rows(); ++item) {
    double squares = 0;
    for (const float w : by_item.weights_of(item)) squares += double{w} * w;
    lengths[static_cast<std::size_t>(item)] = std::sqrt(squares);
  }
  lengths_ = std::make_shared<const std::vector<double>>(std::move(lengths));
}

CatalogueScores CatalogueScores::empty_copy() const {
  CatalogueScores copy = *this;
  std::ranges::fill(copy.shown_, 0);
  copy.lists_ = copy.entries_ = copy.diverse_lists_ = 0;
  copy.information_ = copy.distance_ = 0;
  return copy;
}

void CatalogueScores::add(std::span<const std::int32_t> ranked, bool with_diversity) {
  const auto list = ranked.first(std::min(ranked.size(), k_));
  ++lists_;
  entries_ += static_cast<std::int64_t>(list.size());
  const double customers = by_item_->columns() + 1.0;
  for (const std::int32_t item : list) {
    ++shown_[static_cast<std::size_t>(item)];
    information_ -= std::log2((static_cast<double>(by_item_->row_size(item)) + 1) / customers);
  }
  if (!with_diversity || list.size() < 2) return;
  double distance = 0;
  for (std::size_t a = 0; a < list.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) distance += 1 - cosine(list[a], list[b]);
  }
  ++diverse_lists_;
  distance_ +=
      distance / (0.5 * static_cast<double>(list.size()) * static_cast<double>(list.size() - 1));
}

void CatalogueScores::merge(const CatalogueScores& other) {
  for (std::size_t i = 0; i < shown_.size(); ++i) shown_[i] += other.shown_[i];
  lists_ += other.lists_;
  entries_ += other.entries_;
  diverse_lists_ += other.diverse_lists_;
  information_ += other.information_;
  distance_ += other.distance_;
}

double CatalogueScores::coverage() const {
  if (shown_.empty()) return 0;
  const auto ever = std::ranges::count_if(shown_, [](std::int64_t n) { return n > 0; });
  return static_cast<double>(ever) / static_cast<double>(shown_.size());
}

double CatalogueScores::novelty() const {
  return entries_ == 0 ? 0 : information_ / static_cast<double>(entries_);
}

double CatalogueScores::diversity() const {
  return diverse_lists_ == 0 ? 0 : distance_ / static_cast<double>(diverse_lists_);
}

double CatalogueScores::gini_exposure() const { return gini_index(shown_); }

double CatalogueScores::cosine(std::int32_t a, std::int32_t b) const {
  const auto ca = by_item_->columns_of(a), cb = by_item_->columns_of(b);
  const auto wa = by_item_->weights_of(a), wb = by_item_->weights_of(b);
  double product = 0;
  for (std::size_t i = 0, j = 0; i < ca.size() && j < cb.size();) {
    if (ca[i] == cb[j])
      product += static_cast<double>(wa[i++]) * wb[j++];
    else if (ca[i] < cb[j])
      ++i;
    else
      ++j;
  }
  if (product == 0) return 0;
  return product /
         ((*lengths_)[static_cast<std::size_t>(a)] * (*lengths_)[static_cast<std::size_t>(b)]);
}

double gini_index(std::span<const std::int64_t> counts) {
  std::vector<std::int64_t> sorted(counts.begin(), counts.end());
  std::ranges::sort(sorted);
  double total = 0, ranked = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    total += static_cast<double>(sorted[i]);
    ranked += static_cast<double>(i + 1) * static_cast<double>(sorted[i]);
  }
  if (total == 0) return 0;
  const auto n = static_cast<double>(sorted.size());
  return 2 * ranked / (n * total) - (n + 1) / n;
}

}  // namespace attune::learn
