#include "statistics_rows.h"

#include <array>
#include <utility>

#include "joined_transaction.h"

namespace attune::profiles {
namespace {

using store::Statement;

// The row of the lowest number is the whole; those after it are changes.
constexpr std::array<store::Migration, 1> kMigrations{{{1, R"sql(
  CREATE TABLE profile_statistics (number INTEGER PRIMARY KEY, counts BLOB NOT NULL);
)sql"}}};

constexpr std::int64_t kChangeShare = 4;
constexpr std::int64_t kChangeBytes = 64 << 10;  // however small the whole

Status insert(store::State& state, ShopStatistics& statistics) {
  const std::string counts = statistics.serialise();
  return state.run("INSERT INTO profile_statistics(counts) VALUES (?)", store::Blob{counts});
}

struct Sizes {
  std::int64_t whole = 0, changes = 0;  // bytes
};

// Absent where there is no whole.
Result<std::optional<Sizes>> sizes(store::State& state) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement rows,
      state.prepare("SELECT length(counts) FROM profile_statistics ORDER BY number"));
  std::optional<Sizes> sizes;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return sizes;
    if (sizes) {
      sizes->changes += rows.int64(0);
    } else {
      sizes.emplace(rows.int64(0));
    }
  }
}

}  // namespace

Status migrate_statistics(store::State& state) {
  return state.migrate("profile_statistics", kMigrations);
}

Result<std::optional<ShopStatistics>> read_statistics(store::State& state) {
  ATTUNE_ASSIGN_OR_RETURN(Statement rows,
                          state.prepare("SELECT counts FROM profile_statistics ORDER BY number"));
  std::optional<ShopStatistics> whole;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    auto part = ShopStatistics::parse(rows.blob(0));
    if (!part) return std::optional<ShopStatistics>();
    if (whole) {
      whole->merge(*part);
    } else {
      whole.emplace(std::move(*part));
    }
  }
  if (whole && !whole->holds()) whole.reset();
  return whole;
}

Status drop_statistics(store::State& state) { return state.run("DELETE FROM profile_statistics"); }

Status save_statistics(store::State& state, ShopStatistics& whole) {
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(state));
  ATTUNE_RETURN_IF_ERROR(drop_statistics(state));
  ATTUNE_RETURN_IF_ERROR(insert(state, whole));
  return transaction.commit();
}

Status save_change(store::State& state, ShopStatistics& change, bool at_once) {
  if (change.empty()) return {};
  ATTUNE_ASSIGN_OR_RETURN(JoinedTransaction transaction, JoinedTransaction::begin(state));
  ATTUNE_ASSIGN_OR_RETURN(const auto before, sizes(state));
  if (!before) return {};
  ATTUNE_RETURN_IF_ERROR(insert(state, change));
  if (at_once || before->changes > before->whole / kChangeShare + kChangeBytes) {
    ATTUNE_ASSIGN_OR_RETURN(auto whole, read_statistics(state));
    if (whole) {
      ATTUNE_RETURN_IF_ERROR(save_statistics(state, *whole));
    } else {
      ATTUNE_RETURN_IF_ERROR(drop_statistics(state));
    }
  }
  return transaction.commit();
}

}  // namespace attune::profiles
