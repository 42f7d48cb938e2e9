// What can only be told from many rows at once: what is far from usual, who is no person. Which
// purchase a refund takes back is in refunds.cc.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "attune/events/event_history.h"
#include "attune/events/quality.h"
#include "history_transaction.h"

namespace attune::events {
namespace {

constexpr double kNormalMad = 1.4826;  // deviation of a normal over its MAD [Rousseeuw1993]

// Purchases of one item that agree in amount and price.
struct Sold {
  std::int64_t item;
  double quantity;
  std::int64_t price_minor;
  std::int64_t rows;
};

using Weighted = std::vector<std::pair<double, std::int64_t>>;  // a value, and how often it came

double median(Weighted& values) {
  std::ranges::sort(values);
  std::int64_t total = 0;
  for (const auto& [value, count] : values) total += count;
  // With an even number the mean of the two in the middle.
  double sum = 0;
  for (const std::int64_t wanted : {(total - 1) / 2, total / 2}) {
    std::int64_t before = 0;
    for (const auto& [value, count] : values) {
      before += count;
      if (before <= wanted) continue;
      sum += value;
      break;
    }
  }
  return sum / 2;
}

// Values from `low` to `high` are usual.
struct Usual {
  double low;
  double high;
};

Usual usual(Weighted values, const CleaningRules& rules) {
  const double middle = median(values);
  for (auto& [value, count] : values) value = std::abs(value - middle);
  const double spread =
      rules.outlier_threshold * std::max(kNormalMad * median(values), rules.outlier_floor);
  return {middle - spread, middle + spread};
}

// `sold` is all of one item.
void add_unusual(std::span<const Sold> sold, const CleaningRules& rules, std::vector<Sold>& out) {
  std::int64_t rows = 0;
  Weighted quantities, prices;
  for (const Sold& one : sold) {
    rows += one.rows;
    quantities.emplace_back(std::log(one.quantity), one.rows);
    prices.emplace_back(std::log(static_cast<double>(one.price_minor)), one.rows);
  }
  if (rows < rules.outlier_min_rows) return;
  const Usual quantity = usual(quantities, rules);
  const Usual price = usual(prices, rules);
  const auto within = [](const Usual& u, double value) {
    return value >= u.low && value <= u.high;
  };
  for (std::size_t i = 0; i < sold.size(); ++i) {
    if (!within(quantity, quantities[i].first) || !within(price, prices[i].first))
      out.push_back(sold[i]);
  }
}

// Temporary table `merged`: customer, root.
Status write_merged(store::History& history, const MergeMap& merges) {
  ATTUNE_RETURN_IF_ERROR(
      history.execute("CREATE OR REPLACE TEMP TABLE merged(customer BIGINT, root BIGINT)"));
  std::vector<std::int64_t> customers, roots;
  for (const auto& [customer, root] : merges.targets()) {
    customers.push_back(customer.value);
    roots.push_back(root.value);
  }
  ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history.appender("merged"));
  const store::ColumnSpan spans[] = {store::ColumnSpan::int64(customers),
                                     store::ColumnSpan::int64(roots)};
  ATTUNE_RETURN_IF_ERROR(appender.append(spans));
  return appender.finish();
}

Timestamp begin_of_day(std::int64_t day, const TimeZone& zone) {
  return zone.from_civil(civil_from_utc(Timestamp{day * kMicrosPerDay}));
}

}  // namespace

const ParameterTable<CleaningRules>& CleaningRules::table() {
  static const ParameterTable<CleaningRules> table = [] {
    using R = CleaningRules;
    ParameterTable<R> t;
    t.flag("outliers", &R::outliers, "mark amounts and prices far from their item's usual ones")
        .real("outlier_threshold", &R::outlier_threshold, 1, 1000, "deviations",
              "how far is far, in robust deviations of the logarithm")
        .real("outlier_floor", &R::outlier_floor, 0, 10, "",
              "a deviation is at least this, so that items that hardly vary have no outliers")
        .integer("outlier_min_rows", &R::outlier_min_rows, 2, 1e6, "rows",
                 "items bought less often have no usual amount")
        .flag("bots", &R::bots,
              "mark views, searches and clicks of days with a burst that no person makes; they "
              "count neither for profiles nor for taste")
        .integer("bot_events_per_minute", &R::bot_events_per_minute, 2, 1e6, "events",
                 "a burst: this many within one minute");
    return t;
  }();
  return table;
}

Status EventHistory::mark_outliers(const CleaningRules& rules) {
  // Few lines of an item differ in amount and price: each such pair is looked at once.
  const std::string sold = fmt::format(
      "FROM visible_rows WHERE type = {} AND item <> 0 AND quantity > 0 AND price_minor > 0",
      static_cast<int>(EventType::purchase));
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows,
                          history_->query("SELECT item, quantity, price_minor, count(*) " + sold +
                                          " GROUP BY ALL ORDER BY item, quantity, price_minor"));
  std::vector<Sold> groups;
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      groups.push_back({chunk.int64(0)[i], chunk.real(1)[i], chunk.int64(2)[i], chunk.int64(3)[i]});
    }
    return {};
  }));
  std::vector<Sold> unusual;
  for (auto begin = groups.begin(); begin != groups.end();) {
    const auto end =
        std::find_if(begin, groups.end(), [&](const Sold& s) { return s.item != begin->item; });
    add_unusual(std::span<const Sold>(begin, end), rules, unusual);
    begin = end;
  }
  if (unusual.empty()) return {};
  ATTUNE_RETURN_IF_ERROR(history_->execute(
      "CREATE OR REPLACE TEMP TABLE unusual(item BIGINT, quantity DOUBLE, price_minor BIGINT)"));
  std::vector<std::int64_t> items, prices;
  std::vector<double> quantities;
  for (const Sold& one : unusual) {
    items.push_back(one.item);
    quantities.push_back(one.quantity);
    prices.push_back(one.price_minor);
  }
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history_->appender("unusual"));
    const store::ColumnSpan spans[] = {store::ColumnSpan::int64(items),
                                       store::ColumnSpan::float64(quantities),
                                       store::ColumnSpan::int64(prices)};
    ATTUNE_RETURN_IF_ERROR(appender.append(spans));
    ATTUNE_RETURN_IF_ERROR(appender.finish());
  }
  ATTUNE_RETURN_IF_ERROR(
      history_->run(fmt::format("INSERT INTO derived_marks SELECT sequence, {} FROM (SELECT "
                                "sequence, item, quantity, price_minor {}) SEMI JOIN unusual "
                                "USING (item, quantity, price_minor)",
                                bit(Mark::outlier), sold),
                    {}));
  return history_->execute("DROP TABLE unusual");
}

Status EventHistory::mark_bots(const CleaningRules& rules, const TimeZone& zone,
                               const MergeMap& merges) {
  ATTUNE_RETURN_IF_ERROR(write_merged(*history_, merges));
  // Only where somebody is merged is anybody looked up.
  const std::string_view rows_by_person =
      merges.empty() ? "(SELECT *, customer AS person FROM visible_rows)"
                     : "(SELECT v.*, coalesce(m.root, v.customer) AS person FROM visible_rows v "
                       "LEFT JOIN merged m ON m.customer = v.customer)";
  const std::string browsing = fmt::format(
      "{}, {}, {}, {}", static_cast<int>(EventType::view), static_cast<int>(EventType::list_view),
      static_cast<int>(EventType::search), static_cast<int>(EventType::click));
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history_->query(fmt::format("SELECT person, date_trunc('minute', time) FROM {} "
                                  "WHERE customer <> 0 AND type IN ({}) GROUP BY ALL HAVING "
                                  "count(*) >= $1",
                                  rows_by_person, browsing),
                      {static_cast<std::int64_t>(rules.bot_events_per_minute)}));
  std::set<std::pair<std::int64_t, std::int64_t>> days;  // of whom, and which
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i)
      days.emplace(chunk.int64(0)[i], zone.day_number(chunk.time(1)[i]));
    return {};
  }));
  if (days.empty()) return history_->execute("DROP TABLE merged");
  std::vector<std::int64_t> persons;
  std::vector<Timestamp> begins, ends;
  for (const auto& [person, day] : days) {
    persons.push_back(person);
    begins.push_back(begin_of_day(day, zone));
    ends.push_back(begin_of_day(day + 1, zone));
  }
  ATTUNE_RETURN_IF_ERROR(
      history_->execute("CREATE OR REPLACE TEMP TABLE bot_days(person BIGINT, begins TIMESTAMP, "
                        "ends TIMESTAMP)"));
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, history_->appender("bot_days"));
    const store::ColumnSpan spans[] = {store::ColumnSpan::int64(persons),
                                       store::ColumnSpan::timestamp(begins),
                                       store::ColumnSpan::timestamp(ends)};
    ATTUNE_RETURN_IF_ERROR(appender.append(spans));
    ATTUNE_RETURN_IF_ERROR(appender.finish());
  }
  ATTUNE_RETURN_IF_ERROR(history_->run(
      fmt::format("INSERT INTO derived_marks SELECT e.sequence, {} FROM {} e JOIN "
                  "bot_days b ON e.person = b.person AND e.time >= b.begins AND e.time < "
                  "b.ends WHERE e.type IN ({})",
                  bit(Mark::bot), rows_by_person, browsing),
      {}));
  ATTUNE_RETURN_IF_ERROR(history_->execute("DROP TABLE bot_days"));
  return history_->execute("DROP TABLE merged");
}

Status EventHistory::clean(const CleaningRules& rules, const TimeZone& zone,
                           const MergeMap& merges) {
  return in_transaction(*history_, [&]() -> Status {
    ATTUNE_RETURN_IF_ERROR(pair_anew(merges));
    ATTUNE_RETURN_IF_ERROR(history_->execute("DELETE FROM derived_marks"));
    if (rules.outliers) ATTUNE_RETURN_IF_ERROR(mark_outliers(rules));
    return rules.bots ? mark_bots(rules, zone, merges) : Status{};
  });
}

Result<CleaningCounts> EventHistory::cleaned(Sequence first) {
  CleaningCounts counts;
  const auto count = [&](std::int64_t& into, const std::string& sql) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const auto found, history_->find_int64(sql, {first.value}));
    into = found.value_or(0);
    return {};
  };
  ATTUNE_RETURN_IF_ERROR(count(
      counts.refunds, fmt::format("SELECT count(*) FROM visible_rows WHERE sequence >= $1 AND type "
                                  "= {} AND customer <> 0 AND (item <> 0 OR order_id <> '')",
                                  static_cast<int>(EventType::refund))));
  ATTUNE_RETURN_IF_ERROR(count(
      counts.refunds_paired, "SELECT count(DISTINCT refund) FROM refund_pairs WHERE refund >= $1"));
  for (const auto& [mark, into] :
       {std::pair(Mark::outlier, &counts.outliers), std::pair(Mark::bot, &counts.bots)}) {
    ATTUNE_RETURN_IF_ERROR(
        count(*into, fmt::format("SELECT count(*) FROM derived_marks WHERE sequence >= $1 AND "
                                 "marks & {} <> 0",
                                 bit(mark))));
  }
  if (counts.outliers + counts.bots == 0) return counts;
  // Rows that came without a mark, or with marks that are only noted.
  ATTUNE_RETURN_IF_ERROR(
      count(counts.flagged,
            fmt::format("SELECT count(*) FROM visible_rows e SEMI JOIN (SELECT sequence FROM "
                        "derived_marks WHERE sequence >= $1) d ON d.sequence = e.sequence "
                        "WHERE e.sequence >= $1 AND e.marks & {} = 0",
                        ~kNotedMarks & std::uint32_t{INT32_MAX})));
  return counts;
}

Result<std::vector<CleanedRow>> EventHistory::cleaned_rows(Mark mark, Sequence first,
                                                           std::int64_t limit) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history_->query(
          fmt::format("SELECT e.sequence, e.type, e.customer, e.item, e.time, e.order_id, "
                      "e.quantity, e.price_minor, c.name FROM visible_rows e JOIN (SELECT sequence "
                      "FROM derived_marks WHERE sequence >= $1 AND marks & {} <> 0 ORDER BY "
                      "sequence LIMIT {}) d ON d.sequence = e.sequence "
                      "LEFT JOIN labels c ON c.kind = 2 AND c.code = e.currency "
                      "ORDER BY e.sequence",
                      bit(mark), limit),
          {first.value}));
  std::vector<CleanedRow> found;
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& c) -> Status {
    for (std::size_t i = 0; i < c.rows(); ++i) {
      CleanedRow& row = found.emplace_back();
      row.sequence = Sequence{c.int64(0)[i]};
      row.type = static_cast<EventType>(c.int64(1)[i]);
      row.customer = CustomerNumber{c.int64(2)[i]};
      row.item = ItemNumber{c.int64(3)[i]};
      row.time = c.time(4)[i];
      if (!c.is_null(5, i)) row.order = c.text(5, i);
      if (!c.is_null(6, i)) row.quantity = c.real(6)[i];
      if (!c.is_null(7, i)) row.price_minor = c.int64(7)[i];
      if (!c.is_null(8, i)) row.currency = c.text(8, i);
    }
    return {};
  }));
  return found;
}

Result<std::map<std::string, std::int64_t>> EventHistory::amounts_by_currency(Sequence first,
                                                                              Timestamp until) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      history_->query(
          fmt::format("SELECT m.name, count(*) FROM visible_rows e JOIN labels m ON m.kind = 2 AND "
                      "m.code = e.currency WHERE e.sequence >= $1 AND epoch_us(e.time) <= $2 AND "
                      "e.type IN ({}, {}) AND e.value_minor IS NOT NULL GROUP BY m.name",
                      static_cast<int>(EventType::purchase), static_cast<int>(EventType::refund)),
          {first.value, until.micros}));
  std::map<std::string, std::int64_t> found;
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& c) -> Status {
    for (std::size_t i = 0; i < c.rows(); ++i)
      found.emplace(std::string(c.text(0, i)), c.int64(1)[i]);
    return {};
  }));
  return found;
}

}  // namespace attune::events
