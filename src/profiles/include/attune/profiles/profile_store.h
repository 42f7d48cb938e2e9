// Profiles in state, and the working set that events are folded into. Answers: what do we remember
// of this customer, and as of which event?
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
#include "attune/profiles/shop_statistics.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::profiles {

struct ProfilePart;
struct ProfileRow;

struct StoredProfile {
  CustomerNumber customer;
  ProfileAccumulator accumulator;
};

// Where what was folded of new events goes.
enum class Place : std::uint8_t {
  settled,  // into the stored profiles
  apart,    // beside them, where few rows are written for few events, until it is settled with more
};

// Tables profile_blobs, fresh_profiles and profile_statistics of state, with migrations of their
// own. Search words lie sealed with the customer's key; without a vault, or for
// a customer whose key is gone, they are not kept.
//
// What came lately lies apart from the profiles that it belongs to: reading adds the two, and
// writing a day's events touches the day's rows alone. When the events apart pass an eighth of
// those settled, every flush settles some.
//
// Invariants: (1) a stored profile holds exactly the customer's events with sequence <= cursor(),
// if every writer adds profiles and cursor in one transaction (add does); (2) statistics() are
// those of the stored profiles, kept up with every writing. Lifetime: State and Vault outlive the
// store. Threads: as State. Writing calls are one transaction, or join the caller's.
class ProfileStore final : public Erasable {
 public:
  // `vault` may be null. `zone` is the calendar of the shop's days; clear() when it changes.
  static Result<ProfileStore> open(store::State& state, store::Vault* vault, const FoldRules& rules,
                                   const TimeZone& zone);

  // True when the stored profiles were folded with other weights than `rules`, or by a program that
  // remembered less: clear() and fold everything again.
  Result<bool> needs_rebuild();
  // Forgets all profiles and sets the cursor to 0 and the weights to those of `rules`.
  Status clear();

  Result<Sequence> cursor();

  // Absent when nothing is remembered. Errors: data_corruption naming the customer.
  Result<std::optional<ProfileAccumulator>> find(CustomerNumber customer);
  // All, ascending; the callback may stop with an error, and must not write to the store.
  Status for_each(const std::function<Status(const StoredProfile&)>& visit);
  // Those numbered `first` to `last`, at most kBlock at a time, parsed on every thread: for passes
  // that somebody waits for.
  static constexpr std::size_t kBlock = 2'000;  // some 1.5 KB each
  Status for_each_block(CustomerNumber first, CustomerNumber last,
                        const std::function<Status(std::span<const StoredProfile>)>& visit);
  Result<std::int64_t> count();

  // How the customers are spread. Cost: some 3 bytes a buyer are read, and every profile the first
  // time after an update that measures more.
  Result<ShopStatistics> statistics();

  // Adds to profiles what was folded of further events, and moves the cursor if given.
  Status add(std::span<const std::pair<CustomerNumber, const ProfileAccumulator*>> fresh,
             Place place, std::optional<Sequence> cursor = {});
  // How many customers have something apart.
  Result<std::int64_t> count_apart();

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
  ProfileStore(store::State& state, store::Vault* vault, const FoldRules& rules,
               const TimeZone& zone)
      : state_(&state), vault_(vault), rules_(rules), zone_(zone) {}

  // Threads of parse: any.
  Result<ProfileAccumulator> parse(CustomerNumber customer, const ProfilePart& part) const;
  Result<ProfileAccumulator> parse(const ProfileRow& row) const;
  Result<std::optional<ProfileAccumulator>> find_part(CustomerNumber customer, Place place);
  Status write(CustomerNumber customer, const ProfileAccumulator& profile, Place place);
  // Puts `profile` in the place of all that is stored of a customer.
  Status replace(CustomerNumber customer, const ProfileAccumulator& profile);
  Result<std::int64_t> erase(CustomerNumber customer);
  Status add_settled(CustomerNumber customer, const ProfileAccumulator& fresh,
                     ShopStatistics& change);
  Status add_apart(CustomerNumber customer, const ProfileAccumulator& fresh,
                   ShopStatistics& change);
  Status settle(std::size_t added);
  Result<std::size_t> settle_first(std::size_t customers);

  std::optional<BuyerMeasures> measures(const ProfileAccumulator& profile) const {
    return buyer_measures(profile.state(), zone_);
  }
  // Of what is stored, to be replaced or erased: a damaged profile stands in nobody's way.
  Result<std::optional<BuyerMeasures>> measures_of(CustomerNumber customer);

  store::State* state_;
  store::Vault* vault_;
  FoldRules rules_;
  TimeZone zone_;
};

// What is folded of new events, in memory until it is added to the stored profiles with the cursor,
// in one transaction. Use: fold events in journal order (or any order between two flushes), flush
// at least every second and at the end.
// Threads: one thread at a time. Cost: some 1.5 KB a customer.
class ProfileWorkingSet {
 public:
  explicit ProfileWorkingSet(ProfileStore& store, Place place = Place::settled)
      : store_(store), place_(place) {}

  // Events with sequence <= cursor() of the store are passed over: they are in the stored profiles.
  Status fold(CustomerNumber customer, const ProfileEvent& event);

  std::size_t size() const { return fresh_.size(); }  // customers
  // Adds what was folded to the stored profiles and moves the cursor, durably with the state's
  // transaction.
  Status flush(Sequence cursor);
  // Adds it without moving the cursor: bounds the memory of a long catch-up whose events come
  // customer by customer.
  // Errors: failed_precondition outside a transaction of the caller's, which has to hold the flush
  // at the end, too.
  Status spill();

 private:
  Status add(std::optional<Sequence> cursor);

  ProfileStore& store_;
  Place place_;
  std::optional<std::int64_t> cursor_;
  std::unordered_map<CustomerNumber, ProfileAccumulator> fresh_;
};

}  // namespace attune::profiles
