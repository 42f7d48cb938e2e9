#include "journal_file.h"

#include <bit>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "attune/base/hash.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;
static_assert(std::endian::native == std::endian::little, "rows are little endian");

constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kCacheBytes = 2 << 20;  // rows are written once and read in order
constexpr std::string_view kSuffix = ".sqlite";
constexpr std::size_t kDigits = 20;
constexpr std::size_t kEntryHeader = 2 + 8 + 4;
constexpr std::string_view kCreate =
    "CREATE TABLE journal_file (format INTEGER NOT NULL, first INTEGER NOT NULL,"
    " begun_at INTEGER NOT NULL);"
    "CREATE TABLE batches (first INTEGER PRIMARY KEY, entries INTEGER NOT NULL,"
    " events INTEGER NOT NULL, recorded_at INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " body BLOB NOT NULL);";
constexpr std::string_view kColumns = "first, entries, events, recorded_at, checksum, body";

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T take(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

std::int64_t checksum_of(Sequence first, std::int64_t entries, std::int64_t events, Timestamp time,
                         std::string_view body) {
  std::uint64_t seed =
      combine(static_cast<std::uint64_t>(first.value), static_cast<std::uint64_t>(entries));
  seed = combine(seed, static_cast<std::uint64_t>(events));
  seed = combine(seed, static_cast<std::uint64_t>(time.micros));
  return static_cast<std::int64_t>(hash64(body, seed));
}

Error damaged(const fs::path& path, std::string_view what) {
  return data_corruption(fmt::format("journal file {}: {}; restore the data folder from a backup",
                                     path.string(), what));
}

}  // namespace

fs::path journal_file_path(const fs::path& folder, Sequence first) {
  return folder / fmt::format("{:0{}}{}", first.value, kDigits, kSuffix);
}

std::optional<Sequence> journal_file_first(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  Sequence first;
  const char* end = name.data() + kDigits;
  const auto [stopped, error] = std::from_chars(name.data(), end, first.value);
  if (error != std::errc{} || stopped != end || first.value < 1) return std::nullopt;
  return first;
}

void encode_entry(const JournalEntry& entry, std::string& body) {
  put(body, entry.kind);
  put(body, entry.event_count);
  put(body, static_cast<std::uint32_t>(entry.payload.size()));
  body.append(entry.payload);
}

Status decode_row(const JournalRow& row, const fs::path& path, const Journal::Visitor& visit) {
  std::string_view rest = row.body;
  Sequence next = row.first;
  while (!rest.empty()) {
    if (rest.size() < kEntryHeader) return std::unexpected(damaged(path, "an entry is cut short"));
    JournalRecord record;
    record.first = next;
    record.recorded_at = row.recorded_at;
    record.kind = take<std::uint16_t>(rest);
    record.event_count = take<std::int64_t>(rest);
    const auto length = take<std::uint32_t>(rest);
    if (length > rest.size() || record.event_count < 1 ||
        record.last().value >= row.first.value + row.events) {
      return std::unexpected(damaged(path, "an entry does not fit its row"));
    }
    record.payload = rest.substr(0, length);
    rest.remove_prefix(length);
    next.value += record.event_count;
    ATTUNE_RETURN_IF_ERROR(visit(record));
  }
  return {};
}

Result<JournalFile> JournalFile::create(const fs::path& path, Sequence first, Timestamp now,
                                        const std::string& vfs) {
  ATTUNE_ASSIGN_OR_RETURN(State state, State::open(path, {.synchronous = Synchronous::full,
                                                          .cache_bytes = kCacheBytes,
                                                          .vfs = vfs}));
  {
    ATTUNE_ASSIGN_OR_RETURN(Transaction transaction, state.begin());
    ATTUNE_RETURN_IF_ERROR(state.execute(kCreate));
    ATTUNE_RETURN_IF_ERROR(
        state.run("INSERT INTO journal_file VALUES (?, ?, ?)", kFormat, first, now));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
  }
  return JournalFile(std::move(state));
}

Result<JournalFile> JournalFile::open(const fs::path& path, const std::string& vfs) {
  ATTUNE_ASSIGN_OR_RETURN(State state, State::open(path, {.synchronous = Synchronous::full,
                                                          .create = false,
                                                          .cache_bytes = kCacheBytes,
                                                          .vfs = vfs}));
  ATTUNE_ASSIGN_OR_RETURN(
      const auto table, state.find_int64("SELECT 1 FROM sqlite_schema WHERE name='journal_file'"));
  if (!table) return std::unexpected(damaged(path, "it is empty"));
  ATTUNE_ASSIGN_OR_RETURN(const auto format, state.find_int64("SELECT format FROM journal_file"));
  if (!format) return std::unexpected(damaged(path, "it says nothing of its format"));
  if (*format > kFormat) {
    return std::unexpected(failed_precondition(
        fmt::format("journal file {} has format {}, this program knows up to {}; use a newer "
                    "Attune",
                    path.string(), *format, kFormat)));
  }
  return JournalFile(std::move(state));
}

Result<bool> JournalFile::is_stillborn(const fs::path& path, const std::string& vfs) {
  ATTUNE_ASSIGN_OR_RETURN(State state, State::open(path, {.create = false, .vfs = vfs}));
  ATTUNE_ASSIGN_OR_RETURN(const auto tables,
                          state.find_int64("SELECT count(*) FROM sqlite_schema"));
  return tables.value_or(0) == 0;
}

Result<JournalFileInfo> JournalFile::info() {
  JournalFileInfo info;
  info.path = path();
  ATTUNE_ASSIGN_OR_RETURN(Statement head,
                          state_.prepare("SELECT first, begun_at FROM journal_file"));
  ATTUNE_ASSIGN_OR_RETURN(const bool has_head, head.step());
  if (!has_head) return std::unexpected(damaged(path(), "it says nothing of its beginning"));
  info.first = Sequence{head.int64(0)};
  info.begun_at = head.time(1);
  info.last_recorded_at = info.begun_at;
  info.last = Sequence{info.first.value - 1};
  ATTUNE_ASSIGN_OR_RETURN(
      Statement newest,
      state_.prepare("SELECT first, events, recorded_at FROM batches ORDER BY first DESC LIMIT 1"));
  ATTUNE_ASSIGN_OR_RETURN(const bool has_rows, newest.step());
  if (has_rows) {
    info.last = Sequence{newest.int64(0) + newest.int64(1) - 1};
    info.last_recorded_at = newest.time(2);
  }
  std::error_code ignored;
  const auto bytes = fs::file_size(path(), ignored);
  info.bytes = ignored ? 0 : static_cast<std::int64_t>(bytes);
  return info;
}

Result<JournalRow> JournalFile::checked_row(const Statement& statement) {
  JournalRow row;
  row.first = Sequence{statement.int64(0)};
  row.events = statement.int64(2);
  row.recorded_at = statement.time(3);
  row.body = statement.blob(5);
  if (checksum_of(row.first, statement.int64(1), row.events, row.recorded_at, row.body) !=
      statement.int64(4)) {
    return std::unexpected(
        damaged(path(), fmt::format("the row at {} fails its checksum", row.first.value)));
  }
  return row;
}

Status JournalFile::verify() {
  ATTUNE_ASSIGN_OR_RETURN(const JournalFileInfo facts, info());
  ATTUNE_ASSIGN_OR_RETURN(Statement rows, state_.prepare(fmt::format(
                                              "SELECT {} FROM batches ORDER BY first", kColumns)));
  Sequence next = facts.first;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    ATTUNE_ASSIGN_OR_RETURN(const JournalRow row, checked_row(rows));
    if (row.first != next) {
      return std::unexpected(damaged(
          path(), fmt::format("rows {} to {} are missing", next.value, row.first.value - 1)));
    }
    next.value += row.events;
  }
}

Status JournalFile::write(Sequence first, std::int64_t entries, std::int64_t events, Timestamp now,
                          std::string_view body) {
  return state_.run("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)", first, entries, events, now,
                    checksum_of(first, entries, events, now, body), Blob{body});
}

Result<JournalRow> JournalFile::row_with(Sequence sequence) {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement statement,
      state_.prepare("SELECT first, entries, events, recorded_at, checksum, body FROM batches"
                     " WHERE first <= ? ORDER BY first DESC LIMIT 1"));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, statement.bind_all(sequence).step());
  if (found) {
    ATTUNE_ASSIGN_OR_RETURN(JournalRow row, checked_row(statement));
    if (sequence.value < row.first.value + row.events) return row;
  }
  return std::unexpected(damaged(path(), fmt::format("row {} is missing", sequence.value)));
}

}  // namespace attune::store
