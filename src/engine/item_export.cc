#include "item_export.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>

#include "table_builder.h"

namespace attune::engine {
namespace {

using store::ColumnSchema;

// What one row of the item export says, an item since a moment: values by field.
using ItemFields = std::map<std::string, std::vector<std::string>>;

// What `item` says, as facts say it.
ItemFields fields_of(const catalog::Item& item) {
  ItemFields fields;
  const auto state = [&](const std::string& field, std::string value) {
    if (!value.empty()) fields[field].push_back(std::move(value));
  };
  state("name", item.name);
  for (const std::string& category : item.categories) state("category", category);
  state("brand", item.brand);
  if (item.price_minor) state("price", fmt::format("{}", *item.price_minor));
  if (item.price_minor) state("currency", item.currency.to_string());
  if (item.stock) state("stock", fmt::format("{}", *item.stock));
  for (const catalog::ItemAttribute& attribute : item.attributes)
    state(attribute.name, attribute.value);
  return fields;
}

// Reads as a cell that is cut at '|': see events::FieldSource::split.
std::string list_cell(const std::vector<std::string>& values) {
  std::string cell;
  for (const std::string& value : values) {
    if (!cell.empty()) cell += '|';
    for (const char c : value) {
      if (c == '|' || c == '\\') cell += '\\';
      cell += c;
    }
  }
  return cell;
}

std::string item_cell(const ItemFields& values, const std::string& field,
                      const Currency& currency) {
  static const std::set<std::string, std::less<>> kSingle{"name",     "brand", "price",
                                                          "currency", "stock", "url"};
  const auto found = values.find(field);
  if (found == values.end() || found->second.empty()) return "";
  if (!kSingle.contains(field)) return list_cell(found->second);
  const std::string& value = found->second.front();
  if (field != "price") return value;
  const auto own = values.find("currency");
  const Currency stated =
      own == values.end() ? currency : Currency::of_stored(own->second.front()).value_or(currency);
  std::int64_t minor = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), minor);
  const bool whole = failure == std::errc{} && end == value.data() + value.size();
  return whole ? amount_cell(minor, stated) : value;
}

class ItemRows {
 public:
  using Moments = std::map<std::int64_t, ItemFields>;  // by time

  static Result<ItemRows> read(catalog::Catalog& catalog) {
    ItemRows rows;
    ATTUNE_ASSIGN_OR_RETURN(rows.newest_, catalog.snapshot(Timestamp{INT64_MAX}));
    // Before the first fact, mentions alone hold.
    ATTUNE_ASSIGN_OR_RETURN(const auto mentions, catalog.snapshot(Timestamp{INT64_MIN}));
    std::map<std::tuple<std::int64_t, std::int64_t, std::string>, Sequence> told;
    ATTUNE_RETURN_IF_ERROR(
        catalog.for_each_fact([&](const catalog::ItemFact& fact, std::string_view) -> Status {
          const std::string field(fact.field);
          auto& values = rows.moments_[fact.item.value][fact.valid_from.micros][field];
          // Of two events of one moment the later holds.
          Sequence& by = told[{fact.item.value, fact.valid_from.micros, field}];
          if (by != fact.sequence) values.clear();
          by = fact.sequence;
          values.emplace_back(fact.value);
          rows.fields_.insert(field);
          return {};
        }));
    for (const catalog::Item& item : mentions.items()) {
      Moments& moments = rows.moments_[item.number.value];
      ItemFields mentioned = fields_of(item);
      for (const auto& [field, values] : mentioned) rows.fields_.insert(field);
      const std::int64_t first =
          moments.empty() ? 0 : std::min<std::int64_t>(0, moments.begin()->first);
      if (moments.empty() || !mentioned.empty()) moments[first].merge(mentioned);
    }
    return rows;
  }

  std::span<const catalog::Item> items() const { return newest_.items(); }
  const std::set<std::string>& fields() const { return fields_; }
  const Moments& of(const catalog::Item& item) const { return moments_.at(item.number.value); }

 private:
  catalog::CatalogSnapshot newest_;
  std::unordered_map<std::int64_t, Moments> moments_;  // by item
  std::set<std::string> fields_{"name", "category", "brand"};
};

}  // namespace

Result<std::int64_t> export_items(Workspace& workspace, const ExportOptions& options,
                                  const store::TableWriterOptions& writer_options) {
  ATTUNE_ASSIGN_OR_RETURN(const ItemRows all, ItemRows::read(workspace.catalog()));
  std::vector<std::string> names{"item_id", "valid_from"};
  names.insert(names.end(), all.fields().begin(), all.fields().end());
  const std::vector<ColumnSchema> schema = text_columns(names);
  ATTUNE_ASSIGN_OR_RETURN(store::TableWriter writer,
                          store::TableWriter::create(options.file, schema, writer_options));
  TableBuilder rows(writer, schema);
  for (const catalog::Item& item : all.items()) {
    for (const auto& [time, values] : all.of(item)) {
      // Stated even where it means since ever, so that the row is known when it comes again.
      rows.text(item.id).text(format_iso(Timestamp{time}));
      for (const std::string& field : all.fields())
        rows.text(item_cell(values, field, item.currency));
      ATTUNE_RETURN_IF_ERROR(rows.end_row());
    }
  }
  ATTUNE_RETURN_IF_ERROR(rows.flush());
  ATTUNE_RETURN_IF_ERROR(writer.finish());
  return writer.rows();
}

}  // namespace attune::engine
