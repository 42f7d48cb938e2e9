// The values of one message, cleaned and checked, and the first that cannot be taken.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/money.h"
#include "attune/events/segment.h"
#include "cells.h"
#include "segment_fields.h"
#include "segment_time.h"

namespace attune::events::detail {

// Where in a message a member stands.
enum class Scope : std::uint8_t { message, batch, context, page, library, properties, line };

// A currency, and whether anything but the shop's settings says so.
struct StatedCurrency {
  Currency value;
  bool stated = false;
};

// Reads members into values. Every read returns false after it has noted the problem: the caller
// gives the message up. Threads: one at a time.
class SegmentValues {
 public:
  SegmentValues(const SegmentOptions& options, RowArena& arena)
      : options_(options), arena_(arena) {}

  void begin_batch(SegmentBatch& out) { out_ = &out; }
  void begin(const MessageParts& parts, std::size_t index, bool in_batch);
  // From now on, members of Scope::line are those of this line.
  void begin_line(std::size_t line) { line_ = line; }

  // The first key that is stated: no null, no blank text, no word for nothing. `unknown`: none.
  static SegmentKey first_stated(const Members& members, std::initializer_list<SegmentKey> keys);

  // A text or number, cleaned, at most max_id_bytes long; empty if it is not stated.
  bool identifier(Scope scope, const Members& members, SegmentKey key, std::string_view& value);
  // A text, number, true or false as text, only trimmed.
  bool text(Scope scope, const Members& members, SegmentKey key, std::string_view& value);
  bool decimal(Scope scope, const Members& members, SegmentKey key, std::optional<Decimal>& value);
  bool minor(Scope scope, SegmentKey key, const Decimal& amount, double quantity, int exponent,
             std::optional<std::int64_t>& value);
  // Changes `currency` only where the member says one.
  bool currency(Scope scope, const Members& members, StatedCurrency& currency);
  // An amount, whose sign or code is the currency where none is stated, and has to agree with it
  // else.
  bool amount(Scope scope, const Members& members, SegmentKey key, std::optional<Decimal>& value,
              StatedCurrency& currency);
  bool time(Scope scope, const Members& members, SegmentKey key, std::optional<TimeValue>& value);

  // What a scalar says, cleaned; lists as their JSON text.
  std::string_view cleaned(std::string_view written);
  // What a text says, without a copy unless it is written with escapes; other values as written.
  std::string_view content(std::string_view written);

  bool refuse(Scope scope, SegmentKey key, std::string_view reason, std::string_view message);
  // `field`: within the message.
  bool refuse(std::string_view field, std::string_view reason, std::string_view message);
  bool refuse_kind(Scope scope, SegmentKey key, std::string_view written, std::string_view wanted);

  RowArena& arena() { return arena_; }

  std::uint32_t marks = 0;

 private:
  bool add(std::string field, std::string_view reason, std::string_view message);
  std::string path(Scope scope, SegmentKey key) const;

  const SegmentOptions& options_;
  RowArena& arena_;
  SegmentBatch* out_ = nullptr;
  const MessageParts* parts_ = nullptr;
  std::size_t index_ = 0;
  bool in_batch_ = false;
  std::size_t line_ = 0;
  MessageTimes times_;
  std::string scratch_;
};

}  // namespace attune::events::detail
