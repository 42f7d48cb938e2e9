#include "attune/events/event_history.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace attune::events {
namespace {

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE event_rows(
  sequence BIGINT NOT NULL, key_high UBIGINT NOT NULL, key_low UBIGINT NOT NULL,
  time TIMESTAMP NOT NULL, offset_minutes SMALLINT, type UTINYINT NOT NULL,
  customer BIGINT NOT NULL, item BIGINT NOT NULL, order_id VARCHAR, session VARCHAR,
  source SMALLINT, channel SMALLINT, currency SMALLINT,
  quantity DOUBLE, price_minor BIGINT, value_minor BIGINT, rating DOUBLE, duration_ms BIGINT,
  marks INTEGER NOT NULL, personal BLOB);
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
)sql"}};

constexpr std::string_view kCursor = "events";
constexpr std::string_view kIncomingKeys =
    "CREATE OR REPLACE TEMP TABLE incoming_keys(row_index BIGINT, key_high UBIGINT, key_low "
    "UBIGINT)";
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

// Texts of one column on their way into the history.
class TextColumn {
 public:
  explicit TextColumn(std::size_t rows) { offsets_.reserve(rows + 1); }
  void add(std::string_view text) {
    present_.push_back(!text.empty());
    bytes_.append(text);
    offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  store::ColumnSpan text() const {
    return store::ColumnSpan::text(bytes_, offsets_).with_present(present_);
  }
  store::ColumnSpan blob() const {
    return store::ColumnSpan::blob(bytes_, offsets_).with_present(present_);
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> offsets_{0};
  std::vector<std::uint8_t> present_;
};

template <class T>
std::vector<std::uint8_t> where(const std::vector<T>& values, auto present) {
  std::vector<std::uint8_t> mask(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) mask[i] = present(values[i]);
  return mask;
}

// Takes the rows whose index is in `rows` out of every vector of `columns`.
EventColumns select(const EventColumns& columns, const std::vector<std::size_t>& rows) {
  EventColumns kept;
  const auto pick = [&](auto member) {
    auto& out = kept.*member;
    out.reserve(rows.size());
    for (const std::size_t row : rows) out.push_back((columns.*member)[row]);
  };
  pick(&EventColumns::key_high), pick(&EventColumns::key_low), pick(&EventColumns::time);
  pick(&EventColumns::offset_minutes), pick(&EventColumns::type), pick(&EventColumns::customer);
  pick(&EventColumns::anonymous), pick(&EventColumns::item), pick(&EventColumns::order);
  pick(&EventColumns::session), pick(&EventColumns::source), pick(&EventColumns::channel);
  pick(&EventColumns::currency), pick(&EventColumns::quantity), pick(&EventColumns::rating);
  pick(&EventColumns::price_minor), pick(&EventColumns::value_minor),
      pick(&EventColumns::duration_ms);
  pick(&EventColumns::marks);
  for (const std::size_t row : rows) {
    kept.personal += columns.personal_of(row);
    kept.personal_end.push_back(static_cast<std::uint32_t>(kept.personal.size()));
  }
  return kept;
}

}  // namespace

Result<EventHistory> EventHistory::open(store::History& history, store::Vault& vault,
                                        int session_gap_minutes) {
  ATTUNE_RETURN_IF_ERROR(history.migrate("events", kMigrations));
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

Result<Sequence> EventHistory::cursor() { return history_->cursor(kCursor); }

Status EventHistory::skip_to(Sequence sequence) { return history_->set_cursor(kCursor, sequence); }

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
  const auto found = labels_.find(std::pair(kind, std::string(name)));
  if (found != labels_.end()) return found->second;
  const auto number = static_cast<std::int64_t>(labels_.size());
  if (number > INT16_MAX) {
    return std::unexpected(
        resource_exhausted(fmt::format("'{}' would be source, channel or currency number {}; check "
                                       "the column that is mapped to source or channel",
                                       name, number)));
  }
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
  ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history_->appender("incoming_keys"));
  std::vector<std::int64_t> rows(columns.rows());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = begin + static_cast<std::int64_t>(i);
  const store::ColumnSpan spans[] = {store::ColumnSpan::int64(rows),
                                     store::ColumnSpan::uint64(columns.key_high),
                                     store::ColumnSpan::uint64(columns.key_low)};
  ATTUNE_RETURN_IF_ERROR(appender.append(spans));
  return appender.finish();
}

Result<KeySet> EventHistory::keys() {
  KeySet keys;
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows,
                          history_->query("SELECT key_high, key_low FROM event_rows"));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    const auto high = chunk.uint64(0);
    const auto low = chunk.uint64(1);
    for (std::size_t i = 0; i < chunk.rows(); ++i) keys.insert({high[i], low[i]});
    return {};
  }));
  return keys;
}

Result<EventHistory::KnownRows> EventHistory::match_keys(const Placement& placement) {
  KnownRows known;
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history_->query("SELECT k.row_index FROM incoming_keys k JOIN event_rows e ON e.key_high = "
                      "k.key_high AND e.key_low = k.key_low "
                      "WHERE e.sequence > $1 AND e.sequence < $2",
                      {placement.checked_through.value, placement.first.value}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (const std::int64_t row : chunk.int64(0)) known.insert(row);
    return {};
  }));
  return known;
}

Result<EventHistory::KnownRows> EventHistory::find_known(const EventColumns& columns,
                                                         Sequence first) {
  ATTUNE_RETURN_IF_ERROR(history_->execute(kIncomingKeys));
  ATTUNE_RETURN_IF_ERROR(load_keys(columns, 0));
  ATTUNE_ASSIGN_OR_RETURN(KnownRows known, match_keys({first, Sequence{0}}));
  ATTUNE_RETURN_IF_ERROR(history_->execute("DROP TABLE incoming_keys"));
  return known;
}

Result<EventHistory::KnownRows> EventHistory::find_known(const StagedImport& import,
                                                         const Placement& placement) {
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

Status EventHistory::append(const EventColumns& all, const EventNames& names,
                            const AppliedNumbers& numbers, Sequence first, const KnownRows& known,
                            std::int64_t begin) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < all.rows() && !known.empty(); ++i) {
    if (!known.contains(begin + static_cast<std::int64_t>(i))) rows.push_back(i);
  }
  const EventColumns selected = known.empty() ? EventColumns() : select(all, rows);
  const EventColumns& c = known.empty() ? all : selected;
  const std::size_t n = c.rows();
  if (n == 0) return {};

  std::vector<std::int64_t> sequence(n);
  for (std::size_t i = 0; i < n; ++i) {
    sequence[i] = first.value + begin + static_cast<std::int64_t>(known.empty() ? i : rows[i]);
  }
  return append_selected(c, names, numbers, sequence);
}

Status EventHistory::append_selected(const EventColumns& c, const EventNames& names,
                                     const AppliedNumbers& numbers,
                                     std::span<const std::int64_t> sequence) {
  const std::size_t n = c.rows();
  std::vector<std::int64_t> customer(n), item(n);
  TextColumn order(n), session(n), personal(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (c.customer[i] != kNoCode) {
      customer[i] = numbers.customers[c.customer[i]].value;
    } else if (c.anonymous[i] != kNoCode) {
      customer[i] = numbers.anonymous[c.anonymous[i]].value;
    }
    if (c.item[i] != kNoCode) item[i] = numbers.items[c.item[i]].value;
    order.add(c.order[i] == kNoCode ? std::string_view() : names.orders.text(c.order[i]));
    session.add(c.session[i] == kNoCode ? std::string_view() : names.sessions.text(c.session[i]));
    ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                            seal(CustomerNumber{customer[i]}, c.personal_of(i)));
    personal.add(sealed);
  }
  ATTUNE_ASSIGN_OR_RETURN(const Labels labels, label_rows(c, names));
  const std::vector<std::int32_t> marks(c.marks.begin(), c.marks.end());
  const auto has_code = [](std::uint32_t code) { return code != kNoCode; };
  const auto has_amount = [](std::int64_t amount) { return amount != kNoAmount; };
  const auto has_number = [](double number) { return !std::isnan(number); };
  const auto has_offset = [](std::int16_t offset) { return offset != kNoOffset; };
  const auto offset_present = where(c.offset_minutes, has_offset);
  const auto source_present = where(c.source, has_code);
  const auto channel_present = where(c.channel, has_code);
  const auto currency_present = where(c.currency, [](std::uint32_t packed) { return packed != 0; });
  const auto quantity_present = where(c.quantity, has_number);
  const auto rating_present = where(c.rating, has_number);
  const auto price_present = where(c.price_minor, has_amount);
  const auto value_present = where(c.value_minor, has_amount);
  const auto duration_present = where(c.duration_ms, has_amount);
  using Span = store::ColumnSpan;
  const std::array spans{Span::int64(sequence),
                         Span::uint64(c.key_high),
                         Span::uint64(c.key_low),
                         Span::timestamp(std::span<const std::int64_t>(c.time)),
                         Span::int16(c.offset_minutes).with_present(offset_present),
                         Span::uint8(c.type),
                         Span::int64(customer),
                         Span::int64(item),
                         order.text(),
                         session.text(),
                         Span::int16(labels.source).with_present(source_present),
                         Span::int16(labels.channel).with_present(channel_present),
                         Span::int16(labels.currency).with_present(currency_present),
                         Span::float64(c.quantity).with_present(quantity_present),
                         Span::int64(c.price_minor).with_present(price_present),
                         Span::int64(c.value_minor).with_present(value_present),
                         Span::float64(c.rating).with_present(rating_present),
                         Span::int64(c.duration_ms).with_present(duration_present),
                         Span::int32(marks),
                         personal.blob()};
  ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history_->appender("event_rows"));
  ATTUNE_RETURN_IF_ERROR(appender.append(spans));
  return appender.finish();
}

Result<std::string> EventHistory::seal(CustomerNumber customer, std::string_view personal) {
  if (personal.empty()) return std::string();
  return vault_->seal(customer, "event", personal);
}

Result<EventHistory::Labels> EventHistory::label_rows(const EventColumns& c,
                                                      const EventNames& names) {
  ATTUNE_ASSIGN_OR_RETURN(const auto sources, label_codes(LabelKind::source, names.sources));
  ATTUNE_ASSIGN_OR_RETURN(const auto channels, label_codes(LabelKind::channel, names.channels));
  Labels labels;
  std::uint32_t last = 0;
  std::int16_t last_code = 0;
  for (std::size_t i = 0; i < c.rows(); ++i) {
    labels.source.push_back(c.source[i] == kNoCode ? std::int16_t{0} : sources[c.source[i]]);
    labels.channel.push_back(c.channel[i] == kNoCode ? std::int16_t{0} : channels[c.channel[i]]);
    if (c.currency[i] != 0 && c.currency[i] != last) {
      last = c.currency[i];
      ATTUNE_ASSIGN_OR_RETURN(last_code,
                              label(LabelKind::currency, unpack_currency(last).to_string()));
    }
    labels.currency.push_back(last_code);
  }
  return labels;
}

Result<std::int64_t> EventHistory::apply(const StagedImport& import, const Placement& placement,
                                         const AppliedNumbers& numbers, Progress& progress) {
  const Sequence first = placement.first;
  const Sequence last{first.value + import.rows() - 1};
  ATTUNE_ASSIGN_OR_RETURN(
      auto done, history_->find_int64("SELECT done FROM imports WHERE first = $1", {first.value}));
  if (!done) {
    ATTUNE_RETURN_IF_ERROR(history_->run("INSERT INTO imports VALUES($1, $2, 0, 0, false)",
                                         {first.value, last.value}));
    done = 0;
  }
  ATTUNE_ASSIGN_OR_RETURN(const KnownRows known, find_known(import, placement));
  progress.phase("applying", import.rows(), "rows");
  for (std::size_t chunk = 0; chunk < import.chunks(); ++chunk) {
    const std::int64_t begin = import.chunk_begin(chunk);
    if (begin < *done) continue;
    if (progress.cancelled())
      return std::unexpected(
          cancelled("stopped; the import is staged and goes on when the folder is next opened"));
    ATTUNE_ASSIGN_OR_RETURN(const EventColumns columns, import.read_chunk(chunk));
    ATTUNE_RETURN_IF_ERROR(history_->begin());
    Status step = append(columns, import.names(), numbers, first, known, begin);
    if (step) {
      auto told = history_->run("UPDATE imports SET done = $1 WHERE first = $2",
                                {import.chunk_begin(chunk + 1), first.value});
      if (!told) step = std::unexpected(told.error());
    }
    if (step) step = history_->commit();
    if (!step) {
      if (history_->in_transaction()) (void)history_->rollback();
      return std::unexpected(step.error());
    }
    progress.advance(import.chunk_begin(chunk + 1));
  }
  ATTUNE_RETURN_IF_ERROR(history_->begin());
  auto finished = history_->run("UPDATE imports SET finished = true, known = $1 WHERE first = $2",
                                {static_cast<std::int64_t>(known.size()), first.value});
  Status end = finished ? history_->set_cursor(kCursor, last) : std::unexpected(finished.error());
  if (end) end = history_->commit();
  if (!end) {
    if (history_->in_transaction()) (void)history_->rollback();
    return std::unexpected(end.error());
  }
  return static_cast<std::int64_t>(known.size());
}

Result<std::int64_t> EventHistory::apply(const EventBundle& bundle, Sequence first,
                                         const AppliedNumbers& numbers) {
  const auto rows = static_cast<std::int64_t>(bundle.columns.rows());
  ATTUNE_ASSIGN_OR_RETURN(const KnownRows known, find_known(bundle.columns, first));
  ATTUNE_RETURN_IF_ERROR(history_->begin());
  Status step = append(bundle.columns, bundle.names, numbers, first, known, 0);
  if (step) step = history_->set_cursor(kCursor, Sequence{first.value + rows - 1});
  if (step) step = history_->commit();
  if (!step) {
    if (history_->in_transaction()) (void)history_->rollback();
    return std::unexpected(step.error());
  }
  return static_cast<std::int64_t>(known.size());
}

Result<std::int64_t> EventHistory::forget(CustomerNumber customer) {
  return history_->run(
      "UPDATE event_rows SET customer = 0, personal = NULL, session = NULL, order_id = NULL WHERE "
      "customer = $1",
      {customer.value});
}

}  // namespace attune::events
