#include "attune/profiles/profile_store.h"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "attune/math/parallel.h"
#include "joined_transaction.h"
#include "profile_rows.h"
#include "statistics_rows.h"

namespace attune::profiles {
namespace {

using store::Statement;

constexpr std::string_view kCursor = "profiles";
constexpr std::string_view kSettled = "profiles.settled";  // no event before it lies apart
constexpr std::string_view kSealedField = "profile.recent_searches";
constexpr std::int64_t kGrain = 100;  // profiles parsed by one thread: half a millisecond
// Of the settled events, the share that may lie apart; beyond it a flush settles some for each
// customer that it adds, and at least so many: 40 ms.
constexpr std::int64_t kApartShare = 8;
constexpr std::size_t kSettledPerAdded = 2;
constexpr std::size_t kSettledAtLeast = 2'000;

// A row's bytes, kept while others are read.
struct OwnedRow {
  CustomerNumber customer;
  std::array<std::string, 4> bytes;

  explicit OwnedRow(const ProfileRow& row)
      : customer(row.customer),
        bytes{std::string(row.settled.blob), std::string(row.settled.searches),
              std::string(row.fresh.blob), std::string(row.fresh.searches)} {}
  ProfileRow view() const { return {customer, {bytes[0], bytes[1]}, {bytes[2], bytes[3]}}; }
};

constexpr std::array<store::Migration, 2> kProfileStoreMigrations{{{1, R"sql(
  CREATE TABLE profile_blobs (customer INTEGER PRIMARY KEY, blob BLOB NOT NULL, searches BLOB);
  CREATE TABLE profile_changes (customer INTEGER PRIMARY KEY);
  CREATE TABLE profile_rules (fingerprint INTEGER NOT NULL);
)sql"},
                                                                   {2, R"sql(
  CREATE TABLE fresh_profiles (customer INTEGER PRIMARY KEY, blob BLOB NOT NULL, searches BLOB);
  DROP TABLE profile_changes;
)sql"}}};

// Says in `change` what the statistics become where a customer's measures do.
void note(const std::optional<BuyerMeasures>& was, const std::optional<BuyerMeasures>& is,
          ShopStatistics& change) {
  if (was == is) return;
  if (was) change.remove(*was);
  if (is) change.add(*is);
}

std::int64_t as_signed(std::uint64_t value) { return std::bit_cast<std::int64_t>(value); }

}  // namespace

Result<ProfileStore> ProfileStore::open(store::State& state, store::Vault* vault,
                                        const FoldRules& rules, const TimeZone& zone) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("profiles", kProfileStoreMigrations));
  ATTUNE_RETURN_IF_ERROR(migrate_statistics(state));
  ProfileStore opened(state, vault, rules, zone);
  ATTUNE_ASSIGN_OR_RETURN(const auto known,
                          state.find_int64("SELECT fingerprint FROM profile_rules"));
  if (known) return opened;
  ATTUNE_RETURN_IF_ERROR(
      state.run("INSERT INTO profile_rules VALUES (?)", as_signed(rules.fingerprint())));
  ShopStatistics nobody;
  ATTUNE_RETURN_IF_ERROR(save_statistics(state, nobody));
  return opened;
}

Result<bool> ProfileStore::needs_rebuild() {
  ATTUNE_ASSIGN_OR_RETURN(const auto known,
                          state_->find_int64("SELECT fingerprint FROM profile_rules"));
  return known != as_signed(rules_.fingerprint());
}

Status ProfileStore::clear() {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM profile_blobs"));
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM fresh_profiles"));
  ATTUNE_RETURN_IF_ERROR(
      state_->run("UPDATE profile_rules SET fingerprint = ?", as_signed(rules_.fingerprint())));
  ShopStatistics nobody;
  ATTUNE_RETURN_IF_ERROR(save_statistics(*state_, nobody));
  for (const std::string_view cursor : {kCursor, kSettled})
    ATTUNE_RETURN_IF_ERROR(state_->set_cursor(cursor, Sequence{}));
  return transaction.commit();
}

Result<Sequence> ProfileStore::cursor() { return state_->cursor(kCursor); }

Result<ProfileAccumulator> ProfileStore::parse(CustomerNumber customer,
                                               const ProfilePart& part) const {
  std::string searches;
  if (!part.searches.empty() && vault_ != nullptr) {
    auto opened = vault_->open(customer, kSealedField, part.searches);
    if (opened) {
      searches = std::move(*opened);
    } else if (opened.error().code == ErrorCode::data_corruption) {
      return std::unexpected(
          opened.error().within(fmt::format("reading the profile of customer {}", customer.value)));
    }
  }
  auto parsed = ProfileAccumulator::parse(part.blob, searches);
  if (parsed) return parsed;
  return std::unexpected(
      parsed.error().within(fmt::format("reading the profile of customer {}", customer.value)));
}

Result<ProfileAccumulator> ProfileStore::parse(const ProfileRow& row) const {
  if (row.settled.blob.empty()) return parse(row.customer, row.fresh);
  ATTUNE_ASSIGN_OR_RETURN(ProfileAccumulator profile, parse(row.customer, row.settled));
  if (row.fresh.blob.empty()) return profile;
  ATTUNE_ASSIGN_OR_RETURN(const ProfileAccumulator fresh, parse(row.customer, row.fresh));
  ATTUNE_RETURN_IF_ERROR(profile.merge(fresh));
  return profile;
}

Result<std::optional<ProfileAccumulator>> ProfileStore::find_part(CustomerNumber customer,
                                                                  Place place) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement row,
      state_->prepare(place == Place::settled
                          ? "SELECT blob, searches FROM profile_blobs WHERE customer = ?"
                          : "SELECT blob, searches FROM fresh_profiles WHERE customer = ?"));
  row.bind(1, customer);
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) return std::optional<ProfileAccumulator>();
  ATTUNE_ASSIGN_OR_RETURN(ProfileAccumulator profile,
                          parse(customer, ProfilePart{row.blob(0), row.blob(1)}));
  return std::optional(std::move(profile));
}

Result<std::optional<ProfileAccumulator>> ProfileStore::find(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(auto profile, find_part(customer, Place::settled));
  ATTUNE_ASSIGN_OR_RETURN(auto fresh, find_part(customer, Place::apart));
  if (!fresh) return profile;
  if (!profile) return fresh;
  ATTUNE_RETURN_IF_ERROR(profile->merge(*fresh));
  return profile;
}

Status ProfileStore::for_each(const std::function<Status(const StoredProfile&)>& visit) {
  ATTUNE_ASSIGN_OR_RETURN(ProfileRows rows, ProfileRows::open(*state_, {}, {INT64_MAX}));
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const auto row, rows.next());
    if (!row) return {};
    ATTUNE_ASSIGN_OR_RETURN(ProfileAccumulator profile, parse(*row));
    ATTUNE_RETURN_IF_ERROR(visit({row->customer, std::move(profile)}));
  }
}

Status ProfileStore::for_each_block(
    CustomerNumber first, CustomerNumber last,
    const std::function<Status(std::span<const StoredProfile>)>& visit) {
  ATTUNE_ASSIGN_OR_RETURN(ProfileRows rows, ProfileRows::open(*state_, first, last));
  std::vector<OwnedRow> block;
  std::vector<StoredProfile> profiles;
  std::vector<Status> done;
  for (bool more = true; more;) {
    block.clear();
    while (more && block.size() < kBlock) {
      ATTUNE_ASSIGN_OR_RETURN(const auto row, rows.next());
      more = row.has_value();
      if (row) block.emplace_back(*row);
    }
    profiles.resize(block.size());
    done.assign(block.size(), {});
    math::parallel_for(
        std::ssize(block), kGrain, 0, [&](std::int64_t begin, std::int64_t end, int) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            auto parsed = parse(block[i].view());
            if (parsed) {
              profiles[i] = {block[i].customer, std::move(*parsed)};
            } else {
              done[i] = std::unexpected(std::move(parsed).error());
            }
          }
        });
    for (Status& one : done) ATTUNE_RETURN_IF_ERROR(std::move(one));
    ATTUNE_RETURN_IF_ERROR(visit(profiles));
  }
  return {};
}

Result<std::int64_t> ProfileStore::count() {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto count,
      state_->find_int64("SELECT (SELECT count(*) FROM profile_blobs) + (SELECT count(*) FROM "
                         "fresh_profiles WHERE customer NOT IN (SELECT customer FROM "
                         "profile_blobs))"));
  return count.value_or(0);
}

Result<std::int64_t> ProfileStore::count_apart() {
  ATTUNE_ASSIGN_OR_RETURN(const auto count,
                          state_->find_int64("SELECT count(*) FROM fresh_profiles"));
  return count.value_or(0);
}

Result<ShopStatistics> ProfileStore::statistics() {
  ATTUNE_ASSIGN_OR_RETURN(auto known, read_statistics(*state_));
  if (known) return std::move(*known);
  ShopStatistics measured;
  ATTUNE_RETURN_IF_ERROR(for_each([&](const StoredProfile& stored) -> Status {
    measured.add(stored.accumulator.state(), zone_);
    return {};
  }));
  ATTUNE_RETURN_IF_ERROR(save_statistics(*state_, measured));
  return measured;
}

Result<std::optional<BuyerMeasures>> ProfileStore::measures_of(CustomerNumber customer) {
  const auto stored = find(customer);
  if (stored) return *stored ? measures(**stored) : std::nullopt;
  if (stored.error().code != ErrorCode::data_corruption) return std::unexpected(stored.error());
  // What they added is not known: all are measured anew when next asked for.
  ATTUNE_RETURN_IF_ERROR(drop_statistics(*state_));
  return std::optional<BuyerMeasures>();
}

Status ProfileStore::write(CustomerNumber customer, const ProfileAccumulator& profile,
                           Place place) {
  const std::string blob = profile.serialise();
  const std::string searches = profile.serialise_searches();
  std::optional<std::string> sealed;
  if (!searches.empty() && vault_ != nullptr) {
    if (auto done = vault_->seal(customer, kSealedField, searches)) {
      sealed = std::move(*done);
    } else if (done.error().code != ErrorCode::not_found &&
               done.error().code != ErrorCode::failed_precondition) {
      return std::unexpected(std::move(done).error());
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(
      Statement row,
      state_->prepare(place == Place::settled
                          ? "INSERT OR REPLACE INTO profile_blobs VALUES (?, ?, ?)"
                          : "INSERT OR REPLACE INTO fresh_profiles VALUES (?, ?, ?)"));
  row.bind(1, customer).bind(2, store::Blob{blob});
  sealed ? row.bind(3, store::Blob{*sealed}) : row.bind(3, nullptr);
  return row.run();
}

Status ProfileStore::replace(CustomerNumber customer, const ProfileAccumulator& profile) {
  ATTUNE_RETURN_IF_ERROR(write(customer, profile, Place::settled));
  return state_->run("DELETE FROM fresh_profiles WHERE customer = ?", customer);
}

Status ProfileStore::add_settled(CustomerNumber customer, const ProfileAccumulator& fresh,
                                 ShopStatistics& change) {
  ATTUNE_ASSIGN_OR_RETURN(auto profile, find(customer));
  if (!profile) {
    note({}, measures(fresh), change);
    return replace(customer, fresh);
  }
  const auto was = measures(*profile);
  ATTUNE_RETURN_IF_ERROR(profile->merge(fresh));
  note(was, measures(*profile), change);
  return replace(customer, *profile);
}

Status ProfileStore::add_apart(CustomerNumber customer, const ProfileAccumulator& fresh,
                               ShopStatistics& change) {
  ATTUNE_ASSIGN_OR_RETURN(auto apart, find_part(customer, Place::apart));
  if (!apart) apart.emplace();
  if (may_change_measures(fresh.state())) {
    // Added up in the order in which they will be read: sums of fractions hang on it.
    ATTUNE_ASSIGN_OR_RETURN(const auto settled, find_part(customer, Place::settled));
    ProfileAccumulator before = settled ? *settled : ProfileAccumulator(), after = before;
    ATTUNE_RETURN_IF_ERROR(before.merge(*apart));
    ATTUNE_RETURN_IF_ERROR(apart->merge(fresh));
    ATTUNE_RETURN_IF_ERROR(after.merge(*apart));
    note(measures(before), measures(after), change);
  } else {
    ATTUNE_RETURN_IF_ERROR(apart->merge(fresh));
  }
  return write(customer, *apart, Place::apart);
}

Status ProfileStore::add(
    std::span<const std::pair<CustomerNumber, const ProfileAccumulator*>> fresh, Place place,
    std::optional<Sequence> cursor) {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  if (cursor) ATTUNE_RETURN_IF_ERROR(settle(fresh.size()));
  ShopStatistics change;
  for (const auto& [customer, profile] : fresh) {
    ATTUNE_RETURN_IF_ERROR(place == Place::settled ? add_settled(customer, *profile, change)
                                                   : add_apart(customer, *profile, change));
  }
  ATTUNE_RETURN_IF_ERROR(save_change(*state_, change));
  if (cursor) ATTUNE_RETURN_IF_ERROR(state_->set_cursor(kCursor, *cursor));
  return transaction.commit();
}

// What lies apart holds no event before kSettled. Those settled are never taken for more than they
// are, so that this comes too early rather than too late.
Status ProfileStore::settle(std::size_t added) {
  ATTUNE_ASSIGN_OR_RETURN(const Sequence folded, cursor());
  ATTUNE_ASSIGN_OR_RETURN(const Sequence settled, state_->cursor(kSettled));
  if (folded.value - settled.value <= settled.value / kApartShare) return {};
  const std::size_t most = std::max(kSettledAtLeast, kSettledPerAdded * added);
  ATTUNE_ASSIGN_OR_RETURN(const std::size_t done, settle_first(most));
  return done < most ? state_->set_cursor(kSettled, folded) : Status();
}

// Says how many were settled: fewer than asked for, when nobody is left.
Result<std::size_t> ProfileStore::settle_first(std::size_t customers) {
  std::vector<CustomerNumber> first;
  {
    ATTUNE_ASSIGN_OR_RETURN(
        Statement rows,
        state_->prepare("SELECT customer FROM fresh_profiles ORDER BY customer LIMIT ?"));
    rows.bind(1, customers);
    for (;;) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      first.push_back({rows.int64(0)});
    }
  }
  for (const CustomerNumber customer : first) {
    ATTUNE_ASSIGN_OR_RETURN(const auto whole, find(customer));
    ATTUNE_RETURN_IF_ERROR(replace(customer, *whole));
  }
  return first.size();
}

Status ProfileStore::merge(CustomerNumber from, CustomerNumber into) {
  if (from == into) return {};
  ATTUNE_ASSIGN_OR_RETURN(const auto gone, find(from));
  if (!gone) return {};
  ATTUNE_ASSIGN_OR_RETURN(auto kept, find(into));
  if (!kept) kept.emplace();
  ShopStatistics change;
  note(measures(*gone), {}, change);
  const auto was = measures(*kept);
  ATTUNE_RETURN_IF_ERROR(kept->merge(*gone));
  note(was, measures(*kept), change);
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  if (auto erased = erase(from); !erased) return std::unexpected(erased.error());
  ATTUNE_RETURN_IF_ERROR(replace(into, *kept));
  ATTUNE_RETURN_IF_ERROR(save_change(*state_, change));
  return transaction.commit();
}

Status ProfileStore::rebuild(std::span<const CustomerNumber> customers,
                             const std::function<Status(const Sink&)>& replay) {
  std::unordered_map<CustomerNumber, ProfileAccumulator> fresh;
  for (const CustomerNumber customer : customers) fresh.try_emplace(customer);
  ATTUNE_RETURN_IF_ERROR(replay([&](CustomerNumber customer, const ProfileEvent& event) {
    if (const auto mine = fresh.find(customer); mine != fresh.end()) {
      mine->second.fold(event, rules_);
    }
  }));
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  ShopStatistics change;
  for (const auto& [customer, profile] : fresh) {
    ATTUNE_ASSIGN_OR_RETURN(const auto was, measures_of(customer));
    note(was, measures(profile), change);
    if (!profile.empty()) {
      ATTUNE_RETURN_IF_ERROR(replace(customer, profile));
      continue;
    }
    if (auto gone = erase(customer); !gone) return std::unexpected(gone.error());
  }
  ATTUNE_RETURN_IF_ERROR(save_change(*state_, change));
  return transaction.commit();
}

Result<std::int64_t> ProfileStore::erase(CustomerNumber customer) {
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM profile_blobs WHERE customer = ?", customer));
  const std::int64_t settled = state_->changed_rows();
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM fresh_profiles WHERE customer = ?", customer));
  const std::int64_t apart = state_->changed_rows();
  return std::max(settled, apart);
}

Result<std::int64_t> ProfileStore::forget(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(const auto was, measures_of(customer));
  ShopStatistics change;
  note(was, {}, change);
  ATTUNE_RETURN_IF_ERROR(save_change(*state_, change, /*at_once=*/true));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t rows, erase(customer));
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return rows;
}

}  // namespace attune::profiles
