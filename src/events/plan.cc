#include "plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/quarantine.h"
#include "synonyms.h"

namespace attune::events::detail {
namespace {

constexpr std::array<std::string_view, kFieldCount> kFieldNames{
    "customer", "anonymous", "item",       "time",     "type",        "order",   "quantity",
    "price",    "value",     "currency",   "rating",   "duration_ms", "channel", "source",
    "session",  "event_id",  "text",       "url",      "id",          "name",    "category",
    "brand",    "stock",     "properties", "decision", "previous"};

std::optional<Field> field_of(std::string_view name) {
  const auto found = std::ranges::find(kFieldNames, name);
  if (found == kFieldNames.end()) return std::nullopt;
  return static_cast<Field>(found - kFieldNames.begin());
}

void settle(CellSource& source) {
  source.is_fed = !source.columns.empty() || source.constant.has_value();
  const bool alone = source.columns.size() == 1 && !source.constant && source.unless < 0;
  source.only = alone ? static_cast<std::int32_t>(source.columns[0]) : -1;
}

bool is_bookkeeping(std::string_view column) {
  return column == kQuarantineLine || column == kQuarantineReason || column == kQuarantineMessage;
}

std::vector<AttributeSource>* list_for(std::string_view field, Resolved& into) {
  if (field.starts_with("item.")) return &into.item_attributes;
  if (field.starts_with("customer.")) return &into.customer_attributes;
  if (field.starts_with("properties.")) return &into.properties;
  return nullptr;
}

}  // namespace

std::string_view name(Field field) { return kFieldNames[static_cast<std::size_t>(field)]; }

Cell cell_of_several(const CellSource& source, std::span<const std::string_view> row) {
  if (source.unless >= 0 && is_stated(row[static_cast<std::size_t>(source.unless)])) return {};
  for (const std::uint32_t column : source.columns) {
    if (is_stated(row[column])) return {row[column], static_cast<std::int32_t>(column)};
  }
  if (source.constant) return {*source.constant, -1};
  return {};
}

CellSource Plan::source_of(const FieldSource& from, std::span<const std::string> columns) const {
  CellSource source;
  for (const std::string& column : from.columns) {
    if (const auto at = find_column(columns, column))
      source.columns.push_back(static_cast<std::uint32_t>(*at));
  }
  source.constant = from.constant;
  source.split = from.split;
  if (!from.unless.empty()) {
    if (const auto at = find_column(columns, from.unless))
      source.unless = static_cast<std::int32_t>(*at);
  }
  settle(source);
  return source;
}

Resolved Plan::resolve(std::span<const std::string> columns) const {
  Resolved into;
  into.column_count = columns.size();
  std::vector<bool> used(columns.size());
  for (const auto& [field, from] : mapping.fields) {
    if (field.ends_with(".*")) continue;
    CellSource source = source_of(from, columns);
    for (const std::uint32_t column : source.columns) used[column] = true;
    if (const auto plain = field_of(field)) {
      into.fields[static_cast<std::size_t>(*plain)] = std::move(source);
    } else if (auto* list = list_for(field, into)) {
      const std::string attribute = field.substr(field.find('.') + 1);
      for (std::size_t i = 0; i < from.flags.size(); ++i) {
        const auto at = find_column(columns, from.columns[i]);
        if (!at) continue;
        CellSource flag;
        flag.columns.push_back(static_cast<std::uint32_t>(*at));
        settle(flag);
        list->push_back({attribute, std::move(flag), false, from.flags[i]});
      }
      if (!source.fed() || !from.flags.empty()) continue;
      list->push_back({attribute, std::move(source), field == "item.name"});
    }
  }
  if (!explode_name.empty()) {
    if (const auto at = find_column(columns, explode_name)) {
      into.explode_column = static_cast<std::int32_t>(*at);
      used[*at] = true;
    }
  }
  const CellSource& type = into.at(Field::type);
  if (type.columns.empty() && type.constant) into.constant_type = type_of(*type.constant);
  // The longest prefix first, "*" last, so that each column goes to the most specific.
  std::vector<std::pair<std::string, const FieldSource*>> wildcards;
  for (const auto& [field, from] : mapping.fields) {
    if (field.ends_with(".*")) wildcards.emplace_back(field, &from);
  }
  std::ranges::stable_sort(wildcards, std::ranges::greater(), [](const auto& wildcard) {
    return wildcard.second->columns.empty() ? std::size_t{0} : wildcard.second->columns[0].size();
  });
  for (const auto& [field, from] : wildcards) resolve_wildcard(field, *from, columns, used, into);
  return into;
}

void Plan::resolve_wildcard(const std::string& field, const FieldSource& from,
                            std::span<const std::string> columns, std::vector<bool>& used,
                            Resolved& into) const {
  std::vector<AttributeSource>& list = *list_for(field, into);
  for (const std::string& pattern : from.columns) {
    if (!pattern.ends_with('*')) continue;
    const std::string_view prefix(pattern.data(), pattern.size() - 1);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool fits = columns[i].size() > prefix.size() && columns[i].starts_with(prefix);
      if (used[i] || !fits || is_bookkeeping(columns[i])) continue;
      used[i] = true;
      CellSource source;
      source.columns.push_back(static_cast<std::uint32_t>(i));
      source.split = from.split;
      settle(source);
      list.push_back({columns[i].substr(prefix.size()), std::move(source), false});
    }
  }
}

void Plan::fill_types() {
  for (int i = 0; i < kEventTypeCount; ++i)
    types.emplace(event_type_names()[static_cast<std::size_t>(i)], i);
  for (const TypeSynonym& synonym : type_synonyms()) {
    types.emplace(type_key(synonym.word), static_cast<int>(synonym.type));
  }
  for (const auto& [word, type] : mapping.types) {
    const auto known = parse_event_type(type);
    types[word] = known ? static_cast<int>(*known) : kIgnoredType;
  }
}

int Plan::type_of(std::string_view text) const {
  const auto found = types.find(type_key(text));
  return found == types.end() ? kUnknownType : found->second;
}

std::vector<std::string_view> Plan::sampled(Field field, const RecordBatch& sample) const {
  std::vector<std::string_view> cells;
  const CellSource& source = resolved.at(field);
  if (source.columns.empty()) return cells;
  for (std::size_t i = 0; i < sample.rows(); ++i) {
    const Cell cell = cell_of(source, sample.row(i));
    if (cell.column >= 0) cells.push_back(cell.text);
  }
  return cells;
}

Status Plan::decide_time(const RecordBatch& sample) {
  if (!resolved.at(Field::time).fed()) return {};
  TimeZone zone = shop.zone;
  if (!mapping.time_zone.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(zone, TimeZone::find(mapping.time_zone));
  }
  std::vector<std::string_view> cells = sampled(Field::time, sample);
  const auto& constant = resolved.at(Field::time).constant;
  if (cells.empty() && constant) cells.push_back(*constant);
  const TimeFormatChoice choice = choose_time_format(cells);
  if (!mapping.time_format && choice.shaped * 2 < choice.stated) {
    return std::unexpected(invalid_argument(
        fmt::format("{}: the column mapped to time holds '{}' and the like, which is no time in {} "
                    "of {} sampled rows; name "
                    "another with --map time=COLUMN, or its format with time.format=day_first",
                    file, quoted(cells.front()), choice.stated - choice.shaped, choice.stated)));
  }
  time_reader.emplace(mapping.time_format.value_or(choice.format), zone);
  zone_assumed = mapping.time_zone.empty();
  if (zone_assumed && !choice.names_zone && choice.readable > 0) {
    assumptions.push_back(
        {"time zone", zone.name(), "the times name no zone; the shop's is taken"});
  }
  const bool either =
      choice.format == TimeFormat::month_first || choice.format == TimeFormat::day_first;
  if (!mapping.time_format && either) {
    assumptions.push_back({"time format", std::string(events::name(choice.format)), choice.why});
  }
  return {};
}

Status Plan::decide(const RecordBatch& sample) {
  ATTUNE_RETURN_IF_ERROR(decide_time(sample));
  for (const Field field : {Field::customer, Field::anonymous, Field::item, Field::order,
                            Field::session, Field::id, Field::event_id}) {
    const auto cells = sampled(field, sample);
    if (!is_float_typed_id(cells)) continue;
    strip_float[static_cast<std::size_t>(field)] = true;
    assumptions.push_back({fmt::format("{} ids", name(field)), "without .0",
                           fmt::format("every one is an integer stored as a fraction, such as '{}'",
                                       quoted(cells.front()))});
  }
  for (const Field field :
       {Field::quantity, Field::price, Field::value, Field::rating, Field::stock}) {
    if (!uses_decimal_comma(sampled(field, sample))) continue;
    decimal_comma[static_cast<std::size_t>(field)] = true;
    assumptions.push_back({fmt::format("{} numbers", name(field)), "decimal comma",
                           "the sample has commas before fractions and no dots"});
  }
  return check_constants();
}

Status Plan::check_constants() const {
  const auto fail = [&](std::string_view field, std::string_view why) {
    return std::unexpected(invalid_argument(fmt::format("{}: --map {}: {}", file, field, why)));
  };
  if (const auto& type = resolved.at(Field::type).constant;
      type && type_of(*type) == kUnknownType) {
    return fail("type", parse_event_type(*type).error().message);
  }
  if (const auto& currency = resolved.at(Field::currency).constant) {
    if (const auto known = Currency::parse(*currency); !known)
      return fail("currency", known.error().message);
  }
  if (const auto& time = resolved.at(Field::time).constant) {
    TimeReader reader = *time_reader;
    TimeValue value;
    if (const TimeFault fault = reader.read(*time, value); fault != TimeFault::none) {
      return fail("time", reader.explain(*time, fault));
    }
  }
  for (const Field field :
       {Field::quantity, Field::price, Field::value, Field::rating, Field::stock}) {
    const auto& constant = resolved.at(field).constant;
    if (!constant) continue;
    const bool money = field == Field::price || field == Field::value;
    if (const auto amount = parse_amount(*constant, false, shop.currency); money && !amount)
      return fail(name(field), amount.error().message);
    if (const auto number = read_decimal(*constant, false); !money && !number)
      return fail(name(field), number.error().message);
  }
  return {};
}

Result<std::unique_ptr<Plan>> Plan::create(const Mapping& mapping, const ShopSettings& shop,
                                           RecordReader& records) {
  ATTUNE_ASSIGN_OR_RETURN(const RecordBatch* sample, records.sample());
  auto plan = std::make_unique<Plan>();
  plan->mapping = with_constants(mapping, records.columns());
  ATTUNE_RETURN_IF_ERROR(check_mapping(plan->mapping, records.columns(), records.name()));
  plan->shop = shop;
  plan->file = records.name();
  plan->reads_json = records.format() == FileFormat::jsonl;
  if (!mapping.reading.explode.empty()) plan->explode_name = mapping.reading.explode + ".#";
  plan->fill_types();
  plan->resolved = plan->resolve(records.columns());
  ATTUNE_RETURN_IF_ERROR(plan->decide(*sample));
  return plan;
}

}  // namespace attune::events::detail
