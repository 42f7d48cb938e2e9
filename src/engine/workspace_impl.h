// What a workspace is made of, and how it applies the journal. Answers: how does one entry reach
// state and history?
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/engine/workspace.h"
#include "attune/events/staged_import.h"
#include "attune/privacy/forgotten_list.h"
#include "permissions.h"

namespace attune::engine {

inline constexpr std::string_view kStateCursor = "events";
inline constexpr std::int64_t kEntriesAtOnce = 10'000;
// Live events that wait in such numbers are applied together, somewhat more than a row group of the
// history: that many go to their place in its file at once, fewer by way of its log.
inline constexpr std::int64_t kManyTogether = 125'000;

// What the journal says of an import.
struct ImportEntry {
  std::string folder;
  std::int64_t number = 0;
  std::int64_t rows = 0;
  std::int64_t checked_through = 0;

  std::string serialise() const {
    return boost::json::serialize(boost::json::object{{"folder", folder},
                                                      {"number", number},
                                                      {"rows", rows},
                                                      {"checked_through", checked_through}});
  }
  static Result<ImportEntry> parse(std::string_view text);
};

struct Workspace::Impl {
  store::DataFolder folder;
  store::Vault vault;
  store::Journal journal;
  store::State state;
  store::History history;
  TimeZone zone = TimeZone::utc();
  SystemClock system_clock;
  const Clock* clock = nullptr;  // null: the system's
  Timestamp now() const { return clock == nullptr ? system_clock.now() : clock->now(); }
  std::optional<privacy::ForgottenList> suppressed;
  std::optional<events::Identity> identity;  // asks `suppressed`
  std::optional<catalog::Catalog> catalog;
  std::optional<privacy::ConsentLedger> consent;
  std::optional<Permissions> permissions;
  ShopConsent shop_consent;
  std::optional<events::EventHistory> event_history;
  Observer observer;
  std::int64_t others_applied = 0;
  std::int64_t refused_applied = 0;
  // A code that no standard knows is a slip, unless events were taken in it before that was asked.
  Status check_currency();
  // When the shop's customers last did something, of events up to `activity_through`. Rows are not
  // taken out of the history, so it goes back only where some are lost.
  std::optional<std::int64_t> last_activity;
  Sequence activity_through;
  std::optional<std::int64_t> refused_held;  // absent: to be counted
  events::BundleMerger gathered;
  Sequence gathered_first;
  Sequence skipped;  // entries without events, which history need not hold yet
  std::int64_t together = kAppliedTogether;
  bool enough = false;                  // reading stopped because a group is full
  Sequence state_begun, history_begun;  // the cursors when applying began

  Status read_activity();  // as it was when last followed
  Status follow_activity();
  Status forget_activity();

  Impl(store::DataFolder f, store::Vault v, store::Journal j, store::State s, store::History h)
      : folder(std::move(f)),
        vault(std::move(v)),
        journal(std::move(j)),
        state(std::move(s)),
        history(std::move(h)) {}

  // Numbers for history of what state holds already, or after taking it in.
  struct Numbers {
    events::Identity::Numbers people;
    std::vector<ItemNumber> items;
    events::AppliedNumbers view() const {
      return {people.customers, people.anonymous, items, people.customers_until,
              people.anonymous_until};
    }
  };

  Result<Numbers> apply_to_state(const events::EventNames& names, const events::StagedFacts& facts,
                                 Sequence first, Sequence last) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence done, state.cursor(kStateCursor));
    Numbers numbers;
    if (done >= last) {
      ATTUNE_ASSIGN_OR_RETURN(numbers.people, identity->look_up(names));
      ATTUNE_ASSIGN_OR_RETURN(numbers.items, admit_items(names, facts, first));
      return numbers;
    }
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
    ATTUNE_ASSIGN_OR_RETURN(numbers.people, identity->admit(names, facts, first));
    ATTUNE_ASSIGN_OR_RETURN(numbers.items, admit_items(names, facts, first));
    ATTUNE_RETURN_IF_ERROR(add_item_knowledge(facts, numbers.items, first));
    ATTUNE_RETURN_IF_ERROR(permissions->apply(facts, numbers.people, first, now()));
    ATTUNE_RETURN_IF_ERROR(state.set_cursor(kStateCursor, last));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
    return numbers;
  }

  Result<std::vector<ItemNumber>> admit_items(const events::EventNames& names,
                                              const events::StagedFacts& facts, Sequence first) {
    std::vector<std::string_view> ids;
    std::vector<Sequence> born;
    for (std::uint32_t i = 0; i < names.items.size(); ++i) {
      ids.push_back(names.items.text(i));
      born.push_back(Sequence{first.value + facts.first_item[i]});
    }
    return catalog->admit(ids, born);
  }

  Status add_item_knowledge(const events::StagedFacts& facts, const std::vector<ItemNumber>& items,
                            Sequence first) {
    std::vector<catalog::ItemMention> mentions;
    for (const auto& o : facts.observed) {
      mentions.push_back(
          {items[o.item], facts.fields.text(o.field), facts.values.text(o.value), o.count});
    }
    ATTUNE_RETURN_IF_ERROR(catalog->add_mentions(mentions));
    std::vector<catalog::ItemFact> stated;
    for (const auto& f : facts.item_facts) {
      stated.push_back({items[f.subject], facts.fields.text(f.field), facts.values.text(f.value),
                        Timestamp{f.time}, Sequence{first.value + f.row}});
    }
    return catalog->add_facts(stated);
  }

  // A history that was lost is rebuilt from the journal; rows of an import that was applied before
  // are on disk no more. What cannot be had again is noted, for `status` to tell.
  Status leave_out(const ImportEntry& entry, const store::JournalRecord& record,
                   Sequence history_done, const Error& why) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence state_done, state.cursor(kStateCursor));
    const bool applied_before = state_done >= record.last() && history_done < record.last();
    if (why.code != ErrorCode::not_found || !applied_before) return std::unexpected(why);
    ATTUNE_RETURN_IF_ERROR(
        state.run("INSERT OR IGNORE INTO lost_imports(number, rows) VALUES(?1, ?2)", entry.number,
                  entry.rows));
    ATTUNE_RETURN_IF_ERROR(forget_activity());
    return event_history->skip_to(record.last());
  }

  Status apply_import(const store::JournalRecord& record, Sequence history_done,
                      Progress& progress) {
    ATTUNE_ASSIGN_OR_RETURN(const ImportEntry entry, ImportEntry::parse(record.payload));
    auto staged = events::StagedImport::open(folder.imports() / entry.folder);
    if (!staged) return leave_out(entry, record, history_done, staged.error());
    const events::StagedImport& import = *staged;
    if (import.rows() != record.event_count) {
      return std::unexpected(
          data_corruption(fmt::format("import {} holds {} rows, the journal says {}", entry.number,
                                      import.rows(), record.event_count)));
    }
    progress.phase("numbering", 0, "");
    ATTUNE_ASSIGN_OR_RETURN(const Numbers numbers, apply_to_state(import.names(), import.facts(),
                                                                  record.first, record.last()));
    ATTUNE_RETURN_IF_ERROR(
        state.run("INSERT OR IGNORE INTO imports(number, files, time, rows, first, report) "
                  "VALUES(?1, '', ?2, ?3, ?4, x'')",
                  entry.number, record.recorded_at, entry.rows, record.first));
    if (history_done < record.last()) {
      const events::EventHistory::Placement placement{record.first,
                                                      Sequence{entry.checked_through}};
      auto applied = event_history->apply(import, placement, numbers.view(), progress);
      if (!applied) return std::unexpected(applied.error());
    }
    return remove_rows(folder.imports() / entry.folder);
  }

  // The staged rows of an import that every store holds; its report and quarantine stay.
  Status remove_rows(const std::filesystem::path& staged) {
    if (journal.pinned()) return {};
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(staged, ignored)) {
      if (file.path().extension() == ".bin") std::filesystem::remove(file.path(), ignored);
    }
    return {};
  }

  // Gathers live events that follow each other. A group ends where a store's cursor stands, so that
  // each store holds all of a group or nothing of it.
  Status gather(const store::JournalRecord& record, Progress& progress) {
    ATTUNE_ASSIGN_OR_RETURN(const events::EventBundle bundle, events::parse_events(record.payload));
    if (bundle.rows() != record.event_count) {
      return std::unexpected(
          data_corruption("a journal entry holds another number of events than it says"));
    }
    const std::int64_t before = record.first.value - 1;
    if (before == state_begun.value || before == history_begun.value ||
        Permissions::ends_group(gathered.facts(), bundle.facts)) {
      ATTUNE_RETURN_IF_ERROR(apply_gathered(progress));
    } else if (gathered.rows() > 0 && gathered.rows() + bundle.rows() > together) {
      enough = true;  // the rest is the next round's
      return std::unexpected(cancelled("enough for one round"));
    }
    if (gathered.rows() == 0) gathered_first = record.first;
    gathered.add(bundle);
    return {};
  }

  // One commit of history for many entries that it holds nothing of.
  Status skip_in_history() {
    const Sequence through = std::exchange(skipped, Sequence{});
    if (!through) return {};
    ATTUNE_ASSIGN_OR_RETURN(const Sequence done, event_history->cursor());
    return done < through ? event_history->skip_to(through) : Status{};
  }

  Status apply_gathered(Progress&) {
    if (gathered.rows() == 0) return {};
    const events::EventBundle bundle = gathered.take();
    const Sequence first = gathered_first;
    const Sequence last{first.value + bundle.rows() - 1};
    ATTUNE_ASSIGN_OR_RETURN(const Numbers numbers,
                            apply_to_state(bundle.names, bundle.facts, first, last));
    ATTUNE_ASSIGN_OR_RETURN(const Sequence history_done, event_history->cursor());
    if (history_done >= last) return {};
    ATTUNE_ASSIGN_OR_RETURN(const events::KnownRows repeated,
                            event_history->apply(bundle, first, numbers.view()));
    if (!observer) return {};
    return observer({bundle, first, numbers.view(), repeated, !numbers.people.merges.empty()});
  }

  Status apply_refused(const store::JournalRecord& record);
  Status keep_refused(const store::JournalRecord& record);

  Status apply_separate(const store::JournalRecord& record, Sequence history_done) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence done, state.cursor(kStateCursor));
    if (done < record.last()) {
      ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
      // Checked when it was journalled; an id that is gone since (forgotten) has nothing left to
      // separate.
      const Result<CustomerNumber> separated = identity->separate(record.payload);
      if (separated) {
        ATTUNE_RETURN_IF_ERROR(permissions->separate(*separated));
      } else if (separated.error().code == ErrorCode::internal) {
        return std::unexpected(separated.error());
      }
      ATTUNE_RETURN_IF_ERROR(state.set_cursor(kStateCursor, record.last()));
      ATTUNE_RETURN_IF_ERROR(transaction.commit());
    }
    return history_done < record.last() ? event_history->skip_to(record.last()) : Status{};
  }

  Status apply_forget(const store::JournalRecord& record, Sequence history_done);
  bool names_forgotten(std::string_view text) const;
  Status forget_again(std::vector<std::string>& entries);

  Status apply(const store::JournalRecord& record, Progress& progress) {
    if (static_cast<EntryKind>(record.kind) == EntryKind::events) return gather(record, progress);
    ATTUNE_RETURN_IF_ERROR(apply_gathered(progress));
    if (static_cast<EntryKind>(record.kind) == EntryKind::refused) return apply_refused(record);
    ATTUNE_RETURN_IF_ERROR(skip_in_history());
    ATTUNE_ASSIGN_OR_RETURN(const Sequence history_done, event_history->cursor());
    ++others_applied;
    switch (static_cast<EntryKind>(record.kind)) {
      case EntryKind::import:
        return apply_import(record, history_done, progress);
      case EntryKind::separate:
        return apply_separate(record, history_done);
      case EntryKind::forget:
        return apply_forget(record, history_done);
      case EntryKind::events:
      case EntryKind::refused:
        break;
    }
    return std::unexpected(failed_precondition(fmt::format(
        "the journal holds an entry of kind {}, which this version does not know; upgrade Attune",
        record.kind)));
  }
};

}  // namespace attune::engine
