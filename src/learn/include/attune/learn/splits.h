// Splits of interactions into what a model may see and what it is tested on. Answers: what would we
// have known, and what happened then?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/math/csr_matrix.h"

namespace attune::learn {

// What happened, one entry an event: the same customer (row) and item (column) may come again.
struct InteractionLog {
  std::int32_t customers = 0;
  std::int32_t items = 0;
  std::vector<math::Triplet> events = {};
};

enum class SplitKind : std::uint8_t {
  random,  // per customer: a share of the customer's distinct items, drawn without replacement
  leave_one_out,  // per customer: the item met last
  time,           // one moment for everybody: everything after it
};
Result<SplitKind> parse_split_kind(std::string_view name);  // "random", "leave-one-out", "time"
std::string_view name_of(SplitKind kind);

struct SplitOptions {
  SplitKind kind = SplitKind::random;
  // random: share of each customer's items, rounded to the nearest whole number, so that at least
  // one stays in train. time: share of the events, by rank of time. Unit: 0 to 1, both excluded.
  // leave_one_out does not use it.
  double test_share = 0.2;
};

// Invariants: (1) train and test have customers x items cells; (2) no cell lies in both; (3)
// customers of whom nothing is known keep an empty row in train and are named nowhere in test,
// except under `time`, where customers whose first event comes after the cut have test rows without
// train rows.
struct Split {
  math::CsrMatrix train;
  math::CsrMatrix test;
  // time only: the last moment of train.
  Timestamp cut;
  // time only: cells of test left out because train holds them too (bought again).
  std::int64_t repeats_left_out = 0;
};

// Splits `log`. Weights of the same cell are summed within train and within test; cells whose sum
// is 0 or less (bought and taken back) are left out.
// Ties: items met at the same last moment under leave_one_out are drawn among, by seed and
// customer; without times, i.e. all times equal, leave_one_out is therefore a random hold-out.
// Under `time` equal moments stay together, in train.
// Customers with fewer than two distinct items give nothing to test under random and leave_one_out.
// Errors: invalid_argument (share outside its range), failed_precondition (nothing is left for
// train or for test), and those of CsrMatrix::from_triplets.
// Determinism: random streams are keyed by (seed, "split", customer): neither the order of events
// nor other customers matter.
Result<Split> split_interactions(const InteractionLog& log, const SplitOptions& options,
                                 std::uint64_t seed);

}  // namespace attune::learn
