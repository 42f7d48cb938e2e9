// Every accepted event, in order, on disk before anybody is told so. Answers: what happened, in
// which order, since when?
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"

namespace attune::store {

// What is appended: opaque bytes that stand for `event_count` events and take as many sequence
// numbers.
struct JournalEntry {
  std::uint16_t kind = 0;  // the caller's tag
  std::string_view payload;
  std::int64_t event_count = 1;  // >= 1
};

// What is read. `payload` holds until the visitor returns.
struct JournalRecord {
  Sequence first;  // the entry holds first .. first + event_count - 1
  std::int64_t event_count = 1;
  std::uint16_t kind = 0;
  Timestamp recorded_at;
  std::string_view payload;

  Sequence last() const { return Sequence{first.value + event_count - 1}; }
};

struct JournalOptions {
  std::int64_t rotate_bytes =
      256 << 20;  // a file that has grown to this is closed and a new one begun
  std::int64_t rotate_age_micros = kMicrosPerDay;  // so is one that is older than this
  const Clock* clock = nullptr;  // null: the system's; lives longer than the Journal
  std::string vfs{};             // name of a registered SQLite VFS; empty: the system's
};

struct JournalFileInfo {
  std::filesystem::path path;
  Sequence first;  // first number that the file may hold
  Sequence last;   // last number that it holds; first - 1 where it is empty
  Timestamp begun_at;
  Timestamp last_recorded_at;
  std::int64_t bytes = 0;
};

// The journal of one data folder: SQLite files in one folder, of which the newest is written.
//
// Invariants: (1) when append returns a number, the entries are on disk, whatever happens next; (2)
// numbers are given without gaps and never twice for acknowledged entries; (3) the entries of one
// call are consecutive; (4) read never shows what is not on disk; (5) every row carries a checksum
// over its number, counts, time and bytes: a row that fails it, or a gap between rows, is
// data_corruption. An append that failed may still turn up after a crash (its bytes may have
// reached the disk); whoever repeats it has to be able to tell the repeat by its content, as the
// events' keys do.
// Threads: every member from any thread. Calls of append that wait at the same time are written
// together, one row and one sync for all.
class Journal {
 public:
  // Opens the journal, or begins one in an empty folder. Checks the newest file whole and the
  // others' seams.
  // Errors: data_corruption naming the file; failed_precondition (a newer format);
  // resource_exhausted; permission_denied.
  static Result<Journal> open(const std::filesystem::path& folder,
                              const JournalOptions& options = {});

  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;
  ~Journal();  // waits for appends under way

  // Returns the number of the first entry's first event once all entries are on disk.
  // Errors: invalid_argument (no entries, event_count < 1, more than 64 MiB in one call);
  // resource_exhausted (disk full; nothing of the call is acknowledged, and a later call may
  // succeed).
  Result<Sequence> append(std::span<const JournalEntry> entries);
  Result<Sequence> append(const JournalEntry& entry) { return append(std::span(&entry, 1)); }

  // The last number that is on disk; 0 for an empty journal. first_sequence: the oldest still held,
  // or last + 1.
  Sequence last_sequence() const;
  Sequence first_sequence() const;

  // Errors: data_corruption where the journal ends before `cursor`: a store holds what the journal
  // has lost.
  Status covers(std::string_view store, Sequence cursor) const;

  // Visits the entries that hold `from` or later numbers, in order, the first of them whole even
  // where it begins before `from`; stops after the entry that brings the count of visited entries
  // to `limit`, at the end of the journal, or at an error of `visit`, which is returned. Returns
  // the number to go on from. Errors: out_of_range where `from` lies in a file that was deleted;
  // data_corruption.
  using Visitor = std::function<Status(const JournalRecord&)>;
  Result<Sequence> read(Sequence from, std::int64_t limit, const Visitor& visit) const;

  // Waits until last_sequence() > `after`. False when the time is up first.
  bool wait_past(Sequence after, std::chrono::milliseconds time) const;

  // Tells how far a store has come, by name. Names that have been told once hold files back until
  // they are forgotten.
  void set_cursor(std::string_view name, Sequence sequence);
  void forget_cursor(std::string_view name);

  // Deletes whole files whose newest entry was recorded more than `keep_days` ago and which every
  // cursor has passed. Deletes nothing while no cursor is known or a pin is held, and never the
  // newest file. Returns how many files went.
  Result<int> remove_expired(int keep_days);

  // While a Pin lives, no file is deleted: for backups. Staged imports that a pinned journal names
  // have to stay too.
  class Pin {
   public:
    Pin(Pin&& other) noexcept : journal_(std::exchange(other.journal_, nullptr)) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin();

   private:
    friend class Journal;
    struct Access;
    explicit Pin(std::shared_ptr<Access> journal) : journal_(std::move(journal)) {}
    std::shared_ptr<Access> journal_;
  };
  Pin pin();
  bool pinned() const;

  std::vector<JournalFileInfo> files() const;

  // Writes a copy of every file into an existing empty folder, as of one moment between two
  // appends.
  Status copy_to(const std::filesystem::path& folder) const;

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::store
