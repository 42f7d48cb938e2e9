// One file of the journal: rows of entries that were written together, each under a checksum.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/store/journal.h"
#include "attune/store/state.h"

namespace attune::store {

// "00000000000000000001.sqlite" under `folder`; and back: absent for other names.
std::filesystem::path journal_file_path(const std::filesystem::path& folder, Sequence first);
std::optional<Sequence> journal_file_first(const std::filesystem::path& path);

// Entries as the body of a row: for each kind (2 bytes), event count (8), length (4), bytes; little
// endian.
void encode_entry(const JournalEntry& entry, std::string& body);

// One row as it was read, its checksum verified.
struct JournalRow {
  Sequence first;
  std::int64_t events = 0;
  Timestamp recorded_at;
  std::string body;
};

// Calls `visit` with the row's entries in order. Errors: data_corruption where the body does not
// add up.
Status decode_row(const JournalRow& row, const std::filesystem::path& path,
                  const Journal::Visitor& visit);

// A connection to one file. Threads: one thread at a time.
class JournalFile {
 public:
  // Makes the file whole or leaves an empty one, which `open` tells apart.
  static Result<JournalFile> create(const std::filesystem::path& path, Sequence first,
                                    Timestamp now, const std::string& vfs);
  // Errors: data_corruption; failed_precondition (newer format).
  static Result<JournalFile> open(const std::filesystem::path& path, const std::string& vfs);

  // True where a crash came between making the file and its first commit: nothing was ever
  // acknowledged in it.
  static Result<bool> is_stillborn(const std::filesystem::path& path, const std::string& vfs);

  // first, begun_at, and by its newest row last and last_recorded_at.
  Result<JournalFileInfo> info();

  // Reads every row: checksums and no gaps. Errors: data_corruption.
  Status verify();

  // Writes a row; on disk when it returns.
  Status write(Sequence first, std::int64_t entries, std::int64_t events, Timestamp now,
               std::string_view body);

  // The row that holds `sequence`. Errors: data_corruption where there is none, or it is damaged.
  Result<JournalRow> row_with(Sequence sequence);

  Status copy_to(const std::filesystem::path& path) { return state_.copy_to(path); }
  const std::filesystem::path& path() const { return state_.path(); }

 private:
  explicit JournalFile(State state) : state_(std::move(state)) {}
  Result<JournalRow> checked_row(const Statement& statement);

  State state_;
};

}  // namespace attune::store
