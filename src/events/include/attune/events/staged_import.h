// A bulk import on disk, read and checked, before the journal names it. Answers: what exactly will
// be applied, and is it all there?
//
// Folder: entities.bin (dictionaries, who was named with whom, what was said of items and
// customers) and rows-NNNNN.bin (event columns, at most kStagedRows each), every one a checked
// file. Nothing of it counts before the journal names the import; a folder without a journal entry
// is a leftover and is removed when the data folder is next opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/events/event.h"
#include "attune/events/event_bundle.h"
#include "attune/events/event_columns.h"
#include "attune/events/key_set.h"

namespace attune::events {

inline constexpr std::size_t kStagedRows = 122'880;  // a row group of the history

// What became of a row that was offered.
enum class Staged : std::uint8_t {
  kept,
  exact_duplicate,    // the same content as an earlier row of this file
  repeated_event_id,  // the same source and event id as an earlier row of this file
  already_known,      // an earlier import, or an earlier file of this one, brought it
  forgotten,          // of somebody whom the shop has forgotten
};

// Collects rows. A row is known by its event id, else by its content and how many equal rows came
// before it in this file. Files of one import become what they would be if each were imported after
// the other. Equal content is told by 64 bits of fingerprint within one file: see
// OccurrenceCounter. Threads: sort_out() may run beside add(), each one at a time; what lies
// between them (bundle_rows) on any; writes on a thread of its own. Memory: two chunks, the
// dictionaries, 11 to 15 bytes a row of this file, and 23 to 46 bytes a row of all files but the
// last; nothing of it is held once finish() has succeeded.
class StagedImportWriter {
 public:
  struct Options {
    bool keep_repeats = false;  // take equal rows as real: the n-th is known by its content and n
    const KeySet* known = nullptr;  // rows with these keys are left out; outlives the writer
    std::size_t files = 1;  // how many will begin; rows of further ones are not told from theirs
    std::function<bool(const Event&)> forgets;  // whether an event is of somebody forgotten
  };
  // `folder` must not exist. Errors: those of files.
  static Result<StagedImportWriter> create(std::filesystem::path folder, const Options& options);
  StagedImportWriter(StagedImportWriter&&) noexcept;
  StagedImportWriter& operator=(StagedImportWriter&&) noexcept;
  ~StagedImportWriter();  // removes the folder unless finish() succeeded

  // A new file begins: occurrence numbers start again, and so do event ids.
  void begin_file();
  // About so many rows will come of this file; from time to time, as it is known better. It decides
  // nothing but how memory is taken.
  void expect_rows(std::int64_t rows);
  // What becomes of rows, in the order of the file. `prints`: the fingerprint of each.
  struct Sorted {
    std::vector<KeyedRow> kept;
    std::vector<std::pair<std::uint32_t, Staged>> left_out;  // index of the row, and why
  };
  Sorted sort_out(std::span<const Event> events, std::span<const Hash128> prints);
  // Rows that were sorted out as kept, in the order of sort_out(). Errors: resource_exhausted (disk
  // full).
  Status add(const EventBundle& bundle);
  // The whole way of one row. Not beside another call.
  Result<Staged> add(const Event& event);
  std::int64_t rows() const;

  // Writes what is left and syncs everything.
  Status finish();

 private:
  struct Impl;
  explicit StagedImportWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The whole of an import, opened for applying.
class StagedImport {
 public:
  // Errors: not_found; data_corruption naming the file.
  static Result<StagedImport> open(std::filesystem::path folder);

  std::int64_t rows() const { return rows_; }
  std::size_t chunks() const { return chunk_begins_.size() - 1; }
  // First row of chunk i; chunk_begin(chunks()) == rows().
  std::int64_t chunk_begin(std::size_t i) const { return chunk_begins_[i]; }
  Result<EventColumns> read_chunk(std::size_t i) const;
  const EventNames& names() const { return names_; }
  const StagedFacts& facts() const { return facts_; }

 private:
  std::filesystem::path folder_;
  std::int64_t rows_ = 0;
  std::vector<std::int64_t> chunk_begins_;
  EventNames names_;
  StagedFacts facts_;
};

}  // namespace attune::events
