#include "attune/engine/workspace.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "workspace_impl.h"

namespace attune::engine {
namespace {

constexpr store::Migration kWorkspaceMigrations[] = {{1, R"sql(
CREATE TABLE imports(
  number INTEGER PRIMARY KEY, files TEXT NOT NULL, time INTEGER NOT NULL,
  rows INTEGER NOT NULL, first INTEGER NOT NULL,
  report BLOB NOT NULL);
CREATE TABLE vault_keys(only INTEGER PRIMARY KEY CHECK(only = 1), key_id TEXT NOT NULL);
)sql"},
                                                     {2, R"sql(
CREATE TABLE refused(number INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
)sql"},
                                                     {3, R"sql(
CREATE TABLE lost_imports(number INTEGER PRIMARY KEY, rows INTEGER NOT NULL);
)sql"},
                                                     {4, R"sql(
CREATE TABLE pinned_currency(only INTEGER PRIMARY KEY CHECK(only = 1), code TEXT NOT NULL);
)sql"},
                                                     {5, R"sql(
CREATE TABLE erasures(number INTEGER PRIMARY KEY, receipt TEXT NOT NULL);
)sql"},
                                                     {6, R"sql(
CREATE TABLE refused_dropped(only INTEGER PRIMARY KEY CHECK(only = 1), count INTEGER NOT NULL);
)sql"},
                                                     {7, R"sql(
CREATE TABLE activity(
  only INTEGER PRIMARY KEY CHECK(only = 1), through INTEGER NOT NULL, last INTEGER);
)sql"}};

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

}  // namespace

bool AppliedEvents::items_changed() const {
  // New items have numbers of this batch.
  return !bundle.facts.item_facts.empty() ||
         std::ranges::any_of(numbers.items,
                             [&](ItemNumber item) { return item.value >= first.value; });
}

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
  // What is deleted or moved within the file is overwritten: nobody who is forgotten later is found
  // where they once lay.
  ATTUNE_ASSIGN_OR_RETURN(store::State state,
                          store::State::open(folder.state_file(), {.secure_delete = true}));
  ATTUNE_RETURN_IF_ERROR(state.migrate("engine", kWorkspaceMigrations));
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
  ATTUNE_ASSIGN_OR_RETURN(impl->suppressed,
                          privacy::ForgottenList::open(impl->folder.keys() / kSuppressedName));
  ATTUNE_ASSIGN_OR_RETURN(impl->identity,
                          events::Identity::open(impl->state, impl->vault, &*impl->suppressed));
  ATTUNE_ASSIGN_OR_RETURN(impl->catalog, catalog::Catalog::open(impl->state));
  ATTUNE_ASSIGN_OR_RETURN(impl->consent, privacy::ConsentLedger::open(impl->state));
  ATTUNE_ASSIGN_OR_RETURN(impl->permissions, Permissions::open(impl->state, impl->vault,
                                                               *impl->identity, *impl->consent));
  ATTUNE_ASSIGN_OR_RETURN(impl->shop_consent, ShopConsent::read(impl->folder));
  ATTUNE_ASSIGN_OR_RETURN(impl->event_history,
                          events::EventHistory::open(impl->history, impl->vault,
                                                     impl->folder.settings().session_gap_minutes));
  Workspace workspace(std::move(impl));
  NoProgress quiet;
  ATTUNE_RETURN_IF_ERROR(
      workspace.catch_up(options.progress == nullptr ? quiet : *options.progress));
  ATTUNE_RETURN_IF_ERROR(workspace.impl_->check_currency());
  ATTUNE_RETURN_IF_ERROR(workspace.remove_leftovers());
  ATTUNE_RETURN_IF_ERROR(workspace.honour_forgotten());
  return workspace;
}

Status Workspace::catch_up() {
  NoProgress quiet;
  return catch_up(quiet);
}

Status Workspace::catch_up(Progress& progress) {
  // What comes meanwhile is for the next time: else this would not end while more comes than stores
  // take.
  const Sequence through = impl_->journal.last_sequence();
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, apply_next(progress));
    ATTUNE_ASSIGN_OR_RETURN(const Sequence done, impl_->event_history->cursor());
    if (!more || done >= through) break;
  }
  auto removed = impl_->journal.remove_expired(impl_->folder.settings().keep_days);
  return removed ? Status{} : std::unexpected(removed.error());
}

Result<bool> Workspace::apply_next(Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const Sequence state_done, impl_->state.cursor(kStateCursor));
  ATTUNE_ASSIGN_OR_RETURN(const Sequence history_done, impl_->event_history->cursor());
  ATTUNE_RETURN_IF_ERROR(impl_->journal.covers("state", state_done));
  ATTUNE_RETURN_IF_ERROR(impl_->journal.covers("history", history_done));
  impl_->journal.set_cursor("state", state_done);
  impl_->journal.set_cursor("history", history_done);
  const Sequence behind = std::min(state_done, history_done);
  const Sequence last = impl_->journal.last_sequence();
  if (behind >= last) return false;
  impl_->together = last.value - behind.value < kManyTogether ? kAppliedTogether : kManyTogether;
  impl_->state_begun = state_done;
  impl_->history_begun = history_done;
  (void)impl_->gathered.take();  // of a time before that ended with an error
  impl_->skipped = Sequence{};
  impl_->enough = false;
  auto read = impl_->journal.read(
      Sequence{behind.value + 1}, kEntriesAtOnce,
      [&](const store::JournalRecord& record) { return impl_->apply(record, progress); });
  if (!read && !impl_->enough) return std::unexpected(read.error());
  ATTUNE_RETURN_IF_ERROR(impl_->apply_gathered(progress));
  ATTUNE_RETURN_IF_ERROR(impl_->skip_in_history());
  return true;
}

void Workspace::observe(Observer observer) { impl_->observer = std::move(observer); }
std::int64_t Workspace::others_applied() const { return impl_->others_applied; }
void Workspace::changed_otherwise() { ++impl_->others_applied; }
std::int64_t Workspace::refused_applied() const { return impl_->refused_applied; }
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
  ATTUNE_RETURN_IF_ERROR(catch_up());
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
  return catch_up();
}

const store::DataFolder& Workspace::folder() const { return impl_->folder; }
const TimeZone& Workspace::zone() const { return impl_->zone; }
Timestamp Workspace::now() const { return impl_->now(); }
store::Journal& Workspace::journal() { return impl_->journal; }
store::State& Workspace::state() { return impl_->state; }
store::History& Workspace::history() { return impl_->history; }
store::Vault& Workspace::vault() { return impl_->vault; }
events::Identity& Workspace::identity() { return *impl_->identity; }
events::EventHistory& Workspace::event_history() { return *impl_->event_history; }
catalog::Catalog& Workspace::catalog() { return *impl_->catalog; }
privacy::ConsentLedger& Workspace::consent() { return *impl_->consent; }
const ShopConsent& Workspace::shop_consent() const { return impl_->shop_consent; }

events::ShopSettings Workspace::shop_settings() const {
  events::ShopSettings settings;
  settings.zone = impl_->zone;
  if (auto currency = Currency::of_stored(impl_->folder.settings().reporting_currency))
    settings.currency = *currency;
  return settings;
}

Result<std::optional<Currency>> Workspace::reporting_currency() {
  const Currency set = shop_settings().currency;
  if (set.known()) return std::optional(set);
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Statement row,
                            impl_->state.prepare("SELECT code FROM pinned_currency"));
    ATTUNE_ASSIGN_OR_RETURN(const bool pinned, row.step());
    if (pinned) {
      ATTUNE_ASSIGN_OR_RETURN(const Currency code, Currency::of_stored(row.text(0)));
      return std::optional(code);
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto names,
                          impl_->event_history->labels(events::LabelKind::currency));
  if (names.size() != 1) return std::optional<Currency>();
  ATTUNE_ASSIGN_OR_RETURN(const Currency only, Currency::of_stored(names.begin()->second));
  return std::optional(only);
}

Status Workspace::Impl::check_currency() {
  const std::string& stated = folder.settings().reporting_currency;
  if (stated.empty()) return {};
  const auto known = Currency::parse(stated);
  if (known) return {};
  ATTUNE_ASSIGN_OR_RETURN(const auto names, event_history->labels(events::LabelKind::currency));
  for (const auto& [code, name] : names) {
    if (name == stated) return {};
  }
  return std::unexpected(invalid_argument(fmt::format(
      "{}: reporting_currency: {}", folder.settings_file().string(), known.error().message)));
}

Result<bool> Workspace::pin_currency() {
  ATTUNE_ASSIGN_OR_RETURN(const auto names,
                          impl_->event_history->labels(events::LabelKind::currency));
  if (names.empty()) return false;
  ATTUNE_RETURN_IF_ERROR(
      impl_->state.run("INSERT OR IGNORE INTO pinned_currency(only, code) VALUES(1, ?1)",
                       std::string_view(names.begin()->second)));
  return true;
}

Result<Timestamp> Workspace::default_as_of() {
  const Timestamp present = now();
  const auto today = [&] { return impl_->last_activity > present.micros - 2 * kMicrosPerDay; };
  if (!today()) ATTUNE_RETURN_IF_ERROR(impl_->follow_activity());
  if (today() || !impl_->last_activity) return present;
  const CivilTime day = impl_->zone.to_civil(Timestamp{*impl_->last_activity});
  return impl_->zone.from_civil({day.year, day.month, day.day, 23, 59, 59, 999'999});
}

Status Workspace::Impl::read_activity() {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement row,
                          state.prepare("SELECT through, last FROM activity"));
  ATTUNE_ASSIGN_OR_RETURN(const bool known, row.step());
  if (!known) return {};
  activity_through = Sequence{row.int64(0)};
  if (!row.is_null(1)) last_activity = row.int64(1);
  return {};
}

Status Workspace::Impl::forget_activity() {
  last_activity.reset();
  activity_through = {};
  return state.run("DELETE FROM activity");
}

Status Workspace::Impl::follow_activity() {
  using enum events::EventType;
  if (!activity_through) ATTUNE_RETURN_IF_ERROR(read_activity());
  ATTUNE_ASSIGN_OR_RETURN(const Sequence through, event_history->cursor());
  if (through <= activity_through) return {};
  // What we did, and what is only told about people and items, says nothing of when the shop's
  // data end.
  ATTUNE_ASSIGN_OR_RETURN(
      const auto last,
      history.find_int64(
          "SELECT epoch_us(max(time)) FROM visible_rows WHERE sequence > $1 AND "
          "type NOT IN ($2, $3, $4, $5, $6, $7, $8, $9)",
          {activity_through.value, static_cast<std::int64_t>(item_changed),
           static_cast<std::int64_t>(customer_changed), static_cast<std::int64_t>(decision),
           static_cast<std::int64_t>(assignment), static_cast<std::int64_t>(message_sent),
           static_cast<std::int64_t>(message_bounced), static_cast<std::int64_t>(alias),
           static_cast<std::int64_t>(identify)}));
  last_activity = std::max(last_activity, last);
  activity_through = through;
  return state.run("INSERT OR REPLACE INTO activity(only, through, last) VALUES(1, ?1, ?2)",
                   through, last_activity);
}

}  // namespace attune::engine
