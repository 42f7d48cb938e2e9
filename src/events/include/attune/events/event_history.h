// Events in the history. Answers: what happened, for questions over many rows; and what did
// cleaning find out about it?
//
// Tables (DuckDB): event_rows, one row an event; labels, small numbers for sources, channels and
// currencies; imports; refund_pairs and derived_marks, which cleaning works out from event_rows
// and merges. Views for analysts: events (readable, finished imports only) and sessions (by the
// shop's inactivity gap).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/parameters.h"
#include "attune/base/progress.h"
#include "attune/base/time.h"
#include "attune/events/event_bundle.h"
#include "attune/events/event_columns.h"
#include "attune/events/identity.h"
#include "attune/events/key_set.h"
#include "attune/events/staged_import.h"
#include "attune/store/history.h"
#include "attune/store/vault.h"

namespace attune::events {

class GrowingKeyFilter;
class RowAppender;
struct LabelCodes;
using KnownRows = std::unordered_set<std::int64_t>;  // rows that repeat an earlier event

enum class LabelKind : std::uint8_t { source = 0, channel = 1, currency = 2 };

// The numbers that stand for an import's names: what applying to state gave.
struct AppliedNumbers {
  std::span<const CustomerNumber> customers;  // by code of names.customers
  std::span<const CustomerNumber> anonymous;
  std::span<const ItemNumber> items;
  // As of Identity::Numbers: a forgotten customer's rows up to here belong to nobody and hold
  // nothing personal; later ones are left out.
  std::span<const Sequence> customers_until{};
  std::span<const Sequence> anonymous_until{};
};

// What cleaning found, beyond the marks that rows came with.
struct CleaningCounts {
  std::int64_t refunds = 0;         // refund rows that name a customer, and an item or an order
  std::int64_t refunds_paired = 0;  // of them, those whose purchase was found
  std::int64_t outliers = 0;
  std::int64_t bots = 0;
  std::int64_t flagged = 0;  // rows that nothing but cleaning flags
};

// What a refund takes back of an item, in purchases: 1/3 where it is one piece of three.
struct RefundedItem {
  ItemNumber item;
  double purchases = 0;
};
using RefundedItems = std::unordered_map<Sequence, std::vector<RefundedItem>>;  // by the refund's

// A row that cleaning marked. Missing values: empty or absent.
struct CleanedRow {
  Sequence sequence;
  EventType type;
  CustomerNumber customer;
  ItemNumber item;
  Timestamp time;
  std::string order;
  std::optional<double> quantity;
  std::optional<std::int64_t> price_minor;
  std::string currency;
};

// How cleaning decides. Everything here is worked out again from the history at will, so that every
// rule is reversible.
struct CleaningRules {
  bool outliers = true;
  // An amount or price is an outlier of its item when |ln x - median| > threshold * max(1.4826 *
  // MAD, floor), where the item has at least `outlier_min_rows` purchases. 1.4826 * MAD estimates a
  // normal's deviation [Rousseeuw1993].
  double outlier_threshold = 6;
  double outlier_floor = 0.35;
  int outlier_min_rows = 20;
  // Somebody with this many views, searches or clicks within one clock minute is a bot on that day
  // of the shop's.
  bool bots = true;
  int bot_events_per_minute = 60;

  static const ParameterTable<CleaningRules>& table();
};

// Threads: one thread at a time (that of its History).
class EventHistory {
 public:
  // `history` and `vault` outlive the object.
  static Result<EventHistory> open(store::History& history, store::Vault& vault,
                                   int session_gap_minutes);

  EventHistory(EventHistory&&) noexcept;
  EventHistory& operator=(EventHistory&&) noexcept;
  ~EventHistory();

  // Events up to this number are in (imports that are under way aside).
  Result<Sequence> cursor();

  // Keys of everything that is in, for telling rows that come again. Memory: see KeySet.
  Result<KeySet> keys();

  // Takes an import's rows in, a chunk a transaction, from where a crash or Ctrl-C left off; rows
  // whose key an event after `checked_through` and before `first` has are left out (those up to it
  // were left out by staging). The rows become visible together, with the cursor, at the end.
  // Progress counts rows. Result: rows that were left out as known. Errors: cancelled (the rest
  // follows when the folder is next opened).
  struct Placement {
    Sequence first;            // number of the import's first row
    Sequence checked_through;  // the history's cursor when the import was staged
  };
  Result<std::int64_t> apply(const StagedImport& import, const Placement& placement,
                             const AppliedNumbers& numbers, Progress& progress);

  // The same for live events, in one transaction. Result: the rows that were left out, because an
  // earlier row, of the bundle or of the history, has their key. Cost: that of the bundle; one pass
  // over the keys of the history at first and after an import, and over a stretch of them where a
  // key may have come before.
  Result<KnownRows> apply(const EventBundle& bundle, Sequence first, const AppliedNumbers& numbers);

  // Moves the cursor past journal entries that hold no events.
  Status skip_to(Sequence sequence);

  // Works refund pairs and derived marks out anew, from all rows. `zone`: of days; `merges`: as
  // they are now, for all numbers of a person are one.
  Status clean(const CleaningRules& rules, const TimeZone& zone, const MergeMap& merges);
  // Works the refund pairs out anew where anything came since they were. A refund that names an
  // item takes back purchases of it, of its order first; one that names an order alone takes back
  // every line of the order that the person bought, whole, or its amount's share of each where it
  // states one. Cost: none where nothing came, else two passes over the rows, three where whole
  // orders were refunded.
  Status pair_refunds(const MergeMap& merges);
  // What each refund after `after` takes back, items ascending. One whose purchase is unknown is
  // left out. Nothing is written. Cost: a pass over the rows where there are such refunds, and one
  // more where whole orders were refunded.
  Result<RefundedItems> taken_back(Sequence after, const MergeMap& merges);
  // What it found of the rows numbered from `first` on, and the first of those marked `mark`.
  Result<CleaningCounts> cleaned(Sequence first);
  Result<std::vector<CleanedRow>> cleaned_rows(Mark mark, Sequence first, std::int64_t limit);

  // How many purchases and refunds carry an amount, by its currency; those that name none are left
  // out. Of the rows numbered from `first` on and up to `until`.
  Result<std::map<std::string, std::int64_t>> amounts_by_currency(Sequence first, Timestamp until);

  // Name by code. Cost: one query.
  Result<std::map<std::int16_t, std::string>> labels(LabelKind kind);

  // Removes the personal fields of a customer's events and detaches the events from the customer.
  Result<std::int64_t> forget(CustomerNumber customer);

  store::History& database() { return *history_; }

 private:
  EventHistory(store::History& history, store::Vault& vault);

  Result<KnownRows> find_known(const StagedImport& import, const Placement& placement);
  Result<KnownRows> find_known(const EventColumns& columns, Sequence first);
  Status move_cursor(Sequence sequence);
  Status prepare_filter();
  Status load_keys(const EventColumns& columns, std::int64_t begin);
  Result<KnownRows> match_keys(const Placement& placement);
  Result<std::int16_t> label(LabelKind kind, std::string_view name);  // from any thread
  Result<std::int16_t> label_locked(LabelKind kind, std::string_view name);
  Result<std::vector<std::int16_t>> label_codes(LabelKind kind, const Dictionary& names);
  Result<LabelCodes> label_codes(const EventNames& names);
  Result<std::set<std::int64_t>> chunks_done(Sequence first);
  Status append_chunks(const StagedImport& import, Sequence first, const RowAppender& appender,
                       const KnownRows& known, Progress& progress);
  Status pair_anew(const MergeMap& merges);
  Status mark_outliers(const CleaningRules& rules);
  Status mark_bots(const CleaningRules& rules, const TimeZone& zone, const MergeMap& merges);

  store::History* history_;
  store::Vault* vault_;
  std::map<std::pair<LabelKind, std::string>, std::int16_t, std::less<>> labels_;
  std::optional<Sequence> cursor_;            // absent: to be read
  std::unique_ptr<GrowingKeyFilter> filter_;  // of every key; null: to be made
  std::unique_ptr<std::mutex> labels_mutex_ = std::make_unique<std::mutex>();
};

}  // namespace attune::events
