// Traits and labels of many customers in one pass.
#include <algorithm>

#include <fmt/format.h>

#include "attune/events/identity.h"

namespace attune::events {
namespace {

// Fewer, or further apart, are looked up one by one.
constexpr std::size_t kFew = 16;
constexpr std::int64_t kFarApart = 64;

bool one_by_one(std::span<const CustomerNumber> customers) {
  const std::int64_t span = customers.back().value - customers.front().value;
  return customers.size() < kFew || span / kFarApart > static_cast<std::int64_t>(customers.size());
}

// A sealed id: the one of the lower kind, then of the lower hash, is what a customer is called by.
struct SealedId {
  std::int64_t kind = 0;
  std::string hash;
  std::string sealed;  // empty: none yet
};

}  // namespace

Result<std::vector<std::vector<Trait>>> Identity::traits(
    std::span<const CustomerNumber> customers) {
  std::vector<std::vector<Trait>> all(customers.size());
  if (customers.empty()) return all;
  if (one_by_one(customers)) {
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

Result<std::vector<Identity::Label>> Identity::labels(std::span<const CustomerNumber> customers) {
  std::vector<Label> all(customers.size());
  if (customers.empty()) return all;
  const bool apart = one_by_one(customers);
  if (!apart) ATTUNE_RETURN_IF_ERROR(vault_->warm(customers));
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT customer, kind, hash, sealed FROM identifiers WHERE customer BETWEEN "
                      "?1 AND ?2 ORDER BY customer"));
  const std::size_t together = apart ? 1 : customers.size();
  SealedId best;
  const auto finish = [&](std::size_t i) {
    Result<std::string> id = best.sealed.empty()
                                 ? Result<std::string>(fmt::format("#{}", customers[i].value))
                                 : vault_->open(customers[i], "id", best.sealed);
    if (id) {
      all[i] = {static_cast<IdKind>(best.kind), std::move(*id)};
    } else {
      all[i].id = fmt::format("#{}", customers[i].value);
    }
    best = {};
  };
  for (std::size_t next = 0; next < customers.size();) {
    const std::size_t end = next + together;
    rows.bind_all(customers[next], customers[end - 1]);
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      const CustomerNumber customer{rows.int64(0)};
      while (next < end && customers[next] < customer) finish(next++);
      if (next == end || customers[next] != customer) continue;
      const std::int64_t kind = rows.int64(1);
      const std::string_view hash = rows.blob(2);
      if (best.sealed.empty() || kind < best.kind || (kind == best.kind && hash < best.hash))
        best = {kind, std::string(hash), std::string(rows.blob(3))};
    }
    while (next < end) finish(next++);
    rows.reset();
  }
  return all;
}

}  // namespace attune::events
