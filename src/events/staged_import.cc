#include "attune/events/staged_import.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "attune/base/bytes.h"
#include "attune/base/files.h"
#include "attune/base/hash.h"
#include "attune/events/key_set.h"
#include "fact_collector.h"
#include "row_key.h"

namespace attune::events {
namespace {

constexpr std::string_view kRowsMagic = "ATTUNE-ROWS";
constexpr std::string_view kEntitiesMagic = "ATTUNE-ENTITIES";
constexpr std::uint32_t kVersion = 1;  // of rows; entities have that of their facts
constexpr std::size_t kPersonalBytes = std::size_t{64} << 20;

std::filesystem::path rows_file(const std::filesystem::path& folder, std::size_t chunk) {
  return folder / fmt::format("rows-{:05}.bin", chunk);
}

Error bad_entities(std::string_view what) {
  return data_corruption(fmt::format("staged entities hold {}", what));
}

// The columns of one kind of fact, member by member.
template <class Fact, class... Members>
void write_facts(ByteWriter& out, const std::vector<Fact>& facts, Members Fact::*... members) {
  out.value(static_cast<std::uint64_t>(facts.size()));
  for (const Fact& fact : facts) (out.value(fact.*members), ...);
}

template <class Member, class Fact>
Status read_member(ByteReader& in, Fact& fact, Member Fact::* member) {
  ATTUNE_ASSIGN_OR_RETURN(fact.*member, in.value<Member>());
  return {};
}

template <class Fact, class... Members>
Status read_facts(ByteReader& in, std::vector<Fact>& facts, Members Fact::*... members) {
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t count, in.value<std::uint64_t>());
  if (count > in.left()) return std::unexpected(bad_entities("a length that passes their end"));
  facts.resize(count);
  for (Fact& fact : facts) {
    Status read;
    ((read = read ? read_member(in, fact, members) : read), ...);
    ATTUNE_RETURN_IF_ERROR(read);
  }
  return {};
}

// Codes that name nothing are no codes.
Result<StagedFacts> check_codes(StagedFacts facts, const EventNames& names) {
  const auto good_stated = [&](const StagedFacts::Stated& s, std::uint32_t subjects) {
    return s.subject < subjects && s.field < facts.fields.size() && s.value < facts.values.size();
  };
  const auto fits = [](std::uint32_t code, std::uint32_t size) {
    return code == kNoCode || code < size;
  };
  const bool good =
      std::ranges::all_of(facts.links,
                          [&](const StagedFacts::Link& l) {
                            return l.anonymous < names.anonymous.size() &&
                                   l.customer < names.customers.size();
                          }) &&
      std::ranges::all_of(facts.aliases,
                          [&](const StagedFacts::Alias& a) {
                            return a.from < names.anonymous.size() && a.to < names.customers.size();
                          }) &&
      std::ranges::all_of(facts.observed,
                          [&](const StagedFacts::Observed& o) {
                            return o.item < names.items.size() && o.field < facts.fields.size() &&
                                   o.value < facts.values.size();
                          }) &&
      std::ranges::all_of(
          facts.item_facts,
          [&](const StagedFacts::Stated& s) { return good_stated(s, names.items.size()); }) &&
      std::ranges::all_of(
          facts.traits,
          [&](const StagedFacts::Stated& s) { return good_stated(s, names.customers.size()); }) &&
      std::ranges::all_of(
          facts.anonymous_traits,
          [&](const StagedFacts::Stated& s) { return good_stated(s, names.anonymous.size()); }) &&
      std::ranges::all_of(facts.consents,
                          [&](const StagedFacts::Consent& c) {
                            return fits(c.customer, names.customers.size()) &&
                                   fits(c.anonymous, names.anonymous.size()) &&
                                   fits(c.value, facts.values.size());
                          }) &&
      std::ranges::all_of(facts.objections, [&](const StagedFacts::Objection& o) {
        return fits(o.customer, names.customers.size()) &&
               fits(o.anonymous, names.anonymous.size()) && fits(o.channel, facts.values.size()) &&
               fits(o.value, facts.values.size()) && o.type < kEventTypeCount;
      });
  if (!good) return std::unexpected(bad_entities("a number that names nothing"));
  return facts;
}

}  // namespace

std::string StagedFacts::serialise() const {
  ByteWriter out;
  out.text(fields.serialise());
  out.text(values.serialise());
  for (const auto* rows : {&first_customer, &first_anonymous, &first_item}) out.array(*rows);
  write_facts(out, links, &Link::row, &Link::anonymous, &Link::customer);
  write_facts(out, aliases, &Alias::row, &Alias::from, &Alias::to);
  write_facts(out, observed, &Observed::item, &Observed::field, &Observed::value, &Observed::count);
  for (const auto* stated : {&item_facts, &traits}) {
    write_facts(out, *stated, &Stated::row, &Stated::subject, &Stated::field, &Stated::value,
                &Stated::time);
  }
  write_facts(out, consents, &Consent::row, &Consent::customer, &Consent::anonymous,
              &Consent::value, &Consent::time, &Consent::given);
  if (version() >= 2) {
    write_facts(out, objections, &Objection::row, &Objection::customer, &Objection::anonymous,
                &Objection::channel, &Objection::value, &Objection::time, &Objection::type);
  }
  if (version() >= 3) {
    write_facts(out, anonymous_traits, &Stated::row, &Stated::subject, &Stated::field,
                &Stated::value, &Stated::time);
  }
  return out.bytes();
}

Result<StagedFacts> StagedFacts::parse(std::string_view bytes, const EventNames& names) {
  ByteReader in(bytes);
  StagedFacts facts;
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view fields, in.text());
  ATTUNE_ASSIGN_OR_RETURN(facts.fields, Dictionary::parse(fields));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view values, in.text());
  ATTUNE_ASSIGN_OR_RETURN(facts.values, Dictionary::parse(values));
  ATTUNE_ASSIGN_OR_RETURN(facts.first_customer, in.array<std::int64_t>(names.customers.size()));
  ATTUNE_ASSIGN_OR_RETURN(facts.first_anonymous, in.array<std::int64_t>(names.anonymous.size()));
  ATTUNE_ASSIGN_OR_RETURN(facts.first_item, in.array<std::int64_t>(names.items.size()));
  ATTUNE_RETURN_IF_ERROR(
      read_facts(in, facts.links, &Link::row, &Link::anonymous, &Link::customer));
  ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.aliases, &Alias::row, &Alias::from, &Alias::to));
  ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.observed, &Observed::item, &Observed::field,
                                    &Observed::value, &Observed::count));
  for (auto* stated : {&facts.item_facts, &facts.traits}) {
    ATTUNE_RETURN_IF_ERROR(read_facts(in, *stated, &Stated::row, &Stated::subject, &Stated::field,
                                      &Stated::value, &Stated::time));
  }
  ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.consents, &Consent::row, &Consent::customer,
                                    &Consent::anonymous, &Consent::value, &Consent::time,
                                    &Consent::given));
  if (in.left() > 0) {
    ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.objections, &Objection::row, &Objection::customer,
                                      &Objection::anonymous, &Objection::channel, &Objection::value,
                                      &Objection::time, &Objection::type));
  }
  if (in.left() > 0) {
    ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.anonymous_traits, &Stated::row, &Stated::subject,
                                      &Stated::field, &Stated::value, &Stated::time));
  }
  ATTUNE_RETURN_IF_ERROR(in.finish());
  return check_codes(std::move(facts), names);
}

struct StagedImportWriter::Impl {
  std::filesystem::path folder;
  Options options;
  bool finished = false;
  EventNames names;
  EventColumns columns;
  EventColumns written;         // the chunk before, on its way to the disk
  std::future<Status> writing;  // of `written`
  FactCollector facts;
  OccurrenceCounter contents;  // of this file
  OccurrenceCounter ids;       // of this file
  KeySet before;               // what the files but the last brought
  std::size_t files = 0;       // that have begun
  std::int64_t rows = 0;
  std::vector<std::int64_t> chunk_begins{0};

  bool is_known(const Hash128& key) const {
    return (options.known != nullptr && options.known->contains(key)) || before.contains(key);
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
          return write_checked_file(file, kRowsMagic, kVersion, written.serialise());
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

Result<Staged> StagedImportWriter::add(const Event& event) {
  return add(event, content_hash(event));
}

Result<Staged> StagedImportWriter::add(const Event& event, const Hash128& content) {
  Impl& self = *impl_;
  std::uint32_t marks = event.marks;
  std::uint32_t occurrence = 0;
  if (event.event_id.empty()) {
    occurrence = self.contents.note(content.low);
    if (occurrence > 0) {
      if (!self.options.keep_repeats) return Staged::exact_duplicate;
      marks |= bit(Mark::exact_duplicate);
    }
  }
  const Hash128 key = key_of(event, content, occurrence);
  if (!event.event_id.empty() && self.ids.note(key.low) > 0) return Staged::repeated_event_id;
  if (self.is_known(key)) return Staged::already_known;
  if (self.files < self.options.files) self.before.insert(key);
  const NameCodes codes = number_names(event, self.names);
  self.facts.add(event, self.rows, codes);
  self.columns.add(event, marks, key, codes);
  ++self.rows;
  if (self.columns.rows() == kStagedRows || self.columns.personal.size() > kPersonalBytes) {
    ATTUNE_RETURN_IF_ERROR(self.flush());
  }
  return Staged::kept;
}

std::int64_t StagedImportWriter::rows() const { return impl_->rows; }
const EventNames& StagedImportWriter::names() const { return impl_->names; }

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
    return std::unexpected(bad_entities("chunks out of order"));
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
  ATTUNE_ASSIGN_OR_RETURN(const CheckedBytes bytes, read_checked_file(file, kRowsMagic, kVersion));
  auto columns = EventColumns::parse(bytes.payload, names_);
  if (!columns) return std::unexpected(columns.error().within(file.string()));
  if (static_cast<std::int64_t>(columns->rows()) != chunk_begins_[i + 1] - chunk_begins_[i]) {
    return std::unexpected(data_corruption(
        fmt::format("{} holds another number of rows than was staged", file.string())));
  }
  return columns;
}

}  // namespace attune::events
