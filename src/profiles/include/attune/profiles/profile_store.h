// Profiles in state, and the working set that events are folded into. Answers: what do we remember
// of this customer, as of which event, and whose profile has changed?
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "attune/base/erasable.h"
#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/profiles/accumulator.h"
#include "attune/profiles/behaviour.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::profiles {

struct StoredProfile {
  CustomerNumber customer;
  ProfileAccumulator accumulator;
};

// Tables profile_blobs and profile_changes of state, with migrations of their own. Search words lie
// sealed with the customer's key; without a vault, or for a customer whose key is gone, they are
// not kept.
//
// Invariant: a stored profile holds exactly the customer's events with sequence <= cursor(), if
// every writer saves profiles and cursor in one transaction (save does).
// Lifetime: State and Vault outlive the store. Threads: as State. Writing calls are one
// transaction, or join the caller's.
class ProfileStore final : public Erasable {
 public:
  // `vault` may be null.
  static Result<ProfileStore> open(store::State& state, store::Vault* vault,
                                   const FoldRules& rules);

  // True when the stored profiles were folded with other weights than `rules`, or by a program that
  // remembered less: clear() and fold everything again.
  Result<bool> needs_rebuild();
  // Forgets all profiles and sets the cursor to 0 and the weights to those of `rules`.
  Status clear();

  Result<Sequence> cursor();

  // Absent when nothing is remembered. Errors: data_corruption naming the customer.
  Result<std::optional<ProfileAccumulator>> find(CustomerNumber customer);
  // Those that exist, in the order asked.
  Result<std::vector<StoredProfile>> load(std::span<const CustomerNumber> customers);
  // All, ascending; the callback may stop with an error, and must not write to the store.
  Status for_each(const std::function<Status(const StoredProfile&)>& visit);
  // Those numbered `first` to `last`, at most kBlock at a time, parsed on every thread: for passes
  // that somebody waits for.
  static constexpr std::size_t kBlock = 2'000;  // some 1.5 KB each
  Status for_each_block(CustomerNumber first, CustomerNumber last,
                        const std::function<Status(std::span<const StoredProfile>)>& visit);
  Result<std::int64_t> count();

  // Writes profiles, notes them as changed, and moves the cursor if given.
  Status save(std::span<const std::pair<CustomerNumber, const ProfileAccumulator*>> profiles,
              std::optional<Sequence> cursor = {});

  // Customers whose profile was written or merged since they were last cleared, ascending, at most
  // `limit`.
  Result<std::vector<CustomerNumber>> changed(std::int64_t limit = 10'000);
  Status clear_changed(std::span<const CustomerNumber> customers);

  // `from` became `into`: one profile of both, under `into`; `from` is no more. Merging what is not
  // there changes nothing.
  Status merge(CustomerNumber from, CustomerNumber into);

  // Receives the events of a rebuild.
  using Sink = std::function<void(CustomerNumber, const ProfileEvent&)>;
  // Folds the profiles of `customers` from nothing (un-merge by replay). `replay` offers events
  // with sequence <= cursor() to the sink, at least all those that now belong to `customers`, each
  // once; those of others are passed over. Nothing is written when it fails. A customer without
  // events has no profile afterwards.
  Status rebuild(std::span<const CustomerNumber> customers,
                 const std::function<Status(const Sink&)>& replay);

  const FoldRules& rules() const { return rules_; }
  bool in_transaction() const { return state_->in_transaction(); }

  std::string holder_name() const override { return "profiles"; }
  Result<std::int64_t> forget(CustomerNumber customer) override;

 private:
  ProfileStore(store::State& state, store::Vault* vault, const FoldRules& rules)
      : state_(&state), vault_(vault), rules_(rules) {}
  Status write(CustomerNumber customer, const ProfileAccumulator& profile);
  // Threads: any.
  Result<ProfileAccumulator> parse(CustomerNumber customer, std::string_view blob,
                                   std::string_view sealed_searches) const;
  struct Row {
    CustomerNumber customer;
    std::string blob, searches;
  };
  Status parse(std::span<const Row> rows, std::vector<StoredProfile>& into) const;

  store::State* state_;
  store::Vault* vault_;
  FoldRules rules_;
};

// Profiles in memory while events are folded: loads on first touch, writes what changed in one
// transaction with the cursor. Use: fold events in journal order (or any order between two
// flushes), flush at least every second and at the end.
// Threads: one thread at a time.
class ProfileWorkingSet {
 public:
  // Keeps about `capacity` profiles (some 1.5 KB each) between flushes.
  explicit ProfileWorkingSet(ProfileStore& store, std::size_t capacity = 200'000)
      : store_(store), capacity_(capacity) {}

  // Events with sequence <= cursor() of the store are passed over: they are in the stored profiles.
  Status fold(CustomerNumber customer, const ProfileEvent& event);
  // Loads many at once before a batch is folded: one pass over the table instead of a look-up each.
  Status prefetch(std::span<const CustomerNumber> customers);

  std::size_t dirty() const { return dirty_; }
  // Writes dirty profiles and the cursor, durably with the state's transaction; lets go of profiles
  // beyond capacity.
  Status flush(Sequence cursor);
  // Writes dirty profiles without moving the cursor and lets go of all: bounds the memory of a long
  // catch-up whose events come customer by customer.
  // Errors: failed_precondition outside a transaction of the caller's, which has to hold the flush
  // at the end, too.
  Status spill();
  // Lets go of everything in memory; what was not flushed is lost. To be called around merge,
  // rebuild and forget.
  void drop();

 private:
  struct Entry {
    ProfileAccumulator accumulator;
    bool dirty = false;
  };
  Status write_dirty(std::optional<Sequence> cursor);

  ProfileStore& store_;
  std::size_t capacity_;
  std::size_t dirty_ = 0;
  std::optional<std::int64_t> cursor_;
  std::unordered_map<CustomerNumber, Entry> entries_;
};

}  // namespace attune::profiles
