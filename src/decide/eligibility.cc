#include "attune/decide/eligibility.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::decide {
namespace {

constexpr std::array<std::string_view, kReasonCount> kPhrases{"",
                                                              "without a score",
                                                              "unknown to the catalogue",
                                                              "hidden",
                                                              "out of stock",
                                                              "outside of the rule",
                                                              "excluded by the request",
                                                              "seen before"};

bool is_hidden(const catalog::Item& item) {
  return std::ranges::any_of(item.attributes, [](const catalog::ItemAttribute& attribute) {
    if (attribute.name != "hidden") return false;
    const std::string value = ascii_lower(trim(attribute.value));
    return value == "true" || value == "yes" || value == "1";
  });
}

Reason reason_of(const catalog::Item* item, const rules::Rule* rule, Timestamp now) {
  if (item == nullptr) return Reason::unknown_item;
  if (is_hidden(*item)) return Reason::hidden;
  if (item->stock && !(*item->stock > 0)) return Reason::out_of_stock;
  if (rule != nullptr && !rule->matches(*catalog::item_fields(*item), now))
    return Reason::outside_rule;
  return Reason::none;
}

// The candidates' items in order, each with what the request has against it.
class RequestMarks {
 public:
  RequestMarks(std::span<const Candidate> candidates, const RequestFilter& filter) {
    if (filter.excluded.empty() && filter.seen.empty()) return;
    for (const Candidate& candidate : candidates) items_.push_back(candidate.item);
    std::ranges::sort(items_);
    marks_.resize(items_.size(), Reason::none);
    mark(filter.seen, Reason::seen);
    mark(filter.excluded, Reason::excluded);
  }

  Reason of(ItemNumber item) const {
    const auto at = std::ranges::lower_bound(items_, item);
    return at == items_.end() ? Reason::none
                              : marks_[static_cast<std::size_t>(at - items_.begin())];
  }

 private:
  void mark(std::span<const ItemNumber> items, Reason reason) {
    for (const ItemNumber item : items) {
      const auto at = std::ranges::lower_bound(items_, item);
      if (at != items_.end() && *at == item)
        marks_[static_cast<std::size_t>(at - items_.begin())] = reason;
    }
  }
  std::vector<ItemNumber> items_;
  std::vector<Reason> marks_;
};

}  // namespace

std::int64_t ReasonCounts::left_out() const {
  return std::accumulate(counts_.begin() + 1, counts_.end(), std::int64_t{0});
}

std::vector<std::string> ReasonCounts::notes() const {
  std::vector<std::string> all;
  for (std::size_t r = 1; r < kReasonCount; ++r) {
    if (counts_[r] == 0) continue;
    all.push_back(fmt::format("{} {} {} left out", with_thousands(counts_[r]),
                              counts_[r] == 1 ? "item" : "items", kPhrases[r]));
  }
  return all;
}

ItemMask ItemMask::make(const catalog::CatalogSnapshot& snapshot,
                        std::span<const ItemNumber> columns, const rules::Rule* rule,
                        Timestamp now) {
  ItemMask mask;
  mask.depends_on_clock_ = rule != nullptr && rule->depends_on_clock();
  std::vector<Reason> by_column;
  by_column.reserve(columns.size());
  for (const ItemNumber item : columns) {
    const Reason reason = reason_of(snapshot.find(item), rule, now);
    by_column.push_back(reason);
    mask.allowed_.push_back(reason == Reason::none ? 1 : 0);
    mask.counts_.add(reason);
  }
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t column) { return columns[column]; });
  for (const std::size_t column : order) {
    mask.numbers_.push_back(columns[column]);
    mask.reasons_.push_back(by_column[column]);
  }
  return mask;
}

Reason ItemMask::reason(ItemNumber item) const {
  const auto at = std::ranges::lower_bound(numbers_, item);
  if (at == numbers_.end() || *at != item) return Reason::unknown_item;
  return reasons_[static_cast<std::size_t>(at - numbers_.begin())];
}

EligibleCandidates keep_eligible(std::span<const Candidate> candidates, const ItemMask& mask,
                                 const RequestFilter& filter, std::size_t limit) {
  const RequestMarks marks(candidates, filter);
  EligibleCandidates eligible;
  for (const Candidate& candidate : candidates) {
    if (eligible.kept.size() == limit) break;
    Reason reason = std::isfinite(candidate.score) ? mask.reason(candidate.item) : Reason::no_score;
    if (reason == Reason::none) reason = marks.of(candidate.item);
    eligible.counts.add(reason);
    if (reason == Reason::none) eligible.kept.push_back(candidate);
  }
  return eligible;
}

}  // namespace attune::decide
