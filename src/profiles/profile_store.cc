#include "attune/profiles/profile_store.h"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "attune/math/parallel.h"
#include "joined_transaction.h"

namespace attune::profiles {
namespace {

using store::Statement;

constexpr std::string_view kCursor = "profiles";
constexpr std::string_view kSealedField = "profile.recent_searches";
constexpr std::int64_t kGrain = 100;  // profiles parsed by one thread: half a millisecond

constexpr std::array<store::Migration, 1> kProfileStoreMigrations{{{1, R"sql(
  CREATE TABLE profile_blobs (customer INTEGER PRIMARY KEY, blob BLOB NOT NULL, searches BLOB);
  CREATE TABLE profile_changes (customer INTEGER PRIMARY KEY);
  CREATE TABLE profile_rules (fingerprint INTEGER NOT NULL);
)sql"}}};

std::int64_t as_signed(std::uint64_t value) { return std::bit_cast<std::int64_t>(value); }

}  // namespace

Result<ProfileStore> ProfileStore::open(store::State& state, store::Vault* vault,
                                        const FoldRules& rules) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("profiles", kProfileStoreMigrations));
  ProfileStore opened(state, vault, rules);
  ATTUNE_ASSIGN_OR_RETURN(const auto known,
                          state.find_int64("SELECT fingerprint FROM profile_rules"));
  if (!known) {
    ATTUNE_RETURN_IF_ERROR(
        state.run("INSERT INTO profile_rules VALUES (?)", as_signed(rules.fingerprint())));
  }
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
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM profile_changes"));
  ATTUNE_RETURN_IF_ERROR(
      state_->run("UPDATE profile_rules SET fingerprint = ?", as_signed(rules_.fingerprint())));
  ATTUNE_RETURN_IF_ERROR(state_->set_cursor(kCursor, Sequence{}));
  return transaction.commit();
}

Result<Sequence> ProfileStore::cursor() { return state_->cursor(kCursor); }

Result<ProfileAccumulator> ProfileStore::parse(CustomerNumber customer, std::string_view blob,
                                               std::string_view sealed_searches) const {
  std::string searches;
  if (!sealed_searches.empty() && vault_ != nullptr) {
    auto opened = vault_->open(customer, kSealedField, sealed_searches);
    if (opened) {
      searches = std::move(*opened);
    } else if (opened.error().code == ErrorCode::data_corruption) {
      return std::unexpected(
          opened.error().within(fmt::format("reading the profile of customer {}", customer.value)));
    }
  }
  auto parsed = ProfileAccumulator::parse(blob, searches);
  if (parsed) return parsed;
  return std::unexpected(
      parsed.error().within(fmt::format("reading the profile of customer {}", customer.value)));
}

Result<std::optional<ProfileAccumulator>> ProfileStore::find(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement row,
      state_->prepare("SELECT blob, searches FROM profile_blobs WHERE customer = ?"));
  row.bind(1, customer);
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) return std::optional<ProfileAccumulator>();
  ATTUNE_ASSIGN_OR_RETURN(ProfileAccumulator profile, parse(customer, row.blob(0), row.blob(1)));
  return std::optional(std::move(profile));
}

Result<std::vector<StoredProfile>> ProfileStore::load(std::span<const CustomerNumber> customers) {
  std::vector<StoredProfile> all;
  for (const CustomerNumber customer : customers) {
    ATTUNE_ASSIGN_OR_RETURN(auto found, find(customer));
    if (found) all.push_back({customer, std::move(*found)});
  }
  return all;
}

Status ProfileStore::for_each(const std::function<Status(const StoredProfile&)>& visit) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement rows,
      state_->prepare("SELECT customer, blob, searches FROM profile_blobs ORDER BY customer"));
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    const CustomerNumber customer{rows.int64(0)};
    ATTUNE_ASSIGN_OR_RETURN(ProfileAccumulator profile,
                            parse(customer, rows.blob(1), rows.blob(2)));
    ATTUNE_RETURN_IF_ERROR(visit({customer, std::move(profile)}));
  }
}

Status ProfileStore::for_each_block(
    CustomerNumber first, CustomerNumber last,
    const std::function<Status(std::span<const StoredProfile>)>& visit) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement rows,
      state_->prepare("SELECT customer, blob, searches FROM profile_blobs WHERE customer BETWEEN "
                      "?1 AND ?2 ORDER BY customer"));
  rows.bind_all(first, last);
  std::vector<Row> block;
  std::vector<StoredProfile> profiles;
  for (bool more = true; more;) {
    block.clear();
    while (block.size() < kBlock) {
      ATTUNE_ASSIGN_OR_RETURN(more, rows.step());
      if (!more) break;
      block.push_back(
          {CustomerNumber{rows.int64(0)}, std::string(rows.blob(1)), std::string(rows.blob(2))});
    }
    ATTUNE_RETURN_IF_ERROR(parse(block, profiles));
    ATTUNE_RETURN_IF_ERROR(visit(profiles));
  }
  return {};
}

Status ProfileStore::parse(std::span<const Row> rows, std::vector<StoredProfile>& into) const {
  into.resize(rows.size());
  std::vector<Status> done(rows.size());
  math::parallel_for(std::ssize(rows), kGrain, 0, [&](std::int64_t begin, std::int64_t end, int) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      auto parsed = parse(rows[i].customer, rows[i].blob, rows[i].searches);
      if (parsed) {
        into[i] = {rows[i].customer, std::move(*parsed)};
      } else {
        done[i] = std::unexpected(std::move(parsed).error());
      }
    }
  });
  for (Status& one : done) ATTUNE_RETURN_IF_ERROR(std::move(one));
  return {};
}

Result<std::int64_t> ProfileStore::count() {
  ATTUNE_ASSIGN_OR_RETURN(const auto count,
                          state_->find_int64("SELECT count(*) FROM profile_blobs"));
  return count.value_or(0);
}

Status ProfileStore::write(CustomerNumber customer, const ProfileAccumulator& profile) {
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
  ATTUNE_ASSIGN_OR_RETURN(Statement row,
                          state_->prepare("INSERT OR REPLACE INTO profile_blobs VALUES (?, ?, ?)"));
  row.bind(1, customer).bind(2, store::Blob{blob});
  sealed ? row.bind(3, store::Blob{*sealed}) : row.bind(3, nullptr);
  ATTUNE_RETURN_IF_ERROR(row.run());
  return state_->run("INSERT OR IGNORE INTO profile_changes VALUES (?)", customer);
}

Status ProfileStore::save(
    std::span<const std::pair<CustomerNumber, const ProfileAccumulator*>> profiles,
    std::optional<Sequence> cursor) {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  for (const auto& [customer, profile] : profiles) {
    ATTUNE_RETURN_IF_ERROR(write(customer, *profile));
  }
  if (cursor) ATTUNE_RETURN_IF_ERROR(state_->set_cursor(kCursor, *cursor));
  return transaction.commit();
}

Result<std::vector<CustomerNumber>> ProfileStore::changed(std::int64_t limit) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement rows,
      state_->prepare("SELECT customer FROM profile_changes ORDER BY customer LIMIT ?"));
  rows.bind(1, std::max<std::int64_t>(0, limit));
  std::vector<CustomerNumber> all;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    all.push_back({rows.int64(0)});
  }
}

Status ProfileStore::clear_changed(std::span<const CustomerNumber> customers) {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  for (const CustomerNumber customer : customers) {
    ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM profile_changes WHERE customer = ?", customer));
  }
  return transaction.commit();
}

Status ProfileStore::merge(CustomerNumber from, CustomerNumber into) {
  if (from == into) return {};
  ATTUNE_ASSIGN_OR_RETURN(const auto gone, find(from));
  if (!gone) return {};
  ATTUNE_ASSIGN_OR_RETURN(auto kept, find(into));
  if (!kept) kept.emplace();
  ATTUNE_RETURN_IF_ERROR(kept->merge(*gone));
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  if (auto forgotten = forget(from); !forgotten) return std::unexpected(forgotten.error());
  ATTUNE_RETURN_IF_ERROR(write(into, *kept));
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
  for (const auto& [customer, profile] : fresh) {
    if (!profile.empty()) {
      ATTUNE_RETURN_IF_ERROR(write(customer, profile));
      continue;
    }
    if (auto gone = forget(customer); !gone) return std::unexpected(gone.error());
  }
  return transaction.commit();
}

Result<std::int64_t> ProfileStore::forget(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM profile_blobs WHERE customer = ?", customer));
  const std::int64_t rows = state_->changed_rows();
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM profile_changes WHERE customer = ?", customer));
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return rows;
}

Status ProfileWorkingSet::fold(CustomerNumber customer, const ProfileEvent& event) {
  if (!cursor_) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence stored, store_.cursor());
    cursor_ = stored.value;
  }
  if (event.sequence <= *cursor_) return {};
  auto entry = entries_.find(customer);
  if (entry == entries_.end()) {
    ATTUNE_ASSIGN_OR_RETURN(auto stored, store_.find(customer));
    Entry fresh;
    if (stored) fresh.accumulator = std::move(*stored);
    entry = entries_.emplace(customer, std::move(fresh)).first;
  }
  entry->second.accumulator.fold(event, store_.rules());
  if (!std::exchange(entry->second.dirty, true)) ++dirty_;
  return {};
}

Status ProfileWorkingSet::prefetch(std::span<const CustomerNumber> customers) {
  std::vector<CustomerNumber> missing;
  for (const CustomerNumber customer : customers) {
    if (!entries_.contains(customer)) missing.push_back(customer);
  }
  std::ranges::sort(missing);
  ATTUNE_ASSIGN_OR_RETURN(std::vector<StoredProfile> stored, store_.load(missing));
  for (StoredProfile& profile : stored) {
    entries_.try_emplace(profile.customer, Entry{std::move(profile.accumulator), false});
  }
  for (const CustomerNumber customer : missing) entries_.try_emplace(customer);
  return {};
}

Status ProfileWorkingSet::write_dirty(std::optional<Sequence> cursor) {
  std::vector<std::pair<CustomerNumber, const ProfileAccumulator*>> dirty;
  for (const auto& [customer, entry] : entries_) {
    if (entry.dirty) dirty.emplace_back(customer, &entry.accumulator);
  }
  std::ranges::sort(dirty, {}, [](const auto& d) { return d.first; });
  ATTUNE_RETURN_IF_ERROR(store_.save(dirty, cursor));
  for (auto& [customer, entry] : entries_) entry.dirty = false;
  dirty_ = 0;
  return {};
}

Status ProfileWorkingSet::flush(Sequence cursor) {
  ATTUNE_RETURN_IF_ERROR(write_dirty(cursor));
  cursor_ = cursor.value;
  for (auto entry = entries_.begin(); entry != entries_.end() && entries_.size() > capacity_;) {
    entry = entries_.erase(entry);
  }
  return {};
}

Status ProfileWorkingSet::spill() {
  if (!store_.in_transaction()) {
    return std::unexpected(failed_precondition(
        "profiles are written ahead of their cursor only inside a transaction; begin one first"));
  }
  ATTUNE_RETURN_IF_ERROR(write_dirty({}));
  entries_.clear();
  return {};
}

void ProfileWorkingSet::drop() {
  entries_.clear();
  dirty_ = 0;
  cursor_.reset();
}

}  // namespace attune::profiles
