#include "attune/events/event_bundle.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <zstd.h>

#include "attune/base/bytes.h"
#include "attune/events/key_set.h"
#include "attune/events/row_key.h"
#include "fact_collector.h"

namespace attune::events {
namespace {

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

EventBundle bundle_rows(std::span<const Event> events, std::span<const KeyedRow> rows) {
  EventBundle bundle;
  FactCollector facts;
  bundle.columns.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Event& event = events[rows[i].index];
    const NameCodes codes = number_names(event, bundle.names);
    facts.add(event, static_cast<std::int64_t>(i), codes);
    bundle.columns.set(i, event, rows[i].marks, rows[i].key, codes);
  }
  bundle.facts = facts.take();
  return bundle;
}

std::string bundle_events(std::span<const Event> events) {
  OccurrenceCounter contents;
  std::vector<KeyedRow> rows;
  for (const Event& event : events) {
    const Hash128 print = fingerprint(event);
    // What has an id of its own is known by that.
    const std::uint32_t occurrence = event.event_id.empty() ? contents.note(print.low) : 0;
    rows.push_back(
        {static_cast<std::uint32_t>(rows.size()), event.marks, key_of(event, print, occurrence)});
  }
  const EventBundle bundle = bundle_rows(events, rows);
  ByteWriter out;
  out.value(bundle.facts.version());
  out.text(bundle.names.serialise());
  out.text(bundle.facts.serialise());
  out.text(bundle.columns.serialise());
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

struct BundleMerger::Impl {
  EventNames names;
  EventColumns columns;
  FactCollector facts;
};

BundleMerger::BundleMerger() : impl_(std::make_unique<Impl>()) {}
BundleMerger::BundleMerger(BundleMerger&&) noexcept = default;
BundleMerger& BundleMerger::operator=(BundleMerger&&) noexcept = default;
BundleMerger::~BundleMerger() = default;

void BundleMerger::add(const EventBundle& bundle) {
  const NameMap names = take_in(bundle.names, impl_->names);
  impl_->facts.add(bundle.facts, rows(), names);
  impl_->columns.append(bundle.columns, 0, bundle.columns.rows(), names);
}

std::int64_t BundleMerger::rows() const { return static_cast<std::int64_t>(impl_->columns.rows()); }
const StagedFacts& BundleMerger::facts() const { return impl_->facts.facts(); }

EventBundle BundleMerger::take() {
  const std::unique_ptr<Impl> merged = std::exchange(impl_, std::make_unique<Impl>());
  return {std::move(merged->names), merged->facts.take(), std::move(merged->columns)};
}

}  // namespace attune::events
