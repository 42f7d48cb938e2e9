// What recommenders learn from. Answers: which customer met which item, how strongly, and when
// last?
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/learn/splits.h"
#include "attune/math/csr_matrix.h"

namespace attune::recommend {

using learn::InteractionLog;

// Customers x items with summed weights and the last time of each pair. Customers and items are
// rows and columns: the caller keeps the mapping to the numbers and identifiers outside; models
// never see those.
//
// Invariants: (1) every weight is positive and finite; (2) by_item() is by_customer() transposed.
// Threads: immutable; copies share the arrays and cost nothing.
class Interactions {
 public:
  Interactions();  // 0 x 0

  // Sums the events of each pair. Pairs whose weights add up to 0 or less (bought and taken back)
  // are left out and counted in dropped_pairs(). Errors: those of CsrMatrix::from_triplets.
  static Result<Interactions> from_log(const InteractionLog& log);
  static Interactions from_matrix(const math::CsrMatrix& by_customer);

  std::int32_t customers() const { return by_customer().rows(); }
  std::int32_t items() const { return by_customer().columns(); }
  std::int64_t pairs() const { return by_customer().entries(); }
  std::int64_t dropped_pairs() const;

  const math::CsrMatrix& by_customer() const;  // customers x items
  const math::CsrMatrix& by_item() const;  // items x customers; made on first use, by one thread

  bool has_times() const { return by_customer().has_times(); }
  // The latest time of any pair; 1970 without times.
  Timestamp latest() const;

  // The same without one customer's row, which stays as an empty row.
  Interactions without_customer(std::int32_t customer) const;

 private:
  struct Shared;
  std::shared_ptr<const Shared> shared_;
};

// One entry of a customer's history, as handed over for a fold-in.
struct HistoryEntry {
  std::int32_t item = 0;
  float weight = 1;
  Timestamp time = {};
};

// A customer as a model sees one: items rising strictly, with weights and times beside them.
// Shapes: items, weights (n); times (n) or empty. Lifetime: a view.
struct HistoryView {
  std::int32_t customer = -1;  // the row of the fit where this history is exactly that row, else -1
  std::int32_t self = -1;  // the customer's row in the fit, however the history has changed, or -1
  std::span<const std::int32_t> items = {};
  std::span<const float> weights = {};
  std::span<const Timestamp> times = {};
};

}  // namespace attune::recommend
