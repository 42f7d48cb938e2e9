#include "attune/events/event_history.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "attune/base/cores.h"
#include "history_transaction.h"
#include "key_filter.h"
#include "row_appender.h"

namespace attune::events {
namespace {

// Keys are hashes and `personal` is sealed: nothing makes them smaller, and to try is half of what
// a checkpoint costs, while which nothing is applied.
constexpr store::Migration kEventHistoryMigrations[] = {{1, R"sql(
CREATE TABLE event_rows(
  sequence BIGINT NOT NULL, key_high UBIGINT NOT NULL USING COMPRESSION uncompressed,
  key_low UBIGINT NOT NULL USING COMPRESSION uncompressed,
  time TIMESTAMP NOT NULL, offset_minutes SMALLINT, type UTINYINT NOT NULL,
  customer BIGINT NOT NULL, item BIGINT NOT NULL, order_id VARCHAR, session VARCHAR,
  source SMALLINT, channel SMALLINT, currency SMALLINT,
  quantity DOUBLE, price_minor BIGINT, value_minor BIGINT, rating DOUBLE, duration_ms BIGINT,
  marks INTEGER NOT NULL, personal BLOB USING COMPRESSION uncompressed);
CREATE TABLE labels(kind UTINYINT NOT NULL, code SMALLINT NOT NULL, name VARCHAR NOT NULL);
CREATE TABLE imports(
  first BIGINT NOT NULL, last BIGINT NOT NULL, done BIGINT NOT NULL, known BIGINT NOT NULL,
  finished BOOLEAN NOT NULL);
CREATE TABLE refund_pairs(
  refund BIGINT NOT NULL, purchase BIGINT NOT NULL, quantity DOUBLE NOT NULL);
CREATE TABLE derived_marks(sequence BIGINT NOT NULL, marks INTEGER NOT NULL);
CREATE TABLE event_types(code UTINYINT NOT NULL, name VARCHAR NOT NULL);
CREATE VIEW visible_rows AS SELECT * FROM event_rows
  WHERE sequence < (SELECT coalesce(min(first), 9223372036854775807)
                    FROM imports WHERE NOT finished)
     OR sequence > (SELECT coalesce(max(last), 9223372036854775807)
                    FROM imports WHERE NOT finished);
CREATE VIEW events AS
  SELECT e.sequence, e.time, e.offset_minutes, t.name AS type, e.customer, e.item, e.order_id,
    e.session, s.name AS source, c.name AS channel, m.name AS currency, e.quantity,
    e.price_minor, e.value_minor, e.rating, e.duration_ms, e.marks | coalesce(d.marks, 0) AS marks
  FROM visible_rows e JOIN event_types t ON t.code = e.type
  LEFT JOIN labels s ON s.kind = 0 AND s.code = e.source
  LEFT JOIN labels c ON c.kind = 1 AND c.code = e.channel
  LEFT JOIN labels m ON m.kind = 2 AND m.code = e.currency
  LEFT JOIN derived_marks d ON d.sequence = e.sequence;
)sql"},
                                                        // Chunks of an import under way, which come
                                                        // in any order.
                                                        {2, R"sql(
DELETE FROM event_rows WHERE sequence >= (SELECT min(first) FROM imports WHERE NOT finished);
ALTER TABLE imports DROP COLUMN done;
CREATE TABLE import_chunks(first BIGINT NOT NULL, begin_row BIGINT NOT NULL);
ALTER TABLE event_rows ADD COLUMN decision_id VARCHAR;
CREATE OR REPLACE VIEW visible_rows AS SELECT * FROM event_rows
  WHERE sequence < (SELECT coalesce(min(first), 9223372036854775807)
                    FROM imports WHERE NOT finished)
     OR sequence > (SELECT coalesce(max(last), 9223372036854775807)
                    FROM imports WHERE NOT finished);
CREATE OR REPLACE VIEW events AS
  SELECT e.sequence, e.time, e.offset_minutes, t.name AS type, e.customer, e.item, e.order_id,
    e.session, e.decision_id, s.name AS source, c.name AS channel, m.name AS currency, e.quantity,
    e.price_minor, e.value_minor, e.rating, e.duration_ms, e.marks | coalesce(d.marks, 0) AS marks
  FROM visible_rows e JOIN event_types t ON t.code = e.type
  LEFT JOIN labels s ON s.kind = 0 AND s.code = e.source
  LEFT JOIN labels c ON c.kind = 1 AND c.code = e.channel
  LEFT JOIN labels m ON m.kind = 2 AND m.code = e.currency
  LEFT JOIN derived_marks d ON d.sequence = e.sequence;
)sql"},
                                                        // The same rows, found sooner.
                                                        {3, R"sql(
CREATE OR REPLACE VIEW visible_rows AS SELECT * FROM event_rows WHERE sequence NOT BETWEEN
    (SELECT coalesce(min(first), 9223372036854775807) FROM imports WHERE NOT finished) AND
    (SELECT coalesce(max(last), 9223372036854775807) FROM imports WHERE NOT finished);
)sql"}};

constexpr std::string_view kCursor = "events";
constexpr std::string_view kIncomingKeys =
    "CREATE OR REPLACE TEMP TABLE incoming_keys(row_index BIGINT, key_high UBIGINT, key_low "
    "UBIGINT)";
constexpr std::size_t kAppendersMax = 4;     // more wait for each other in the file
constexpr std::int64_t kLabelsMax = 30'000;  // numbers have 15 bits
constexpr std::string_view kOtherLabel = "other";
constexpr std::int64_t kKeyBatch = 8;  // chunks whose keys are matched at once

// A session ends after `gap` minutes without an event, or where the source says that another
// begins.
constexpr std::string_view kSessionsView = R"sql(
CREATE OR REPLACE VIEW sessions AS
WITH steps AS (
  SELECT *, CASE WHEN session IS NOT DISTINCT FROM lag(session) OVER w
                  AND time - lag(time) OVER w <= INTERVAL {} MINUTE THEN 0 ELSE 1 END AS begins
  FROM visible_rows WHERE customer <> 0 AND type IN ({})
  WINDOW w AS (PARTITION BY customer ORDER BY time, sequence)),
numbered AS (
  SELECT *, sum(begins) OVER (PARTITION BY customer ORDER BY time, sequence) AS number FROM steps)
SELECT customer, number::BIGINT AS number, min(time) AS begun, max(time) AS ended,
  count(*) AS events, count(*) FILTER (type = {}) AS purchases,
  count(DISTINCT item) FILTER (item <> 0) AS items
FROM numbered GROUP BY customer, number)sql";

// What a person does by themselves: the events that make a session.
constexpr std::array kActivity{EventType::view,     EventType::list_view,   EventType::search,
                               EventType::cart_add, EventType::cart_remove, EventType::wishlist,
                               EventType::checkout, EventType::purchase,    EventType::rating,
                               EventType::review,   EventType::post,        EventType::like,
                               EventType::comment,  EventType::share,       EventType::follow,
                               EventType::signup,   EventType::click};

std::string code_list(std::span<const EventType> types) {
  std::string list;
  for (const EventType type : types)
    list += fmt::format("{}{}", list.empty() ? "" : ", ", static_cast<int>(type));
  return list;
}

int code(EventType type) { return static_cast<int>(type); }

Status for_each_key(store::History& history, auto visit) {
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows,
                          history.query("SELECT key_high, key_low, sequence FROM event_rows"));
  return rows.for_each([&](const store::Chunk& chunk) -> Status {
    const auto high = chunk.uint64(0);
    const auto low = chunk.uint64(1);
    const auto sequence = chunk.int64(2);
    for (std::size_t i = 0; i < chunk.rows(); ++i)
      visit(Hash128{high[i], low[i]}, Sequence{sequence[i]});
    return {};
  });
}

// Shapes: all alike.
Status append_keys(store::History& history, std::span<const std::int64_t> rows,
                   std::span<const std::uint64_t> high, std::span<const std::uint64_t> low) {
  ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history.appender("incoming_keys"));
  const store::ColumnSpan spans[] = {store::ColumnSpan::int64(rows),
                                     store::ColumnSpan::uint64(high),
                                     store::ColumnSpan::uint64(low)};
  ATTUNE_RETURN_IF_ERROR(appender.append(spans));
  return appender.finish();
}

std::vector<std::uint64_t> pick(std::span<const std::uint64_t> values,
                                std::span<const std::int64_t> rows) {
  std::vector<std::uint64_t> picked;
  for (const std::int64_t row : rows) picked.push_back(values[static_cast<std::size_t>(row)]);
  return picked;
}

}  // namespace

EventHistory::EventHistory(store::History& history, store::Vault& vault)
    : history_(&history), vault_(&vault) {}
EventHistory::EventHistory(EventHistory&&) noexcept = default;
EventHistory& EventHistory::operator=(EventHistory&&) noexcept = default;
EventHistory::~EventHistory() = default;

Result<EventHistory> EventHistory::open(store::History& history, store::Vault& vault,
                                        int session_gap_minutes) {
  ATTUNE_RETURN_IF_ERROR(history.migrate("events", kEventHistoryMigrations));
  ATTUNE_ASSIGN_OR_RETURN(const auto known, history.find_int64("SELECT count(*) FROM event_types"));
  for (int type = static_cast<int>(known.value_or(0)); type < kEventTypeCount; ++type) {
    ATTUNE_RETURN_IF_ERROR(
        history.run("INSERT INTO event_types VALUES($1, $2)",
                    {static_cast<std::int64_t>(type), name(static_cast<EventType>(type))}));
  }
  ATTUNE_RETURN_IF_ERROR(history.execute(fmt::format(
      kSessionsView, session_gap_minutes, code_list(kActivity), code(EventType::purchase))));
  ATTUNE_RETURN_IF_ERROR(vault.create_keys(std::array{CustomerNumber{0}}));
  EventHistory opened(history, vault);
  for (const LabelKind kind : {LabelKind::source, LabelKind::channel, LabelKind::currency}) {
    ATTUNE_ASSIGN_OR_RETURN(const auto names, opened.labels(kind));
    for (const auto& [number, text] : names) opened.labels_.emplace(std::pair(kind, text), number);
  }
  return opened;
}

Result<Sequence> EventHistory::cursor() {
  if (!cursor_) {
    ATTUNE_ASSIGN_OR_RETURN(cursor_, history_->cursor(kCursor));
  }
  return *cursor_;
}

Status EventHistory::move_cursor(Sequence sequence) {
  cursor_.reset();  // whoever asks next reads what was committed
  return history_->set_cursor(kCursor, sequence);
}

Status EventHistory::skip_to(Sequence sequence) { return move_cursor(sequence); }

Result<std::map<std::int16_t, std::string>> EventHistory::labels(LabelKind kind) {
  std::map<std::int16_t, std::string> names;
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows,
                          history_->query("SELECT code, name FROM labels WHERE kind = $1",
                                          {static_cast<std::int64_t>(kind)}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      names.emplace(static_cast<std::int16_t>(chunk.int64(0)[i]), chunk.text(1, i));
    }
    return {};
  }));
  return names;
}

Result<std::int16_t> EventHistory::label(LabelKind kind, std::string_view name) {
  const std::scoped_lock lock(*labels_mutex_);
  return label_locked(kind, name);
}

Result<std::int16_t> EventHistory::label_locked(LabelKind kind, std::string_view name) {
  const auto found = labels_.find(std::pair(kind, std::string(name)));
  if (found != labels_.end()) return found->second;
  const auto number = static_cast<std::int64_t>(labels_.size());
  // Whoever may send events may invent channels: beyond so many, the rest share one.
  if (number >= kLabelsMax && name != kOtherLabel) return label_locked(kind, kOtherLabel);
  ATTUNE_RETURN_IF_ERROR(history_->run("INSERT INTO labels VALUES($1, $2, $3)",
                                       {static_cast<std::int64_t>(kind), number, name}));
  labels_.emplace(std::pair(kind, std::string(name)), static_cast<std::int16_t>(number));
  return static_cast<std::int16_t>(number);
}

Result<std::vector<std::int16_t>> EventHistory::label_codes(LabelKind kind,
                                                            const Dictionary& names) {
  std::vector<std::int16_t> codes;
  for (std::uint32_t i = 0; i < names.size(); ++i) {
    ATTUNE_ASSIGN_OR_RETURN(const std::int16_t number, label(kind, names.text(i)));
    codes.push_back(number);
  }
  return codes;
}

Status EventHistory::load_keys(const EventColumns& columns, std::int64_t begin) {
  std::vector<std::int64_t> rows(columns.rows());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = begin + static_cast<std::int64_t>(i);
  return append_keys(*history_, rows, columns.key_high, columns.key_low);
}

Result<KeySet> EventHistory::keys() {
  KeySet keys;
  ATTUNE_RETURN_IF_ERROR(
      for_each_key(*history_, [&](const Hash128& key, Sequence) { keys.insert(key); }));
  return keys;
}

Result<KnownRows> EventHistory::match_keys(const Placement& placement) {
  KnownRows known;
  // Bounds as constants: DuckDB leaves out what its zone maps tell to be elsewhere.
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history_->query(fmt::format(
          "SELECT k.row_index FROM incoming_keys k JOIN event_rows e ON e.key_high = k.key_high "
          "AND e.key_low = k.key_low WHERE e.sequence > {} AND e.sequence < {}",
          placement.checked_through.value, placement.first.value)));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (const std::int64_t row : chunk.int64(0)) known.insert(row);
    return {};
  }));
  return known;
}

Status EventHistory::prepare_filter() {
  if (filter_ != nullptr) return {};
  auto filter = std::make_unique<GrowingKeyFilter>();
  ATTUNE_RETURN_IF_ERROR(for_each_key(
      *history_, [&](const Hash128& key, Sequence sequence) { filter->insert(key, sequence); }));
  filter_ = std::move(filter);
  return {};
}

Result<KnownRows> EventHistory::find_known(const EventColumns& columns, Sequence first) {
  ATTUNE_RETURN_IF_ERROR(prepare_filter());
  std::vector<std::int64_t> suspects;
  Stretch where;
  for (std::size_t i = 0; i < columns.rows(); ++i) {
    const Stretch found = filter_->find({columns.key_high[i], columns.key_low[i]});
    if (found.empty()) continue;
    suspects.push_back(static_cast<std::int64_t>(i));
    where.include(found);
  }
  KnownRows known;
  if (!suspects.empty()) {
    ATTUNE_RETURN_IF_ERROR(history_->execute(kIncomingKeys));
    ATTUNE_RETURN_IF_ERROR(append_keys(*history_, suspects, pick(columns.key_high, suspects),
                                       pick(columns.key_low, suspects)));
    ATTUNE_ASSIGN_OR_RETURN(known, match_keys({std::min(first, Sequence{where.last.value + 1}),
                                               Sequence{where.first.value - 1}}));
    ATTUNE_RETURN_IF_ERROR(history_->execute("DROP TABLE incoming_keys"));
  }
  std::unordered_set<std::uint64_t> seen;  // the low half is 64 bits of a good hash
  for (std::size_t i = 0; i < columns.rows(); ++i) {
    if (!seen.insert(columns.key_low[i]).second) known.insert(static_cast<std::int64_t>(i));
  }
  return known;
}

Result<KnownRows> EventHistory::find_known(const StagedImport& import, const Placement& placement) {
  KnownRows known;
  ATTUNE_ASSIGN_OR_RETURN(
      const auto any,
      history_->find_int64("SELECT 1 FROM event_rows WHERE sequence > $1 AND sequence < $2 LIMIT 1",
                           {placement.checked_through.value, placement.first.value}));
  if (!any) return known;
  for (std::size_t chunk = 0; chunk < import.chunks();) {
    ATTUNE_RETURN_IF_ERROR(history_->execute(kIncomingKeys));
    for (std::int64_t taken = 0; taken < kKeyBatch && chunk < import.chunks(); ++taken, ++chunk) {
      ATTUNE_ASSIGN_OR_RETURN(const EventColumns columns, import.read_chunk(chunk));
      ATTUNE_RETURN_IF_ERROR(load_keys(columns, import.chunk_begin(chunk)));
    }
    ATTUNE_ASSIGN_OR_RETURN(const KnownRows found, match_keys(placement));
    known.insert(found.begin(), found.end());
  }
  ATTUNE_RETURN_IF_ERROR(history_->execute("DROP TABLE incoming_keys"));
  return known;
}

Result<LabelCodes> EventHistory::label_codes(const EventNames& names) {
  LabelCodes codes;
  ATTUNE_ASSIGN_OR_RETURN(codes.sources, label_codes(LabelKind::source, names.sources));
  ATTUNE_ASSIGN_OR_RETURN(codes.channels, label_codes(LabelKind::channel, names.channels));
  codes.currency = [this](std::uint32_t packed) {
    return label(LabelKind::currency, unpack_currency(packed).to_string());
  };
  return codes;
}

Result<std::set<std::int64_t>> EventHistory::chunks_done(Sequence first) {
  std::set<std::int64_t> begins;
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history_->query("SELECT begin_row FROM import_chunks WHERE first = $1", {first.value}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    begins.insert(chunk.int64(0).begin(), chunk.int64(0).end());
    return {};
  }));
  return begins;
}

namespace {

// Chunks [begin, end) that go into one transaction.
struct ChunkRun {
  std::size_t begin;
  std::size_t end;
};

// A transaction of more than one row group goes to its place in the file while it is filled; one of
// a single row group is written to the log first, and once more from there.
std::vector<ChunkRun> runs_of(std::size_t chunks, std::size_t workers) {
  constexpr std::size_t kRunMin = 2;
  constexpr std::size_t kRunMax = 8;
  const std::size_t wanted = std::clamp((chunks + workers - 1) / workers, kRunMin, kRunMax);
  std::vector<ChunkRun> runs;
  for (std::size_t at = 0; at < chunks; at += wanted)
    runs.push_back({at, std::min(at + wanted, chunks)});
  return runs;
}

// Each of `workers` threads does the work, this one among them, while the history's own rest; ends
// when all have ended.
template <class Work>
void work_together(const store::History& history, std::size_t workers, const Work& work) {
  std::optional<store::History::OwnThreads> alone;
  if (workers > 1) alone.emplace(history);
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < workers; ++i) others.emplace_back(work);
  work();
}

}  // namespace

// Runs of chunks are independent: each worker takes the next one over a connection of its own, and
// each run is a transaction that notes its chunks in import_chunks.
Status EventHistory::append_chunks(const StagedImport& import, Sequence first,
                                   const RowAppender& appender, const KnownRows& known,
                                   Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const std::set<std::int64_t> done, chunks_done(first));
  // One more than cores: commits and reading wait for the disk.
  const std::size_t workers_wanted = std::min<std::size_t>(
      {static_cast<std::size_t>(usable_cores()) + 1, import.chunks(), kAppendersMax});
  const std::vector<ChunkRun> runs = runs_of(import.chunks(), workers_wanted);
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // of the three below
  Status failure;
  bool stop = false;
  std::int64_t rows_done = 0;
  const auto chunk_into = [&](store::History& connection, std::size_t chunk) -> Status {
    const std::int64_t begin = import.chunk_begin(chunk);
    if (done.contains(begin)) return {};
    ATTUNE_ASSIGN_OR_RETURN(const EventColumns columns, import.read_chunk(chunk));
    ATTUNE_RETURN_IF_ERROR(appender.append(connection, columns, first, begin, known));
    auto noted = connection.run("INSERT INTO import_chunks VALUES($1, $2)", {first.value, begin});
    return noted ? Status{} : std::unexpected(noted.error());
  };
  // False where work should stop.
  const auto advance = [&](std::size_t chunk) {
    const std::scoped_lock lock(mutex);
    rows_done += import.chunk_begin(chunk + 1) - import.chunk_begin(chunk);
    progress.advance(rows_done);
    return !stop && !progress.cancelled();
  };
  const auto run_into = [&](store::History& connection, const ChunkRun& run) -> Status {
    return in_transaction(connection, [&]() -> Status {
      for (std::size_t chunk = run.begin; chunk < run.end; ++chunk) {
        ATTUNE_RETURN_IF_ERROR(chunk_into(connection, chunk));
        if (!advance(chunk)) {
          return std::unexpected(cancelled(
              "stopped; the import is staged and goes on when the folder is next opened"));
        }
      }
      return {};
    });
  };
  const auto finish = [&](Status step) {
    const std::scoped_lock lock(mutex);
    if (!step && failure) failure = std::move(step);
    stop = stop || !failure;
    return !stop;
  };
  const auto work = [&] {
    Result<store::History> connection = history_->connect();
    while (true) {
      const std::size_t run = next++;
      if (run >= runs.size()) return;
      const Status step =
          connection ? run_into(*connection, runs[run]) : std::unexpected(connection.error());
      if (!finish(step)) return;
    }
  };
  work_together(*history_, std::min(workers_wanted, runs.size()), work);
  return failure;
}

Result<std::int64_t> EventHistory::apply(const StagedImport& import, const Placement& placement,
                                         const AppliedNumbers& numbers, Progress& progress) {
  const Sequence first = placement.first;
  const Sequence last{first.value + import.rows() - 1};
  ATTUNE_ASSIGN_OR_RETURN(
      const auto begun,
      history_->find_int64("SELECT 1 FROM imports WHERE first = $1", {first.value}));
  if (!begun) {
    ATTUNE_RETURN_IF_ERROR(
        history_->run("INSERT INTO imports VALUES($1, $2, 0, false)", {first.value, last.value}));
  }
  ATTUNE_ASSIGN_OR_RETURN(const KnownRows known, find_known(import, placement));
  ATTUNE_ASSIGN_OR_RETURN(const LabelCodes labels, label_codes(import.names()));
  progress.phase("applying", import.rows(), "rows");
  const RowAppender appender(*vault_, import.names(), numbers, labels);
  filter_.reset();
  ATTUNE_RETURN_IF_ERROR(append_chunks(import, first, appender, known, progress));
  const auto repeated = static_cast<std::int64_t>(known.size());
  ATTUNE_RETURN_IF_ERROR(in_transaction(*history_, [&]() -> Status {
    ATTUNE_RETURN_IF_ERROR(
        history_->run("UPDATE imports SET finished = true, known = $1 WHERE first = $2",
                      {repeated, first.value}));
    ATTUNE_RETURN_IF_ERROR(
        history_->run("DELETE FROM import_chunks WHERE first = $1", {first.value}));
    return move_cursor(last);
  }));
  return repeated;
}

Result<KnownRows> EventHistory::apply(const EventBundle& bundle, Sequence first,
                                      const AppliedNumbers& numbers) {
  const auto rows = static_cast<std::int64_t>(bundle.columns.rows());
  ATTUNE_ASSIGN_OR_RETURN(const KnownRows known, find_known(bundle.columns, first));
  ATTUNE_ASSIGN_OR_RETURN(const LabelCodes labels, label_codes(bundle.names));
  // Known before the transaction begins, so that a rollback takes no label away.
  for (const std::uint32_t packed : bundle.columns.currency) {
    if (packed != 0) ATTUNE_RETURN_IF_ERROR(labels.currency(packed));
  }
  const RowAppender appender(*vault_, bundle.names, numbers, labels);
  ATTUNE_RETURN_IF_ERROR(in_transaction(*history_, [&]() -> Status {
    ATTUNE_RETURN_IF_ERROR(appender.append(*history_, bundle.columns, first, 0, known));
    return move_cursor(Sequence{first.value + rows - 1});
  }));
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    if (known.contains(i)) continue;
    filter_->insert({bundle.columns.key_high[row], bundle.columns.key_low[row]},
                    Sequence{first.value + i});
  }
  return known;
}

Result<std::int64_t> EventHistory::forget(CustomerNumber customer) {
  return history_->run(
      "UPDATE event_rows SET customer = 0, personal = NULL, session = NULL, order_id = NULL WHERE "
      "customer = $1",
      {customer.value});
}

}  // namespace attune::events
