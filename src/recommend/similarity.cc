#include "similarity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "attune/math/kernels.h"

namespace attune::recommend {
namespace {

// Keeps terms that every document has from vanishing altogether.
constexpr double kIdfFloor = 0.01;

double sum_of_squares(std::span<const float> values) {
  return std::transform_reduce(values.begin(), values.end(), 0.0, std::plus<>{},
                               [](float v) { return double{v} * v; });
}

double supported(double similarity, double shared, double shrink) {
  return similarity * shared / (shared + shrink);
}

bool better(const math::ScoredIndex& a, const math::ScoredIndex& b) {
  return a.score != b.score ? a.score > b.score : a.index < b.index;
}

double correlation(const SimilarityIndex::Sums& s) {
  const double n = s.shared;
  if (n < 2) return 0;
  const double covariance = s.product - s.a * static_cast<double>(s.b) / n;
  const double variance_a = s.aa - s.a * static_cast<double>(s.a) / n;
  const double variance_b = s.bb - s.b * static_cast<double>(s.b) / n;
  // Below float rounding of the sums the variance is none.
  if (variance_a <= 1e-6 * s.aa || variance_b <= 1e-6 * s.bb) return 0;
  return covariance / std::sqrt(variance_a * variance_b);
}

}  // namespace

SimilarityIndex::SimilarityIndex(const math::CsrMatrix& documents,
                                 const SimilarityParameters& parameters)
    : parameters_(parameters) {
  const auto count = static_cast<double>(documents.rows());
  std::vector<std::int64_t> frequency(static_cast<std::size_t>(documents.columns()), 0);
  for (const std::int32_t term : documents.column_indices())
    ++frequency[static_cast<std::size_t>(term)];
  for (const std::int64_t f : frequency) {
    idf_.push_back(
        static_cast<float>(std::log((count + 1) / (static_cast<double>(f) + 1)) + kIdfFloor));
  }
  const double total = std::accumulate(documents.weights().begin(), documents.weights().end(), 0.0);
  if (total > 0) {
    unit_ = static_cast<float>(total / static_cast<double>(documents.entries()));
    mean_length_ = static_cast<double>(documents.entries()) / count;
  }
  std::vector<float> weights;
  weights.reserve(documents.weights().size());
  for (std::int32_t row = 0; row < documents.rows(); ++row) {
    const auto weighed = weigh({documents.columns_of(row), documents.weights_of(row)});
    squares_.push_back(sum_of_squares(weighed));
    lengths_.push_back(static_cast<float>(std::sqrt(squares_.back())));
    weights.insert(weights.end(), weighed.begin(), weighed.end());
  }
  documents_ = documents.with_weights(std::move(weights));
  const math::CsrMatrix by_term = documents_.transposed();
  posting_offsets_.assign(by_term.offsets().begin(), by_term.offsets().end());
  if (posting_offsets_.empty()) posting_offsets_.push_back(0);
  postings_.resize(by_term.weights().size());
  std::ranges::transform(
      by_term.column_indices(), by_term.weights(), postings_.begin(),
      [](std::int32_t document, float weight) { return Posting{document, weight}; });
}

std::vector<float> SimilarityIndex::weigh(const DocumentView& document) const {
  std::vector<float> weights(document.weights.begin(), document.weights.end());
  for (float& weight : weights) weight /= unit_;
  if (parameters_.weighting == Weighting::none) return weights;
  const double length = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double k1 = parameters_.bm25_k1, b = parameters_.bm25_b;
  const double norm = k1 * (1 - b + b * length / mean_length_);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double w = weights[i];
    const double term =
        parameters_.weighting == Weighting::tfidf ? std::sqrt(w) : w * (k1 + 1) / (w + norm);
    weights[i] = static_cast<float>(term * idf_[static_cast<std::size_t>(document.terms[i])]);
  }
  return weights;
}

void SimilarityIndex::accumulate(const DocumentView& document, std::span<const float> weights,
                                 Scratch& scratch) const {
  scratch.sums.resize(static_cast<std::size_t>(documents_.rows()));
  scratch.touched.clear();
  const bool moments = parameters_.similarity == Similarity::pearson;
  for (std::size_t i = 0; i < document.terms.size(); ++i) {
    const float a = weights[i];
    for (const Posting& posting : postings_of(document.terms[i])) {
      Sums& sums = scratch.sums[static_cast<std::size_t>(posting.document)];
      if (sums.shared++ == 0) scratch.touched.push_back(posting.document);
      const float b = posting.weight;
      sums.product += a * b;
      if (!moments) continue;
      sums.a += a;
      sums.b += b;
      sums.aa += a * a;
      sums.bb += b * b;
    }
  }
}

double SimilarityIndex::value(const Sums& s, double squares_a, std::size_t terms_a,
                              std::int32_t b) const {
  const double squares_b = squares_[static_cast<std::size_t>(b)];
  switch (parameters_.similarity) {
    case Similarity::cosine: {
      const double norms = std::sqrt(squares_a * squares_b) + parameters_.shrink;
      return norms > 0 ? s.product / norms : 0;
    }
    case Similarity::dot:
      return supported(s.product, s.shared, parameters_.shrink);
    case Similarity::jaccard: {
      const auto either =
          static_cast<double>(terms_a) + static_cast<double>(documents_.row_size(b)) - s.shared;
      return s.shared / (either + parameters_.shrink);
    }
    case Similarity::euclidean: {
      const double distance = std::sqrt(std::max(0.0, squares_a + squares_b - 2.0 * s.product));
      return supported(1 / (1 + distance), s.shared, parameters_.shrink);
    }
    case Similarity::pearson:
      return supported(correlation(s), s.shared, parameters_.shrink);
  }
  return 0;
}

void SimilarityIndex::find_cosines(const DocumentView& document, std::span<const float> weights,
                                   std::int32_t except, std::size_t k, Scratch& scratch,
                                   const ItemFilter& filter) const {
  const auto documents = static_cast<std::size_t>(documents_.rows());
  auto& products = scratch.products;
  products.resize(documents, 0);
  float* const sums = products.data();
  for (std::size_t i = 0; i < document.terms.size(); ++i) {
    const float weight = weights[i];
    // Rows drawn at random: the one after the next is asked for now.
    if (i + 2 < document.terms.size()) {
      const auto soon = postings_of(document.terms[i + 2]);
      for (std::size_t p = 0; p < std::min<std::size_t>(soon.size(), 64); p += 8)
        __builtin_prefetch(soon.data() + p);
    }
    for (const Posting& posting : postings_of(document.terms[i]))
      sums[posting.document] += weight * posting.weight;
  }
  constexpr std::size_t kPart = 2048;   // documents between two looks at the k-th best
  constexpr float kMargin = 1 - 1e-5f;  // float bounds may be off by so much
  scratch.places.resize(kPart);
  scratch.values.resize(kPart);
  const double squares = sum_of_squares(weights);
  const auto length = static_cast<float>(std::sqrt(squares));
  const auto floor = static_cast<float>(parameters_.threshold);
  auto& found = scratch.found;
  found.clear();
  float least = floor * kMargin;
  for (std::size_t first = 0; first < documents; first += kPart) {
    const std::size_t size = std::min(kPart, documents - first);
    const std::size_t count = math::take_above(
        std::span(products).subspan(first, size), std::span(lengths_).subspan(first, size), length,
        static_cast<float>(parameters_.shrink), least, scratch.places, scratch.values);
    for (std::size_t p = 0; p < count; ++p) {
      const auto other = static_cast<std::int32_t>(first) + scratch.places[p];
      const auto similarity = static_cast<float>(
          value({.product = scratch.values[p]}, squares, document.terms.size(), other));
      const bool refused =
          other == except || !(similarity > floor) ||
          (!filter.allowed.empty() && !filter.allowed[static_cast<std::size_t>(other)]) ||
          (filter.accepts && !filter.accepts(other));
      if (!refused) found.push_back({similarity, other});
    }
    if (found.size() < 2 * k + kPart / 8 || k == 0) continue;
    std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(k) - 1, better);
    found.resize(k);
    least = found[k - 1].score * kMargin;
  }
}

std::vector<math::ScoredIndex> SimilarityIndex::similar(const DocumentView& document,
                                                        std::int32_t except, int k,
                                                        Scratch& scratch,
                                                        const ItemFilter& filter) const {
  const std::vector<float> weights = weigh(document);
  const auto wanted = static_cast<std::size_t>(std::max(k, 0));
  auto& found = scratch.found;
  if (parameters_.similarity == Similarity::cosine) {
    find_cosines(document, weights, except, wanted, scratch, filter);
  } else {
    accumulate(document, weights, scratch);
    const double squares = sum_of_squares(weights);
    found.clear();
    for (const std::int32_t other : scratch.touched) {
      Sums& sums = scratch.sums[static_cast<std::size_t>(other)];
      const double similarity = value(sums, squares, document.terms.size(), other);
      sums = Sums{};
      const bool refused =
          other == except ||
          !(static_cast<float>(similarity) > static_cast<float>(parameters_.threshold)) ||
          (!filter.allowed.empty() && !filter.allowed[static_cast<std::size_t>(other)]) ||
          (filter.accepts && !filter.accepts(other));
      if (!refused) found.push_back({static_cast<float>(similarity), other});
    }
  }
  const auto kept = std::min(found.size(), wanted);
  std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(kept), better);
  return {found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept)};
}

std::vector<double> SimilarityIndex::shares(const DocumentView& document, std::int32_t other,
                                            double similarity) const {
  const std::vector<float> weights = weigh(document);
  std::vector<double> parts(document.terms.size(), 0);
  std::vector<std::size_t> shared;
  double mean_a = 0, mean_b = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!documents_.contains(other, document.terms[i])) continue;
    shared.push_back(i);
    mean_a += weights[i];
    mean_b += documents_.weight(other, document.terms[i]);
  }
  const bool centred = parameters_.similarity == Similarity::pearson;
  mean_a = centred ? mean_a / static_cast<double>(shared.size()) : 0;
  mean_b = centred ? mean_b / static_cast<double>(shared.size()) : 0;
  double total = 0;
  for (const std::size_t i : shared) {
    const bool counted = parameters_.similarity == Similarity::jaccard;
    parts[i] = counted
                   ? 1
                   : (weights[i] - mean_a) * (documents_.weight(other, document.terms[i]) - mean_b);
    total += parts[i];
  }
  for (double& part : parts) part = total == 0 ? 0 : part * similarity / total;
  return parts;
}

}  // namespace attune::recommend
