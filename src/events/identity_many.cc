// Traits and labels of many customers in one pass, and keys that many seals need.
#include <algorithm>
#include <functional>
#include <iterator>

#include <fmt/format.h>

#include "attune/events/identity.h"

namespace attune::events {
namespace {

// Fewer are looked up one by one.
constexpr std::size_t kFew = 16;
// After so many rows of others in a row the next customer is looked up: as dear as passing them.
constexpr int kPassed = 16;

// Calls visit(place) for every row of customers[place]. `rows` has the customer in its first
// column, in rising order, and takes the first and the last of them as its parameters.
Status for_each_row(store::Statement& rows, std::span<const CustomerNumber> customers,
                    const std::function<Status(std::size_t place)>& visit) {
  std::size_t next = 0;
  rows.bind_all(customers[next], customers.back());
  for (int passed = 0;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    const CustomerNumber customer{rows.int64(0)};
    while (next < customers.size() && customers[next] < customer) ++next;
    if (next == customers.size()) return {};
    if (customers[next] == customer) {
      passed = 0;
      ATTUNE_RETURN_IF_ERROR(visit(next));
    } else if (++passed == kPassed) {
      passed = 0;
      rows.reset();
      rows.bind_all(customers[next], customers.back());
    }
  }
}

// A sealed id: the one of the lower kind, then of the lower hash, is what a customer is called by.
struct SealedId {
  std::int64_t kind = 0;
  std::string hash;
  std::string sealed;  // empty: none yet
};

// What somebody is called whose id cannot be opened.
std::string nameless(CustomerNumber customer) { return fmt::format("#{}", customer.value); }

constexpr std::size_t kWarmedKeys = 16'384;  // a part of those that the vault has at hand
constexpr std::size_t kFewKeys = 64;

}  // namespace

Status Identity::warm(std::span<const CustomerNumber> numbers, std::size_t at) {
  if (at % kWarmedKeys != 0) return {};
  const auto next = numbers.subspan(at, std::min(kWarmedKeys, numbers.size() - at));
  std::vector<CustomerNumber> distinct;
  std::ranges::copy_if(next, std::back_inserter(distinct),
                       [](CustomerNumber number) { return number.value != 0; });
  std::ranges::sort(distinct);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  return distinct.size() < kFewKeys ? Status{} : vault_->warm(distinct);
}

Status Identity::write_traits(const StagedFacts& facts, Sequence first, const Numbers& numbers) {
  ATTUNE_RETURN_IF_ERROR(write_traits(facts, facts.traits, first, numbers.customers));
  return write_traits(facts, facts.anonymous_traits, first, numbers.anonymous);
}

Status Identity::write_traits(const StagedFacts& facts, std::span<const StagedFacts::Stated> traits,
                              Sequence first, std::span<const CustomerNumber> numbers) {
  std::vector<CustomerNumber> customers;  // of each trait; 0: forgotten
  for (const StagedFacts::Stated& trait : traits) customers.push_back(numbers[trait.subject]);
  for (std::size_t i = 0; i < traits.size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(warm(customers, i));
    if (customers[i].value == 0) continue;
    const StagedFacts::Stated& trait = traits[i];
    ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                            vault_->seal(customers[i], "trait", facts.values.text(trait.value)));
    // The latest time wins, then the latest event: whatever the order of arrival, the same value
    // stays.
    ATTUNE_RETURN_IF_ERROR(state_->run(
        "INSERT INTO traits(customer, name, sealed, time, sequence) VALUES(?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT(customer, name) DO UPDATE SET sealed = excluded.sealed, time = excluded.time, "
        "sequence = excluded.sequence WHERE (excluded.time, excluded.sequence) > (traits.time, "
        "traits.sequence)",
        customers[i], facts.fields.text(trait.field), store::Blob{sealed}, trait.time,
        first.value + trait.row));
  }
  return {};
}

// Places come in rising order.
void SealedTraits::add(std::size_t place, std::string_view name, std::string_view sealed,
                       Timestamp time) {
  ends_.resize(place, traits_.size());
  traits_.push_back({names_.code(name), bytes_.size(), sealed.size(), time});
  bytes_ += sealed;
}

std::vector<Trait> SealedTraits::open(std::size_t place) const {
  if (const auto opened = opened_.find(place); opened != opened_.end()) return opened->second;
  std::vector<Trait> all;
  if (place >= ends_.size()) return all;
  const std::size_t begin = place == 0 ? 0 : ends_[place - 1];
  all.reserve(ends_[place] - begin);
  for (const One& one : std::span(traits_).subspan(begin, ends_[place] - begin)) {
    auto value = vault_->open(customers_[place], "trait",
                              std::string_view(bytes_).substr(one.begin, one.size));
    if (!value) continue;
    const bool named = one.name != kNoCode;
    all.push_back({named ? std::string(names_.text(one.name)) : "", std::move(*value), one.time});
  }
  return all;
}

Result<std::vector<std::vector<Trait>>> Identity::traits(
    std::span<const CustomerNumber> customers) {
  ATTUNE_ASSIGN_OR_RETURN(const SealedTraits sealed, sealed_traits(customers));
  std::vector<std::vector<Trait>> all(customers.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = sealed.open(i);
  return all;
}

Result<SealedTraits> Identity::sealed_traits(std::span<const CustomerNumber> customers) {
  SealedTraits all;
  all.vault_ = vault_;
  all.customers_.assign(customers.begin(), customers.end());
  if (customers.empty()) return all;
  if (customers.size() < kFew) {
    for (std::size_t i = 0; i < customers.size(); ++i) {
      ATTUNE_ASSIGN_OR_RETURN(all.opened_[i], traits(customers[i]));
    }
    return all;
  }
  ATTUNE_RETURN_IF_ERROR(vault_->warm(customers));
  {
    ATTUNE_ASSIGN_OR_RETURN(
        store::Statement rows,
        state_->prepare("SELECT customer, name, sealed, time FROM traits WHERE customer BETWEEN "
                        "?1 AND ?2 ORDER BY customer, name"));
    ATTUNE_RETURN_IF_ERROR(for_each_row(rows, customers, [&](std::size_t place) -> Status {
      all.add(place, rows.text(1), rows.blob(2), rows.time(3));
      return {};
    }));
    all.ends_.resize(customers.size(), all.traits_.size());
  }
  // Whoever others were merged into has theirs too.
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement targets,
      state_->prepare("SELECT target FROM merges WHERE target BETWEEN ?1 AND ?2 ORDER BY target"));
  std::vector<std::size_t> merged;
  ATTUNE_RETURN_IF_ERROR(for_each_row(targets, customers, [&](std::size_t place) -> Status {
    if (merged.empty() || merged.back() != place) merged.push_back(place);
    return {};
  }));
  for (const std::size_t place : merged) {
    ATTUNE_ASSIGN_OR_RETURN(all.opened_[place], traits(customers[place]));
  }
  return all;
}

Result<std::vector<Identity::Label>> Identity::labels(std::span<const CustomerNumber> customers) {
  std::vector<Label> all(customers.size());
  if (customers.empty()) return all;
  ATTUNE_RETURN_IF_ERROR(vault_->warm(customers));
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT customer, kind, hash, sealed FROM identifiers WHERE customer BETWEEN "
                      "?1 AND ?2 ORDER BY customer"));
  std::size_t at = 0;
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
  ATTUNE_RETURN_IF_ERROR(for_each_row(rows, customers, [&](std::size_t place) -> Status {
    while (at < place) finish(at++);
    const std::int64_t kind = rows.int64(1);
    const std::string_view hash = rows.blob(2);
    if (best.sealed.empty() || kind < best.kind || (kind == best.kind && hash < best.hash))
      best = {kind, std::string(hash), std::string(rows.blob(3))};
    return {};
  }));
  while (at < customers.size()) finish(at++);
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
