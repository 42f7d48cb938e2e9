#include "attune/events/staged_import.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "attune/base/bytes.h"
#include "attune/base/files.h"
#include "attune/base/hash.h"
#include "attune/base/passing_files.h"
#include "attune/events/key_set.h"
#include "attune/events/row_key.h"
#include "fact_collector.h"

namespace attune::events {
namespace {

constexpr std::string_view kRowsMagic = "ATTUNE-ROWS";
constexpr std::string_view kEntitiesMagic = "ATTUNE-ENTITIES";
constexpr std::uint32_t kVersion = 1;     // of rows; entities have that of their facts
constexpr std::size_t kCached = 1 << 14;  // as many keys lie in the caches anyway
constexpr std::size_t kPersonalBytes = std::size_t{64} << 20;

std::filesystem::path rows_file(const std::filesystem::path& folder, std::size_t chunk) {
  return folder / fmt::format("rows-{:05}.bin", chunk);
}

}  // namespace

struct StagedImportWriter::Impl {
  std::filesystem::path folder;
  Options options;
  bool finished = false;

  // What sort_out() uses, and add() does not.
  OccurrenceCounter contents;  // of this file
  OccurrenceCounter ids;       // of this file
  KeySet before;               // what the files but the last brought
  std::size_t files = 0;       // that have begun

  // What add() uses, and sort_out() does not.
  EventNames names;
  EventColumns columns;
  EventColumns written;         // the chunk before, on its way to the disk
  std::future<Status> writing;  // of `written`
  FactCollector facts;
  std::int64_t rows = 0;
  std::vector<std::int64_t> chunk_begins{0};

  bool is_known(const Hash128& key) const {
    return (options.known != nullptr && options.known->contains(key)) || before.contains(key);
  }

  // For a row that is sorted out soon. Most rows come for the first time: their keys can be told.
  void prefetch(const Event& event, const Hash128& print) const {
    (event.event_id.empty() ? contents : ids).prefetch(print.low);
    const bool any_known = options.known != nullptr && options.known->size() > kCached;
    if (!any_known && before.size() == 0) return;
    const Hash128 key = key_of(event, print, 0);
    if (any_known) options.known->prefetch(key);
    before.prefetch(key);
  }

  // Gives the row its key and marks where it is kept.
  Staged sort_out(const Event& event, const Hash128& print, KeyedRow& row) {
    if (options.forgets && options.forgets(event)) return Staged::forgotten;
    std::uint32_t occurrence = 0;
    if (event.event_id.empty()) {
      occurrence = contents.note(print.low);
      if (occurrence > 0) {
        if (!options.keep_repeats) return Staged::exact_duplicate;
        row.marks |= bit(Mark::exact_duplicate);
      }
    } else if (ids.note(print.low) > 0) {
      return Staged::repeated_event_id;
    }
    row.key = key_of(event, print, occurrence);
    if (is_known(row.key)) return Staged::already_known;
    if (files < options.files) before.insert(row.key);
    return Staged::kept;
  }

  Status flush_full() {
    const bool full = columns.rows() == kStagedRows || columns.personal.size() > kPersonalBytes;
    return full ? flush() : Status{};
  }

  // What is on disk needs no memory: applying it does.
  void let_go() {
    contents.clear();
    ids.clear();
    before = {};
    names = {};
    facts = {};
    columns = {};
    written = {};
  }

  Status wait() { return writing.valid() ? writing.get() : Status{}; }

  // Hands the chunk to a thread that writes and syncs it while the next one is gathered.
  Status flush() {
    if (columns.rows() == 0) return {};
    ATTUNE_RETURN_IF_ERROR(wait());
    std::swap(columns, written);
    columns.clear();
    writing = std::async(
        std::launch::async, [this, file = rows_file(folder, chunk_begins.size() - 1)]() -> Status {
          return write_passing_file(file, kRowsMagic, kVersion, written.serialise());
        });
    chunk_begins.push_back(rows);
    return {};
  }
};

StagedImportWriter::StagedImportWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StagedImportWriter::StagedImportWriter(StagedImportWriter&&) noexcept = default;
StagedImportWriter& StagedImportWriter::operator=(StagedImportWriter&&) noexcept = default;
StagedImportWriter::~StagedImportWriter() {
  if (impl_ != nullptr && !impl_->finished) {
    (void)impl_->wait();
    std::error_code ignored;
    std::filesystem::remove_all(impl_->folder, ignored);
  }
}

Result<StagedImportWriter> StagedImportWriter::create(std::filesystem::path folder,
                                                      const Options& options) {
  std::error_code failure;
  if (std::filesystem::exists(folder, failure)) {
    return std::unexpected(already_exists(fmt::format("{} is there already", folder.string())));
  }
  if (!std::filesystem::create_directories(folder, failure) || failure) {
    return std::unexpected(error_from_errno("create", folder));
  }
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failure);
  auto impl = std::make_unique<Impl>();
  impl->folder = std::move(folder);
  impl->options = options;
  return StagedImportWriter(std::move(impl));
}

void StagedImportWriter::begin_file() {
  impl_->contents.clear();
  impl_->ids.clear();
  ++impl_->files;
}

void StagedImportWriter::expect_rows(std::int64_t rows) {
  impl_->contents.expect(static_cast<std::size_t>(rows));
  impl_->ids.expect(static_cast<std::size_t>(rows));
}

StagedImportWriter::Sorted StagedImportWriter::sort_out(std::span<const Event> events,
                                                        std::span<const Hash128> prints) {
  constexpr std::size_t kAhead = 16;  // what is known of large files lies outside the caches
  Sorted sorted;
  sorted.kept.reserve(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i + kAhead < events.size()) impl_->prefetch(events[i + kAhead], prints[i + kAhead]);
    KeyedRow row{static_cast<std::uint32_t>(i), events[i].marks, {}};
    const Staged outcome = impl_->sort_out(events[i], prints[i], row);
    if (outcome == Staged::kept) {
      sorted.kept.push_back(row);
    } else {
      sorted.left_out.emplace_back(row.index, outcome);
    }
  }
  return sorted;
}

Status StagedImportWriter::add(const EventBundle& bundle) {
  Impl& self = *impl_;
  const NameMap names = take_in(bundle.names, self.names);
  self.facts.add(bundle.facts, self.rows, names);
  const std::size_t rows = bundle.columns.rows();
  for (std::size_t begin = 0; begin < rows;) {
    const std::size_t end = std::min(rows, begin + kStagedRows - self.columns.rows());
    self.columns.append(bundle.columns, begin, end, names);
    self.rows += static_cast<std::int64_t>(end - begin);
    ATTUNE_RETURN_IF_ERROR(self.flush_full());
    begin = end;
  }
  return {};
}

Result<Staged> StagedImportWriter::add(const Event& event) {
  Impl& self = *impl_;
  KeyedRow row{0, event.marks, {}};
  const Staged outcome = self.sort_out(event, fingerprint(event), row);
  if (outcome != Staged::kept) return outcome;
  const NameCodes codes = number_names(event, self.names);
  self.facts.add(event, self.rows, codes);
  self.columns.add(event, row.marks, row.key, codes);
  ++self.rows;
  ATTUNE_RETURN_IF_ERROR(self.flush_full());
  return Staged::kept;
}

std::int64_t StagedImportWriter::rows() const { return impl_->rows; }

Status StagedImportWriter::finish() {
  Impl& self = *impl_;
  ATTUNE_RETURN_IF_ERROR(self.flush());
  ATTUNE_RETURN_IF_ERROR(self.wait());
  ByteWriter out;
  out.array(self.chunk_begins);
  out.text(self.names.serialise());
  const StagedFacts facts = self.facts.take();
  out.text(facts.serialise());
  ATTUNE_RETURN_IF_ERROR(write_checked_file(self.folder / "entities.bin", kEntitiesMagic,
                                            facts.version(), out.bytes()));
  ATTUNE_RETURN_IF_ERROR(sync_path(self.folder.parent_path()));
  self.finished = true;
  self.let_go();
  return {};
}

Result<StagedImport> StagedImport::open(std::filesystem::path folder) {
  ATTUNE_ASSIGN_OR_RETURN(
      const CheckedBytes file,
      read_checked_file(folder / "entities.bin", kEntitiesMagic, StagedFacts::kVersion));
  ByteReader in(file.payload);
  StagedImport import;
  ATTUNE_ASSIGN_OR_RETURN(import.chunk_begins_, in.array<std::int64_t>());
  if (import.chunk_begins_.empty() || import.chunk_begins_[0] != 0 ||
      !std::ranges::is_sorted(import.chunk_begins_)) {
    return std::unexpected(data_corruption("staged entities hold chunks out of order"));
  }
  import.rows_ = import.chunk_begins_.back();
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view names, in.text());
  ATTUNE_ASSIGN_OR_RETURN(import.names_, EventNames::parse(names));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view facts, in.text());
  ATTUNE_ASSIGN_OR_RETURN(import.facts_, StagedFacts::parse(facts, import.names_));
  ATTUNE_RETURN_IF_ERROR(in.finish());
  import.folder_ = std::move(folder);
  return import;
}

Result<EventColumns> StagedImport::read_chunk(std::size_t i) const {
  const std::filesystem::path file = rows_file(folder_, i);
  if (i + 1 < chunks()) read_ahead(rows_file(folder_, i + 1));
  ATTUNE_ASSIGN_OR_RETURN(const CheckedBytes bytes, read_checked_file(file, kRowsMagic, kVersion));
  read_for_good(file);
  auto columns = EventColumns::parse(bytes.payload, names_);
  if (!columns) return std::unexpected(columns.error().within(file.string()));
  if (static_cast<std::int64_t>(columns->rows()) != chunk_begins_[i + 1] - chunk_begins_[i]) {
    return std::unexpected(data_corruption(
        fmt::format("{} holds another number of rows than was staged", file.string())));
  }
  return columns;
}

}  // namespace attune::events
