// Traits of many customers in one pass.
#include <algorithm>

#include "attune/events/identity.h"

namespace attune::events {
namespace {

// Fewer, or further apart, are looked up one by one.
constexpr std::size_t kFew = 16;
constexpr std::int64_t kFarApart = 64;

}  // namespace

Result<std::vector<std::vector<Trait>>> Identity::traits(
    std::span<const CustomerNumber> customers) {
  std::vector<std::vector<Trait>> all(customers.size());
  if (customers.empty()) return all;
  const std::int64_t span = customers.back().value - customers.front().value;
  if (customers.size() < kFew || span / kFarApart > static_cast<std::int64_t>(customers.size())) {
    for (std::size_t i = 0; i < customers.size(); ++i) {
      ATTUNE_ASSIGN_OR_RETURN(all[i], traits(customers[i]));
    }
    return all;
  }
  ATTUNE_RETURN_IF_ERROR(vault_->warm(customers));
  {
    ATTUNE_ASSIGN_OR_RETURN(
        store::Statement rows,
        state_->prepare("SELECT customer, name, sealed, time FROM traits WHERE customer BETWEEN "
                        "?1 AND ?2 ORDER BY customer, name"));
    rows.bind_all(customers.front(), customers.back());
    for (std::size_t next = 0; next < customers.size();) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      const CustomerNumber customer{rows.int64(0)};
      while (next < customers.size() && customers[next] < customer) ++next;
      if (next == customers.size() || customers[next] != customer) continue;
      auto value = vault_->open(customer, "trait", rows.blob(2));
      if (value) all[next].push_back({std::string(rows.text(1)), std::move(*value), rows.time(3)});
    }
  }
  // Whoever others were merged into has theirs too.
  ATTUNE_ASSIGN_OR_RETURN(store::Statement targets,
                          state_->prepare("SELECT DISTINCT target FROM merges WHERE target BETWEEN "
                                          "?1 AND ?2"));
  targets.bind_all(customers.front(), customers.back());
  std::vector<CustomerNumber> merged;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, targets.step());
    if (!more) break;
    merged.push_back({targets.int64(0)});
  }
  for (const CustomerNumber root : merged) {
    const auto found = std::ranges::lower_bound(customers, root);
    if (found == customers.end() || *found != root) continue;
    ATTUNE_ASSIGN_OR_RETURN(all[static_cast<std::size_t>(found - customers.begin())], traits(root));
  }
  return all;
}

}  // namespace attune::events
