#include "reasons.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::engine {
namespace {

constexpr std::size_t kReasonsMax = 3;

}  // namespace

std::vector<std::int64_t> count_buyers(const recommend::Interactions& interactions) {
  std::vector<std::int64_t> buyers(static_cast<std::size_t>(interactions.items()));
  for (std::int32_t row = 0; row < interactions.customers(); ++row) {
    for (const std::int32_t column : interactions.by_customer().columns_of(row))
      ++buyers[static_cast<std::size_t>(column)];
  }
  return buyers;
}

RecommendedItem ReasonWriter::describe(const recommend::ScoredIndex& entry, int rank) const {
  RecommendedItem item;
  item.rank = rank;
  item.item = model_.items[static_cast<std::size_t>(entry.index)];
  item.score = entry.score;
  if (const catalog::Item* known = catalog_.find(item.item)) {
    item.item_id = known->id;
    item.item_name = known->name;
  }
  return item;
}

Reason ReasonWriter::named(std::int32_t column) const {
  Reason reason;
  reason.item = model_.items[static_cast<std::size_t>(column)];
  if (const catalog::Item* known = catalog_.find(reason.item)) {
    reason.item_id = known->id;
    reason.item_name = known->name;
  }
  return reason;
}

Reason ReasonWriter::likeness(std::int32_t column) const {
  Reason reason = named(column);
  reason.share = 1;
  const std::string& shown = reason.item_name.empty() ? reason.item_id : reason.item_name;
  reason.text = chinese_ ? fmt::format("选过“{}”的顾客也常选它", shown)
                         : fmt::format("chosen by much the same customers as {}", shown);
  return reason;
}

Reason ReasonWriter::because(const recommend::Contribution& contribution, double share) const {
  Reason reason = named(contribution.item);
  reason.share = share;
  const std::string& shown = reason.item_name.empty() ? reason.item_id : reason.item_name;
  reason.text =
      chinese_ ? fmt::format("因为您选过“{}”（占推荐依据的 {:.0f}%）", shown, 100 * share)
               : fmt::format("because of {} ({:.0f} % of what speaks for it)", shown, 100 * share);
  return reason;
}

Reason ReasonWriter::popularity(std::int32_t column) const {
  Reason reason;
  const std::int64_t count = buyers_[static_cast<std::size_t>(column)];
  reason.text = chinese_ ? fmt::format("{} 位顾客选过", with_thousands(count))
                         : fmt::format("{} customers chose it", with_thousands(count));
  return reason;
}

Result<std::vector<Reason>> ReasonWriter::reasons(const recommend::Recommender& recommender,
                                                  const recommend::Query& query,
                                                  std::int32_t column) const {
  std::vector<Reason> all;
  if (recommender.capabilities().explains && recommender.capabilities().personal) {
    ATTUNE_ASSIGN_OR_RETURN(const recommend::Explanation explanation,
                            recommender.explain(query, column));
    // Amounts below 0 speak against the item, so the score may be less than one of those above.
    double in_favour = std::max(0.0, explanation.base);
    for (const recommend::Contribution& contribution : explanation.contributions)
      in_favour += std::max(0.0, contribution.amount);
    for (const recommend::Contribution& contribution : explanation.contributions) {
      if (all.size() == kReasonsMax || contribution.amount <= 0) break;
      const double share = contribution.amount / in_favour;
      if (share < 0.01) break;
      all.push_back(because(contribution, share));
    }
  }
  if (all.empty()) all.push_back(popularity(column));
  return all;
}

}  // namespace attune::engine
