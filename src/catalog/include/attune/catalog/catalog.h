// What is on offer, and what it was at any time. Answers: which item is this, what is it called,
// what did it cost then, which rule does it meet?
//
// Two kinds of knowledge: facts that an item_changed event states (a value holds from its time on),
// and values that ordinary events mention in passing ("WHITE METAL LANTERN" in an order line),
// which are counted. A fact beats every mention; among mentions the most frequent wins, ties go to
// the smaller text. Both are sums and maxima, so the order of arrival does not matter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "attune/rules/field_source.h"
#include "attune/rules/schema.h"
#include "attune/store/state.h"

namespace attune::catalog {

// A value that an event states for a field of an item.
struct ItemFact {
  ItemNumber item;
  std::string_view
      field;  // "name", "category", "brand", "price", "currency", "stock", or any attribute
  std::string_view value;
  Timestamp valid_from;
  Sequence sequence;  // of the event: breaks ties of time, the later wins
};

// A value that `count` ordinary events mention.
struct ItemMention {
  ItemNumber item;
  std::string_view field;
  std::string_view value;
  std::int64_t count = 1;
};

struct ItemAttribute {
  std::string name;
  std::string value;
};

// An item as of a moment. Missing values: empty or absent.
struct Item {
  ItemNumber number;
  std::string id;  // the shop's own
  std::string name;
  std::vector<std::string> categories;
  std::string brand;
  std::optional<std::int64_t> price_minor;
  Currency currency;
  std::optional<double> stock;
  std::vector<ItemAttribute> attributes;  // the rest, by name
};

// All items as of one moment, in memory. Immutable; threads: share freely.
class CatalogSnapshot {
 public:
  std::span<const Item> items() const { return items_; }  // ascending number
  const Item* find(ItemNumber number) const;
  const Item* find_id(std::string_view id) const;
  Timestamp as_of() const { return as_of_; }

  // Fingerprint of categories and brands of the items numbered up to `newest`: what profiles depend
  // on.
  std::uint64_t taste_fingerprint(ItemNumber newest) const;

 private:
  friend class Catalog;
  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> by_id_;
  Timestamp as_of_;
};

// The catalogue in state. Threads: one thread at a time (that of its State).
class Catalog {
 public:
  static Result<Catalog> open(store::State& state);

  // Numbers of the items called `ids`; those not met yet get `born`, the sequence number of the
  // event that first names them. Inside a transaction. Shapes: ids, born and the result (n).
  Result<std::vector<ItemNumber>> admit(std::span<const std::string_view> ids,
                                        std::span<const Sequence> born);
  Status add_facts(std::span<const ItemFact> facts);
  Status add_mentions(std::span<const ItemMention> mentions);

  Result<std::optional<ItemNumber>> find(std::string_view id);
  Result<std::int64_t> count();

  // Everything as of `time`. Cost: reads the whole catalogue.
  Result<CatalogSnapshot> snapshot(Timestamp time);
  // One item as of `time`; absent: none is called so.
  Result<std::optional<Item>> item(std::string_view id, Timestamp time);

  // Every fact in order of item, time and sequence: for exports.
  using FactVisitor = std::function<Status(const ItemFact& fact, std::string_view item_id)>;
  Status for_each_fact(const FactVisitor& visit);

 private:
  explicit Catalog(store::State& state) : state_(&state) {}
  Result<CatalogSnapshot> read(Timestamp time, std::optional<ItemNumber> only);
  store::State* state_;
};

// Fields for rules about items: id, name, category, brand, price_cents, currency, stock, and
// has("name", "value") for any attribute.
const rules::Schema& item_schema();
std::unique_ptr<rules::FieldSource> item_fields(const Item& item);  // `item` outlives the result

}  // namespace attune::catalog
