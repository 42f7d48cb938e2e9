// Which purchases a refund takes back. A person's numbers count as one, as they are merged now.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "attune/events/event_history.h"
#include "history_transaction.h"

namespace attune::events {
namespace {

constexpr double kTolerance = 1e-9;
constexpr std::string_view kPairedThrough = "refund pairs";

struct Line {
  std::int64_t person;
  std::int64_t item;
  Timestamp time;
  std::int64_t sequence;
  bool refund;
  double quantity;
  std::string order;
  double bought = quantity;  // of which `quantity` is left
};

struct Pair {
  std::int64_t refund;
  std::int64_t purchase;
  double quantity;
  double share;  // of the purchase
};

// Takes a refund back from the purchases before it: those of the same order first, then the latest.
// `lines` are one person's of one item, in order of time.
void pair_one(std::span<Line> before, const Line& refund, std::vector<Pair>& pairs) {
  double left = refund.quantity;
  for (const bool same_order : {true, false}) {
    for (auto purchase = before.rbegin(); purchase != before.rend() && left > kTolerance;
         ++purchase) {
      if (purchase->refund || purchase->quantity <= kTolerance) continue;
      if (same_order != (!refund.order.empty() && purchase->order == refund.order)) continue;
      const double taken = std::min(left, purchase->quantity);
      purchase->quantity -= taken;
      left -= taken;
      pairs.push_back({refund.sequence, purchase->sequence, taken, taken / purchase->bought});
    }
  }
}

std::vector<Pair> pair_all(std::vector<Line> lines) {
  // At the same moment a purchase comes before its refund.
  std::ranges::sort(lines, {}, [](const Line& l) {
    return std::tuple(l.person, l.item, l.time, l.refund, l.sequence);
  });
  std::vector<Pair> pairs;
  std::size_t group = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].person != lines[group].person || lines[i].item != lines[group].item) group = i;
    if (!lines[i].refund) continue;
    pair_one(std::span(lines).subspan(group, i - group), lines[i], pairs);
  }
  return pairs;
}

// What was refunded after `after`, under every number of whoever did: customer, item, person.
struct Refunded {
  std::vector<std::int64_t> customers, items, persons;
};
Result<Refunded> find_refunded(store::History& history, Sequence after, const MergeMap& merges) {
  std::map<CustomerNumber, std::set<std::int64_t>> items;  // by person
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history.query(fmt::format("SELECT DISTINCT customer, item FROM visible_rows WHERE type = {} "
                                "AND customer <> 0 AND item <> 0 AND sequence > $1",
                                static_cast<int>(EventType::refund)),
                    {after.value}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i)
      items[merges.root(CustomerNumber{chunk.int64(0)[i]})].insert(chunk.int64(1)[i]);
    return {};
  }));
  Refunded refunded;
  const auto add = [&](CustomerNumber customer, CustomerNumber person) {
    const auto found = items.find(person);
    if (found == items.end()) return;
    for (const std::int64_t item : found->second) {
      refunded.customers.push_back(customer.value);
      refunded.items.push_back(item);
      refunded.persons.push_back(person.value);
    }
  };
  for (const auto& [person, of_person] : items) add(person, person);
  if (items.empty()) return refunded;
  for (const auto& [source, root] : merges.targets()) add(source, root);
  return refunded;
}

// All purchases and refunds of what is in `refunded`.
Result<std::vector<Line>> read_lines(store::History& history, const Refunded& refunded) {
  std::vector<Line> lines;
  if (refunded.items.empty()) return lines;
  ATTUNE_RETURN_IF_ERROR(history.execute(
      "CREATE OR REPLACE TEMP TABLE refunded(customer BIGINT, item BIGINT, person BIGINT)"));
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history.appender("refunded"));
    const store::ColumnSpan spans[] = {store::ColumnSpan::int64(refunded.customers),
                                       store::ColumnSpan::int64(refunded.items),
                                       store::ColumnSpan::int64(refunded.persons)};
    ATTUNE_RETURN_IF_ERROR(appender.append(spans));
    ATTUNE_RETURN_IF_ERROR(appender.finish());
  }
  {
    ATTUNE_ASSIGN_OR_RETURN(
        store::QueryResult rows,
        history.query(fmt::format("SELECT r.person, e.item, e.time, e.sequence, e.type = {1}, "
                                  "coalesce(abs(e.quantity), 1), coalesce(e.order_id, '') "
                                  "FROM visible_rows e JOIN refunded r USING (customer, item) "
                                  "WHERE e.type IN ({0}, {1})",
                                  static_cast<int>(EventType::purchase),
                                  static_cast<int>(EventType::refund))));
    ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
      for (std::size_t i = 0; i < chunk.rows(); ++i) {
        lines.push_back({chunk.int64(0)[i], chunk.int64(1)[i], chunk.time(2)[i], chunk.int64(3)[i],
                         chunk.int64(4)[i] != 0, chunk.real(5)[i], std::string(chunk.text(6, i))});
      }
      return {};
    }));
  }
  ATTUNE_RETURN_IF_ERROR(history.execute("DROP TABLE refunded"));
  return lines;
}

Result<std::vector<Pair>> find_pairs(store::History& history, Sequence after,
                                     const MergeMap& merges) {
  ATTUNE_ASSIGN_OR_RETURN(const Refunded refunded, find_refunded(history, after, merges));
  ATTUNE_ASSIGN_OR_RETURN(std::vector<Line> lines, read_lines(history, refunded));
  return pair_all(std::move(lines));
}

}  // namespace

Status EventHistory::pair_anew(const MergeMap& merges) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Pair> pairs,
                          find_pairs(*history_, Sequence{0}, merges));
  ATTUNE_RETURN_IF_ERROR(history_->execute("DELETE FROM refund_pairs"));
  std::vector<std::int64_t> refunds, purchases;
  std::vector<double> quantities;
  for (const Pair& pair : pairs) {
    refunds.push_back(pair.refund);
    purchases.push_back(pair.purchase);
    quantities.push_back(pair.quantity);
  }
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history_->appender("refund_pairs"));
    const store::ColumnSpan spans[] = {store::ColumnSpan::int64(refunds),
                                       store::ColumnSpan::int64(purchases),
                                       store::ColumnSpan::float64(quantities)};
    ATTUNE_RETURN_IF_ERROR(appender.append(spans));
    ATTUNE_RETURN_IF_ERROR(appender.finish());
  }
  ATTUNE_ASSIGN_OR_RETURN(const Sequence through, cursor());
  return history_->set_cursor(kPairedThrough, through);
}

Status EventHistory::pair_refunds(const MergeMap& merges) {
  ATTUNE_ASSIGN_OR_RETURN(const Sequence through, cursor());
  ATTUNE_ASSIGN_OR_RETURN(const Sequence paired, history_->cursor(kPairedThrough));
  if (paired == through) return {};
  return in_transaction(*history_, [&] { return pair_anew(merges); });
}

Result<std::unordered_map<Sequence, double>> EventHistory::taken_back(Sequence after,
                                                                      const MergeMap& merges) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Pair> pairs, find_pairs(*history_, after, merges));
  std::unordered_map<Sequence, double> shares;
  for (const Pair& pair : pairs) {
    if (pair.refund > after.value) shares[Sequence{pair.refund}] += pair.share;
  }
  return shares;
}

}  // namespace attune::events
