#include "attune/events/staged_import.h"

#include <algorithm>
#include <charconv>
#include <future>
#include <unordered_map>

#include <fmt/format.h>

#include "attune/base/bytes.h"
#include "attune/base/files.h"
#include "attune/base/hash.h"
#include "attune/events/key_set.h"

namespace attune::events {
namespace {

constexpr std::string_view kRowsMagic = "ATTUNE-ROWS";
constexpr std::string_view kEntitiesMagic = "ATTUNE-ENTITIES";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPersonalBytes = std::size_t{64} << 20;

std::filesystem::path rows_file(const std::filesystem::path& folder, std::size_t chunk) {
  return folder / fmt::format("rows-{:05}.bin", chunk);
}

Error bad_entities(std::string_view what) {
  return data_corruption(fmt::format("staged entities hold {}", what));
}

void write_names(ByteWriter& out, const EventNames& names) {
  for (const Dictionary* d : {&names.customers, &names.anonymous, &names.items, &names.orders,
                              &names.sessions, &names.sources, &names.channels}) {
    out.text(d->serialise());
  }
}

Status read_names(ByteReader& in, EventNames& names) {
  for (Dictionary* d : {&names.customers, &names.anonymous, &names.items, &names.orders,
                        &names.sessions, &names.sources, &names.channels}) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string_view bytes, in.text());
    ATTUNE_ASSIGN_OR_RETURN(*d, Dictionary::parse(bytes));
  }
  return {};
}

// Gathers what rows say beside what happened. Rows of one item, or one customer, tend to say the
// same again: what each said last of a field is looked at first.
class FactCollector {
 public:
  void add(const Event& event, std::int64_t row, const NameCodes& codes) {
    first(facts_.first_customer, codes.customer, row);
    first(facts_.first_anonymous, codes.anonymous, row);
    first(facts_.first_item, codes.item, row);
    if (codes.customer != kNoCode && codes.anonymous != kNoCode)
      add_link(event.type, row, codes.anonymous, codes.customer);
    if (codes.item != kNoCode) add_item(event, row, codes.item);
    if (codes.customer != kNoCode) add_traits(event, row, codes.customer);
  }

  StagedFacts take() {
    for (const auto& [key, count] : observed_) {
      facts_.observed.push_back({static_cast<std::uint32_t>(key.item_field >> 32),
                                 static_cast<std::uint32_t>(key.item_field), key.value, count});
    }
    std::ranges::sort(facts_.observed, {}, [](const StagedFacts::Observed& o) {
      return std::tuple(o.item, o.field, o.value);
    });
    return std::move(facts_);
  }

 private:
  struct ObservedKey {
    std::uint64_t item_field;
    std::uint32_t value;
    friend bool operator==(const ObservedKey&, const ObservedKey&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const ObservedKey& k) const { return combine(k.item_field, k.value); }
  };
  struct Said {  // the value that was last told of a field
    std::uint32_t value = kNoCode;
    std::int64_t time = 0;          // of a trait
    std::int64_t* count = nullptr;  // of an item's value, in observed_
  };
  using Memory = std::vector<std::vector<Said>>;  // by subject, then by field

  static void first(std::vector<std::int64_t>& rows, std::uint32_t code, std::int64_t row) {
    if (code != kNoCode && code == rows.size()) rows.push_back(row);
  }

  static Said& last_said(Memory& memory, std::uint32_t subject, std::uint32_t field) {
    if (subject >= memory.size()) memory.resize(subject + 1);
    std::vector<Said>& fields = memory[subject];
    if (field >= fields.size()) fields.resize(field + 1);
    return fields[field];
  }

  bool is_value(const Said& said, std::string_view text) const {
    return said.value != kNoCode && facts_.values.text(said.value) == text;
  }

  void add_link(EventType type, std::int64_t row, std::uint32_t anonymous, std::uint32_t customer) {
    if (type == EventType::alias) {
      facts_.aliases.push_back({row, anonymous, customer});
    } else if (pairs_.emplace(std::uint64_t{anonymous} << 32 | customer, true).second) {
      facts_.links.push_back({row, anonymous, customer});
    }
  }

  void add_item(const Event& event, std::int64_t row, std::uint32_t item) {
    for (const Attribute& attribute : event.item_attributes) {
      if (attribute.value.empty()) continue;
      const std::uint32_t field = facts_.fields.code(attribute.name);
      if (event.type == EventType::item_changed) {
        const std::uint32_t value = facts_.values.code(attribute.value);
        facts_.item_facts.push_back({row, item, field, value, event.time.micros});
        continue;
      }
      Said& said = last_said(items_said_, item, field);
      if (!is_value(said, attribute.value)) {
        said.value = facts_.values.code(attribute.value);
        said.count = &observed_[{std::uint64_t{item} << 32 | field, said.value}];
      }
      ++*said.count;
    }
  }

  void add_traits(const Event& event, std::int64_t row, std::uint32_t customer) {
    for (const Attribute& attribute : event.customer_attributes) {
      if (attribute.value.empty()) continue;
      const std::uint32_t field = facts_.fields.code(attribute.name);
      Said& said = last_said(customers_said_, customer, field);
      // Told again by a later row: nothing new.
      if (is_value(said, attribute.value) && said.time <= event.time.micros) continue;
      said = {facts_.values.code(attribute.value), event.time.micros, nullptr};
      facts_.traits.push_back({row, customer, field, said.value, event.time.micros});
    }
  }

  StagedFacts facts_;
  std::unordered_map<std::uint64_t, bool> pairs_;
  std::unordered_map<ObservedKey, std::int64_t, KeyHash> observed_;
  Memory items_said_, customers_said_;
};

// The key that an export wrote as an event id, so that what was taken out is known again when it
// comes back.
std::optional<Hash128> exported_key(std::string_view event_id) {
  constexpr std::string_view kPrefix = "attune:";
  if (!event_id.starts_with(kPrefix) || event_id.size() != kPrefix.size() + 32) return std::nullopt;
  Hash128 key;
  const char* digits = event_id.data() + kPrefix.size();
  const auto high = std::from_chars(digits, digits + 16, key.high, 16);
  const auto low = std::from_chars(digits + 16, digits + 32, key.low, 16);
  if (high.ptr != digits + 16 || low.ptr != digits + 32) return std::nullopt;
  return key;
}

Hash128 key_of(const Event& event, const Hash128& content, std::uint32_t occurrence) {
  if (!event.event_id.empty()) {
    if (const auto exported = exported_key(event.event_id)) return *exported;
    std::string text(event.source);
    text.push_back('\0');
    text.append(event.event_id);
    return hash128(text, /*seed=*/1);
  }
  return {combine(content.high, occurrence), combine(content.low, ~std::uint64_t{occurrence})};
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
  ATTUNE_RETURN_IF_ERROR(in.finish());
  const auto good_stated = [&](const Stated& s, std::uint32_t subjects) {
    return s.subject < subjects && s.field < facts.fields.size() && s.value < facts.values.size();
  };
  const bool good =
      std::ranges::all_of(facts.links,
                          [&](const Link& l) {
                            return l.anonymous < names.anonymous.size() &&
                                   l.customer < names.customers.size();
                          }) &&
      std::ranges::all_of(facts.aliases,
                          [&](const Alias& a) {
                            return a.from < names.anonymous.size() && a.to < names.customers.size();
                          }) &&
      std::ranges::all_of(facts.observed,
                          [&](const Observed& o) {
                            return o.item < names.items.size() && o.field < facts.fields.size() &&
                                   o.value < facts.values.size();
                          }) &&
      std::ranges::all_of(facts.item_facts,
                          [&](const Stated& s) { return good_stated(s, names.items.size()); }) &&
      std::ranges::all_of(facts.traits,
                          [&](const Stated& s) { return good_stated(s, names.customers.size()); });
  if (!good) return std::unexpected(bad_entities("a number that names nothing"));
  return facts;
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
  OccurrenceCounter contents;
  OccurrenceCounter ids;
  std::int64_t rows = 0;
  std::vector<std::int64_t> chunk_begins{0};

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

void StagedImportWriter::begin_file() { impl_->contents.clear(); }

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
  if (self.options.known != nullptr && self.options.known->contains(key))
    return Staged::already_known;
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
  write_names(out, self.names);
  out.text(self.facts.take().serialise());
  ATTUNE_RETURN_IF_ERROR(
      write_checked_file(self.folder / "entities.bin", kEntitiesMagic, kVersion, out.bytes()));
  ATTUNE_RETURN_IF_ERROR(sync_path(self.folder.parent_path()));
  self.finished = true;
  return {};
}

Result<StagedImport> StagedImport::open(std::filesystem::path folder) {
  ATTUNE_ASSIGN_OR_RETURN(const CheckedBytes file,
                          read_checked_file(folder / "entities.bin", kEntitiesMagic, kVersion));
  ByteReader in(file.payload);
  StagedImport import;
  ATTUNE_ASSIGN_OR_RETURN(import.chunk_begins_, in.array<std::int64_t>());
  if (import.chunk_begins_.empty() || import.chunk_begins_[0] != 0 ||
      !std::ranges::is_sorted(import.chunk_begins_)) {
    return std::unexpected(bad_entities("chunks out of order"));
  }
  import.rows_ = import.chunk_begins_.back();
  ATTUNE_RETURN_IF_ERROR(read_names(in, import.names_));
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

std::string serialise_events(const EventColumns& columns, const EventNames& names,
                             const StagedFacts& facts) {
  ByteWriter out;
  out.value(kVersion);
  write_names(out, names);
  out.text(facts.serialise());
  out.text(columns.serialise());
  return out.bytes();
}

Result<EventBundle> parse_events(std::string_view bytes) {
  ByteReader in(bytes);
  EventBundle bundle;
  ATTUNE_ASSIGN_OR_RETURN(const std::uint32_t version, in.value<std::uint32_t>());
  if (version != kVersion) {
    return std::unexpected(failed_precondition(
        fmt::format("events were written in format {}, this program reads {}; upgrade Attune",
                    version, kVersion)));
  }
  ATTUNE_RETURN_IF_ERROR(read_names(in, bundle.names));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view facts, in.text());
  ATTUNE_ASSIGN_OR_RETURN(bundle.facts, StagedFacts::parse(facts, bundle.names));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view columns, in.text());
  ATTUNE_ASSIGN_OR_RETURN(bundle.columns, EventColumns::parse(columns, bundle.names));
  ATTUNE_RETURN_IF_ERROR(in.finish());
  return bundle;
}

std::string bundle_events(std::span<const Event> events) {
  EventNames names;
  EventColumns columns;
  FactCollector facts;
  OccurrenceCounter contents;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Hash128 content = content_hash(events[i]);
    const std::uint32_t occurrence = events[i].event_id.empty() ? contents.note(content.low) : 0;
    const NameCodes codes = number_names(events[i], names);
    facts.add(events[i], static_cast<std::int64_t>(i), codes);
    columns.add(events[i], events[i].marks, key_of(events[i], content, occurrence), codes);
  }
  return serialise_events(columns, names, facts.take());
}

}  // namespace attune::events
