#include "attune/catalog/catalog.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "attune/base/hash.h"

namespace attune::catalog {
namespace {

constexpr store::Migration kCatalogMigrations[] = {{1, R"sql(
CREATE TABLE items(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE item_facts(
  item INTEGER NOT NULL, field TEXT NOT NULL, valid_from INTEGER NOT NULL,
  sequence INTEGER NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY(item, field, valid_from, sequence, value)) WITHOUT ROWID;
CREATE TABLE item_mentions(
  item INTEGER NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(item, field, value)) WITHOUT ROWID;
)sql"}};

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Values that hold for each field of one item.
using Fields = std::map<std::string, std::vector<std::string>, std::less<>>;

void fill(Item& item, Fields& fields) {
  for (auto& [field, values] : fields) {
    if (values.empty()) continue;
    if (field == "name") {
      item.name = values[0];
    } else if (field == "category") {
      item.categories = std::move(values);
    } else if (field == "brand") {
      item.brand = values[0];
    } else if (field == "price") {
      if (const auto price = to_number(values[0]))
        item.price_minor = static_cast<std::int64_t>(*price);
    } else if (field == "currency") {
      if (const auto currency = Currency::of_stored(values[0])) item.currency = *currency;
    } else if (field == "stock") {
      item.stock = to_number(values[0]);
    } else {
      for (std::string& value : values) item.attributes.push_back({field, std::move(value)});
    }
  }
}

}  // namespace

const Item* CatalogSnapshot::find(ItemNumber number) const {
  const auto at = std::ranges::lower_bound(items_, number, {}, &Item::number);
  return at != items_.end() && at->number == number ? &*at : nullptr;
}

const Item* CatalogSnapshot::find_id(std::string_view id) const {
  const auto at = by_id_.find(std::string(id));
  return at == by_id_.end() ? nullptr : &items_[at->second];
}

std::uint64_t CatalogSnapshot::taste_fingerprint(ItemNumber newest) const {
  std::uint64_t fingerprint = 0;
  for (const Item& item : items_) {
    if (item.number > newest) break;
    fingerprint = combine(fingerprint, static_cast<std::uint64_t>(item.number.value));
    for (const std::string& category : item.categories)
      fingerprint = combine(fingerprint, hash64(category));
    fingerprint = combine(fingerprint, hash64(item.brand));
  }
  return fingerprint;
}

Result<Catalog> Catalog::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("catalog", kCatalogMigrations));
  return Catalog(state);
}

Result<std::vector<ItemNumber>> Catalog::admit(std::span<const std::string_view> ids,
                                               std::span<const Sequence> born) {
  std::vector<ItemNumber> numbers;
  numbers.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ATTUNE_ASSIGN_OR_RETURN(const auto found, find(ids[i]));
    if (found) {
      numbers.push_back(*found);
      continue;
    }
    ATTUNE_RETURN_IF_ERROR(
        state_->run("INSERT INTO items(number, id) VALUES(?1, ?2)", born[i], ids[i]));
    numbers.push_back(ItemNumber{born[i].value});
  }
  return numbers;
}

Status Catalog::add_facts(std::span<const ItemFact> facts) {
  for (const ItemFact& fact : facts) {
    ATTUNE_RETURN_IF_ERROR(
        state_->run("INSERT OR IGNORE INTO item_facts(item, field, valid_from, sequence, value) "
                    "VALUES(?1, ?2, ?3, ?4, ?5)",
                    fact.item, fact.field, fact.valid_from, fact.sequence, fact.value));
  }
  return {};
}

Status Catalog::add_mentions(std::span<const ItemMention> mentions) {
  for (const ItemMention& mention : mentions) {
    ATTUNE_RETURN_IF_ERROR(
        state_->run("INSERT INTO item_mentions(item, field, value, count) VALUES(?1, ?2, ?3, ?4) "
                    "ON CONFLICT DO UPDATE SET count = count + excluded.count",
                    mention.item, mention.field, mention.value, mention.count));
  }
  return {};
}

Result<std::optional<ItemNumber>> Catalog::find(std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(const auto number,
                          state_->find_int64("SELECT number FROM items WHERE id = ?1", id));
  if (!number) return std::optional<ItemNumber>();
  return std::optional(ItemNumber{*number});
}

Result<std::int64_t> Catalog::count() {
  ATTUNE_ASSIGN_OR_RETURN(const auto count, state_->find_int64("SELECT count(*) FROM items"));
  return count.value_or(0);
}

Result<CatalogSnapshot> Catalog::snapshot(Timestamp time) { return read(time, std::nullopt); }

Result<std::optional<Item>> Catalog::item(std::string_view id, Timestamp time) {
  ATTUNE_ASSIGN_OR_RETURN(const auto number, find(id));
  if (!number) return std::optional<Item>();
  ATTUNE_ASSIGN_OR_RETURN(CatalogSnapshot alone, read(time, number));
  return std::optional<Item>(std::move(alone.items_.front()));
}

Result<CatalogSnapshot> Catalog::read(Timestamp time, std::optional<ItemNumber> only) {
  // A statement of its own for one item, which the tables' keys find.
  const auto prepare = [&](std::string_view sql) -> Result<store::Statement> {
    ATTUNE_ASSIGN_OR_RETURN(
        store::Statement statement,
        state_->prepare(fmt::format(fmt::runtime(sql), only ? "= ?2" : "IS NOT NULL")));
    if (only) statement.bind(2, *only);
    return statement;
  };
  CatalogSnapshot snapshot;
  snapshot.as_of_ = time;
  std::unordered_map<std::int64_t, std::size_t> place;
  ATTUNE_ASSIGN_OR_RETURN(store::Statement items,
                          prepare("SELECT number, id FROM items WHERE number {} ORDER BY number"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, items.step());
    if (!more) break;
    Item item;
    item.number = ItemNumber{items.int64(0)};
    item.id = items.text(1);
    place.emplace(item.number.value, snapshot.items_.size());
    snapshot.by_id_.emplace(item.id, snapshot.items_.size());
    snapshot.items_.push_back(std::move(item));
  }
  std::vector<Fields> fields(snapshot.items_.size());
  // Most frequent first, so that the first of each field stays.
  ATTUNE_ASSIGN_OR_RETURN(store::Statement mentions,
                          prepare("SELECT item, field, value FROM item_mentions WHERE item {} "
                                  "ORDER BY item, field, count DESC, value"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, mentions.step());
    if (!more) break;
    auto& values = fields[place[mentions.int64(0)]][std::string(mentions.text(1))];
    if (values.empty()) values.emplace_back(mentions.text(2));
  }
  // Of each field the values of the latest fact not after `time`; several values of one event stand
  // together.
  ATTUNE_ASSIGN_OR_RETURN(store::Statement facts, prepare(R"sql(
    SELECT item, field, value FROM item_facts AS f WHERE item {} AND valid_from <= ?1
      AND (valid_from, sequence) = (SELECT valid_from, sequence FROM item_facts AS g
        WHERE g.item = f.item AND g.field = f.field AND g.valid_from <= ?1
        ORDER BY valid_from DESC, sequence DESC LIMIT 1)
    ORDER BY item, field, value)sql"));
  facts.bind(1, time);
  std::int64_t item = 0;
  std::string field;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, facts.step());
    if (!more) break;
    auto& values = fields[place[facts.int64(0)]][std::string(facts.text(1))];
    if (facts.int64(0) != item || facts.text(1) != field) values.clear();
    item = facts.int64(0);
    field = facts.text(1);
    values.emplace_back(facts.text(2));
  }
  for (std::size_t i = 0; i < fields.size(); ++i) fill(snapshot.items_[i], fields[i]);
  return snapshot;
}

Status Catalog::for_each_fact(const FactVisitor& visit) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT f.item, f.field, f.value, f.valid_from, f.sequence, i.id FROM "
                      "item_facts f JOIN items i ON i.number = f.item "
                      "ORDER BY f.item, f.valid_from, f.sequence, f.field, f.value"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    ATTUNE_RETURN_IF_ERROR(visit({ItemNumber{rows.int64(0)}, rows.text(1), rows.text(2),
                                  rows.time(3), Sequence{rows.int64(4)}},
                                 rows.text(5)));
  }
}

namespace {

enum Field : std::size_t { kId, kName, kCategory, kBrand, kPrice, kCurrency, kStock };

class ItemFields final : public rules::FieldSource {
 public:
  explicit ItemFields(const Item& item) : item_(item), currency_(item.currency.to_string()) {}

  std::optional<double> number(std::size_t field) const override {
    if (field == kPrice && item_.price_minor) return static_cast<double>(*item_.price_minor);
    if (field == kStock) return item_.stock;
    return std::nullopt;
  }
  std::optional<std::string_view> text(std::size_t field) const override {
    switch (field) {
      case kId:
        return item_.id;
      case kName:
        return stated(item_.name);
      case kBrand:
        return stated(item_.brand);
      case kCurrency:
        return stated(currency_);
      default:
        return std::nullopt;
    }
  }
  std::optional<std::size_t> list_size(std::size_t field) const override {
    if (field != kCategory) return std::nullopt;
    return item_.categories.size();
  }
  std::string_view list_at(std::size_t, std::size_t index) const override {
    return item_.categories[index];
  }
  rules::Value call(const rules::Call& call) const override {
    const auto* name = std::get_if<std::string_view>(&call.arguments[0]);
    const auto* value = std::get_if<std::string_view>(&call.arguments[1]);
    if (name == nullptr || value == nullptr) return {};
    return std::ranges::any_of(item_.attributes, [&](const ItemAttribute& a) {
      return a.name == *name && a.value == *value;
    });
  }

 private:
  static std::optional<std::string_view> stated(const std::string& text) {
    if (text.empty()) return std::nullopt;
    return text;
  }
  const Item& item_;
  std::string currency_;
};

}  // namespace

const rules::Schema& item_schema() {
  using rules::Type;
  static const rules::Schema schema =
      rules::Schema::create(
          {{"id", Type::text, "the shop's own id of the item"},
           {"name", Type::text, "what the item is called"},
           {"category", Type::text_list, "the item's categories: category contains \"shoes\""},
           {"brand", Type::text, "who makes it"},
           {"price_cents", Type::number, "price in minor units"},
           {"currency", Type::text, "currency of the price, such as GBP"},
           {"stock", Type::number, "units in stock"}},
          {{"has",
            {Type::text, Type::text},
            Type::flag,
            "has(\"colour\", \"red\"): the item states this attribute"}})
          .value();
  return schema;
}

std::unique_ptr<rules::FieldSource> item_fields(const Item& item) {
  return std::make_unique<ItemFields>(item);
}

}  // namespace attune::catalog
