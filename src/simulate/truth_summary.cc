#include "truth_summary.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "words.h"

namespace attune::simulate {
namespace {

namespace json = boost::json;

constexpr int kVersion = 1;

// Each count by its name; `visit` is called with (name, member) for writing and reading alike.
template <class Counts, class Visit>
void visit_file_counts(Counts& file, Visit visit) {
  visit("rows", file.rows);
  visit("good", file.good);
  visit("exact_duplicates", file.exact_duplicates);
  visit("exact_duplicates_with_event_id", file.exact_duplicates_with_event_id);
  visit("resent", file.resent);
  visit("missing_customer", file.missing_customer);
  visit("missing_customer_rows", file.missing_customer_rows);
  visit("refunds", file.refunds);
  visit("refund_rows", file.refund_rows);
}

template <class Counts, class Visit>
void visit_counts(Counts& planted, Visit visit) {
  visit("items", planted.items);
  visit("customers", planted.customers);
  visit("bots", planted.bots);
  visit("bot_rows", planted.bot_rows);
  visit("sessions", planted.sessions);
  visit("buying_sessions", planted.buying_sessions);
  visit("orders_placed", planted.orders_placed);
  visit("orders_without_customer", planted.orders_without_customer);
  visit("customers_with_order", planted.customers_with_order);
  visit("customers_with_repeat_order", planted.customers_with_repeat_order);
}

json::object to_json(const FileCounts& file) {
  json::object object;
  visit_file_counts(file, [&](const char* key, std::int64_t value) { object[key] = value; });
  json::object& malformed = object["malformed"].emplace_object();
  for (const auto& [kind, count] : file.malformed) malformed[kind] = count;
  json::object& good = object["good_by_event"].emplace_object();
  for (const auto& [type, count] : file.good_by_event) good[type] = count;
  return object;
}

FileCounts file_counts_from(const json::object& object) {
  FileCounts file;
  visit_file_counts(
      file, [&](const char* key, std::int64_t& value) { value = object.at(key).as_int64(); });
  for (const auto& [kind, count] : object.at("malformed").as_object()) {
    file.malformed[kind] = count.as_int64();
  }
  for (const auto& [type, count] : object.at("good_by_event").as_object()) {
    file.good_by_event[type] = count.as_int64();
  }
  return file;
}

void print(const json::value& value, int depth, std::string& out) {
  const bool object = value.is_object();
  if (!object && !value.is_array()) {
    out += value.is_double() ? fmt::format("{}", value.get_double()) : json::serialize(value);
    return;
  }
  const std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
  const char* separator = "\n";
  out += object ? '{' : '[';
  if (object) {
    for (const auto& [key, member] : value.get_object()) {
      out += fmt::format("{}{}{}: ", separator, indent, json::serialize(key));
      print(member, depth + 1, out);
      separator = ",\n";
    }
  } else {
    for (const json::value& member : value.get_array()) {
      out += fmt::format("{}{}", separator, indent);
      print(member, depth + 1, out);
      separator = ",\n";
    }
  }
  out += '\n' + indent.substr(2) + (object ? '}' : ']');
}

json::object parameters_json(const ShopParameters& parameters) {
  json::object object;
  const auto& table = ShopParameters::table();
  for (std::size_t i = 0; i < table.specs().size(); ++i) {
    const std::string text = table.get(parameters, i);
    json::error_code no_number;
    const json::value number = json::parse(text, no_number);
    object[table.specs()[i].name] = no_number ? json::value(text) : number;
  }
  return object;
}

}  // namespace

std::string write_summary(const World& world, const PlantedCounts& planted) {
  const ShopParameters& parameters = world.parameters();
  json::object root;
  root["made_by"] = "attune simulate";
  root["version"] = kVersion;
  root["parameters"] = parameters_json(parameters);
  root["window"] = {{"start", format_iso(world.day_start(0))},
                    {"end", format_iso(world.day_start(parameters.days))},
                    {"zone", world.zone().name()},
                    {"currency", world.currency().to_string()}};
  json::array& categories = root["categories"].emplace_array();
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    categories.push_back(
        {{"key", kCategories[c].key},
         {"name", words_of(parameters.language).categories[c].name},
         {"season_at_end", world.category_season(static_cast<int>(c), parameters.days)}});
  }
  json::object& shop = root["shop"].emplace_object();
  visit_counts(planted, [&](const char* key, std::int64_t value) { shop[key] = value; });
  root["events_file"] = to_json(planted.events);
  root["orders_file"] = to_json(planted.orders);
  std::string out;
  print(root, 0, out);
  return out + '\n';
}

Result<TruthSummary> parse_summary(std::string_view text) try {
  const json::value parsed = json::parse(text);
  const json::object& root = parsed.as_object();
  if (root.at("made_by").as_string() != "attune simulate") {
    return std::unexpected(data_corruption("no simulation made it"));
  }
  if (const std::int64_t version = root.at("version").as_int64(); version != kVersion) {
    return std::unexpected(data_corruption(fmt::format(
        "its version is {}, this program reads {}; simulate again", version, kVersion)));
  }
  TruthSummary summary;
  for (const json::value& category : root.at("categories").as_array()) {
    const std::size_t c = summary.category_keys.size();
    if (c == kCategoryCount) return std::unexpected(data_corruption("too many categories"));
    summary.category_keys.emplace_back(category.at("key").as_string());
    summary.category_names.emplace_back(category.at("name").as_string());
    summary.season_at_end[c] = category.at("season_at_end").to_number<double>();
  }
  if (summary.category_keys.size() != kCategoryCount) {
    return std::unexpected(data_corruption("too few categories"));
  }
  const json::object& shop = root.at("shop").as_object();
  visit_counts(summary.planted,
               [&](const char* key, std::int64_t& value) { value = shop.at(key).as_int64(); });
  summary.planted.events = file_counts_from(root.at("events_file").as_object());
  summary.planted.orders = file_counts_from(root.at("orders_file").as_object());
  return summary;
} catch (const std::exception& failure) {
  return std::unexpected(data_corruption(failure.what()));
}

}  // namespace attune::simulate
