// Neighbourhood recommenders. Answers: what goes with what this customer has, and what do customers
// like this one have?
#pragma once

#include "parameterised.h"
#include "similarity.h"

namespace attune::recommend {

// Defaults that did well untuned on a dense and on a sparse catalogue: README.md.
struct ItemKnnParameters : SimilarityParameters {
  ItemKnnParameters() {
    weighting = Weighting::tfidf;
    shrink = 100;
  }
  int neighbours = 200;
};

// Item-based collaborative filtering [Sarwar2001], [DeshpandeKarypis2004]:
//   score(customer, i) = sum over j of the history, j among the `neighbours` items most similar to
//   i, of s(i, j) x(j),
// with x the weight of j in the history. Items are compared by their customers. A contribution is
// one term of the sum.
class ItemKnn final : public Parameterised<ItemKnnParameters> {
 public:
  ItemKnn();
  std::string_view name() const override { return "item_knn"; }
  Capabilities capabilities() const override {
    return {.similar_items = true, .explains = true, .personal = true};
  }

 protected:
  Result<FitReport> fit_model(const FitOptions& options) override;
  void score_all(const HistoryView& history, std::span<float> scores) const override;
  std::vector<ScoredIndex> find_similar_items(std::int32_t item, int k,
                                              const ItemFilter& filter) const override;
  Explanation explain_score(const HistoryView& history, std::int32_t item) const override;
  void write_model(math::ByteWriter& out) const override;
  Status read_model(math::ByteReader& in) override;

 private:
  math::CsrMatrix neighbours_;  // items x items: row i holds the neighbours of i
  math::CsrMatrix reached_;     // its transpose: row j holds the items that j speaks for
};

struct UserKnnParameters : SimilarityParameters {
  UserKnnParameters() { weighting = Weighting::tfidf; }
  int neighbours = 100;
};

// User-based collaborative filtering [Resnick1994], [Herlocker2004]:
//   score(customer, i) = sum over the `neighbours` most similar customers v of s(customer, v) x(v,
//   i).
// Neighbours are found when asked, so a new or changed customer is no special case. A contribution
// of item j is the sum of x(v, i) times j's share of s(customer, v) (SimilarityIndex::shares).
class UserKnn final : public Parameterised<UserKnnParameters> {
 public:
  UserKnn();
  std::string_view name() const override { return "user_knn"; }
  Capabilities capabilities() const override {
    return {.similar_customers = true, .explains = true, .personal = true};
  }

 protected:
  Result<FitReport> fit_model(const FitOptions& options) override;
  void score_all(const HistoryView& history, std::span<float> scores) const override;
  std::vector<ScoredIndex> find_similar_customers(const HistoryView& history, int k) const override;
  Explanation explain_score(const HistoryView& history, std::int32_t item) const override;
  void drop_customer(std::int32_t customer) override;
  void write_model(math::ByteWriter& out) const override;
  Status read_model(math::ByteReader& in) override;

 private:
  std::vector<ScoredIndex> neighbours(const HistoryView& history, int k) const;

  SimilarityIndex index_;
};

}  // namespace attune::recommend
