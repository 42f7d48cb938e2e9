// Which candidates may be shown. Answers: is this item on offer, meant for this place, and new to
// this customer?
//
// What is true of an item alone (known, in stock, inside of the rule) is found once per catalogue
// snapshot and kept in an ItemMask, which all requests share; what is true of a request
// (exclusions, items seen) is looked up among its few candidates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/catalog/catalog.h"
#include "attune/decide/policy.h"
#include "attune/rules/rule.h"

namespace attune::decide {

// Why a candidate is left out. Where several apply, the first one counts.
enum class Reason : std::uint8_t {
  none,          // it may be shown
  no_score,      // its score is not finite
  unknown_item,  // the mask, or the catalogue, does not know it
  hidden,        // it states the attribute "hidden" as true, yes or 1
  out_of_stock,  // its stock is stated, and not above 0
  outside_rule,
  excluded,
  seen,
};
inline constexpr std::size_t kReasonCount = 8;

// How many there are of each; at(Reason::none) counts those that may be shown.
class ReasonCounts {
 public:
  std::int64_t at(Reason reason) const { return counts_[static_cast<std::size_t>(reason)]; }
  void add(Reason reason) { ++counts_[static_cast<std::size_t>(reason)]; }
  std::int64_t left_out() const;
  // "3 items out of stock left out", one for each reason that occurred, in the order of Reason: for
  // the notes of a decision.
  std::vector<std::string> notes() const;
  friend bool operator==(const ReasonCounts&, const ReasonCounts&) = default;

 private:
  std::array<std::int64_t, kReasonCount> counts_{};
};

// What may be shown of a list of items (the columns of a model, say), as of one catalogue snapshot.
// Immutable; threads: share freely. Lifetime: needs neither snapshot nor rule after it was made.
class ItemMask {
 public:
  // `rule` is one of catalog::item_schema(); absent: every item meets it. A rule that looks at the
  // clock is asked as of `now`; such a mask has to be made again as time goes by.
  // Shapes: columns (n), in any order. Missing values: an item without a stated stock is in stock.
  // Cost: O(n log n), plus the rule once for each item.
  static ItemMask make(const catalog::CatalogSnapshot& snapshot,
                       std::span<const ItemNumber> columns, const rules::Rule* rule, Timestamp now);

  std::size_t size() const { return allowed_.size(); }
  // Shape: (size()), 1 where the item of the column may be shown: what recommenders take as a
  // filter.
  std::span<const std::uint8_t> allowed() const { return allowed_; }
  // Of a column's item; unknown_item for an item that is no column. Cost: O(log n).
  Reason reason(ItemNumber item) const;
  // Over all columns.
  const ReasonCounts& counts() const { return counts_; }
  bool depends_on_clock() const { return depends_on_clock_; }

 private:
  std::vector<std::uint8_t> allowed_;  // by column
  std::vector<ItemNumber> numbers_;    // ascending
  std::vector<Reason> reasons_;        // in the order of numbers_
  ReasonCounts counts_;
  bool depends_on_clock_ = false;
};

// What one request leaves out. Both in any order, repeats and items that are no candidates allowed.
struct RequestFilter {
  std::span<const ItemNumber> excluded = {};  // "not what is in the basket"
  std::span<const ItemNumber> seen = {};      // empty: what was seen may come again
};

struct EligibleCandidates {
  std::vector<Candidate> kept;  // in the order given
  ReasonCounts counts;          // of all candidates up to the last one looked at
};

// Keeps the first `limit` candidates that may be shown; those behind are not looked at, so the
// counts are of those that would have stood higher.
// Cost: O(c log c + c log n + (e + s) log c) for c candidates, n columns, e exclusions, s seen.
EligibleCandidates keep_eligible(std::span<const Candidate> candidates, const ItemMask& mask,
                                 const RequestFilter& filter, std::size_t limit);

}  // namespace attune::decide
