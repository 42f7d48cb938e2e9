#include "pending_events.h"

#include <algorithm>
#include <utility>

#include "attune/events/event_bundle.h"

namespace attune::engine {
namespace {

constexpr store::Migration kPendingEventsMigrations[] = {{1, R"sql(
CREATE TABLE pending_events(
  number INTEGER PRIMARY KEY AUTOINCREMENT, events INTEGER NOT NULL, sealed BLOB NOT NULL);
)sql"}};
constexpr std::size_t kAppendBytes = 16 << 20;
constexpr std::string_view kField = "pending_events";
// Events of many customers at once, for moments: sealed under the key of nobody in particular.
constexpr CustomerNumber kNobody{0};

}  // namespace

Result<PendingEvents> PendingEvents::open(Workspace& workspace) {
  ATTUNE_RETURN_IF_ERROR(workspace.state().migrate("pending_events", kPendingEventsMigrations));
  ATTUNE_RETURN_IF_ERROR(workspace.vault().create_keys(std::span(&kNobody, 1)));
  return PendingEvents(workspace);
}

Result<PendingEvents::Sealed> PendingEvents::seal(std::span<const events::Event> events) const {
  const std::string bundle = events::pack_events(events::bundle_events(events));
  ATTUNE_ASSIGN_OR_RETURN(std::string text, workspace_->vault().seal(kNobody, kField, bundle));
  return Sealed{std::ssize(events), std::move(text)};
}

Status PendingEvents::add(std::span<const Sealed> sealed) {
  if (!workspace_->state().in_transaction())
    return std::unexpected(failed_precondition("pending events need the caller's transaction"));
  for (const Sealed& one : sealed) {
    ATTUNE_RETURN_IF_ERROR(
        workspace_->state().run("INSERT INTO pending_events(events, sealed) VALUES(?1, ?2)",
                                one.events, store::Blob{one.text}));
  }
  return {};
}

Status PendingEvents::add(std::span<const events::Event> events) {
  std::vector<Sealed> sealed;
  for (std::size_t begin = 0; begin < events.size(); begin += kTogether) {
    ATTUNE_ASSIGN_OR_RETURN(
        sealed.emplace_back(),
        seal(events.subspan(begin, std::min(kTogether, events.size() - begin))));
  }
  return add(sealed);
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
