// A shallow linear autoencoder. Answers: which items does each item of a history speak for, all of
// the others taken into account?
#pragma once

#include "ials_solver.h"
#include "parameterised.h"

namespace attune::recommend {

struct EaseParameters {
  double regularisation = 500;
  IalsWeights weights = IalsWeights::binary;
  int memory_mb = 4096;
};

// EASE^R [Steck2019]: scores = x B for a history x, where B (items, items) has a zero diagonal and
// minimises |X - X B|^2 + regularisation |B|^2. In closed form, with P = inverse(X'X +
// regularisation I):
//   B(i, j) = -P(i, j) / P(j, j) for i != j.
// X holds the confidences of `weights`, of mean 1. Contribution of an item i of the history to item
// j: x(i) B(i, j), exactly.
//
// Memory: a float for each pair of items, in the fit, in the model and in its file; the fit says
// how much before it starts and refuses what is beyond `memory_mb`. Cost: items^3 operations and
// the summed squares of the customers' histories. Precision: the inverse is worked out in float,
// whose error was measured harmless (tests/ease_test.cc).
class Ease final : public Parameterised<EaseParameters> {
 public:
  Ease();
  std::string_view name() const override { return "ease"; }
  Capabilities capabilities() const override {
    return {.similar_items = true, .explains = true, .personal = true};
  }
  const math::MatrixF& coefficients() const { return coefficients_; }  // B

 protected:
  Result<FitReport> fit_model(const FitOptions& options) override;
  void score_all(const HistoryView& history, std::span<float> scores) const override;
  std::vector<ScoredIndex> find_similar_items(std::int32_t item, int k,
                                              const ItemFilter& filter) const override;
  Explanation explain_score(const HistoryView& history, std::int32_t item) const override;
  void write_model(math::ByteWriter& out) const override;
  Status read_model(math::ByteReader& in) override;

 private:
  bool met(std::int32_t item) const { return interactions().by_item().row_size(item) > 0; }

  IalsConfidence confidence_;
  math::MatrixF coefficients_;  // (items, items)
};

}  // namespace attune::recommend
