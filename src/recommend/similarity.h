// Similarity of sparse rows. Answers: which documents (items by their customers, or customers by
// their items) are alike?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attune/base/parameters.h"
#include "attune/math/aligned.h"
#include "attune/math/csr_matrix.h"
#include "attune/math/top_k.h"
#include "attune/recommend/recommender.h"

namespace attune::recommend {

// a, b: weighted rows; n: terms they share; missing terms are 0 but where said otherwise.
enum class Similarity : std::uint8_t {
  cosine,     // a.b / (|a||b| + shrink) [FerrariDacrema2021, section 3.1]
  dot,        // a.b * n / (n + shrink)
  jaccard,    // n / (terms of either + shrink); weights do not matter
  euclidean,  // 1 / (1 + |a - b|) * n / (n + shrink), among rows that share a term
  pearson,    // correlation over the shared terms [Resnick1994] * n / (n + shrink); 0 if n < 2
};

// w: the raw weight divided by the mean of all raw weights, so that shrink means the same whatever
// the unit of the weights. idf(term) = log((documents + 1) / (documents with the term + 1)) + .01,
// where .01 keeps terms that everybody has.
enum class Weighting : std::uint8_t {
  none,
  tfidf,  // sqrt(w) * idf(term)
  bm25,   // w (k1 + 1) / (w + k1 (1 - b + b length / mean length)) * idf(term)
          // [RobertsonZaragoza2009], length: sum of w of the document
};

struct SimilarityParameters {
  Similarity similarity = Similarity::cosine;
  Weighting weighting = Weighting::none;
  double shrink = 0;
  double threshold = 0;
  double bm25_k1 = 1.2;
  double bm25_b = 0.75;
};

// Declares the parameters above as those of `Struct`, which derives from SimilarityParameters.
template <class Struct>
void add_similarity_parameters(ParameterTable<Struct>& table) {
  table.choice("similarity", static_cast<Similarity Struct::*>(&SimilarityParameters::similarity),
               {"cosine", "dot", "jaccard", "euclidean", "pearson"}, "how alike two rows are");
  table.choice("weighting", static_cast<Weighting Struct::*>(&SimilarityParameters::weighting),
               {"none", "tfidf", "bm25"}, "how raw weights are turned into terms");
  table.real("shrink", static_cast<double Struct::*>(&SimilarityParameters::shrink), 0, 1e6, "",
             "pulls similarities with little support towards 0");
  table.real("threshold", static_cast<double Struct::*>(&SimilarityParameters::threshold), 0, 1e9,
             "", "similarities at or below it are left out");
  table.real("bm25_k1", static_cast<double Struct::*>(&SimilarityParameters::bm25_k1), 0, 1e3, "",
             "how soon a repeated term saturates");
  table.real("bm25_b", static_cast<double Struct::*>(&SimilarityParameters::bm25_b), 0, 1, "",
             "how much long rows are discounted");
}

// A row of raw weights over terms, rising strictly.
struct DocumentView {
  std::span<const std::int32_t> terms;
  std::span<const float> weights;
};

// The documents of one matrix, ready to be compared.
// Invariant: for a row of the matrix, `similar` gives what a naive double loop over all rows gives
// (tested).
// Threads: immutable after construction; one Scratch a thread.
class SimilarityIndex {
 public:
  SimilarityIndex() = default;
  // Shapes: documents (documents, terms). Cost: one transposition.
  SimilarityIndex(const math::CsrMatrix& documents, const SimilarityParameters& parameters);

  // Running sums against every document; grows on first use.
  struct Sums {
    float product = 0;
    std::int32_t shared = 0;
    float a = 0, b = 0, aa = 0, bb = 0;  // pearson only
  };
  struct Scratch {
    std::vector<Sums> sums;
    std::vector<std::int32_t> touched;
    std::vector<math::ScoredIndex> found;
    // Of cosines alone: products against every document, all 0 between calls.
    math::AlignedVector<float> products;
    std::vector<std::int32_t> places;
    std::vector<float> values;
  };

  // The k most similar documents above the threshold, best first, without document `except` (-1:
  // none).
  // Cost: the summed lengths of the columns of its terms; by cosine also a pass over a float for
  // each document, in which what cannot be among the k best is passed over 16 at a time.
  std::vector<math::ScoredIndex> similar(const DocumentView& document, std::int32_t except, int k,
                                         Scratch& scratch, const ItemFilter& filter = {}) const;

  // The weights that stand for raw ones. Shape: (document.terms.size()).
  std::vector<float> weigh(const DocumentView& document) const;
  // Shape: (terms).
  std::span<const float> idf() const { return idf_; }
  // Documents x terms, weighted.
  const math::CsrMatrix& documents() const { return documents_; }

  // How much each of the document's terms gives to its similarity with document `other`, which is
  // `similarity`: shares of the products (cosine, dot, euclidean), of the shared terms (jaccard),
  // of the products of deviations (pearson).
  // Shape: (document.terms.size()); sums to `similarity`.
  std::vector<double> shares(const DocumentView& document, std::int32_t other,
                             double similarity) const;

 private:
  void accumulate(const DocumentView& document, std::span<const float> weights,
                  Scratch& scratch) const;
  void find_cosines(const DocumentView& document, std::span<const float> weights,
                    std::int32_t except, std::size_t k, Scratch& scratch,
                    const ItemFilter& filter) const;
  double value(const Sums& sums, double squares_a, std::size_t terms_a, std::int32_t b) const;

  SimilarityParameters parameters_;
  math::CsrMatrix documents_;
  // A document that has a term, and the weight of the term in it: both in one place of memory.
  struct Posting {
    std::int32_t document;
    float weight;
  };
  std::span<const Posting> postings_of(std::int32_t term) const {
    const auto at = static_cast<std::size_t>(term);
    return {postings_.data() + posting_offsets_[at],
            static_cast<std::size_t>(posting_offsets_[at + 1] - posting_offsets_[at])};
  }
  std::vector<std::int64_t> posting_offsets_;  // per term, and the end
  math::AlignedVector<Posting> postings_;
  std::vector<float> idf_;       // per term
  std::vector<double> squares_;  // per document: sum of squared weights
  std::vector<float> lengths_;   // per document: the root of that
  float unit_ = 1;               // mean raw weight
  double mean_length_ = 1;
};

}  // namespace attune::recommend
