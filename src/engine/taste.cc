#include "attune/engine/taste.h"

#include <algorithm>

#include <fmt/format.h>

namespace attune::engine {
namespace {

using events::EventType;

struct Weighted {
  EventType type;
  double InteractionWeights::* weight;
};
constexpr Weighted kWeighted[] = {
    {EventType::view, &InteractionWeights::view},
    {EventType::click, &InteractionWeights::click},
    {EventType::like, &InteractionWeights::like},
    {EventType::wishlist, &InteractionWeights::wishlist},
    {EventType::share, &InteractionWeights::share},
    {EventType::cart_add, &InteractionWeights::cart_add},
    {EventType::rating, &InteractionWeights::rating},
    {EventType::review, &InteractionWeights::review},
    {EventType::purchase, &InteractionWeights::purchase},
};

// customer, item, weight, time of every event that speaks of taste.
std::string taste_sql(const InteractionWeights& weights, std::string_view condition) {
  std::string cases;
  std::string types;
  for (const Weighted& weighted : kWeighted) {
    const double weight = weights.*weighted.weight;
    if (weight == 0) continue;
    const int code = static_cast<int>(weighted.type);
    if (weighted.type == EventType::rating && weights.minimum_rating > 0) {
      cases += fmt::format(" WHEN e.type = {} THEN CASE WHEN e.rating < {} THEN 0 ELSE {} END",
                           code, weights.minimum_rating, weight);
    } else {
      cases += fmt::format(" WHEN e.type = {} THEN {}", code, weight);
    }
    types += fmt::format("{}{}", types.empty() ? "" : ", ", code);
  }
  return fmt::format(
      "WITH taken_back AS (SELECT purchase, sum(quantity) AS quantity FROM refund_pairs GROUP BY "
      "purchase) "
      "SELECT e.customer, e.item, (CASE{} END)::DOUBLE * (1 - least(1, coalesce(t.quantity, 0) / "
      "greatest(coalesce(e.quantity, 1), 1e-9))) AS weight, "
      "e.time FROM visible_rows e LEFT JOIN taken_back t ON t.purchase = e.sequence "
      "LEFT JOIN derived_marks d ON d.sequence = e.sequence "
      "WHERE e.customer <> 0 AND e.item <> 0 AND e.type IN ({}) AND coalesce(d.marks, 0) & {} = 0 "
      "AND ({})",
      cases, types.empty() ? "255" : types, bit(events::Mark::bot), condition);
}

// Numbers by the order in which they come, until all are known.
template <class Number>
class Codes {
 public:
  std::int32_t code(Number number) {
    return codes_.try_emplace(number, static_cast<std::int32_t>(codes_.size())).first->second;
  }
  // All numbers, ascending, into `sorted`. Result: by code, the place among them.
  std::vector<std::int32_t> sort(std::vector<Number>& sorted) const {
    std::vector<std::pair<Number, std::int32_t>> all(codes_.begin(), codes_.end());
    std::ranges::sort(all);
    std::vector<std::int32_t> place(all.size());
    for (const auto& [number, code] : all) {
      place[static_cast<std::size_t>(code)] = static_cast<std::int32_t>(sorted.size());
      sorted.push_back(number);
    }
    return place;
  }

 private:
  std::unordered_map<Number, std::int32_t> codes_;
};

template <class Number>
std::optional<std::int32_t> index_of(std::span<const Number> sorted, Number number) {
  const auto at = std::ranges::lower_bound(sorted, number);
  if (at == sorted.end() || *at != number) return std::nullopt;
  return static_cast<std::int32_t>(at - sorted.begin());
}

}  // namespace

const ParameterTable<InteractionWeights>& InteractionWeights::table() {
  static const ParameterTable<InteractionWeights> table = [] {
    using W = InteractionWeights;
    ParameterTable<W> t;
    t.real("view", &W::view, 0, 1000, "", "weight of a view")
        .real("click", &W::click, 0, 1000, "", "weight of a click")
        .real("like", &W::like, 0, 1000, "", "weight of a like")
        .real("wishlist", &W::wishlist, 0, 1000, "", "weight of a wishlist entry")
        .real("share", &W::share, 0, 1000, "", "weight of sharing an item")
        .real("cart_add", &W::cart_add, 0, 1000, "", "weight of putting an item into the cart")
        .real("rating", &W::rating, 0, 1000, "", "weight of a rating, whatever its value")
        .real("review", &W::review, 0, 1000, "", "weight of a review")
        .real("purchase", &W::purchase, 0, 1000, "", "weight of a purchase line")
        .real("minimum_rating", &W::minimum_rating, 0, 1e9, "",
              "ratings below this count for nothing");
    return t;
  }();
  return table;
}

double event_weight(const InteractionWeights& weights, EventType type,
                    std::optional<double> rating) {
  if (type == EventType::rating && weights.minimum_rating > 0 &&
      rating.value_or(0) < weights.minimum_rating)
    return 0;
  for (const Weighted& weighted : kWeighted) {
    if (weighted.type == type) return weights.*weighted.weight;
  }
  return 0;
}

void add_refund(const InteractionWeights& weights, const events::RefundedItems& taken_back,
                TasteEvent refund, std::vector<TasteEvent>& events) {
  const auto items = taken_back.find(refund.sequence);
  if (items == taken_back.end() || weights.purchase == 0) return;
  for (const events::RefundedItem& taken : items->second) {
    refund.item = taken.item;
    refund.weight = static_cast<float>(-weights.purchase * taken.purchases);
    events.push_back(refund);
  }
}

Result<std::vector<TasteEvent>> read_taste_since(Workspace& workspace,
                                                 const InteractionWeights& weights,
                                                 Sequence after) {
  std::vector<TasteEvent> all;
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  ATTUNE_ASSIGN_OR_RETURN(const auto taken_back,
                          workspace.event_history().taken_back(after, merges));
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(
          fmt::format("SELECT sequence, customer, item, type, rating, time FROM visible_rows "
                      "WHERE customer <> 0 AND (item <> 0 OR type = {}) AND sequence > $1 "
                      "ORDER BY sequence",
                      static_cast<int>(EventType::refund)),
          {after.value}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& c) -> Status {
    for (std::size_t i = 0; i < c.rows(); ++i) {
      const auto type = static_cast<EventType>(c.int64(3)[i]);
      TasteEvent event{Sequence{c.int64(0)[i]}, CustomerNumber{c.int64(1)[i]},
                       ItemNumber{c.int64(2)[i]}, 0, c.time(5)[i]};
      if (type == EventType::refund) {
        add_refund(weights, taken_back, event, all);
        continue;
      }
      event.weight = static_cast<float>(event_weight(
          weights, type, c.is_null(4, i) ? std::nullopt : std::optional(c.real(4)[i])));
      if (event.weight != 0) all.push_back(event);
    }
    return {};
  }));
  return all;
}

std::optional<std::int32_t> TasteData::row(CustomerNumber customer) const {
  return index_of(std::span<const CustomerNumber>(customers), customer);
}

std::optional<std::int32_t> TasteData::column(ItemNumber item) const {
  return index_of(std::span<const ItemNumber>(items), item);
}

Result<TasteSize> count_taste(Workspace& workspace, const InteractionWeights& weights) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(
          fmt::format("SELECT count(*), count(DISTINCT customer) FROM ({}) WHERE weight > 0",
                      taste_sql(weights, "true"))));
  ATTUNE_ASSIGN_OR_RETURN(const store::Chunk chunk, rows.next());
  if (chunk.rows() == 0) return TasteSize();
  return TasteSize{chunk.int64(0)[0], chunk.int64(1)[0]};
}

Result<TasteData> read_taste(Workspace& workspace, const InteractionWeights& weights) {
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  ATTUNE_RETURN_IF_ERROR(workspace.event_history().pair_refunds(merges));
  TasteData data;
  ATTUNE_ASSIGN_OR_RETURN(data.cursor, workspace.event_history().cursor());
  // Room for all at once: what stays unused is never touched, and nothing is copied.
  ATTUNE_ASSIGN_OR_RETURN(const auto all,
                          workspace.history().find_int64("SELECT count(*) FROM event_rows"));
  data.log.events.reserve(static_cast<std::size_t>(all.value_or(0)));
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(taste_sql(weights, "true") + " ORDER BY e.sequence"));
  Codes<CustomerNumber> customers;
  Codes<ItemNumber> items;
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    const auto customer = chunk.int64(0), item = chunk.int64(1);
    const auto weight = chunk.real(2);
    const auto time = chunk.time(3);
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      data.log.events.push_back({customers.code(merges.root(CustomerNumber{customer[i]})),
                                 items.code(ItemNumber{item[i]}), static_cast<float>(weight[i]),
                                 time[i]});
    }
    return {};
  }));
  if (data.log.events.empty()) {
    return std::unexpected(
        failed_precondition("no event names both a customer and an item, so there is nothing to "
                            "learn from; import events first: attune import FILE"));
  }
  const std::vector<std::int32_t> row = customers.sort(data.customers);
  const std::vector<std::int32_t> column = items.sort(data.items);
  for (auto& event : data.log.events) {
    event.row = row[static_cast<std::size_t>(event.row)];
    event.column = column[static_cast<std::size_t>(event.column)];
  }
  data.log.customers = static_cast<std::int32_t>(data.customers.size());
  data.log.items = static_cast<std::int32_t>(data.items.size());
  return data;
}

Result<CustomerTastes> read_customer_tastes(Workspace& workspace, const InteractionWeights& weights,
                                            std::span<const CustomerNumber> customers,
                                            std::span<const ItemNumber> items) {
  CustomerTastes tastes;
  if (customers.empty()) return tastes;
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  ATTUNE_RETURN_IF_ERROR(workspace.event_history().pair_refunds(merges));
  std::string family;
  for (const CustomerNumber customer : customers) {
    tastes.try_emplace(customer);
    family += fmt::format("{}{}", family.empty() ? "" : ", ", customer.value);
  }
  for (const auto& [source, root] : merges.targets()) {
    if (tastes.contains(root)) family += fmt::format(", {}", source.value);
  }
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(taste_sql(weights, fmt::format("e.customer IN ({})", family)) +
                                " ORDER BY e.sequence"));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      const auto column = index_of(items, ItemNumber{chunk.int64(1)[i]});
      if (!column) continue;
      tastes[merges.root(CustomerNumber{chunk.int64(0)[i]})].push_back(
          {*column, static_cast<float>(chunk.real(2)[i]), chunk.time(3)[i]});
    }
    return {};
  }));
  return tastes;
}

Result<std::vector<recommend::HistoryEntry>> read_customer_taste(
    Workspace& workspace, const InteractionWeights& weights, CustomerNumber customer,
    std::span<const ItemNumber> items) {
  ATTUNE_ASSIGN_OR_RETURN(CustomerTastes tastes,
                          read_customer_tastes(workspace, weights, std::span(&customer, 1), items));
  return std::move(tastes[customer]);
}

}  // namespace attune::engine
