#include "pending_events.h"

#include <algorithm>

#include "attune/events/event_bundle.h"
#include "attune/math/parallel.h"

namespace attune::engine {
namespace {

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE pending_events(
  number INTEGER PRIMARY KEY AUTOINCREMENT, events INTEGER NOT NULL, sealed BLOB NOT NULL);
)sql"}};
constexpr std::size_t kGroup = 500;
constexpr std::size_t kAppendBytes = 16 << 20;
constexpr std::string_view kField = "pending_events";
// Events of many customers at once, for moments: sealed under the key of nobody in particular.
constexpr CustomerNumber kNobody{0};

}  // namespace

Result<PendingEvents> PendingEvents::open(Workspace& workspace) {
  ATTUNE_RETURN_IF_ERROR(workspace.state().migrate("pending_events", kMigrations));
  ATTUNE_RETURN_IF_ERROR(workspace.vault().create_keys(std::span(&kNobody, 1)));
  return PendingEvents(workspace);
}

Status PendingEvents::add(std::span<const events::Event> events) {
  if (!workspace_->state().in_transaction())
    return std::unexpected(failed_precondition("pending events need the caller's transaction"));
  const auto group_of = [&](std::size_t i) {
    return events.subspan(i * kGroup, std::min(kGroup, events.size() - i * kGroup));
  };
  std::vector<Result<std::string>> sealed((events.size() + kGroup - 1) / kGroup);
  math::parallel_for(std::ssize(sealed), 1, 0, [&](std::int64_t begin, std::int64_t end, int) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const std::string bundle = events::pack_events(events::bundle_events(group_of(i)));
      sealed[i] = workspace_->vault().seal(kNobody, kField, bundle);
    }
  });
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    if (!sealed[i]) return std::unexpected(std::move(sealed[i]).error());
    ATTUNE_RETURN_IF_ERROR(
        workspace_->state().run("INSERT INTO pending_events(events, sealed) VALUES(?1, ?2)",
                                group_of(i).size(), store::Blob{*sealed[i]}));
  }
  return {};
}

Result<std::vector<PendingEvents::Group>> PendingEvents::next_groups() {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                          workspace_->state().prepare(
                              "SELECT number, events, sealed FROM pending_events ORDER BY number"));
  std::vector<Group> groups;
  for (std::size_t bytes = 0; bytes < kAppendBytes;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    ATTUNE_ASSIGN_OR_RETURN(std::string payload,
                            workspace_->vault().open(kNobody, kField, rows.blob(2)));
    bytes += payload.size();
    groups.push_back({rows.int64(0), rows.int64(1), std::move(payload)});
  }
  return groups;
}

Result<std::int64_t> PendingEvents::append() {
  std::int64_t appended = 0;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<Group> groups, next_groups());
    if (groups.empty()) return appended;
    std::vector<store::JournalEntry> entries;
    for (const Group& group : groups) {
      entries.push_back(
          {static_cast<std::uint16_t>(EntryKind::events), group.payload, group.events});
      appended += group.events;
    }
    ATTUNE_ASSIGN_OR_RETURN(const Sequence first, workspace_->journal().append(entries));
    (void)first;
    ATTUNE_RETURN_IF_ERROR(workspace_->state().run("DELETE FROM pending_events WHERE number <= ?1",
                                                   groups.back().number));
  }
}

Result<std::int64_t> PendingEvents::pump() {
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t appended, append());
  if (appended == 0) return appended;
  ATTUNE_RETURN_IF_ERROR(workspace_->catch_up());
  return appended;
}

Result<std::int64_t> PendingEvents::count() {
  ATTUNE_ASSIGN_OR_RETURN(const auto events,
                          workspace_->state().find_int64("SELECT sum(events) FROM pending_events"));
  return events.value_or(0);
}

}  // namespace attune::engine
