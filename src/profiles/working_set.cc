#include <algorithm>
#include <utility>
#include <vector>

#include "attune/profiles/profile_store.h"

namespace attune::profiles {

Status ProfileWorkingSet::fold(CustomerNumber customer, const ProfileEvent& event) {
  if (!cursor_) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence stored, store_.cursor());
    cursor_ = stored.value;
  }
  if (event.sequence > *cursor_) fresh_[customer].fold(event, store_.rules());
  return {};
}

Status ProfileWorkingSet::add(std::optional<Sequence> cursor) {
  std::vector<std::pair<CustomerNumber, const ProfileAccumulator*>> fresh;
  fresh.reserve(fresh_.size());
  for (const auto& [customer, profile] : fresh_) fresh.emplace_back(customer, &profile);
  std::ranges::sort(fresh, {}, [](const auto& one) { return one.first; });
  ATTUNE_RETURN_IF_ERROR(store_.add(fresh, place_, cursor));
  fresh_.clear();
  return {};
}

Status ProfileWorkingSet::flush(Sequence cursor) {
  ATTUNE_RETURN_IF_ERROR(add(cursor));
  cursor_ = cursor.value;
  return {};
}

Status ProfileWorkingSet::spill() {
  if (!store_.in_transaction()) {
    return std::unexpected(failed_precondition(
        "profiles are written ahead of their cursor only inside a transaction; begin one first"));
  }
  return add({});
}

}  // namespace attune::profiles
