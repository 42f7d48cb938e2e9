// Metrics of ranked lists. Answers: were the right items on the list, how high, and what did the
// lists look like as a whole?
//
// Notation: L is the list shown, its first k entries count; T the customer's test items (never
// empty here); h = |L_k ∩ T|.
// Relevance is binary. A list shorter than k is scored as it is: the missing places count as
// misses.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/math/csr_matrix.h"

namespace attune::learn {

// What one customer's list scores at one k; each lies in 0 .. 1.
struct ListScores {
  // h / k, whatever the length of the list [Herlocker2004]. Variants divide by the length of the
  // list.
  double precision = 0;
  // h / |T| [Herlocker2004]. The variant of [Liang2018] divides by min(k, |T|) and is larger.
  double recall = 0;
  // DCG / ideal DCG with gain 1 and discount 1 / log2(rank + 1) [JarvelinKekalainen2002]; the ideal
  // list holds min(k, |T|) hits. Variants: an ideal over k hits whatever |T| (smaller), exponential
  // gains of graded relevance.
  double ndcg = 0;
  // Sum over hits of precision at their rank, divided by min(k, |T|). Variants divide by |T|
  // [Voorhees2000] or by h.
  double map = 0;
  // 1 / rank of the first hit, 0 without one in k [Voorhees1999].
  double mrr = 0;
  // 1 with a hit in k, else 0 [DeshpandeKarypis2004]. Under leave-one-out equal to recall.
  double hit_rate = 0;
};

// Shapes: ranked (any length, best first, no repeats); relevant (>= 1), rising strictly. k >= 1.
ListScores score_list(std::span<const std::int32_t> ranked, std::span<const std::int32_t> relevant,
                      int k);

// The scores of one held-out item among sampled candidates, from its rank (1 = best): |T| = 1.
ListScores score_rank(std::int64_t rank, int k);

// Collects how all lists together treat the catalogue. Lists beyond accuracy:
//   coverage        items on at least one list / items in the catalogue [Ge2010].
//   novelty         mean over entries shown of -log2((customers with the item in train + 1) /
//   (customers + 1)), bits
//                   [ZhouKuscsik2010], [VargasCastells2011]; +1 keeps items that nobody has finite.
//                   Larger is more novel.
//   diversity       mean over lists of the mean over pairs of 1 - cosine between the items'
//   customer columns in train
//                   [Ziegler2005], [SmythMcClave2001]; lists of fewer than two entries are left
//                   out.
//   gini_exposure   Gini index of how often each item of the catalogue is shown: 0 all alike,
//   towards 1 few have it all
//                   [FlederHosanagar2009]. Items never shown count with 0; variants leave them out
//                   and are smaller.
// Threads: one thread at a time; join partial counts with `merge` in a fixed order.
class CatalogueScores {
 public:
  // `by_item`: items x customers, the train interactions. Kept by reference: it must outlive the
  // collector.
  CatalogueScores(const math::CsrMatrix& by_item, int k);

  // The same without any list: for another thread. Cheaper than a new collector.
  CatalogueScores empty_copy() const;

  // Adds the first k entries of a list. Cost: k^2 / 2 sparse dot products where `with_diversity`.
  void add(std::span<const std::int32_t> ranked, bool with_diversity = true);
  void merge(const CatalogueScores& other);

  double coverage() const;
  double novelty() const;
  double diversity() const;
  double gini_exposure() const;
  std::int64_t lists() const { return lists_; }

 private:
  double cosine(std::int32_t a, std::int32_t b) const;

  const math::CsrMatrix* by_item_;
  std::shared_ptr<const std::vector<double>> lengths_;  // Euclidean, per item
  std::size_t k_;
  std::vector<std::int64_t> shown_;  // per item
  std::int64_t lists_ = 0;
  std::int64_t entries_ = 0;
  std::int64_t diverse_lists_ = 0;
  double information_ = 0;  // bits
  double distance_ = 0;
};

// Gini index of non-negative counts. 0 for an empty or all-zero span.
double gini_index(std::span<const std::int64_t> counts);

}  // namespace attune::learn
