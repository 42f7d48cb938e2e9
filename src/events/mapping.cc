#include "attune/events/mapping.h"

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::events {
namespace {

const std::vector<std::string>& fields_of(Kind kind) {
  static const std::vector<std::string> events{
      "customer",   "anonymous", "item",    "time",       "type",        "order",
      "quantity",   "price",     "value",   "currency",   "rating",      "duration_ms",
      "channel",    "source",    "session", "event_id",   "text",        "url",
      "properties", "decision",  "item.*",  "customer.*", "properties.*"};
  static const std::vector<std::string> items{"id",       "name",  "category", "brand", "price",
                                              "currency", "stock", "time",     "url",   "item.*"};
  static const std::vector<std::string> customers{"id", "anonymous", "previous", "time",
                                                  "customer.*"};
  switch (kind) {
    case Kind::events:
      return events;
    case Kind::items:
      return items;
    case Kind::customers:
      return customers;
  }
  return events;
}

bool is_open_ended(Kind kind, std::string_view field) {
  static constexpr std::array<std::string_view, 3> kPrefixes{"item.", "customer.", "properties."};
  return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) {
    const auto& known = fields_of(kind);
    const std::string wildcard = std::string(prefix) + "*";
    return field.size() > prefix.size() && field.starts_with(prefix) &&
           std::ranges::find(known, wildcard) != known.end();
  });
}

bool takes_bare_words(std::string_view field) {
  static constexpr std::array<std::string_view, 4> kFields{"type", "currency", "channel", "source"};
  return std::ranges::find(kFields, field) != kFields.end();
}

std::optional<NegativeQuantity> parse_negative(std::string_view text) {
  if (text == "cancels") return NegativeQuantity::cancels;
  if (text == "correction") return NegativeQuantity::correction;
  if (text == "keep") return NegativeQuantity::keep;
  return std::nullopt;
}

std::string_view name(NegativeQuantity rule) {
  switch (rule) {
    case NegativeQuantity::cancels:
      return "cancels";
    case NegativeQuantity::correction:
      return "correction";
    case NegativeQuantity::keep:
      return "keep";
  }
  return "cancels";
}

// A quote opens where a word begins; elsewhere it is an apostrophe.
bool opens(std::string_view text, std::size_t at) {
  const std::string_view before = trim(text.substr(0, at));
  return before.empty() || std::string_view(",=|[").find(before.back()) != std::string_view::npos;
}

// Cuts at `mark` outside of quotes. Errors: a quote that is not closed.
Result<std::vector<std::string_view>> cut(std::string_view text, char mark) {
  std::vector<std::string_view> pieces;
  char quote = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if ((text[i] == '"' || text[i] == '\'') && opens(text, i)) {
      quote = text[i];
    } else if (text[i] == mark) {
      pieces.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  if (quote != 0) {
    return std::unexpected(invalid_argument(
        fmt::format("--map: the quote {} in '{}' is not closed; close it", quote, quoted(text))));
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

std::string unquote(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
      text.back() == text.front()) {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

Error bad_piece(std::string_view piece, std::size_t at, std::string_view why) {
  return invalid_argument(fmt::format("--map, piece {} '{}': {}", at, quoted(trim(piece)), why));
}

constexpr std::string_view kFlag = "flag ";

bool takes_flags(std::string_view field) {
  return !field.ends_with('*') && (field.starts_with("item.") || field.starts_with("customer."));
}

// Reads the pieces of one --map text into a mapping.
class MapText {
 public:
  MapText(Kind kind, Mapping& mapping) : kind_(kind), mapping_(mapping) { mapping_.kind = kind; }

  Status read(std::string_view piece, std::size_t at) {
    const std::size_t equals = piece.find('=');
    if (equals == piece.npos) {
      return std::unexpected(
          bad_piece(piece, at, "write field=column, for example customer=CustomerID"));
    }
    const std::string key(trim(piece.substr(0, equals)));
    const std::string_view value = trim(piece.substr(equals + 1));
    if (value.empty())
      return std::unexpected(bad_piece(piece, at, "nothing stands behind the '='"));
    Result<bool> taken = read_rule(key, unquote(value));
    if (taken && !*taken) taken = read_bracket(key, unquote(value));
    if (!taken) return std::unexpected(bad_piece(piece, at, taken.error().message));
    if (*taken) return {};
    if (std::ranges::find(fields_of(kind_), key) == fields_of(kind_).end() &&
        !is_open_ended(kind_, key)) {
      return std::unexpected(bad_piece(
          piece, at,
          fmt::format("there is no field '{}' of {}{}; the fields are {}", key, events::name(kind_),
                      did_you_mean(key, fields_of(kind_)), fmt::join(fields_of(kind_), ", "))));
    }
    return read_source(key, value);
  }

 private:
  Result<bool> read_rule(std::string_view key, const std::string& value) {
    if (key == "time.format") {
      ATTUNE_ASSIGN_OR_RETURN(mapping_.time_format, parse_time_format(value));
    } else if (key == "time.zone") {
      ATTUNE_RETURN_IF_ERROR(TimeZone::find(value));
      mapping_.time_zone = value;
    } else if (key == "order.cancelled_prefix") {
      mapping_.cancelled_prefix = value;
    } else if (key == "quantity.negative") {
      const auto rule = parse_negative(value);
      if (!rule) return std::unexpected(invalid_argument("write cancels, correction or keep"));
      mapping_.negative_quantity = *rule;
    } else if (key == "item.optional") {
      ATTUNE_ASSIGN_OR_RETURN(mapping_.item_optional, parse_boolean(value));
    } else if (key == "explode") {
      mapping_.reading.explode = value;
    } else {
      return false;
    }
    return true;
  }

  Result<bool> read_bracket(std::string_view key, const std::string& value) {
    if (!key.ends_with(']')) return false;
    const std::size_t open = key.find('[');
    if (open == key.npos) return false;
    const std::string field(key.substr(0, open));
    const std::string inner = unquote(key.substr(open + 1, key.size() - open - 2));
    if (field == "type") {
      if (value != "ignore") ATTUNE_RETURN_IF_ERROR(parse_event_type(value));
      mapping_.types[type_key(inner)] = value;
    } else if (inner == "unless") {
      mapping_.fields[field].unless = value;
    } else if (inner == "split") {
      mapping_.fields[field].split = value;
    } else if (inner.starts_with(kFlag) && takes_flags(field)) {
      mapping_.fields[field].columns.push_back(unquote(inner.substr(kFlag.size())));
      mapping_.fields[field].flags.push_back(value);
    } else {
      return std::unexpected(invalid_argument(
          "brackets are for type[VALUE]=TYPE, FIELD[unless]=COLUMN, FIELD[split]='|' and, of items "
          "and customers, item.NAME[flag COLUMN]=VALUE"));
    }
    return true;
  }

  Status read_source(const std::string& key, std::string_view value) {
    FieldSource& source = mapping_.fields[key];
    ATTUNE_ASSIGN_OR_RETURN(const auto parts, cut(value, '|'));
    for (const std::string_view part : parts) {
      const std::string_view text = trim(part);
      if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') {
        source.constant = unquote(text);
      } else if (!text.empty()) {
        source.columns.push_back(unquote(text));
      }
    }
    return {};
  }

  Kind kind_;
  Mapping& mapping_;
};

std::string print_column(const std::string& column) {
  const bool plain = column.find_first_of(",|'=[] ") == column.npos && !column.empty();
  return plain ? column : "\"" + column + "\"";
}

std::vector<std::string> required_fields(Kind kind) {
  if (kind == Kind::events) return {"time", "type"};
  return {"id"};
}

Error missing_field(std::string_view file, std::string_view field, Kind kind) {
  std::string hint = fmt::format("--map {}=COLUMN", field);
  if (field == "type") hint = "--map type=COLUMN, or --map type=purchase if every row is one";
  if (field == "time")
    hint = "--map time=COLUMN, or --map \"time='2026-01-31'\" if every row has the same";
  return invalid_argument(fmt::format("{}: no column gives the {} of its {}; say {}", file, field,
                                      events::name(kind), hint));
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::events:
      return "events";
    case Kind::items:
      return "items";
    case Kind::customers:
      return "customers";
  }
  return "events";
}

Result<Kind> parse_kind(std::string_view text) {
  static const std::vector<std::string> names{"events", "items", "customers"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<Kind>(i);
  }
  return std::unexpected(
      invalid_argument(fmt::format("'{}' is not a kind of rows; events, items and customers are{}",
                                   quoted(text), did_you_mean(text, names))));
}

std::span<const std::string> field_names(Kind kind) { return fields_of(kind); }

std::string type_key(std::string_view text) {
  std::string key = ascii_lower(trim(text));
  std::ranges::replace(key, ' ', '_');
  std::ranges::replace(key, '-', '_');
  return key;
}

Result<Mapping> parse_mapping(Kind kind, std::string_view text) {
  Mapping mapping;
  MapText reader(kind, mapping);
  ATTUNE_ASSIGN_OR_RETURN(const auto pieces, cut(text, ','));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (trim(pieces[i]).empty()) continue;
    ATTUNE_RETURN_IF_ERROR(reader.read(pieces[i], i + 1));
  }
  return mapping;
}

std::string print_mapping(const Mapping& mapping) {
  std::vector<std::string> pieces;
  for (const auto& [field, source] : mapping.fields) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < source.columns.size(); ++i) {
      const std::string column = print_column(source.columns[i]);
      if (i < source.flags.size()) {
        pieces.push_back(fmt::format("{}[{}{}]='{}'", field, kFlag, column, source.flags[i]));
      } else {
        parts.push_back(column);
      }
    }
    if (source.constant) parts.push_back("'" + *source.constant + "'");
    if (!parts.empty()) pieces.push_back(fmt::format("{}={}", field, fmt::join(parts, "|")));
    if (!source.unless.empty())
      pieces.push_back(fmt::format("{}[unless]={}", field, print_column(source.unless)));
    if (!source.split.empty()) pieces.push_back(fmt::format("{}[split]='{}'", field, source.split));
  }
  for (const auto& [value, type] : mapping.types)
    pieces.push_back(fmt::format("type[{}]={}", value, type));
  if (mapping.time_format)
    pieces.push_back(fmt::format("time.format={}", events::name(*mapping.time_format)));
  if (!mapping.time_zone.empty()) pieces.push_back("time.zone=" + mapping.time_zone);
  if (!mapping.cancelled_prefix.empty()) {
    pieces.push_back(fmt::format("order.cancelled_prefix='{}'", mapping.cancelled_prefix));
  }
  if (mapping.negative_quantity) {
    pieces.push_back(fmt::format("quantity.negative={}", name(*mapping.negative_quantity)));
  }
  if (mapping.item_optional) {
    pieces.push_back(fmt::format("item.optional={}", *mapping.item_optional));
  }
  if (!mapping.reading.explode.empty()) pieces.push_back("explode=" + mapping.reading.explode);
  return fmt::format("{}", fmt::join(pieces, ","));
}

Mapping merge(const Mapping& under, const Mapping& over) {
  Mapping merged = under;
  merged.kind = over.kind;
  for (const auto& [field, source] : over.fields) merged.fields[field] = source;
  for (const auto& [value, type] : over.types) merged.types[value] = type;
  if (!over.preset.empty()) merged.preset = over.preset;
  if (over.time_format) merged.time_format = over.time_format;
  if (!over.time_zone.empty()) merged.time_zone = over.time_zone;
  if (!over.cancelled_prefix.empty()) merged.cancelled_prefix = over.cancelled_prefix;
  if (over.negative_quantity) merged.negative_quantity = over.negative_quantity;
  if (over.item_optional) merged.item_optional = over.item_optional;
  merged.reading = merge(under.reading, over.reading);
  return merged;
}

ReadOptions merge(const ReadOptions& under, const ReadOptions& over) {
  const ReadOptions plain;
  ReadOptions merged = under;
  if (over.format) merged.format = over.format;
  if (over.encoding) merged.encoding = over.encoding;
  if (over.delimiter) merged.delimiter = over.delimiter;
  if (over.has_header) merged.has_header = over.has_header;
  if (over.quote) merged.quote = over.quote;
  if (!over.columns.empty()) merged.columns = over.columns;
  if (!over.explode.empty()) merged.explode = over.explode;
  if (over.max_line_bytes != plain.max_line_bytes) merged.max_line_bytes = over.max_line_bytes;
  if (over.max_depth != plain.max_depth) merged.max_depth = over.max_depth;
  if (over.max_columns != plain.max_columns) merged.max_columns = over.max_columns;
  if (over.block_bytes != plain.block_bytes) merged.block_bytes = over.block_bytes;
  return merged;
}

std::optional<std::size_t> find_column(std::span<const std::string> columns,
                                       std::string_view name) {
  const auto exact = std::ranges::find(columns, name);
  if (exact != columns.end()) return static_cast<std::size_t>(exact - columns.begin());
  const std::string lower = ascii_lower(name);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].size() == lower.size() && ascii_lower(columns[i]) == lower) return i;
  }
  return std::nullopt;
}

Mapping with_constants(Mapping mapping, std::span<const std::string> columns) {
  for (auto& [field, source] : mapping.fields) {
    if (source.columns.size() != 1 || source.constant || source.lenient || !takes_bare_words(field))
      continue;
    const std::string& word = source.columns[0];
    if (find_column(columns, word)) continue;
    if (field == "type" && !parse_event_type(word)) continue;
    if (field == "currency" && !Currency::of_stored(word)) continue;
    source.constant = word;
    source.columns.clear();
  }
  return mapping;
}

Status check_mapping(const Mapping& mapping, std::span<const std::string> columns,
                     std::string_view file) {
  const std::vector<std::string> names(columns.begin(), columns.end());
  const auto there = [&](const std::string& column) {
    if (column == "*") return true;
    if (!column.ends_with(".*")) return find_column(columns, column).has_value();
    const std::string_view prefix(column.data(), column.size() - 1);
    return std::ranges::any_of(columns,
                               [&](const std::string& one) { return one.starts_with(prefix); });
  };
  for (const auto& [field, source] : mapping.fields) {
    if (source.constant || source.lenient || std::ranges::any_of(source.columns, there)) continue;
    if (source.columns.empty()) {
      return std::unexpected(invalid_argument(fmt::format(
          "{}: {} has no column to come from; say --map {}=COLUMN", file, field, field)));
    }
    const auto nearest = nearest_name(source.columns[0], names);
    return std::unexpected(invalid_argument(fmt::format(
        "{}: there is no column '{}' for {}; the columns are {}; say --map {}={}", file,
        source.columns[0], field, quoted(fmt::format("{}", fmt::join(names, ", ")), 300), field,
        nearest.value_or("COLUMN"))));
  }
  for (const std::string& field : required_fields(mapping.kind)) {
    const auto found = mapping.fields.find(field);
    const bool fed = found != mapping.fields.end() &&
                     (found->second.constant || std::ranges::any_of(found->second.columns, there));
    if (!fed) return std::unexpected(missing_field(file, field, mapping.kind));
  }
  if (mapping.kind != Kind::events) return {};
  for (const char* field : {"customer", "anonymous", "item"}) {
    const auto found = mapping.fields.find(field);
    if (found != mapping.fields.end() &&
        (found->second.constant || std::ranges::any_of(found->second.columns, there))) {
      return {};
    }
  }
  return std::unexpected(invalid_argument(fmt::format(
      "{}: no column gives a customer or an item; say --map customer=COLUMN,item=COLUMN", file)));
}

}  // namespace attune::events
