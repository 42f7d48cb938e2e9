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

// What somebody is called whose id cannot be opened.
std::string nameless(CustomerNumber customer) { return fmt::format("#{}", customer.value); }

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
    Result<std::string> id = best.sealed.empty() ? Result<std::string>(nameless(customers[i]))
                                                 : vault_->open(customers[i], "id", best.sealed);
    if (id) {
      all[i] = {static_cast<IdKind>(best.kind), std::move(*id)};
    } else {
      all[i].id = nameless(customers[i]);
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

Result<SealedLabels> Identity::sealed_labels() {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT kind, customer, sealed FROM identifiers ORDER BY hash, kind"));
  SealedLabels labels;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    const std::string_view sealed = rows.blob(2);
    labels.all_.push_back({CustomerNumber{rows.int64(1)}, labels.bytes_.size(),
                           static_cast<std::uint32_t>(sealed.size()),
                           static_cast<IdKind>(rows.int64(0))});
    labels.bytes_ += sealed;
  }
  // Of several ids of a customer the one of the lower kind, then of the lower hash.
  std::ranges::stable_sort(labels.all_, {}, [](const SealedLabels::One& one) {
    return std::pair(one.customer, one.kind);
  });
  const auto same = std::ranges::unique(labels.all_, {}, &SealedLabels::One::customer);
  labels.all_.erase(same.begin(), same.end());
  return labels;
}

Result<std::vector<Identity::Label>> Identity::labels(std::span<const CustomerNumber> customers,
                                                      const SealedLabels& all) {
  std::vector<Label> labels(customers.size());
  if (customers.empty()) return labels;
  ATTUNE_RETURN_IF_ERROR(vault_->warm(customers));
  auto one =
      std::ranges::lower_bound(all.all(), customers.front(), {}, &SealedLabels::One::customer);
  for (std::size_t i = 0; i < customers.size(); ++i) {
    while (one != all.all().end() && one->customer < customers[i]) ++one;
    const bool known = one != all.all().end() && one->customer == customers[i];
    auto id = known ? vault_->open(customers[i], "id", all.sealed(*one))
                    : Result<std::string>(std::unexpected(not_found("nobody is called so")));
    if (id) {
      labels[i] = {one->kind, std::move(*id)};
    } else {
      labels[i].id = nameless(customers[i]);
    }
  }
  return labels;
}

Result<std::unordered_map<Sequence, CustomerNumber>> Identity::merge_events() {
  std::unordered_map<Sequence, CustomerNumber> merged;
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                          state_->prepare("SELECT sequence, source FROM merges"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return merged;
    merged.emplace(Sequence{rows.int64(0)}, CustomerNumber{rows.int64(1)});
  }
}

}  // namespace attune::events
