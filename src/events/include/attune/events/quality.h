// What an import found. Answers: how many rows came, how many are used, what was odd about the
// others, and what was assumed?
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/time.h"
#include "attune/events/event.h"
#include "attune/events/reader.h"
#include "attune/events/record.h"

namespace attune::events {

// Why a row is quarantined, ignored or flagged, and what to do about it. Codes are names that stay.
struct ReasonInfo {
  std::string_view code;
  std::string_view effect;   // "quarantined", "left out", "flagged", "noted"
  std::string_view meaning;  // one line
  std::string_view meaning_zh;
};
std::span<const ReasonInfo> reason_codes();

// Marks that say how a value was read rather than that something is odd: counted under reasons, but
// not in rows_flagged.
inline constexpr std::uint32_t kNotedMarks = bit(Mark::time_zone_assumed) |
                                             bit(Mark::text_normalised) | bit(Mark::date_only) |
                                             bit(Mark::currency_assumed);

struct ReasonExample {
  std::int64_t line = 0;  // 0: a row that cleaning found among those that were in already
  std::string text;       // the row, short and printable
};
inline constexpr std::int64_t kReasonExamples = 5;  // of one reason
struct ReasonCount {
  std::int64_t count = 0;
  std::vector<ReasonExample> examples;  // the first five
};

// The ledger of one import. Its JSON has exactly these names: file, rows_read, rows_kept,
// rows_flagged, rows_flagged_by_cleaning, rows_quarantined, reasons{code: {count, examples[{line,
// text}]}}, assumptions[{what, value, why}], first_time, last_time, distinct{name: count},
// event_types{name: count}, reporting_currency, foreign_amounts{code: count}. Invariant: rows_read
// = rows_kept + rows_quarantined + rows ignored + exact duplicates left out.
struct QualityReport {
  std::string file;
  std::int64_t rows_read = 0;
  std::int64_t rows_kept = 0;
  std::int64_t rows_flagged = 0;              // kept, with a mark that is not only noted
  std::int64_t rows_flagged_by_cleaning = 0;  // of them, those that nothing else flags
  std::int64_t rows_quarantined = 0;
  std::map<std::string, ReasonCount> reasons;
  std::vector<Assumption> assumptions;
  std::optional<Timestamp> first_time;
  std::optional<Timestamp> last_time;
  std::map<std::string, std::int64_t> distinct;  // filled by the engine: customers, items, orders …
  // Filled by the engine: the currency of sums (empty: nothing tells it), and by currency the
  // purchases and refunds whose money is in no sum for being in another.
  std::string reporting_currency;
  std::map<std::string, std::int64_t> foreign_amounts;
  std::array<std::int64_t, kEventTypeCount> event_types{};

  // Counts a batch: all of its rows as kept.
  void add(const EventBatch& batch);
  void add(const ItemBatch& batch);
  void add(const CustomerBatch& batch);
  // Counts one more occurrence of a reason that the engine found ("exact_duplicate"), without
  // touching the row counts.
  void note(std::string_view reason, std::int64_t line, std::string_view raw);
  // Takes one row that was counted as kept out again, for `reason`.
  void leave_out(std::string_view reason, std::int64_t line, std::string_view raw,
                 std::uint32_t marks);

  std::string to_json() const;
  // Errors: invalid_argument when the text is not such a report.
  static Result<QualityReport> from_json(std::string_view json);
};

// Sums of several files' reports: counts added, examples of the first kept, assumptions of all.
QualityReport combine(std::span<const QualityReport> reports);

}  // namespace attune::events
