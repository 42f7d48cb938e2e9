// Rows on their way into event_rows. Answers: what does the history keep of a chunk of events?
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/events/event_columns.h"
#include "attune/events/event_history.h"
#include "attune/store/history.h"
#include "attune/store/vault.h"

namespace attune::events {

// Codes of labels, by code of the names' dictionaries; a currency's by asking.
struct LabelCodes {
  std::vector<std::int16_t> sources, channels;
  std::function<Result<std::int16_t>(std::uint32_t packed_currency)> currency;  // from any thread
};

// Writes chunks of one import, or of one bundle. Lifetime: everything given outlives it. Threads:
// any number, each with a connection of its own.
class RowAppender {
 public:
  RowAppender(store::Vault& vault, const EventNames& names, const AppliedNumbers& numbers,
              const LabelCodes& labels)
      : vault_(vault), names_(names), numbers_(numbers), labels_(labels) {}

  // Appends the rows of `columns` that are not known, as part of the connection's transaction; what
  // is left of forgotten customers' rows is as AppliedNumbers says. Row i has the number first +
  // begin + i and is row begin + i of the import.
  Status append(store::History& connection, const EventColumns& columns, Sequence first,
                std::int64_t begin, const KnownRows& known) const;

 private:
  Status append_all(store::History& connection, const EventColumns& columns,
                    std::span<const std::int64_t> sequence) const;
  Status warm(const EventColumns& columns, std::size_t begin) const;
  CustomerNumber customer_of(const EventColumns& columns, std::size_t row) const;
  bool is_left_out(const EventColumns& columns, std::size_t row, Sequence sequence) const;
  bool is_of_nobody(const EventColumns& columns, std::size_t row) const;

  store::Vault& vault_;
  const EventNames& names_;
  const AppliedNumbers& numbers_;
  const LabelCodes& labels_;
};

}  // namespace attune::events
