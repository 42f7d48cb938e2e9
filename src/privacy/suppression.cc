#include "attune/privacy/suppression.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/text.h"

namespace attune::privacy {
namespace {

constexpr store::Migration kSuppressionMigrations[] = {{1, R"sql(
CREATE TABLE suppressions(
  high INTEGER NOT NULL, low INTEGER NOT NULL, reason INTEGER NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY(high, low)) WITHOUT ROWID;
)sql"}};

std::int64_t stored(std::uint64_t word) { return std::bit_cast<std::int64_t>(word); }
std::uint64_t read(std::int64_t word) { return std::bit_cast<std::uint64_t>(word); }

std::span<const std::string> reason_names() {
  static const std::vector<std::string> names{"unsubscribed", "complained", "bounced", "forgotten",
                                              "manual"};
  return names;
}

Result<Suppression> read_row(const store::State& state, const store::Statement& row) {
  if (row.int64(2) < 0 || row.int64(2) >= kSuppressionReasonCount) {
    return std::unexpected(
        data_corruption(fmt::format("table suppressions of {} names reason {}; restore a backup",
                                    state.path().string(), row.int64(2))));
  }
  return Suppression{{read(row.int64(0)), read(row.int64(1))},
                     static_cast<SuppressionReason>(row.int64(2)),
                     row.time(3)};
}

}  // namespace

std::string_view name(SuppressionReason reason) {
  return reason_names()[static_cast<std::size_t>(reason)];
}

Result<SuppressionReason> parse_suppression_reason(std::string_view text) {
  const auto names = reason_names();
  const std::string wanted = ascii_lower(trim(text));
  const auto found = std::ranges::find(names, wanted);
  if (found != names.end()) return static_cast<SuppressionReason>(found - names.begin());
  return std::unexpected(invalid_argument(
      fmt::format("'{}' is no reason of the suppression list; there are {}{}", attune::quoted(text),
                  fmt::join(names, ", "), did_you_mean(wanted, names))));
}

Hash128 suppression_key(const store::Vault& vault, std::string_view kind,
                        std::string_view identifier) {
  const std::string_view trimmed = trim(identifier);
  const std::string spelt = kind == "email" ? ascii_lower(trimmed) : std::string(trimmed);
  return vault.keyed_hash(fmt::format("suppression {}", kind), spelt);
}

SuppressionSet::SuppressionSet(std::vector<Hash128> keys) : keys_(std::move(keys)) {
  std::ranges::sort(keys_);
}

bool SuppressionSet::contains(const Hash128& key) const {
  return std::ranges::binary_search(keys_, key);
}

void SuppressionSet::mark(std::span<const Hash128> keys, std::span<std::uint8_t> found) const {
  ATTUNE_CHECK(keys.size() == found.size(), "an answer for each key");
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (contains(keys[i])) found[i] = 1;
}

Result<SuppressionList> SuppressionList::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("suppressions", kSuppressionMigrations));
  return SuppressionList(state);
}

Status SuppressionList::add(std::span<const Suppression> entries) {
  std::optional<store::Transaction> own;
  if (!state_->in_transaction()) {
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction started, state_->begin());
    own.emplace(std::move(started));
  }
  for (const Suppression& entry : entries) {
    ATTUNE_RETURN_IF_ERROR(state_->run(
        "INSERT INTO suppressions VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
        "reason = excluded.reason, time = excluded.time WHERE reason = ?5 AND "
        "(excluded.reason <> ?5 OR excluded.time > time)",
        stored(entry.key.high), stored(entry.key.low), static_cast<std::int64_t>(entry.reason),
        entry.time, static_cast<std::int64_t>(SuppressionReason::unsubscribed)));
  }
  return own ? own->commit() : Status();
}

Status SuppressionList::remove(const Hash128& key) {
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM suppressions WHERE high = ?1 AND low = ?2",
                                     stored(key.high), stored(key.low)));
  if (state_->changed_rows() > 0) return {};
  return std::unexpected(not_found("this address or customer is not on the suppression list"));
}

Result<std::optional<Suppression>> SuppressionList::find(const Hash128& key) {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement row,
                          state_->prepare("SELECT high, low, reason, time FROM suppressions "
                                          "WHERE high = ?1 AND low = ?2"));
  row.bind_all(stored(key.high), stored(key.low));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) return std::optional<Suppression>();
  ATTUNE_ASSIGN_OR_RETURN(const Suppression entry, read_row(*state_, row));
  return std::optional<Suppression>(entry);
}

Result<std::int64_t> SuppressionList::count() {
  ATTUNE_ASSIGN_OR_RETURN(const auto rows, state_->find_int64("SELECT count(*) FROM suppressions"));
  return rows.value_or(0);
}

Result<SuppressionSet> SuppressionList::load() {
  std::vector<Hash128> keys;
  ATTUNE_RETURN_IF_ERROR(for_each([&keys](const Suppression& entry) {
    keys.push_back(entry.key);
    return Status();
  }));
  return SuppressionSet(std::move(keys));
}

Status SuppressionList::for_each(const std::function<Status(const Suppression&)>& visit) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT high, low, reason, time FROM suppressions ORDER BY high, low"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    ATTUNE_ASSIGN_OR_RETURN(const Suppression entry, read_row(*state_, rows));
    ATTUNE_RETURN_IF_ERROR(visit(entry));
  }
}

}  // namespace attune::privacy
