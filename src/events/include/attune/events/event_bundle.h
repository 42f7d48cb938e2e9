// Live events in one piece: what a journal entry of them holds. Answers: what do these few events
// say, in the form that two stores take in?
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/events/event.h"
#include "attune/events/event_columns.h"
#include "attune/events/staged_facts.h"

namespace attune::events {

// Invariant: as that of StagedImport; rows count from 0.
struct EventBundle {
  EventNames names;
  StagedFacts facts;
  EventColumns columns;

  std::int64_t rows() const { return static_cast<std::int64_t>(columns.rows()); }
};

// A row that is kept, and what it is known by.
struct KeyedRow {
  std::uint32_t index;  // among the events
  std::uint32_t marks;
  Hash128 key;
};
// Those of the events that are kept, in their order.
EventBundle bundle_rows(std::span<const Event> events, std::span<const KeyedRow> rows);

// Events as bytes. Keys are given as for an import of its own. Cost: about a microsecond an event.
std::string bundle_events(std::span<const Event> events);
// The same in fewer bytes, for what is written more than once on its way: Zstandard [RFC8878].
std::string pack_events(std::string_view bundle);
// Packed or not. Errors: data_corruption; failed_precondition (a newer format).
Result<EventBundle> parse_events(std::string_view bytes);

// Makes one bundle of many that follow each other in the journal, so that stores take them in
// together.
class BundleMerger {
 public:
  BundleMerger();
  BundleMerger(BundleMerger&&) noexcept;
  BundleMerger& operator=(BundleMerger&&) noexcept;
  ~BundleMerger();

  void add(const EventBundle& bundle);
  std::int64_t rows() const;
  const StagedFacts& facts() const;  // but for what was observed of items
  EventBundle take();                // empty afterwards

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::events
