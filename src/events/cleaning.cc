// What can only be told from many rows at once: which purchase a refund takes back, what is far
// from usual, who is no person.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "attune/events/event_history.h"

namespace attune::events {
namespace {

constexpr double kTolerance = 1e-9;

struct Line {
  std::int64_t customer;
  std::int64_t item;
  Timestamp time;
  std::int64_t sequence;
  bool refund;
  double quantity;
  std::string order;
};

struct Pair {
  std::int64_t refund;
  std::int64_t purchase;
  double quantity;
};

// Takes a refund back from the purchases before it: those of the same order first, then the latest.
// `lines` are one customer's of one item, in order of time.
bool pair_one(std::span<Line> before, const Line& refund, std::vector<Pair>& pairs) {
  double left = refund.quantity;
  for (const bool same_order : {true, false}) {
    for (auto purchase = before.rbegin(); purchase != before.rend() && left > kTolerance;
         ++purchase) {
      if (purchase->refund || purchase->quantity <= kTolerance) continue;
      if (same_order != (!refund.order.empty() && purchase->order == refund.order)) continue;
      const double taken = std::min(left, purchase->quantity);
      purchase->quantity -= taken;
      left -= taken;
      pairs.push_back({refund.sequence, purchase->sequence, taken});
    }
  }
  return left < refund.quantity;
}

}  // namespace

Status EventHistory::pair_refunds(CleaningCounts& counts) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history_->query(fmt::format("WITH refunded AS (SELECT DISTINCT customer, item FROM "
                                  "visible_rows WHERE type = {1} AND customer <> 0 AND item <> 0) "
                                  "SELECT e.customer, e.item, e.time, e.sequence, e.type = {1}, "
                                  "coalesce(abs(e.quantity), 1), coalesce(e.order_id, '') "
                                  "FROM visible_rows e SEMI JOIN refunded USING (customer, item) "
                                  "WHERE e.type IN ({0}, {1})",
                                  static_cast<int>(EventType::purchase),
                                  static_cast<int>(EventType::refund))));
  std::vector<Line> lines;
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      lines.push_back({chunk.int64(0)[i], chunk.int64(1)[i], chunk.time(2)[i], chunk.int64(3)[i],
                       chunk.int64(4)[i] != 0, chunk.real(5)[i], std::string(chunk.text(6, i))});
    }
    return {};
  }));
  // At the same moment a purchase comes before its refund.
  std::ranges::sort(lines, {}, [](const Line& l) {
    return std::tuple(l.customer, l.item, l.time, l.refund, l.sequence);
  });
  std::vector<Pair> pairs;
  std::size_t group = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].customer != lines[group].customer || lines[i].item != lines[group].item) group = i;
    if (!lines[i].refund) continue;
    ++counts.refunds;
    counts.refunds_paired += pair_one(std::span(lines).subspan(group, i - group), lines[i], pairs);
  }
  ATTUNE_RETURN_IF_ERROR(history_->execute("DELETE FROM refund_pairs"));
  std::vector<std::int64_t> refunds, purchases;
  std::vector<double> quantities;
  for (const Pair& pair : pairs) {
    refunds.push_back(pair.refund);
    purchases.push_back(pair.purchase);
    quantities.push_back(pair.quantity);
  }
  ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history_->appender("refund_pairs"));
  const store::ColumnSpan spans[] = {store::ColumnSpan::int64(refunds),
                                     store::ColumnSpan::int64(purchases),
                                     store::ColumnSpan::float64(quantities)};
  ATTUNE_RETURN_IF_ERROR(appender.append(spans));
  return appender.finish();
}

Status EventHistory::mark_outliers(const CleaningRules& rules, CleaningCounts& counts) {
  ATTUNE_ASSIGN_OR_RETURN(
      counts.outliers,
      history_->run(
          fmt::format("INSERT INTO derived_marks "
                      "WITH amounts AS (SELECT sequence, item, ln(quantity) AS q, ln(price_minor) "
                      "AS p FROM visible_rows "
                      "  WHERE type = {} AND item <> 0 AND quantity > 0 AND price_minor > 0), "
                      "usual AS (SELECT item, median(q) AS mq, mad(q) AS dq, median(p) AS mp, "
                      "mad(p) AS dp FROM amounts "
                      "  GROUP BY item HAVING count(*) >= $1) "
                      "SELECT a.sequence, {} FROM amounts a JOIN usual u USING (item) "
                      "WHERE abs(a.q - u.mq) > $2 * greatest(1.4826 * u.dq, $3) OR abs(a.p - u.mp) "
                      "> $2 * greatest(1.4826 * u.dp, $3)",
                      static_cast<int>(EventType::purchase), bit(Mark::outlier)),
          {static_cast<std::int64_t>(rules.outlier_min_rows), rules.outlier_threshold,
           rules.outlier_floor}));
  return {};
}

Status EventHistory::mark_bots(const CleaningRules& rules, CleaningCounts& counts) {
  const std::string browsing = fmt::format(
      "{}, {}, {}, {}", static_cast<int>(EventType::view), static_cast<int>(EventType::list_view),
      static_cast<int>(EventType::search), static_cast<int>(EventType::click));
  ATTUNE_ASSIGN_OR_RETURN(
      counts.bots,
      history_->run(
          fmt::format(
              "INSERT INTO derived_marks "
              "WITH bursts AS (SELECT DISTINCT customer, date_trunc('day', minute) AS day FROM ("
              "  SELECT customer, date_trunc('minute', time) AS minute FROM visible_rows WHERE "
              "customer <> 0 AND type IN ({0}) "
              "  GROUP BY ALL HAVING count(*) >= $1)) "
              "SELECT e.sequence, {1} FROM visible_rows e JOIN bursts b ON e.customer = b.customer "
              "AND date_trunc('day', e.time) = b.day "
              "WHERE e.type IN ({0})",
              browsing, bit(Mark::bot)),
          {static_cast<std::int64_t>(rules.bot_events_per_minute)}));
  return {};
}

Result<CleaningCounts> EventHistory::clean(const CleaningRules& rules) {
  CleaningCounts counts;
  ATTUNE_RETURN_IF_ERROR(history_->begin());
  Status step = pair_refunds(counts);
  if (step) step = history_->execute("DELETE FROM derived_marks");
  if (step) step = mark_outliers(rules, counts);
  if (step) step = mark_bots(rules, counts);
  if (step) step = history_->commit();
  if (!step) {
    if (history_->in_transaction()) (void)history_->rollback();
    return std::unexpected(step.error());
  }
  return counts;
}

}  // namespace attune::events
