#include "attune/recommend/interactions.h"

#include <algorithm>
#include <mutex>

namespace attune::recommend {

struct Interactions::Shared {
  math::CsrMatrix by_customer;
  std::int64_t dropped_pairs = 0;
  Timestamp latest;
  mutable std::once_flag transposed;
  mutable math::CsrMatrix by_item;
};

Interactions::Interactions() : shared_(std::make_shared<Shared>()) {}

Result<Interactions> Interactions::from_log(const InteractionLog& log) {
  ATTUNE_ASSIGN_OR_RETURN(const math::CsrMatrix summed,
                          math::CsrMatrix::from_triplets(log.customers, log.items, log.events));
  return from_matrix(summed);
}

Interactions Interactions::from_matrix(const math::CsrMatrix& by_customer) {
  auto shared = std::make_shared<Shared>();
  shared->by_customer = by_customer.positive_part();
  shared->dropped_pairs = by_customer.entries() - shared->by_customer.entries();
  const auto times = shared->by_customer.times();
  if (!times.empty()) shared->latest = *std::ranges::max_element(times);
  Interactions interactions;
  interactions.shared_ = std::move(shared);
  return interactions;
}

std::int64_t Interactions::dropped_pairs() const { return shared_->dropped_pairs; }

const math::CsrMatrix& Interactions::by_customer() const { return shared_->by_customer; }

const math::CsrMatrix& Interactions::by_item() const {
  std::call_once(shared_->transposed,
                 [this] { shared_->by_item = shared_->by_customer.transposed(); });
  return shared_->by_item;
}

Timestamp Interactions::latest() const { return shared_->latest; }

Interactions Interactions::without_customer(std::int32_t customer) const {
  return from_matrix(by_customer().without_row(customer));
}

}  // namespace attune::recommend
