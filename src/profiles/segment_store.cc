#include "attune/profiles/segment_store.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "joined_transaction.h"

namespace attune::profiles {
namespace {

using store::Statement;

constexpr std::array<store::Migration, 2> kSegmentStoreMigrations{{{1, R"sql(
  CREATE TABLE segment_definitions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, rule TEXT NOT NULL,
    description TEXT NOT NULL, created INTEGER NOT NULL, ready_made INTEGER NOT NULL);
  CREATE TABLE segment_members (
    customer INTEGER NOT NULL, segment INTEGER NOT NULL, entered_at INTEGER NOT NULL,
    PRIMARY KEY (customer, segment)) WITHOUT ROWID;
  CREATE INDEX segment_members_by_segment ON segment_members (segment, customer);
  CREATE TABLE segment_passes (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
)sql"},
                                                                   {2, R"sql(
  CREATE TABLE segments_removed (name TEXT PRIMARY KEY) WITHOUT ROWID;  -- ready-made ones
)sql"}}};

constexpr std::string_view kSelect =
    "SELECT name, rule, description, created, ready_made FROM segment_definitions";
constexpr std::string_view kSetPass =
    "INSERT INTO segment_passes VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
constexpr std::string_view kGetPass = "SELECT value FROM segment_passes WHERE name = ?1";

Segment read_segment(const Statement& row) {
  return {std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)), row.time(3),
          row.int64(4) != 0};
}

Error no_such_segment(std::string_view name, const std::vector<Segment>& known) {
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const Segment& segment : known) names.push_back(segment.name);
  return not_found(
      fmt::format("there is no segment {}{}", attune::quoted(name), did_you_mean(name, names)));
}

Result<std::int64_t> find_id(store::State& state, std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto id, state.find_int64("SELECT id FROM segment_definitions WHERE name = ?", name));
  return id.value_or(0);
}

Result<std::vector<std::int64_t>> read_numbers(store::State& state, std::string_view sql,
                                               std::int64_t key) {
  ATTUNE_ASSIGN_OR_RETURN(Statement rows, state.prepare(sql));
  rows.bind(1, key);
  std::vector<std::int64_t> numbers;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return numbers;
    numbers.push_back(rows.int64(0));
  }
}

}  // namespace

Result<SegmentStore> SegmentStore::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("segments", kSegmentStoreMigrations));
  return SegmentStore(state);
}

Status SegmentStore::save(const Segment& segment, const TimeZone& zone, const Vocabulary& names,
                          bool replace) {
  ATTUNE_ASSIGN_OR_RETURN(std::vector<Segment> all, list());
  const auto known = std::ranges::find(all, segment.name, &Segment::name);
  if (known == all.end()) {
    all.push_back(segment);
  } else if (!replace) {
    return std::unexpected(already_exists(
        fmt::format("there is a segment {} already; choose another name, or replace it (--replace)",
                    attune::quoted(segment.name))));
  } else {
    *known = segment;
  }
  if (auto compiled = SegmentSet::compile(std::move(all), zone, names); !compiled) {
    return std::unexpected(std::move(compiled).error());
  }
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run(
      "INSERT INTO segment_definitions (name, rule, description, created, ready_made) "
      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET "
      "rule = ?2, description = ?3, created = ?4, ready_made = ?5",
      std::string_view(segment.name), std::string_view(segment.rule),
      std::string_view(segment.description), segment.created, segment.ready_made ? 1 : 0));
  ATTUNE_RETURN_IF_ERROR(state_->run(kSetPass, std::string_view("due"), 1));
  return transaction.commit();
}

Status SegmentStore::save_ready_made() {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Segment> known, list());
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  for (const Segment& segment : ready_segments()) {
    if (std::ranges::find(known, segment.name, &Segment::name) != known.end()) continue;
    ATTUNE_ASSIGN_OR_RETURN(
        const auto removed,
        state_->find_int64("SELECT 1 FROM segments_removed WHERE name = ?1", segment.name));
    if (removed) continue;
    ATTUNE_RETURN_IF_ERROR(save(segment, TimeZone::utc(), MemoryVocabulary()));
  }
  return transaction.commit();
}

Status SegmentStore::remove(std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(std::vector<Segment> all, list());
  const auto known = std::ranges::find(all, name, &Segment::name);
  if (known == all.end()) return std::unexpected(no_such_segment(name, all));
  all.erase(known);
  if (auto rest = SegmentSet::compile(std::move(all), TimeZone::utc(), MemoryVocabulary()); !rest) {
    return std::unexpected(
        failed_precondition(fmt::format("segment {} is still asked for; change that rule first: {}",
                                        attune::quoted(name), rest.error().message)));
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t id, find_id(*state_, name));
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM segment_members WHERE segment = ?", id));
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM segment_definitions WHERE id = ?", id));
  if (std::ranges::find(ready_segments(), name, &Segment::name) != ready_segments().end())
    ATTUNE_RETURN_IF_ERROR(state_->run("INSERT OR IGNORE INTO segments_removed VALUES (?1)", name));
  return transaction.commit();
}

Result<std::vector<Segment>> SegmentStore::list() {
  ATTUNE_ASSIGN_OR_RETURN(Statement rows, state_->prepare(std::string(kSelect) + " ORDER BY name"));
  std::vector<Segment> all;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    all.push_back(read_segment(rows));
  }
}

Result<Segment> SegmentStore::find(std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Segment> all, list());
  const auto known = std::ranges::find(all, name, &Segment::name);
  if (known == all.end()) return std::unexpected(no_such_segment(name, all));
  return *known;
}

Result<std::vector<MembershipChange>> SegmentStore::refresh(const SegmentSet& set,
                                                            const Vocabulary& names,
                                                            std::span<Profile> profiles,
                                                            Timestamp now) {
  std::vector<std::int64_t> ids;
  for (const Segment& segment : set.segments()) {
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t id, find_id(*state_, segment.name));
    if (id == 0) {
      return std::unexpected(failed_precondition(
          fmt::format("segment {} is not saved; save it before its members are decided",
                      attune::quoted(segment.name))));
    }
    ids.push_back(id);
  }
  std::vector<MembershipChange> changes;
  std::vector<bool> members;
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  for (Profile& profile : profiles) {
    set.evaluate(profile, names, members);
    ATTUNE_ASSIGN_OR_RETURN(
        const std::vector<std::int64_t> before,
        read_numbers(*state_, "SELECT segment FROM segment_members WHERE customer = ?",
                     profile.customer.value));
    for (std::size_t s = 0; s < ids.size(); ++s) {
      const bool was = std::ranges::binary_search(before, ids[s]);
      if (was == members[s]) continue;
      changes.push_back({set.segments()[s].name, profile.customer, members[s], now});
      ATTUNE_RETURN_IF_ERROR(
          members[s] ? state_->run("INSERT INTO segment_members VALUES (?, ?, ?)", profile.customer,
                                   ids[s], now)
                     : state_->run("DELETE FROM segment_members WHERE customer = ? AND segment = ?",
                                   profile.customer, ids[s]));
    }
  }
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return changes;
}

Result<bool> SegmentStore::full_pass_due(const SegmentSet& set, std::int64_t today) {
  ATTUNE_ASSIGN_OR_RETURN(const auto due, state_->find_int64(kGetPass, std::string_view("due")));
  if (due.value_or(0) != 0) return true;
  ATTUNE_ASSIGN_OR_RETURN(const auto day, state_->find_int64(kGetPass, std::string_view("day")));
  if (day == today) return false;
  for (std::size_t s = 0; s < set.segments().size(); ++s) {
    if (set.dependence(s) != Dependence::events) return true;
  }
  return false;
}

Status SegmentStore::full_pass_done(std::int64_t today) {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run(kSetPass, std::string_view("due"), 0));
  ATTUNE_RETURN_IF_ERROR(state_->run(kSetPass, std::string_view("day"), today));
  return transaction.commit();
}

Result<std::vector<Member>> SegmentStore::members(std::string_view name, CustomerNumber after,
                                                  std::int64_t limit) {
  ATTUNE_RETURN_IF_ERROR(find(name));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t id, find_id(*state_, name));
  ATTUNE_ASSIGN_OR_RETURN(
      Statement rows, state_->prepare("SELECT customer, entered_at FROM segment_members WHERE "
                                      "segment = ? AND customer > ? ORDER BY customer LIMIT ?"));
  rows.bind_all(id, after, std::max<std::int64_t>(0, limit));
  std::vector<Member> all;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    all.push_back({{rows.int64(0)}, rows.time(1)});
  }
}

Result<std::int64_t> SegmentStore::count(std::string_view name) {
  ATTUNE_RETURN_IF_ERROR(find(name));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t id, find_id(*state_, name));
  ATTUNE_ASSIGN_OR_RETURN(
      const auto count,
      state_->find_int64("SELECT count(*) FROM segment_members WHERE segment = ?", id));
  return count.value_or(0);
}

Result<std::vector<std::string>> SegmentStore::segments_of(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement rows,
      state_->prepare("SELECT name FROM segment_members JOIN segment_definitions ON "
                      "id = segment WHERE customer = ? ORDER BY name"));
  rows.bind(1, customer);
  std::vector<std::string> names;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return names;
    names.emplace_back(rows.text(0));
  }
}

Status SegmentStore::merge(CustomerNumber from, CustomerNumber into) {
  if (from == into) return {};
  return state_->run("DELETE FROM segment_members WHERE customer = ?", from);
}

Result<std::int64_t> SegmentStore::forget(CustomerNumber customer) {
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM segment_members WHERE customer = ?", customer));
  return state_->changed_rows();
}

}  // namespace attune::profiles
