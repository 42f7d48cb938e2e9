// One shop, open. Answers: where is everything of this shop, and is what the journal says true in
// every store?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/progress.h"
#include "attune/base/time.h"
#include "attune/catalog/catalog.h"
#include "attune/engine/erasure.h"
#include "attune/engine/shop_consent.h"
#include "attune/events/event.h"
#include "attune/events/event_bundle.h"
#include "attune/events/event_history.h"
#include "attune/events/identity.h"
#include "attune/events/reader.h"
#include "attune/privacy/consent.h"
#include "attune/store/data_folder.h"
#include "attune/store/history.h"
#include "attune/store/journal.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::engine {

// Lies in the folder's keys/ beside them: who was forgotten. In no backup.
inline constexpr std::string_view kSuppressedName = "suppressed.sqlite";

struct WorkspaceOptions {
  std::string command = "attune";  // shown to others that find the folder in use
  bool create = false;             // make the folder where there is none
  const Clock* clock = nullptr;    // null: the system's
  Progress* progress = nullptr;    // told when an unfinished import goes on
};

// What a journal entry holds: the tag of store::JournalEntry. Stored: never renumber.
enum class EntryKind : std::uint16_t {
  import = 1,    // JSON naming a staged import
  events = 2,    // events::bundle_events
  separate = 3,  // an id whose merges are taken back
  refused = 4,   // RefusedMessage::serialise
  forget = 5,    // JSON with the keyed hash of an id
};

// A message that came to the service and could not become events: kept until it is mended or
// dropped.
struct RefusedMessage {
  std::int64_t number = 0;  // of the quarantine; given when applied
  Timestamp time;
  std::string call;         // "track", "batch", …
  std::string reason;       // stable code
  std::string field;        // JSON path
  std::string message;      // what and remedy
  std::string raw;          // as it came; personal, sealed at rest
  std::string around = {};  // the same of what its batch said for it; empty: nothing

  // Only the beginning of it was kept: it is larger than an event may be.
  bool is_cut() const;
  std::string serialise() const;
  static Result<RefusedMessage> parse(std::string_view text);
};

// {"total": …, "dropped": …, "refused": […]}: `total` are there, `some` of them are shown,
// `dropped` older ones have gone because there were too many.
std::string to_json(std::int64_t total, std::int64_t dropped, std::span<const RefusedMessage> some);

// One import as state remembers it.
struct ImportRecord {
  std::int64_t number = 0;
  std::string files;
  Timestamp time;
  std::int64_t rows = 0;  // journalled
  Sequence first;
  std::string report_json;  // events::QualityReport
};

// Live events that both stores hold now, for those who keep something beside the stores.
// Lifetime: until the observer returns.
struct AppliedEvents {
  const events::EventBundle& bundle;
  Sequence first;                     // of row 0
  events::AppliedNumbers numbers;     // by code of the bundle's names
  const events::KnownRows& repeated;  // rows that an earlier event's key had: they changed nothing
  bool people_changed;                // identities were merged: roots are other than before

  // Items are new, or said to be other than before. What ordinary events mention of known ones does
  // not count.
  bool items_changed() const;
};

// An open data folder with its stores, and the one applier that takes the journal to them.
//
// Invariant: after open and after catch_up, state and history hold every event of the journal, each
// once. Threads: one thread at a time.
class Workspace {
 public:
  // Opens the stores and catches up: an import that a crash cut off goes on, a staged one that the
  // journal does not name is removed. Errors: those of DataFolder and the stores.
  static Result<Workspace> open(const std::filesystem::path& folder,
                                const WorkspaceOptions& options = {});

  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;
  ~Workspace();

  // Applies what the journal holds beyond the stores' cursors when this begins. Live events that
  // follow each other are applied together, `kAppliedTogether` at a time; of very many, more.
  Status catch_up(Progress& progress);
  Status catch_up();  // telling nobody how far it is
  static constexpr std::int64_t kAppliedTogether = 20'000;
  // One step of it: an import, or one group of live events. False: nothing was left to apply.
  Result<bool> apply_next(Progress& progress);

  // Whom to tell of live events once they are applied; null: nobody. Imports are not told of: ask
  // imports_applied.
  using Observer = std::function<Status(const AppliedEvents&)>;
  void observe(Observer observer);
  // How many journal entries other than live events were applied since open: whoever keeps
  // something beside the stores reads it anew when this has grown.
  std::int64_t others_applied() const;
  void changed_otherwise();  // counts as one of them: what the stores hold was worked out anew
  std::int64_t refused_applied() const;  // refused messages, since open

  // Another handle to the same open folder. Threads: all handles together count as one.
  Workspace share() const;

  // Appends events and applies them. The events are on disk when it returns.
  Result<Sequence> record(std::span<const events::Event> events);
  // Takes the merges of one id back; its profile is its own again.
  Status separate(std::string_view id);

  // Forgets the customers whom these ids name, with everybody merged into them, for good: their
  // rows and keys in state, refused messages and quarantined rows that name them, their rows in
  // models; events stay in the history as nobody's, with what is personal in them unreadable. Their
  // ids name nobody from now on, whatever comes: later events of theirs are left out. What is
  // journalled is forgotten whole, also after a crash. Result: a receipt each; of an id that was
  // forgotten before, the one of then.
  // Errors: not_found naming the first id that nobody has; nobody is forgotten then.
  Result<std::vector<ErasureReceipt>> forget(std::span<const std::string> ids);
  // Whether anybody was forgotten, and whether what comes under this id, or what this text
  // (a message, a row) tells, is left out for that. Threads: any.
  bool forgets_anybody() const;
  bool is_forgotten(events::IdKind kind, std::string_view id) const;
  bool names_forgotten(std::string_view text) const;
  // Empties the rows of forgotten customers in models that were learned before: for a training that
  // read them and ended after. Called by open.
  Status forget_in_models();

  // Names the next import's folder and number; the folder does not exist yet.
  struct ImportPlace {
    std::int64_t number;
    std::filesystem::path folder;
  };
  Result<ImportPlace> next_import();
  // Journals a staged import and applies it. `checked_through`: the history's cursor when its rows
  // were checked. Result: the number of its first row.
  Result<Sequence> commit_import(const ImportPlace& place, std::int64_t rows,
                                 Sequence checked_through, Progress& progress);
  // Remembers an import that brought no events but a quarantine file.
  Status note_import(const ImportPlace& place);
  Status save_import_report(std::int64_t number, std::string_view files,
                            std::string_view report_json);
  Result<std::vector<ImportRecord>> imports();
  // Rows of imports that a rebuilt history lacks, because their staged files are gone. They count
  // until an import of the same files has brought as many, or somebody accepts the loss.
  Result<std::int64_t> lost_rows();
  Status accept_loss();

  // What the service refused, oldest first: at most kRefusedMax, of which the oldest go when more
  // come; `refused_dropped` have gone so since ever.
  static constexpr std::int64_t kRefusedMax = 10'000;
  Result<std::vector<RefusedMessage>> refused(std::int64_t after, std::int64_t limit);
  Result<std::int64_t> refused_count();
  Result<std::int64_t> refused_dropped();
  // Errors: not_found.
  Status drop_refused(std::int64_t number);

  // Removes staged imports that the journal does not name. Called by open.
  Status remove_leftovers();

  const store::DataFolder& folder() const;
  const TimeZone& zone() const;
  // The currency that sums are given in: the setting, else the one pinned, else the only one that
  // events carry. Absent when none of them tells.
  Result<std::optional<Currency>> reporting_currency();
  // Holds on to the first currency that an event carried, so that whoever may send events cannot
  // take the shop's sums away by naming another. A setting still comes first.
  // Result: whether one is held.
  Result<bool> pin_currency();
  events::ShopSettings shop_settings() const;
  Timestamp now() const;
  // The moment that profiles and reports are read as of unless told: now, or the end of the last
  // day with events when the data ended more than two days ago.
  Result<Timestamp> default_as_of();

  store::Journal& journal();
  store::State& state();
  store::History& history();
  store::Vault& vault();
  events::Identity& identity();
  events::EventHistory& event_history();
  catalog::Catalog& catalog();
  privacy::ConsentLedger& consent();
  // As attune.toml said when the folder was opened.
  const ShopConsent& shop_consent() const;

 private:
  friend class Eraser;
  struct Impl;
  explicit Workspace(std::shared_ptr<Impl> impl);
  Status journal_forgetting(std::span<const std::string> payloads);
  Status honour_forgotten();
  Result<ErasureReceipt> receipt_of(std::string_view id);

  std::shared_ptr<Impl> impl_;
};

}  // namespace attune::engine
