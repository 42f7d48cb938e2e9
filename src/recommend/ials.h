// Implicit alternating least squares. Answers: which hidden tastes explain what was met and what
// was not?
#pragma once

#include "attune/math/quantised_rows.h"
#include "ials_solver.h"
#include "parameterised.h"

namespace attune::recommend {

// Matrix factorisation of [HuKorenVolinsky2008] in the form of [Rendle2021]: customer vectors w and
// item vectors h minimise
//   sum over interactions c (w.h - 1)^2 + alpha * sum over all pairs (w.h)^2
//     + regularisation * (sum over customers f(w) |w|^2 + sum over items f(h) |h|^2),
// f(w) = (sum of c of the customer + alpha * items)^exponent, f(h) alike; c from the weight as
// `weights` says. alpha and regularisation are coupled: f grows with alpha, so that what is right
// for one is not for another. alpha = 0 stands for kAlphaPerDensity times the share of pairs that
// have an interaction, at most 1: the pairs without then weigh as much, against those with, in a
// sparse catalogue as in a dense one, and one regularisation serves both.
//
// Invariants: (1) after fit a customer's vector is the exact minimiser given the item vectors, so
// folding in an unchanged history gives the stored vector to rounding; (2) the result does not
// depend on the thread count.
// Explanation: score = sum over j of c(j) h(i)' A^-1 h(j), A the customer's system
// [HuKorenVolinsky2008, section 5]: exact.
class Ials final : public Parameterised<IalsParameters> {
 public:
  Ials();
  std::string_view name() const override { return "ials"; }
  Capabilities capabilities() const override {
    return {.similar_items = true, .similar_customers = true, .explains = true, .personal = true};
  }

  static constexpr double kAlphaPerDensity = 10;
  double alpha_used() const { return effective_.alpha; }
  const math::MatrixF& customer_vectors() const { return customers_; }
  const math::MatrixF& item_vectors() const { return items_; }

 protected:
  Result<FitReport> fit_model(const FitOptions& options) override;
  void score_all(const HistoryView& history, std::span<float> scores) const override;
  std::vector<ScoredIndex> find_best(const HistoryView& history, const ListOptions& options,
                                     std::vector<float>& scratch) const override;
  BlockLists prepare_blocks(const BatchOptions& options) const override;
  void score_some(const HistoryView& history, std::span<const std::int32_t> items,
                  std::span<float> scores) const override;
  std::vector<ScoredIndex> find_similar_items(std::int32_t item, int k,
                                              const ItemFilter& filter) const override;
  std::vector<ScoredIndex> find_similar_customers(const HistoryView& history, int k) const override;
  Explanation explain_score(const HistoryView& history, std::int32_t item) const override;
  void drop_customer(std::int32_t customer) override;
  void write_model(math::ByteWriter& out) const override;
  Status read_model(math::ByteReader& in) override;

 private:
  IalsSystem system() const;
  std::vector<float> vector_of(const HistoryView& history) const;
  std::vector<std::uint8_t> met_items() const;
  // What questions need besides the vectors.
  void prepare_items(int threads);

  IalsParameters effective_;  // settings() with the alpha that was used
  IalsConfidence confidence_;
  math::MatrixF customers_;     // (customers, factors)
  math::MatrixF items_;         // (items, factors)
  math::MatrixF item_gramian_;  // (factors, factors), of items_
  math::QuantisedRows quantised_items_;
};

}  // namespace attune::recommend
