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
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/events/event.h"
#include "attune/events/event_columns.h"
#include "attune/events/key_set.h"

namespace attune::events {

inline constexpr std::size_t kStagedRows = 122'880;  // a row group of the history

// What rows say about items and customers, beside what happened. Rows are indices within the
// import, from 0.
struct StagedFacts {
  // An anonymous id and a customer id that one row names together; first mention of each pair, in
  // row order.
  struct Link {
    std::int64_t row;
    std::uint32_t anonymous;
    std::uint32_t customer;
  };
  // `customer` and `anonymous` of an alias event: the two customer ids are one person.
  struct Alias {
    std::int64_t row;
    std::uint32_t from;  // code of names.anonymous
    std::uint32_t to;    // code of names.customers
  };
  // An ordinary event told `value` for `field` of the item this many times.
  struct Observed {
    std::uint32_t item;
    std::uint32_t field;  // code of `fields`
    std::uint32_t value;  // code of `values`
    std::int64_t count;
  };
  // An item_changed event, or any trait of somebody.
  struct Stated {
    std::int64_t row;
    std::uint32_t subject;  // code of names.items, names.customers or names.anonymous
    std::uint32_t field;
    std::uint32_t value;
    std::int64_t time;
  };
  // A consent_given or consent_withdrawn event.
  struct Consent {
    std::int64_t row;
    std::uint32_t customer;   // kNoCode where the row names none
    std::uint32_t anonymous;  // likewise; one of the two is there
    std::uint32_t value;  // the event's properties, which name the purposes; kNoCode: it has none
    std::int64_t time;
    std::uint8_t given;
  };
  // An event by which somebody wants no more messages, or an address takes none: unsubscribe,
  // message_complained, message_bounced.
  struct Objection {
    std::int64_t row;
    std::uint32_t customer;   // kNoCode where the row names none
    std::uint32_t anonymous;  // likewise; one of the two is there
    std::uint32_t channel;    // code of `values`; kNoCode: not told
    std::uint32_t value;      // the event's properties; kNoCode: it has none
    std::int64_t time;
    std::uint8_t type;  // EventType
  };
  Dictionary fields;
  Dictionary values;
  std::vector<std::int64_t> first_customer, first_anonymous,
      first_item;  // row of the first mention, by code
  std::vector<Link> links;
  std::vector<Alias> aliases;
  std::vector<Observed> observed;
  std::vector<Stated> item_facts;
  std::vector<Stated> traits;
  std::vector<Consent> consents;
  std::vector<Objection> objections;
  std::vector<Stated> anonymous_traits;  // of rows that name no customer

  // Objections and traits of anonymous ids are written where there are any, at the end: version()
  // tells how far, so that what holds none is read by programs that know nothing of them.
  std::string serialise() const;
  std::uint32_t version() const {
    return !anonymous_traits.empty() ? 3 : !objections.empty() ? 2 : 1;
  }
  static constexpr std::uint32_t kVersion = 3;  // the newest
  static Result<StagedFacts> parse(std::string_view bytes, const EventNames& names);
};

// What became of a row that was offered.
enum class Staged : std::uint8_t {
  kept,
  exact_duplicate,    // the same content as an earlier row of this file
  repeated_event_id,  // the same source and event id as an earlier row of this file
  already_known,      // an earlier import, or an earlier file of this one, brought it
};

// Collects rows. A row is known by its event id, else by its content and how many equal rows came
// before it in this file. Files of one import become what they would be if each were imported after
// the other. Equal content is told by 64 bits of fingerprint within one file: see
// OccurrenceCounter. Threads: one thread at a time; writes on another of its own. Memory: two
// chunks, the dictionaries, 9 to 18 bytes a row of this file, and 23 to 46 bytes a row of all files
// but the last.
class StagedImportWriter {
 public:
  struct Options {
    bool keep_repeats = false;  // take equal rows as real: the n-th is known by its content and n
    const KeySet* known = nullptr;  // rows with these keys are left out; outlives the writer
    std::size_t files = 1;  // how many will begin; rows of further ones are not told from theirs
  };
  // `folder` must not exist. Errors: those of files.
  static Result<StagedImportWriter> create(std::filesystem::path folder, const Options& options);
  StagedImportWriter(StagedImportWriter&&) noexcept;
  StagedImportWriter& operator=(StagedImportWriter&&) noexcept;
  ~StagedImportWriter();  // removes the folder unless finish() succeeded

  // A new file begins: occurrence numbers start again, and so do event ids.
  void begin_file();
  // Errors: resource_exhausted (disk full).
  Result<Staged> add(const Event& event);
  // With its content_hash, which another thread may have worked out.
  Result<Staged> add(const Event& event, const Hash128& content);
  std::int64_t rows() const;

  // Writes what is left and syncs everything.
  Status finish();

  const EventNames& names() const;

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
