#include "attune/store/journal.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "journal_file.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCallBytesMax = 64 << 20;
constexpr std::size_t kGroupBytesMax = 16 << 20;
constexpr std::int64_t kEventCountMax = std::int64_t{1} << 48;

// One call of append that waits for its turn or for its group to be written.
struct Request {
  std::string body;
  std::int64_t entries = 0;
  std::int64_t events = 0;
  bool rotate = false;  // begins a new file instead
  bool done = false;
  Result<Sequence> result = Sequence{};
  std::condition_variable changed;
};

Status check_entries(std::span<const JournalEntry> entries, std::int64_t& events) {
  if (entries.empty()) return std::unexpected(invalid_argument("there is nothing to append"));
  std::size_t bytes = 0;
  for (const JournalEntry& entry : entries) {
    if (entry.event_count < 1 || entry.event_count > kEventCountMax) {
      return std::unexpected(invalid_argument(fmt::format(
          "a journal entry stands for 1 event or more, this one for {}", entry.event_count)));
    }
    events += entry.event_count;
    bytes += entry.payload.size() + 14;
  }
  if (bytes > kCallBytesMax || events > kEventCountMax) {
    return std::unexpected(invalid_argument(fmt::format(
        "{} bytes in one append are more than {}; append in parts", bytes, kCallBytesMax)));
  }
  return {};
}

void remove_with_log(const fs::path& path, std::error_code& error) {
  std::error_code ignored;
  fs::remove(path.string() + "-wal", ignored);
  fs::remove(path.string() + "-shm", ignored);
  fs::remove(path, error);
}

}  // namespace

struct Journal::Pin::Access {
  std::atomic<int> count = 0;
};

struct Journal::Impl {
  fs::path folder;
  JournalOptions options;
  SystemClock system_clock;

  // The queue: its front is the leader, which writes for all that wait behind it.
  std::mutex queue_mutex;
  std::deque<Request*> queue;

  // Touched by the leader alone. Dropped after a failed write: what the disk holds is read again.
  std::optional<JournalFile> writer;

  mutable std::mutex files_mutex;  // of files, cursors; never taken before queue_mutex is asked for
  mutable std::condition_variable grew;
  std::vector<JournalFileInfo> files;
  std::map<std::string, Sequence, std::less<>> cursors;

  mutable std::mutex reader_mutex;  // of reader
  mutable std::optional<JournalFile> reader;

  std::shared_ptr<Pin::Access> pins = std::make_shared<Pin::Access>();

  Timestamp now() const {
    return options.clock != nullptr ? options.clock->now() : system_clock.now();
  }

  Status load();
  Status begin_file(Sequence first);
  Status reopen_writer();
  Status rotate_if_due(bool forced);
  Result<Sequence> write(std::span<Request* const> group);
  Result<Sequence> submit(Request& request);
  void finish(std::span<Request* const> group, const Result<Sequence>& first);
  std::optional<JournalFileInfo> file_with(Sequence sequence) const;
  Result<JournalRow> row_with(Sequence sequence) const;
  bool may_remove(const JournalFileInfo& file, int keep_days) const;
};

Status Journal::Impl::load() {
  std::vector<std::pair<Sequence, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const auto first = journal_file_first(entry->path()))
      found.emplace_back(*first, entry->path());
  }
  if (error) {
    errno = error.value();
    return std::unexpected(error_from_errno("list", folder));
  }
  std::ranges::sort(found);
  if (!found.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const bool stillborn,
                            JournalFile::is_stillborn(found.back().second, options.vfs));
    if (stillborn) {
      remove_with_log(found.back().second, error);
      found.pop_back();
    }
  }
  for (const auto& [first, path] : found) {
    ATTUNE_ASSIGN_OR_RETURN(JournalFile file, JournalFile::open(path, options.vfs));
    ATTUNE_ASSIGN_OR_RETURN(const JournalFileInfo info, file.info());
    const Sequence expected = files.empty() ? first : Sequence{files.back().last.value + 1};
    if (info.first != first || first != expected) {
      return std::unexpected(data_corruption(fmt::format(
          "journal file {} should begin at {} and says {}; a file before it is missing or cut "
          "short: restore the data folder from a backup",
          path.string(), expected.value, info.first.value)));
    }
    if (path == found.back().second) ATTUNE_RETURN_IF_ERROR(file.verify());
    files.push_back(info);
    if (path == found.back().second) writer.emplace(std::move(file));
  }
  if (files.empty()) return begin_file(Sequence{1});
  return {};
}

Status Journal::Impl::begin_file(Sequence first) {
  const Timestamp time = now();
  const fs::path path = journal_file_path(folder, first);
  writer.reset();
  std::error_code ignored;
  if (fs::exists(path)) remove_with_log(path, ignored);  // an earlier attempt that failed
  ATTUNE_ASSIGN_OR_RETURN(JournalFile file, JournalFile::create(path, first, time, options.vfs));
  ATTUNE_ASSIGN_OR_RETURN(const JournalFileInfo info, file.info());
  writer.emplace(std::move(file));
  const std::scoped_lock lock(files_mutex);
  files.push_back(info);
  return {};
}

Status Journal::Impl::reopen_writer() {
  if (writer) return {};
  fs::path path;
  {
    const std::scoped_lock lock(files_mutex);
    path = files.back().path;
  }
  ATTUNE_ASSIGN_OR_RETURN(JournalFile file, JournalFile::open(path, options.vfs));
  ATTUNE_ASSIGN_OR_RETURN(const JournalFileInfo info, file.info());
  writer.emplace(std::move(file));
  const std::scoped_lock lock(files_mutex);
  files.back() = info;
  grew.notify_all();
  return {};
}

Status Journal::Impl::rotate_if_due(bool forced) {
  JournalFileInfo newest;
  {
    const std::scoped_lock lock(files_mutex);
    newest = files.back();
  }
  if (newest.last < newest.first) return {};
  const bool due = newest.bytes >= options.rotate_bytes ||
                   now().micros - newest.begun_at.micros >= options.rotate_age_micros;
  if (!due && !forced) return {};
  return begin_file(Sequence{newest.last.value + 1});
}

Result<Sequence> Journal::Impl::write(std::span<Request* const> group) {
  const bool forced = std::ranges::any_of(group, [](const Request* r) { return r->rotate; });
  ATTUNE_RETURN_IF_ERROR(reopen_writer());
  ATTUNE_RETURN_IF_ERROR(rotate_if_due(forced));
  std::int64_t entries = 0;
  std::int64_t events = 0;
  for (const Request* request : group) {
    entries += request->entries;
    events += request->events;
  }
  Sequence first;
  {
    const std::scoped_lock lock(files_mutex);
    first = Sequence{files.back().last.value + 1};
  }
  if (entries == 0) return first;
  std::string joined;
  std::string_view body = group.front()->body;
  if (group.size() > 1) {
    for (const Request* request : group) joined += request->body;
    body = joined;
  }
  const Timestamp time = now();
  if (Status written = writer->write(first, entries, events, time, body); !written) {
    writer.reset();
    return std::unexpected(std::move(written).error());
  }
  const std::scoped_lock lock(files_mutex);
  JournalFileInfo& newest = files.back();
  newest.last = Sequence{first.value + events - 1};
  newest.last_recorded_at = time;
  newest.bytes += static_cast<std::int64_t>(body.size()) + 64;
  grew.notify_all();
  return first;
}

void Journal::Impl::finish(std::span<Request* const> group, const Result<Sequence>& first) {
  Sequence next = first.value_or(Sequence{});
  for (Request* request : group) {
    queue.pop_front();
    if (first) {
      request->result = next;
      next.value += request->events;
    } else {
      request->result = std::unexpected(first.error());
    }
    request->done = true;
    request->changed.notify_one();  // under queue_mutex: the waiter cannot go before
  }
}

Result<Sequence> Journal::Impl::submit(Request& request) {
  std::unique_lock lock(queue_mutex);
  queue.push_back(&request);
  request.changed.wait(lock, [&] { return request.done || queue.front() == &request; });
  if (request.done) return request.result;
  std::vector<Request*> group;
  std::size_t bytes = 0;
  for (Request* waiting : queue) {
    bytes += waiting->body.size();
    if (!group.empty() && bytes > kGroupBytesMax) break;
    group.push_back(waiting);
  }
  lock.unlock();
  const Result<Sequence> first = write(group);
  lock.lock();
  finish(group, first);
  if (!queue.empty()) queue.front()->changed.notify_one();
  return request.result;
}

std::optional<JournalFileInfo> Journal::Impl::file_with(Sequence sequence) const {
  const std::scoped_lock lock(files_mutex);
  for (const JournalFileInfo& file : files) {
    if (file.first <= sequence && sequence <= file.last) return file;
  }
  return std::nullopt;
}

Result<JournalRow> Journal::Impl::row_with(Sequence sequence) const {
  const std::scoped_lock lock(reader_mutex);
  const auto file = file_with(sequence);
  if (!file) {
    return std::unexpected(out_of_range(
        fmt::format("the journal in {} holds no entry {} any more; rebuild from the history",
                    folder.string(), sequence.value)));
  }
  if (!reader || reader->path() != file->path) {
    reader.reset();
    ATTUNE_ASSIGN_OR_RETURN(JournalFile opened, JournalFile::open(file->path, options.vfs));
    reader.emplace(std::move(opened));
  }
  return reader->row_with(sequence);
}

bool Journal::Impl::may_remove(const JournalFileInfo& file, int keep_days) const {
  if (now().micros - file.last_recorded_at.micros <= keep_days * kMicrosPerDay) return false;
  return !cursors.empty() && std::ranges::all_of(cursors, [&](const auto& cursor) {
    return cursor.second >= file.last;
  });
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;
Journal::~Journal() = default;

Result<Journal> Journal::open(const fs::path& folder, const JournalOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->options = options;
  ATTUNE_RETURN_IF_ERROR(impl->load());
  return Journal(std::move(impl));
}

Result<Sequence> Journal::append(std::span<const JournalEntry> entries) {
  Request request;
  ATTUNE_RETURN_IF_ERROR(check_entries(entries, request.events));
  request.entries = static_cast<std::int64_t>(entries.size());
  for (const JournalEntry& entry : entries) encode_entry(entry, request.body);
  return impl_->submit(request);
}

Sequence Journal::last_sequence() const {
  const std::scoped_lock lock(impl_->files_mutex);
  return impl_->files.back().last;
}

Sequence Journal::first_sequence() const {
  const std::scoped_lock lock(impl_->files_mutex);
  return impl_->files.front().first;
}

Status Journal::covers(std::string_view store, Sequence cursor) const {
  const Sequence last = last_sequence();
  if (cursor <= last) return {};
  return std::unexpected(data_corruption(
      fmt::format("{} has applied event {}, the journal in {} ends at {}: the disk lost what was "
                  "written; restore the data folder from a backup",
                  store, cursor.value, impl_->folder.string(), last.value)));
}

Result<Sequence> Journal::read(Sequence from, std::int64_t limit, const Visitor& visit) const {
  Sequence next{std::max<std::int64_t>(from.value, 1)};
  const Sequence last = last_sequence();
  std::int64_t visited = 0;
  while (visited < limit && next <= last) {
    ATTUNE_ASSIGN_OR_RETURN(const JournalRow row, impl_->row_with(next));
    ATTUNE_RETURN_IF_ERROR(
        decode_row(row, impl_->folder, [&](const JournalRecord& record) -> Status {
          if (record.last() < next || visited >= limit) return {};
          ++visited;
          ATTUNE_RETURN_IF_ERROR(visit(record));
          next = Sequence{record.last().value + 1};
          return {};
        }));
    if (visited < limit) next = Sequence{row.first.value + row.events};
  }
  return next;
}

bool Journal::wait_past(Sequence after, std::chrono::milliseconds time) const {
  std::unique_lock lock(impl_->files_mutex);
  return impl_->grew.wait_for(lock, time, [&] { return impl_->files.back().last > after; });
}

void Journal::set_cursor(std::string_view name, Sequence sequence) {
  const std::scoped_lock lock(impl_->files_mutex);
  impl_->cursors.insert_or_assign(std::string(name), sequence);
}

void Journal::forget_cursor(std::string_view name) {
  const std::scoped_lock lock(impl_->files_mutex);
  if (const auto found = impl_->cursors.find(name); found != impl_->cursors.end()) {
    impl_->cursors.erase(found);
  }
}

Result<int> Journal::remove_expired(int keep_days) {
  {
    std::unique_lock lock(impl_->files_mutex);
    const JournalFileInfo newest = impl_->files.back();
    const bool rotate = newest.last >= newest.first && impl_->may_remove(newest, keep_days);
    lock.unlock();
    if (rotate && !pinned()) {
      Request request;
      request.rotate = true;
      ATTUNE_RETURN_IF_ERROR(impl_->submit(request));
    }
  }
  int removed = 0;
  const std::scoped_lock reading(impl_->reader_mutex);
  const std::scoped_lock lock(impl_->files_mutex);
  while (impl_->files.size() > 1 && !pinned() &&
         impl_->may_remove(impl_->files.front(), keep_days)) {
    impl_->reader.reset();
    std::error_code error;
    remove_with_log(impl_->files.front().path, error);
    if (error) {
      errno = error.value();
      return std::unexpected(error_from_errno("delete", impl_->files.front().path));
    }
    impl_->files.erase(impl_->files.begin());
    ++removed;
  }
  if (removed > 0) ATTUNE_RETURN_IF_ERROR(sync_path(impl_->folder));
  return removed;
}

Journal::Pin Journal::pin() {
  // Under files_mutex: not between remove_expired's look and its deed.
  const std::scoped_lock lock(impl_->files_mutex);
  ++impl_->pins->count;
  return Pin(impl_->pins);
}

Journal::Pin::~Pin() {
  if (journal_) --journal_->count;
}

bool Journal::pinned() const { return impl_->pins->count > 0; }

std::vector<JournalFileInfo> Journal::files() const {
  const std::scoped_lock lock(impl_->files_mutex);
  return impl_->files;
}

Status Journal::copy_to(const fs::path& folder) const {
  for (const JournalFileInfo& info : files()) {
    ATTUNE_ASSIGN_OR_RETURN(JournalFile file, JournalFile::open(info.path, impl_->options.vfs));
    ATTUNE_RETURN_IF_ERROR(file.copy_to(folder / info.path.filename()));
  }
  return sync_path(folder);
}

}  // namespace attune::store
