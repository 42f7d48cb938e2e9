#include "attune/events/event_bundle.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <zstd.h>

#include "attune/base/bytes.h"
#include "attune/events/key_set.h"
#include "fact_collector.h"
#include "row_key.h"

namespace attune::events {
namespace {

// Codes of one dictionary in another, which takes in what it lacks.
std::vector<std::uint32_t> take_in(const Dictionary& from, Dictionary& into) {
  std::vector<std::uint32_t> codes(from.size());
  for (std::uint32_t i = 0; i < from.size(); ++i) codes[i] = into.code(from.text(i));
  return codes;
}

struct Codes {
  std::vector<std::uint32_t> customers, anonymous, items, fields, values;
};

void append_codes(const std::vector<std::uint32_t>& from, const std::vector<std::uint32_t>& codes,
                  std::vector<std::uint32_t>& into) {
  for (const std::uint32_t code : from) into.push_back(code == kNoCode ? kNoCode : codes[code]);
}

template <class T>
void append_all(const std::vector<T>& from, std::vector<T>& into) {
  into.insert(into.end(), from.begin(), from.end());
}

// A name that the merged bundle did not have is first mentioned where `from` mentions it.
void append_first(const std::vector<std::int64_t>& from, const std::vector<std::uint32_t>& codes,
                  std::int64_t offset, std::vector<std::int64_t>& into) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (codes[i] == into.size()) into.push_back(from[i] + offset);
  }
}

void append_facts(const StagedFacts& from, const Codes& codes, std::int64_t offset,
                  StagedFacts& into) {
  append_first(from.first_customer, codes.customers, offset, into.first_customer);
  append_first(from.first_anonymous, codes.anonymous, offset, into.first_anonymous);
  append_first(from.first_item, codes.items, offset, into.first_item);
  for (const auto& l : from.links)
    into.links.push_back(
        {l.row + offset, codes.anonymous[l.anonymous], codes.customers[l.customer]});
  for (const auto& a : from.aliases)
    into.aliases.push_back({a.row + offset, codes.anonymous[a.from], codes.customers[a.to]});
  for (const auto& c : from.consents) {
    into.consents.push_back(
        {c.row + offset, c.customer == kNoCode ? kNoCode : codes.customers[c.customer],
         c.anonymous == kNoCode ? kNoCode : codes.anonymous[c.anonymous],
         c.value == kNoCode ? kNoCode : codes.values[c.value], c.time, c.given});
  }
  for (const auto& o : from.objections) {
    into.objections.push_back(
        {o.row + offset, o.customer == kNoCode ? kNoCode : codes.customers[o.customer],
         o.anonymous == kNoCode ? kNoCode : codes.anonymous[o.anonymous],
         o.channel == kNoCode ? kNoCode : codes.values[o.channel],
         o.value == kNoCode ? kNoCode : codes.values[o.value], o.time, o.type});
  }
  for (const auto& o : from.observed) {
    into.observed.push_back(
        {codes.items[o.item], codes.fields[o.field], codes.values[o.value], o.count});
  }
  const auto stated = [&](const StagedFacts::Stated& s,
                          const std::vector<std::uint32_t>& subjects) {
    return StagedFacts::Stated{s.row + offset, subjects[s.subject], codes.fields[s.field],
                               codes.values[s.value], s.time};
  };
  for (const auto& f : from.item_facts) into.item_facts.push_back(stated(f, codes.items));
  for (const auto& t : from.traits) into.traits.push_back(stated(t, codes.customers));
  for (const auto& t : from.anonymous_traits)
    into.anonymous_traits.push_back(stated(t, codes.anonymous));
}

void append_plain_columns(const EventColumns& from, EventColumns& into) {
  append_all(from.key_high, into.key_high);
  append_all(from.key_low, into.key_low);
  append_all(from.time, into.time);
  append_all(from.offset_minutes, into.offset_minutes);
  append_all(from.type, into.type);
  append_all(from.currency, into.currency);
  append_all(from.quantity, into.quantity);
  append_all(from.rating, into.rating);
  append_all(from.price_minor, into.price_minor);
  append_all(from.value_minor, into.value_minor);
  append_all(from.duration_ms, into.duration_ms);
  append_all(from.marks, into.marks);
  const auto personal_before = static_cast<std::uint32_t>(into.personal.size());
  for (const std::uint32_t end : from.personal_end)
    into.personal_end.push_back(personal_before + end);
  into.personal += from.personal;
}

constexpr int kPackLevel = 1;  // events of one kind differ little: it is the fastest that counts
constexpr std::size_t kUnpackedMax = 256 << 20;

bool is_packed(std::string_view bytes) {
  constexpr std::string_view kMagic("\x28\xb5\x2f\xfd", 4);  // of Zstandard [RFC8878]
  return bytes.starts_with(kMagic);
}

Result<std::string> unpack(std::string_view bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  std::string unpacked;
  if (size <= kUnpackedMax) {  // what cannot be told is told by the largest numbers
    unpacked.resize(size);
    const std::size_t got =
        ZSTD_decompress(unpacked.data(), unpacked.size(), bytes.data(), bytes.size());
    if (!ZSTD_isError(got) && got == size) return unpacked;
  }
  return std::unexpected(data_corruption("packed events cannot be unpacked"));
}

}  // namespace

std::string pack_events(std::string_view bundle) {
  std::string packed(ZSTD_compressBound(bundle.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), bundle.data(), bundle.size(), kPackLevel);
  if (ZSTD_isError(size)) return std::string(bundle);
  packed.resize(size);
  return packed;
}

std::string bundle_events(std::span<const Event> events) {
  EventNames names;
  EventColumns columns;
  FactCollector facts;
  OccurrenceCounter contents;
  for (std::size_t i = 0; i < events.size(); ++i) {
    // What has an id of its own is known by that.
    const bool named = !events[i].event_id.empty();
    const Hash128 content = named ? Hash128{} : content_hash(events[i]);
    const std::uint32_t occurrence = named ? 0 : contents.note(content.low);
    const NameCodes codes = number_names(events[i], names);
    facts.add(events[i], static_cast<std::int64_t>(i), codes);
    columns.add(events[i], events[i].marks, key_of(events[i], content, occurrence), codes);
  }
  ByteWriter out;
  const StagedFacts gathered = facts.take();
  out.value(gathered.version());
  out.text(names.serialise());
  out.text(gathered.serialise());
  out.text(columns.serialise());
  return out.bytes();
}

Result<EventBundle> parse_events(std::string_view bytes) {
  std::string unpacked;
  if (is_packed(bytes)) {
    ATTUNE_ASSIGN_OR_RETURN(unpacked, unpack(bytes));
    bytes = unpacked;
  }
  ByteReader in(bytes);
  EventBundle bundle;
  ATTUNE_ASSIGN_OR_RETURN(const std::uint32_t version, in.value<std::uint32_t>());
  if (version == 0 || version > StagedFacts::kVersion) {
    return std::unexpected(failed_precondition(
        fmt::format("events were written in format {}, this program reads {}; upgrade Attune",
                    version, StagedFacts::kVersion)));
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view names, in.text());
  ATTUNE_ASSIGN_OR_RETURN(bundle.names, EventNames::parse(names));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view facts, in.text());
  ATTUNE_ASSIGN_OR_RETURN(bundle.facts, StagedFacts::parse(facts, bundle.names));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view columns, in.text());
  ATTUNE_ASSIGN_OR_RETURN(bundle.columns, EventColumns::parse(columns, bundle.names));
  ATTUNE_RETURN_IF_ERROR(in.finish());
  return bundle;
}

void BundleMerger::add(const EventBundle& bundle) {
  const std::int64_t offset = merged_.rows();
  EventNames& names = merged_.names;
  const EventColumns& from = bundle.columns;
  EventColumns& into = merged_.columns;
  const Codes codes{take_in(bundle.names.customers, names.customers),
                    take_in(bundle.names.anonymous, names.anonymous),
                    take_in(bundle.names.items, names.items),
                    take_in(bundle.facts.fields, merged_.facts.fields),
                    take_in(bundle.facts.values, merged_.facts.values)};
  append_codes(from.customer, codes.customers, into.customer);
  append_codes(from.anonymous, codes.anonymous, into.anonymous);
  append_codes(from.item, codes.items, into.item);
  append_codes(from.order, take_in(bundle.names.orders, names.orders), into.order);
  append_codes(from.session, take_in(bundle.names.sessions, names.sessions), into.session);
  append_codes(from.decision, take_in(bundle.names.decisions, names.decisions), into.decision);
  append_codes(from.source, take_in(bundle.names.sources, names.sources), into.source);
  append_codes(from.channel, take_in(bundle.names.channels, names.channels), into.channel);
  append_plain_columns(from, into);
  append_facts(bundle.facts, codes, offset, merged_.facts);
}

EventBundle BundleMerger::take() { return std::exchange(merged_, EventBundle()); }

}  // namespace attune::events
