#include "attune/engine/workspace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/events/staged_import.h"

namespace attune::engine {
namespace {

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE imports(
  number INTEGER PRIMARY KEY, files TEXT NOT NULL, time INTEGER NOT NULL,
  rows INTEGER NOT NULL, first INTEGER NOT NULL,
  report BLOB NOT NULL);
CREATE TABLE vault_keys(only INTEGER PRIMARY KEY CHECK(only = 1), key_id TEXT NOT NULL);
)sql"},
                                            {2, R"sql(
CREATE TABLE refused(number INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
)sql"}};

constexpr std::string_view kStateCursor = "events";
constexpr std::int64_t kEntriesAtOnce = 1'000;

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
  static Result<ImportEntry> parse(std::string_view text) {
    boost::system::error_code failure;
    const boost::json::value value = boost::json::parse(text, failure);
    const boost::json::object* object = failure ? nullptr : value.if_object();
    ImportEntry entry;
    const auto number = [&](const char* name, std::int64_t& out) {
      const boost::json::value* field = object == nullptr ? nullptr : object->if_contains(name);
      if (field == nullptr || !field->is_int64()) return false;
      out = field->as_int64();
      return true;
    };
    const boost::json::value* folder = object == nullptr ? nullptr : object->if_contains("folder");
    if (folder == nullptr || !folder->is_string() || !number("number", entry.number) ||
        !number("rows", entry.rows) || !number("checked_through", entry.checked_through)) {
      return std::unexpected(
          data_corruption("a journal entry that should name an import does not"));
    }
    entry.folder = std::string(folder->as_string());
    return entry;
  }
};

}  // namespace

std::string RefusedMessage::serialise() const {
  return boost::json::serialize(boost::json::object{{"time", time.micros},
                                                    {"call", call},
                                                    {"reason", reason},
                                                    {"field", field},
                                                    {"message", message},
                                                    {"raw", raw}});
}

Result<RefusedMessage> RefusedMessage::parse(std::string_view text) {
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(text, failure);
  const boost::json::object* object = failure ? nullptr : value.if_object();
  RefusedMessage refused;
  const auto take = [&](const char* name, std::string& out) {
    const boost::json::value* field = object == nullptr ? nullptr : object->if_contains(name);
    if (field == nullptr || !field->is_string()) return false;
    out = std::string(field->as_string());
    return true;
  };
  const boost::json::value* time = object == nullptr ? nullptr : object->if_contains("time");
  if (time == nullptr || !time->is_int64() || !take("call", refused.call) ||
      !take("reason", refused.reason) || !take("field", refused.field) ||
      !take("message", refused.message) || !take("raw", refused.raw)) {
    return std::unexpected(data_corruption("a refused message cannot be read"));
  }
  refused.time = Timestamp{time->as_int64()};
  return refused;
}

namespace {

// The keys that state was sealed with: where they are missing, others are not made in their place.
Result<store::Vault> open_vault(const store::DataFolder& folder, store::State& state) {
  store::VaultOptions options;
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Statement row, state.prepare("SELECT key_id FROM vault_keys"));
    ATTUNE_ASSIGN_OR_RETURN(const bool known, row.step());
    if (known) options.key_id = std::string(row.text(0));
  }
  options.create = !options.key_id;
  ATTUNE_ASSIGN_OR_RETURN(store::Vault vault, store::Vault::open(folder.keys(), options));
  if (options.create) {
    ATTUNE_RETURN_IF_ERROR(
        state.run("INSERT INTO vault_keys(only, key_id) VALUES(1, ?1)", vault.key_id()));
  }
  return vault;
}

std::string folder_name(std::int64_t number) { return fmt::format("{:06}", number); }

}  // namespace

struct Workspace::Impl {
  store::DataFolder folder;
  store::Vault vault;
  store::Journal journal;
  store::State state;
  store::History history;
  TimeZone zone = TimeZone::utc();
  SystemClock system_clock;
  const Clock* clock = nullptr;
  std::optional<events::Identity> identity;
  std::optional<catalog::Catalog> catalog;
  std::optional<privacy::ConsentLedger> consent;
  std::optional<events::EventHistory> event_history;
  Observer observer;
  std::int64_t others_applied = 0;
  events::BundleMerger gathered;
  Sequence gathered_first;
  Sequence state_begun, history_begun;  // the cursors when applying began

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
    events::AppliedNumbers view() const { return {people.customers, people.anonymous, items}; }
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
    ATTUNE_RETURN_IF_ERROR(add_consents(facts, numbers.people, first));
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

  // A withdrawal whose purposes cannot be read counts for personalisation; a consent that cannot be
  // read counts for nothing.
  Status add_consents(const events::StagedFacts& facts, const events::Identity::Numbers& people,
                      Sequence first) {
    std::vector<privacy::ConsentChange> changes;
    for (const events::StagedFacts::Consent& c : facts.consents) {
      const CustomerNumber customer = c.customer != events::kNoCode ? people.customers[c.customer]
                                                                    : people.anonymous[c.anonymous];
      auto purposes = privacy::purposes_of(c.value == events::kNoCode ? std::string_view()
                                                                      : facts.values.text(c.value));
      if (!purposes && c.given != 0) continue;
      if (!purposes) purposes = std::vector{privacy::Purpose::personalisation};
      for (const privacy::Purpose purpose : *purposes) {
        changes.push_back(
            {customer, purpose, c.given != 0, Timestamp{c.time}, Sequence{first.value + c.row}});
      }
    }
    if (!changes.empty()) ATTUNE_RETURN_IF_ERROR(consent->apply(changes));
    for (const auto& [from, into] : people.merges)
      ATTUNE_RETURN_IF_ERROR(consent->merge(from, into));
    // What arrived under a number that was merged before is its root's too.
    std::set<CustomerNumber> named;
    for (const privacy::ConsentChange& change : changes) named.insert(change.customer);
    for (const CustomerNumber customer : named) {
      ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, identity->root(customer));
      ATTUNE_RETURN_IF_ERROR(consent->merge(customer, root));
    }
    return {};
  }

  Status apply_import(const store::JournalRecord& record, Sequence history_done,
                      Progress& progress) {
    ATTUNE_ASSIGN_OR_RETURN(const ImportEntry entry, ImportEntry::parse(record.payload));
    ATTUNE_ASSIGN_OR_RETURN(const events::StagedImport import,
                            events::StagedImport::open(folder.imports() / entry.folder));
    if (import.rows() != record.event_count) {
      return std::unexpected(
          data_corruption(fmt::format("import {} holds {} rows, the journal says {}", entry.number,
                                      import.rows(), record.event_count)));
    }
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
    const bool seam = before == state_begun.value || before == history_begun.value;
    if (seam || gathered.rows() + bundle.rows() > kAppliedTogether)
      ATTUNE_RETURN_IF_ERROR(apply_gathered(progress));
    if (gathered.rows() == 0) gathered_first = record.first;
    gathered.add(bundle);
    return {};
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

  Status apply_refused(const store::JournalRecord& record, Sequence history_done) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence done, state.cursor(kStateCursor));
    if (done < record.last()) {
      ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
      // Nobody is named yet: sealed under the key of nobody in particular.
      ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                              vault.seal(CustomerNumber{0}, "refused", record.payload));
      ATTUNE_RETURN_IF_ERROR(state.run("INSERT INTO refused(number, sealed) VALUES(?1, ?2)",
                                       record.first, store::Blob{sealed}));
      ATTUNE_RETURN_IF_ERROR(state.set_cursor(kStateCursor, record.last()));
      ATTUNE_RETURN_IF_ERROR(transaction.commit());
    }
    return history_done < record.last() ? event_history->skip_to(record.last()) : Status{};
  }

  Status apply_separate(const store::JournalRecord& record, Sequence history_done) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence done, state.cursor(kStateCursor));
    if (done < record.last()) {
      ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
      // Checked when it was journalled; an id that is gone since (forgotten) has nothing left to
      // separate.
      const Result<CustomerNumber> separated = identity->separate(record.payload);
      if (separated) {
        ATTUNE_RETURN_IF_ERROR(consent->separate(*separated));
      } else if (separated.error().code == ErrorCode::internal) {
        return std::unexpected(separated.error());
      }
      ATTUNE_RETURN_IF_ERROR(state.set_cursor(kStateCursor, record.last()));
      ATTUNE_RETURN_IF_ERROR(transaction.commit());
    }
    return history_done < record.last() ? event_history->skip_to(record.last()) : Status{};
  }

  Status apply(const store::JournalRecord& record, Progress& progress) {
    if (static_cast<EntryKind>(record.kind) == EntryKind::events) return gather(record, progress);
    ATTUNE_RETURN_IF_ERROR(apply_gathered(progress));
    ATTUNE_ASSIGN_OR_RETURN(const Sequence history_done, event_history->cursor());
    if (static_cast<EntryKind>(record.kind) == EntryKind::refused)
      return apply_refused(record, history_done);
    ++others_applied;
    switch (static_cast<EntryKind>(record.kind)) {
      case EntryKind::import:
        return apply_import(record, history_done, progress);
      case EntryKind::separate:
        return apply_separate(record, history_done);
      case EntryKind::events:
      case EntryKind::refused:
        break;
    }
    return std::unexpected(failed_precondition(fmt::format(
        "the journal holds an entry of kind {}, which this version does not know; upgrade Attune",
        record.kind)));
  }
};

Workspace::Workspace(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
Workspace::~Workspace() = default;

Result<Workspace> Workspace::open(const std::filesystem::path& path,
                                  const WorkspaceOptions& options) {
  store::FolderOptions folder_options;
  folder_options.command = options.command;
  ATTUNE_ASSIGN_OR_RETURN(store::DataFolder folder,
                          options.create ? store::DataFolder::create_or_open(path, folder_options)
                                         : store::DataFolder::open(path, folder_options));
  store::JournalOptions journal_options;
  journal_options.clock = options.clock;
  ATTUNE_ASSIGN_OR_RETURN(store::Journal journal,
                          store::Journal::open(folder.journal(), journal_options));
  ATTUNE_ASSIGN_OR_RETURN(store::State state, store::State::open(folder.state_file()));
  ATTUNE_RETURN_IF_ERROR(state.migrate("engine", kMigrations));
  ATTUNE_ASSIGN_OR_RETURN(store::Vault vault, open_vault(folder, state));
  store::HistoryOptions history_options;
  history_options.threads = folder.settings().threads;
  history_options.memory_limit_bytes = folder.settings().memory_limit_mb << 20;
  ATTUNE_ASSIGN_OR_RETURN(store::History history,
                          store::History::open(folder.history_file(), history_options));
  ATTUNE_ASSIGN_OR_RETURN(TimeZone zone, TimeZone::find(folder.settings().time_zone));

  auto impl = std::make_shared<Impl>(std::move(folder), std::move(vault), std::move(journal),
                                     std::move(state), std::move(history));
  impl->zone = std::move(zone);
  impl->clock = options.clock;
  ATTUNE_ASSIGN_OR_RETURN(impl->identity, events::Identity::open(impl->state, impl->vault));
  ATTUNE_ASSIGN_OR_RETURN(impl->catalog, catalog::Catalog::open(impl->state));
  ATTUNE_ASSIGN_OR_RETURN(impl->consent, privacy::ConsentLedger::open(impl->state));
  ATTUNE_ASSIGN_OR_RETURN(impl->event_history,
                          events::EventHistory::open(impl->history, impl->vault,
                                                     impl->folder.settings().session_gap_minutes));
  Workspace workspace(std::move(impl));
  NoProgress quiet;
  ATTUNE_RETURN_IF_ERROR(
      workspace.catch_up(options.progress == nullptr ? quiet : *options.progress));
  ATTUNE_RETURN_IF_ERROR(workspace.remove_leftovers());
  return workspace;
}

Status Workspace::catch_up(Progress& progress) {
  // What comes meanwhile is for the next time: else this would not end while more comes than stores
  // take.
  const Sequence through = impl_->journal.last_sequence();
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const Sequence state_done, impl_->state.cursor(kStateCursor));
    ATTUNE_ASSIGN_OR_RETURN(const Sequence history_done, impl_->event_history->cursor());
    ATTUNE_RETURN_IF_ERROR(impl_->journal.covers("state", state_done));
    ATTUNE_RETURN_IF_ERROR(impl_->journal.covers("history", history_done));
    impl_->journal.set_cursor("state", state_done);
    impl_->journal.set_cursor("history", history_done);
    const Sequence behind = std::min(state_done, history_done);
    if (behind >= through) break;
    impl_->state_begun = state_done;
    impl_->history_begun = history_done;
    (void)impl_->gathered.take();  // of a time before that ended with an error
    auto read = impl_->journal.read(
        Sequence{behind.value + 1}, kEntriesAtOnce,
        [&](const store::JournalRecord& record) { return impl_->apply(record, progress); });
    if (!read) return std::unexpected(read.error());
    ATTUNE_RETURN_IF_ERROR(impl_->apply_gathered(progress));
  }
  auto removed = impl_->journal.remove_expired(impl_->folder.settings().keep_days);
  return removed ? Status{} : std::unexpected(removed.error());
}

void Workspace::observe(Observer observer) { impl_->observer = std::move(observer); }
std::int64_t Workspace::others_applied() const { return impl_->others_applied; }
Workspace Workspace::share() const { return Workspace(impl_); }

Status Workspace::remove_leftovers() {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(impl_->folder.imports(), failure)) {
    const std::string name = entry.path().filename().string();
    std::int64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    ATTUNE_ASSIGN_OR_RETURN(
        const auto known,
        impl_->state.find_int64("SELECT 1 FROM imports WHERE number = ?1", number));
    if (!known) std::filesystem::remove_all(entry.path(), failure);
  }
  return {};
}

Result<Sequence> Workspace::record(std::span<const events::Event> events) {
  const std::string payload = events::bundle_events(events);
  ATTUNE_ASSIGN_OR_RETURN(const Sequence first,
                          impl_->journal.append(store::JournalEntry{
                              static_cast<std::uint16_t>(EntryKind::events), payload,
                              static_cast<std::int64_t>(events.size())}));
  NoProgress quiet;
  ATTUNE_RETURN_IF_ERROR(catch_up(quiet));
  return first;
}

Status Workspace::separate(std::string_view id) {
  {  // Tried on the state first, so that a wrong id is told and not journalled.
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction trial, impl_->state.begin());
    const Result<CustomerNumber> possible = impl_->identity->separate(id);
    if (!possible) return std::unexpected(possible.error());
  }
  auto journalled = impl_->journal.append(
      store::JournalEntry{static_cast<std::uint16_t>(EntryKind::separate), id, 1});
  if (!journalled) return std::unexpected(journalled.error());
  NoProgress quiet;
  return catch_up(quiet);
}

Result<Workspace::ImportPlace> Workspace::next_import() {
  ATTUNE_ASSIGN_OR_RETURN(const auto newest,
                          impl_->state.find_int64("SELECT max(number) FROM imports"));
  const std::int64_t number = newest.value_or(0) + 1;
  return ImportPlace{number, impl_->folder.imports() / folder_name(number)};
}

Status Workspace::commit_import(const ImportPlace& place, std::int64_t rows,
                                Sequence checked_through, Progress& progress) {
  const std::string payload =
      ImportEntry{place.folder.filename().string(), place.number, rows, checked_through.value}
          .serialise();
  auto journalled = impl_->journal.append(
      store::JournalEntry{static_cast<std::uint16_t>(EntryKind::import), payload, rows});
  if (!journalled) return std::unexpected(journalled.error());
  return catch_up(progress);
}

Status Workspace::note_import(const ImportPlace& place) {
  return impl_->state.run(
      "INSERT INTO imports(number, files, time, rows, first, report) VALUES(?1, '', ?2, 0, 0, x'')",
      place.number, now());
}

Status Workspace::save_import_report(std::int64_t number, std::string_view files,
                                     std::string_view report_json) {
  // Examples in a report are rows as they came: personal, so sealed, under the key of nobody in
  // particular.
  ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                          impl_->vault.seal(CustomerNumber{0}, "report", report_json));
  return impl_->state.run("UPDATE imports SET files = ?2, report = ?3 WHERE number = ?1", number,
                          files, store::Blob{sealed});
}

Result<std::vector<ImportRecord>> Workspace::imports() {
  std::vector<ImportRecord> all;
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      impl_->state.prepare(
          "SELECT number, files, time, rows, first, report FROM imports ORDER BY number"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    ImportRecord record{rows.int64(0), std::string(rows.text(1)), rows.time(2),
                        rows.int64(3), Sequence{rows.int64(4)},   {}};
    const std::string_view sealed = rows.blob(5);
    if (!sealed.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(record.report_json,
                              impl_->vault.open(CustomerNumber{0}, "report", sealed));
    }
    all.push_back(std::move(record));
  }
}

Result<std::vector<RefusedMessage>> Workspace::refused(std::int64_t after, std::int64_t limit) {
  std::vector<RefusedMessage> all;
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      impl_->state.prepare(
          "SELECT number, sealed FROM refused WHERE number > ?1 ORDER BY number LIMIT ?2"));
  rows.bind_all(after, limit);
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    ATTUNE_ASSIGN_OR_RETURN(const std::string text,
                            impl_->vault.open(CustomerNumber{0}, "refused", rows.blob(1)));
    ATTUNE_ASSIGN_OR_RETURN(RefusedMessage message, RefusedMessage::parse(text));
    message.number = rows.int64(0);
    all.push_back(std::move(message));
  }
}

Result<std::int64_t> Workspace::refused_count() {
  ATTUNE_ASSIGN_OR_RETURN(const auto count,
                          impl_->state.find_int64("SELECT count(*) FROM refused"));
  return count.value_or(0);
}

Status Workspace::drop_refused(std::int64_t number) {
  ATTUNE_RETURN_IF_ERROR(impl_->state.run("DELETE FROM refused WHERE number = ?1", number));
  if (impl_->state.changed_rows() > 0) return {};
  return std::unexpected(not_found(fmt::format("nothing refused has the number {}", number)));
}

const store::DataFolder& Workspace::folder() const { return impl_->folder; }
const TimeZone& Workspace::zone() const { return impl_->zone; }
Timestamp Workspace::now() const {
  return impl_->clock == nullptr ? impl_->system_clock.now() : impl_->clock->now();
}
store::Journal& Workspace::journal() { return impl_->journal; }
store::State& Workspace::state() { return impl_->state; }
store::History& Workspace::history() { return impl_->history; }
store::Vault& Workspace::vault() { return impl_->vault; }
events::Identity& Workspace::identity() { return *impl_->identity; }
events::EventHistory& Workspace::event_history() { return *impl_->event_history; }
catalog::Catalog& Workspace::catalog() { return *impl_->catalog; }
privacy::ConsentLedger& Workspace::consent() { return *impl_->consent; }

events::ShopSettings Workspace::shop_settings() const {
  events::ShopSettings settings;
  settings.zone = impl_->zone;
  if (auto currency = Currency::parse(impl_->folder.settings().reporting_currency))
    settings.currency = *currency;
  return settings;
}

Result<std::optional<Currency>> Workspace::reporting_currency() {
  const Currency set = shop_settings().currency;
  if (set.known()) return std::optional(set);
  ATTUNE_ASSIGN_OR_RETURN(const auto names,
                          impl_->event_history->labels(events::LabelKind::currency));
  if (names.size() != 1) return std::optional<Currency>();
  ATTUNE_ASSIGN_OR_RETURN(const Currency only, Currency::parse(names.begin()->second));
  return std::optional(only);
}

Result<Timestamp> Workspace::default_as_of() {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto last,
      impl_->history.find_int64(
          "SELECT epoch_us(max(time)) FROM visible_rows WHERE type <> $1 AND type <> $2",
          {static_cast<std::int64_t>(events::EventType::item_changed),
           static_cast<std::int64_t>(events::EventType::customer_changed)}));
  const Timestamp present = now();
  if (!last || *last > present.micros - 2 * kMicrosPerDay) return present;
  const CivilTime day = impl_->zone.to_civil(Timestamp{*last});
  return impl_->zone.from_civil({day.year, day.month, day.day, 23, 59, 59, 999'999});
}

}  // namespace attune::engine
