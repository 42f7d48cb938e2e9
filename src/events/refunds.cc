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
  // Of a refund: it takes the share `quantity` of every line of its order. Of a purchase: its order
  // was so refunded.
  bool whole = false;
  double bought = quantity;  // of which `quantity` is left
};

struct Pair {
  std::int64_t refund;
  std::int64_t purchase;
  std::int64_t item;
  double quantity;
  double share;  // of the purchase
};

// Result: as much of `wanted` as the purchase has left.
double take(Line& purchase, const Line& refund, double wanted, std::vector<Pair>& pairs) {
  const double taken = std::min(wanted, purchase.quantity);
  purchase.quantity -= taken;
  pairs.push_back(
      {refund.sequence, purchase.sequence, purchase.item, taken, taken / purchase.bought});
  return taken;
}

// Takes a refund back from the purchases before it: those of the same order first, then the latest,
// unless the same order was refunded as a whole: then it tells of what is taken back already.
void pair_one(std::span<Line> before, const Line& refund, std::vector<Pair>& pairs) {
  double left = refund.quantity;
  bool whole = false;
  for (const bool same_order : {true, false}) {
    if (whole) return;
    for (auto purchase = before.rbegin(); purchase != before.rend() && left > kTolerance;
         ++purchase) {
      if (purchase->refund) continue;
      if (same_order != (!refund.order.empty() && purchase->order == refund.order)) continue;
      whole = whole || (same_order && purchase->whole);
      if (purchase->quantity > kTolerance) left -= take(*purchase, refund, left, pairs);
    }
  }
}

// Takes a refund of a whole order back from the lines of it, whenever they came.
void pair_whole(std::span<Line> lines, const Line& refund, std::vector<Pair>& pairs) {
  for (Line& line : lines) {
    if (line.refund || line.order != refund.order) continue;
    line.whole = true;
    if (line.quantity > kTolerance) take(line, refund, refund.quantity * line.bought, pairs);
  }
}

// `lines` are one person's of one item, in order of time.
void pair_group(std::span<Line> lines, std::vector<Pair>& pairs) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].refund) continue;
    if (lines[i].whole) {
      pair_whole(lines, lines[i], pairs);
    } else {
      pair_one(lines.first(i), lines[i], pairs);
    }
  }
}

// Result: ascending by person, then by item.
std::vector<Pair> pair_all(std::vector<Line> lines) {
  // At the same moment a purchase comes before its refund.
  std::ranges::sort(lines, {}, [](const Line& l) {
    return std::tuple(l.person, l.item, l.time, l.refund, l.sequence);
  });
  std::vector<Pair> pairs;
  for (auto begin = lines.begin(); begin != lines.end();) {
    const auto end = std::find_if(begin, lines.end(), [&](const Line& l) {
      return l.person != begin->person || l.item != begin->item;
    });
    pair_group(std::span<Line>(begin, end), pairs);
    begin = end;
  }
  return pairs;
}

Status write_temporary(store::History& history, std::string_view table, std::string_view columns,
                       std::span<const store::ColumnSpan> values) {
  ATTUNE_RETURN_IF_ERROR(
      history.execute(fmt::format("CREATE OR REPLACE TEMP TABLE {}({})", table, columns)));
  ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history.appender(table));
  ATTUNE_RETURN_IF_ERROR(appender.append(values));
  return appender.finish();
}

// The refunds of whole orders (they name an order and no item) by those in table `refunding`, each
// as one of every item of its order. One that states an amount takes that share of what the order
// was worth.
Result<std::vector<Line>> read_whole(store::History& history) {
  std::vector<Line> lines;
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history.query(fmt::format(
          "WITH orders AS MATERIALIZED ("
          "SELECT r.person, e.order_id, e.type, e.item, e.time, e.sequence, abs(coalesce("
          "e.value_minor, e.price_minor * coalesce(e.quantity, 1)))::DOUBLE AS amount "
          "FROM visible_rows e JOIN refunding r USING (customer) "
          "WHERE e.order_id <> '' AND (e.type = {} OR (e.type = {} AND e.item = 0))), "
          "bought AS (SELECT person, order_id, item, coalesce(sum(amount), 0) AS worth "
          "FROM orders WHERE type = {} GROUP BY person, order_id, item), "
          "valued AS (SELECT person, order_id, item, "
          "sum(worth) OVER (PARTITION BY person, order_id) AS order_worth FROM bought) "
          "SELECT o.person, v.item, o.time, o.sequence, "
          "least(1, coalesce(o.amount / nullif(v.order_worth, 0), 1))::DOUBLE, o.order_id "
          "FROM orders o JOIN valued v ON v.person = o.person AND v.order_id = o.order_id "
          "WHERE o.type = {} AND v.item <> 0",
          static_cast<int>(EventType::purchase), static_cast<int>(EventType::refund),
          static_cast<int>(EventType::purchase), static_cast<int>(EventType::refund))));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      if (chunk.real(4)[i] <= 0) continue;
      lines.push_back({chunk.int64(0)[i], chunk.int64(1)[i], chunk.time(2)[i], chunk.int64(3)[i],
                       true, chunk.real(4)[i], std::string(chunk.text(5, i)), true});
    }
    return {};
  }));
  return lines;
}

using ItemsByPerson = std::map<CustomerNumber, std::set<std::int64_t>>;

// Who refunded anything after `after`, and of which items, as far as the refunds name them.
Result<ItemsByPerson> find_refunding(store::History& history, Sequence after,
                                     const MergeMap& merges) {
  ItemsByPerson items;
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history.query(fmt::format("SELECT DISTINCT customer, item FROM visible_rows WHERE type = {} "
                                "AND customer <> 0 AND (item <> 0 OR order_id <> '') AND "
                                "sequence > $1",
                                static_cast<int>(EventType::refund)),
                    {after.value}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      auto& of_person = items[merges.root(CustomerNumber{chunk.int64(0)[i]})];
      if (chunk.int64(1)[i] != 0) of_person.insert(chunk.int64(1)[i]);
    }
    return {};
  }));
  return items;
}

// What was refunded after `after`, under every number of whoever did: customer, item, person.
struct Refunded {
  std::vector<std::int64_t> customers, items, persons;
  std::vector<Line> whole;  // all their refunds of whole orders, also earlier ones
};
Result<Refunded> find_refunded(store::History& history, Sequence after, const MergeMap& merges) {
  Refunded refunded;
  ATTUNE_ASSIGN_OR_RETURN(ItemsByPerson items, find_refunding(history, after, merges));
  if (items.empty()) return refunded;
  std::vector<std::int64_t> customers, persons;
  const auto add = [&](CustomerNumber customer, CustomerNumber person) {
    if (!items.contains(person)) return;
    customers.push_back(customer.value);
    persons.push_back(person.value);
  };
  for (const auto& [person, of_person] : items) add(person, person);
  for (const auto& [source, root] : merges.targets()) add(source, root);
  ATTUNE_ASSIGN_OR_RETURN(
      const auto any_whole,
      history.find_int64(fmt::format("SELECT 1 FROM visible_rows WHERE type = {} AND customer <> 0 "
                                     "AND item = 0 AND order_id <> '' LIMIT 1",
                                     static_cast<int>(EventType::refund))));
  if (any_whole) {
    const store::ColumnSpan spans[] = {store::ColumnSpan::int64(customers),
                                       store::ColumnSpan::int64(persons)};
    ATTUNE_RETURN_IF_ERROR(
        write_temporary(history, "refunding", "customer BIGINT, person BIGINT", spans));
    ATTUNE_ASSIGN_OR_RETURN(refunded.whole, read_whole(history));
    ATTUNE_RETURN_IF_ERROR(history.execute("DROP TABLE refunding"));
  }
  for (const Line& line : refunded.whole) {
    if (line.sequence > after.value) items[CustomerNumber{line.person}].insert(line.item);
  }
  for (std::size_t i = 0; i < customers.size(); ++i) {
    for (const std::int64_t item : items[CustomerNumber{persons[i]}]) {
      refunded.customers.push_back(customers[i]);
      refunded.items.push_back(item);
      refunded.persons.push_back(persons[i]);
    }
  }
  return refunded;
}

// All purchases and refunds of what is in `refunded`.
Result<std::vector<Line>> read_lines(store::History& history, const Refunded& refunded) {
  std::vector<Line> lines = refunded.whole;  // those of items not read find nothing to take
  if (refunded.items.empty()) return lines;
  const store::ColumnSpan spans[] = {store::ColumnSpan::int64(refunded.customers),
                                     store::ColumnSpan::int64(refunded.items),
                                     store::ColumnSpan::int64(refunded.persons)};
  ATTUNE_RETURN_IF_ERROR(
      write_temporary(history, "refunded", "customer BIGINT, item BIGINT, person BIGINT", spans));
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

Result<RefundedItems> EventHistory::taken_back(Sequence after, const MergeMap& merges) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Pair> pairs, find_pairs(*history_, after, merges));
  RefundedItems refunds;
  for (const Pair& pair : pairs) {
    if (pair.refund <= after.value) continue;
    std::vector<RefundedItem>& items = refunds[Sequence{pair.refund}];
    if (items.empty() || items.back().item.value != pair.item)
      items.push_back(RefundedItem{ItemNumber{pair.item}});
    items.back().purchases += pair.share;
  }
  return refunds;
}

}  // namespace attune::events
