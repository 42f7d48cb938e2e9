#include "attune/engine/export.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <unordered_map>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/engine/recommendations.h"
#include "item_export.h"
#include "table_builder.h"

namespace attune::engine {
namespace {

using store::ColumnSchema;
using store::ColumnType;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::string> kKinds{"events",   "items",    "customers",
                                      "profiles", "segments", "recommendations"};

// The time on the clock that it came with.
std::string time_with_offset(Timestamp time, std::optional<int> offset) {
  if (!offset || *offset == 0) return format_iso(time);
  std::string text = format_iso({time.micros + *offset * kMicrosPerMinute});
  text.pop_back();
  const int size = std::abs(*offset);
  return fmt::format("{}{}{:02}:{:02}", text, *offset < 0 ? '-' : '+', size / 60, size % 60);
}

struct Ids {
  std::unordered_map<CustomerNumber, std::string> customers;
  std::unordered_map<CustomerNumber, std::vector<std::string>> anonymous;
};

Result<Ids> read_ids(Workspace& workspace) {
  Ids ids;
  ATTUNE_RETURN_IF_ERROR(workspace.identity().for_each_id(
      [&](CustomerNumber number, events::IdKind kind, std::string_view id) -> Status {
        if (kind == events::IdKind::customer) {
          ids.customers.emplace(number, id);
        } else {
          ids.anonymous[number].emplace_back(id);
        }
        return {};
      }));
  return ids;
}

// Text, URL and properties of an event, opened.
struct Personal {
  std::string text, url, properties;
};
Personal open_personal(store::Vault& vault, CustomerNumber customer, std::string_view sealed) {
  Personal personal;
  const auto json = vault.open(customer, "event", sealed);
  if (!json) return personal;
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(*json, failure);
  if (failure || !value.is_object()) return personal;
  const boost::json::object& object = value.as_object();
  if (const auto* text = object.if_contains("text"); text && text->is_string())
    personal.text = text->as_string();
  if (const auto* url = object.if_contains("url"); url && url->is_string())
    personal.url = url->as_string();
  if (const auto* properties = object.if_contains("properties"))
    personal.properties = boost::json::serialize(*properties);
  return personal;
}

class EventExport {
 public:
  EventExport(Workspace& workspace, store::TableWriter& writer)
      : workspace_(workspace), rows_(writer, schema()) {}

  static std::vector<ColumnSchema> schema() {
    std::vector<ColumnSchema> columns =
        text_columns({"event_id", "time", "type", "customer_id", "anonymous_id", "item_id",
                      "order_id", "session_id", "recommendation_id", "source", "channel", "price",
                      "value", "currency", "text", "url", "properties"});
    columns.push_back({"quantity", ColumnType::float64});
    columns.push_back({"rating", ColumnType::float64});
    columns.push_back({"duration_ms", ColumnType::int64});
    return columns;
  }

  Status run(Progress& progress) {
    ATTUNE_ASSIGN_OR_RETURN(ids_, read_ids(workspace_));
    ATTUNE_ASSIGN_OR_RETURN(catalog_, workspace_.catalog().snapshot(Timestamp{INT64_MAX}));
    ATTUNE_ASSIGN_OR_RETURN(sources_, workspace_.event_history().labels(events::LabelKind::source));
    ATTUNE_ASSIGN_OR_RETURN(channels_,
                            workspace_.event_history().labels(events::LabelKind::channel));
    ATTUNE_ASSIGN_OR_RETURN(currencies_,
                            workspace_.event_history().labels(events::LabelKind::currency));
    ATTUNE_ASSIGN_OR_RETURN(const auto count,
                            workspace_.history().find_int64("SELECT count(*) FROM visible_rows"));
    progress.phase("exporting events", count.value_or(0), "events");
    ATTUNE_ASSIGN_OR_RETURN(store::QueryResult result,
                            workspace_.history().query(fmt::format(
                                "SELECT key_high, key_low, time, offset_minutes, type, customer, "
                                "item, order_id, session, source, channel, currency, quantity, "
                                "price_minor, value_minor, rating, duration_ms, personal, "
                                "decision_id FROM "
                                "visible_rows WHERE type NOT IN ({}, {}) ORDER BY sequence",
                                static_cast<int>(events::EventType::item_changed),
                                static_cast<int>(events::EventType::customer_changed))));
    std::int64_t done = 0;
    ATTUNE_RETURN_IF_ERROR(result.for_each([&](const store::Chunk& chunk) -> Status {
      for (std::size_t i = 0; i < chunk.rows(); ++i) ATTUNE_RETURN_IF_ERROR(add(chunk, i));
      progress.advance(done += static_cast<std::int64_t>(chunk.rows()));
      return progress.cancelled() ? std::unexpected(cancelled("stopped; no file was written"))
                                  : Status{};
    }));
    return rows_.flush();
  }

 private:
  static std::string_view name_in(const std::map<std::int16_t, std::string>& names,
                                  const store::Chunk& c, std::size_t column, std::size_t i) {
    if (c.is_null(column, i)) return {};
    const auto found = names.find(static_cast<std::int16_t>(c.int64(column)[i]));
    return found == names.end() ? std::string_view() : std::string_view(found->second);
  }

  Status add(const store::Chunk& c, std::size_t i) {
    const CustomerNumber customer{c.int64(5)[i]};
    const auto known = ids_.customers.find(customer);
    const auto anonymous = ids_.anonymous.find(customer);
    const bool is_known = known != ids_.customers.end();
    const catalog::Item* item =
        c.int64(6)[i] == 0 ? nullptr : catalog_.find(ItemNumber{c.int64(6)[i]});
    const std::string_view currency_name = name_in(currencies_, c, 11, i);
    const Currency currency = Currency::of_stored(currency_name).value_or(Currency{});
    const Personal personal =
        c.is_null(17, i) ? Personal() : open_personal(workspace_.vault(), customer, c.blob(17, i));
    std::optional<int> offset;
    if (!c.is_null(3, i)) offset = static_cast<int>(c.int64(3)[i]);
    rows_.text("attune:" + to_hex(Hash128{c.uint64(0)[i], c.uint64(1)[i]}))
        .text(time_with_offset(c.time(2)[i], offset))
        .text(events::name(static_cast<events::EventType>(c.int64(4)[i])))
        .text(is_known ? std::string_view(known->second) : std::string_view())
        .text(!is_known && anonymous != ids_.anonymous.end()
                  ? std::string_view(anonymous->second.front())
                  : std::string_view())
        .text(item == nullptr ? std::string_view() : std::string_view(item->id))
        .text(c.is_null(7, i) ? std::string_view() : c.text(7, i))
        .text(c.is_null(8, i) ? std::string_view() : c.text(8, i))
        .text(c.is_null(18, i) ? std::string_view() : c.text(18, i))
        .text(name_in(sources_, c, 9, i))
        .text(name_in(channels_, c, 10, i))
        .text(c.is_null(13, i) ? "" : amount_cell(c.int64(13)[i], currency))
        .text(c.is_null(14, i) ? "" : amount_cell(c.int64(14)[i], currency))
        .text(currency_name)
        .text(personal.text)
        .text(personal.url)
        .text(personal.properties)
        .real(c.is_null(12, i) ? kNone : c.real(12)[i])
        .real(c.is_null(15, i) ? kNone : c.real(15)[i]);
    if (c.is_null(16, i)) {
      rows_.missing();
    } else {
      rows_.integer(c.int64(16)[i]);
    }
    return rows_.end_row();
  }

  Workspace& workspace_;
  TableBuilder rows_;
  Ids ids_;
  catalog::CatalogSnapshot catalog_;
  std::map<std::int16_t, std::string> sources_, channels_, currencies_;
};

// Who never said who they are.
std::vector<CustomerNumber> visitors_of(const Ids& ids, const events::MergeMap& merges) {
  std::vector<CustomerNumber> visitors;
  for (const auto& [number, anonymous] : ids.anonymous) {
    if (merges.root(number) == number && !ids.customers.contains(number))
      visitors.push_back(number);
  }
  std::ranges::sort(visitors);
  return visitors;
}

// When each number was merged into another, by the event that said so.
Result<std::unordered_map<CustomerNumber, Timestamp>> read_merge_times(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(const auto merged, workspace.identity().merge_events());
  std::unordered_map<CustomerNumber, Timestamp> times;
  if (merged.empty()) return times;
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows,
                          workspace.history().query(
                              fmt::format("SELECT sequence, time FROM visible_rows WHERE type = {}",
                                          static_cast<int>(events::EventType::alias))));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      const auto found = merged.find(Sequence{chunk.int64(0)[i]});
      if (found != merged.end()) times.emplace(found->second, chunk.time(1)[i]);
    }
    return {};
  }));
  return times;
}

// A row for each customer who is called otherwise by now.
Status add_earlier_ids(Workspace& workspace, std::span<const CustomerNumber> numbers,
                       const Ids& ids, const events::MergeMap& merges, TableBuilder& rows) {
  ATTUNE_ASSIGN_OR_RETURN(const auto times, read_merge_times(workspace));
  for (const CustomerNumber number : numbers) {
    const auto now = ids.customers.find(merges.root(number));
    if (merges.root(number) == number || now == ids.customers.end()) continue;
    const auto time = times.find(number);
    const bool known = time != times.end() && time->second.micros != 0;
    rows.text(now->second).missing().text(ids.customers.at(number));
    rows.text(known ? format_iso(time->second) : "");
    ATTUNE_RETURN_IF_ERROR(rows.end_row());
  }
  return {};
}

Result<std::int64_t> export_customers(Workspace& workspace, const ExportOptions& options,
                                      const store::TableWriterOptions& writer_options) {
  ATTUNE_ASSIGN_OR_RETURN(const Ids ids, read_ids(workspace));
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  std::vector<CustomerNumber> numbers;
  for (const auto& [number, id] : ids.customers) numbers.push_back(number);
  std::ranges::sort(numbers);
  std::map<CustomerNumber, std::vector<events::Trait>> traits;
  std::set<std::string> names;
  const std::vector<CustomerNumber> visitors = visitors_of(ids, merges);
  for (const auto& group : {numbers, visitors}) {
    for (const CustomerNumber number : group) {
      ATTUNE_ASSIGN_OR_RETURN(traits[number], workspace.identity().traits(number));
      for (const events::Trait& trait : traits[number]) names.insert(trait.name);
    }
  }
  std::vector<std::string> columns{"customer_id", "anonymous_id", "previous_id", "time"};
  columns.insert(columns.end(), names.begin(), names.end());
  const std::vector<ColumnSchema> schema = text_columns(columns);
  ATTUNE_ASSIGN_OR_RETURN(store::TableWriter writer,
                          store::TableWriter::create(options.file, schema, writer_options));
  TableBuilder rows(writer, schema);
  const auto tell = [&](CustomerNumber number) -> Status {
    std::int64_t time = 0;
    std::map<std::string, std::string> values;
    for (const events::Trait& trait : traits[number]) {
      time = std::max(time, trait.time.micros);
      values[trait.name] = trait.value;
    }
    rows.text(time == 0 ? "" : format_iso(Timestamp{time}));
    for (const std::string& name : names) rows.text(values[name]);
    return rows.end_row();
  };
  for (const CustomerNumber number : numbers) {
    rows.text(ids.customers.at(number)).missing().missing();
    ATTUNE_RETURN_IF_ERROR(tell(number));
  }
  for (const CustomerNumber number : visitors) {
    if (traits[number].empty()) continue;
    rows.missing().text(ids.anonymous.at(number).front()).missing();
    ATTUNE_RETURN_IF_ERROR(tell(number));
  }
  // Which anonymous ids are whose.
  std::vector<std::pair<CustomerNumber, std::string>> links;
  for (const auto& [number, anonymous] : ids.anonymous) {
    if (!ids.customers.contains(merges.root(number))) continue;
    for (const std::string& id : anonymous) links.emplace_back(merges.root(number), id);
  }
  std::ranges::sort(links);
  for (const auto& [customer, anonymous] : links) {
    ATTUNE_RETURN_IF_ERROR(rows.text(ids.customers.at(customer)).text(anonymous).end_row());
  }
  ATTUNE_RETURN_IF_ERROR(add_earlier_ids(workspace, numbers, ids, merges, rows));
  ATTUNE_RETURN_IF_ERROR(rows.flush());
  ATTUNE_RETURN_IF_ERROR(writer.finish());
  return writer.rows();
}

std::string top_name(const std::vector<profiles::TermShare>& shares, profiles::TermKindOf kind,
                     const profiles::Vocabulary& names) {
  return shares.empty() ? std::string() : std::string(names.term(kind, shares[0].term));
}

// Errors: not_found, naming the nearest.
Status check_segment(Workspace& workspace, const std::string& name) {
  ATTUNE_ASSIGN_OR_RETURN(auto segments, profiles::SegmentStore::open(workspace.state()));
  const auto found = segments.find(name);
  return found ? Status{} : std::unexpected(found.error());
}

Result<std::int64_t> export_profiles(Workspace& workspace, const ExportOptions& options,
                                     const store::TableWriterOptions& writer_options,
                                     Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(Customers customers,
                          Customers::open(workspace, options.profiles, progress));
  if (!options.segment.empty()) ATTUNE_RETURN_IF_ERROR(check_segment(workspace, options.segment));
  std::vector<ColumnSchema> schema = text_columns(
      {"customer_id", "as_of", "stage", "value_tier", "buyer", "first_purchase", "last_purchase",
       "preferred_category", "preferred_brand", "channel", "price_band", "day_part", "segments"});
  for (const char* name :
       {"recency_days", "frequency", "monetary_cents", "refund_cents", "average_basket_cents",
        "items_bought", "recency_score", "frequency_score", "monetary_score"}) {
    schema.push_back({name, ColumnType::int64});
  }
  schema.push_back({"inter_purchase_days_mean", ColumnType::float64});
  ATTUNE_ASSIGN_OR_RETURN(store::TableWriter writer,
                          store::TableWriter::create(options.file, schema, writer_options));
  TableBuilder rows(writer, schema);
  const auto whole = [&](const std::optional<std::int64_t>& value) {
    value ? rows.integer(*value) : rows.missing();
  };
  ATTUNE_RETURN_IF_ERROR(customers.for_each([&](const profiles::Profile& p) -> Status {
    if (!options.segment.empty() && !std::ranges::binary_search(p.segments, options.segment))
      return {};
    ATTUNE_ASSIGN_OR_RETURN(const std::string id, workspace.identity().label(p.customer));
    std::string segments;
    for (const std::string& segment : p.segments)
      segments += (segments.empty() ? "" : "|") + segment;
    const auto& names = customers.names();
    rows.text(id)
        .text(format_iso(p.as_of))
        .text(profiles::name(p.lifecycle))
        .text(profiles::name(p.value_tier))
        .text(profiles::name(p.buyer));
    rows.text(p.first_purchase ? format_iso(*p.first_purchase) : "")
        .text(p.last_purchase ? format_iso(*p.last_purchase) : "");
    rows.text(top_name(p.categories, profiles::TermKindOf::category, names))
        .text(top_name(p.brands, profiles::TermKindOf::brand, names));
    rows.text(top_name(p.channels, profiles::TermKindOf::channel, names))
        .text(profiles::name(p.price_band))
        .text(profiles::name(p.day_part));
    rows.text(segments);
    whole(p.recency_days);
    rows.integer(p.frequency).integer(p.monetary_cents).integer(p.refund_cents);
    whole(p.average_basket_cents);
    rows.integer(p.items_bought);
    for (const auto score : {&profiles::RfmScores::recency, &profiles::RfmScores::frequency,
                             &profiles::RfmScores::monetary}) {
      p.rfm ? rows.integer((*p.rfm).*score) : rows.missing();
    }
    rows.real(p.inter_purchase_days_mean.value_or(kNone));
    return rows.end_row();
  }));
  ATTUNE_RETURN_IF_ERROR(rows.flush());
  ATTUNE_RETURN_IF_ERROR(writer.finish());
  return writer.rows();
}

Result<std::int64_t> export_segments(Workspace& workspace, const ExportOptions& options,
                                     const store::TableWriterOptions& writer_options,
                                     Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(Customers customers,
                          Customers::open(workspace, options.profiles, progress));
  const std::vector<ColumnSchema> schema = text_columns({"segment", "customer_id"});
  ATTUNE_ASSIGN_OR_RETURN(store::TableWriter writer,
                          store::TableWriter::create(options.file, schema, writer_options));
  TableBuilder rows(writer, schema);
  ATTUNE_RETURN_IF_ERROR(customers.for_each([&](const profiles::Profile& p) -> Status {
    if (p.segments.empty()) return {};
    ATTUNE_ASSIGN_OR_RETURN(const std::string id, workspace.identity().label(p.customer));
    for (const std::string& segment : p.segments)
      ATTUNE_RETURN_IF_ERROR(rows.text(segment).text(id).end_row());
    return {};
  }));
  ATTUNE_RETURN_IF_ERROR(rows.flush());
  ATTUNE_RETURN_IF_ERROR(writer.finish());
  return writer.rows();
}

}  // namespace

Result<ExportKind> parse_export_kind(std::string_view text) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i] == text) return static_cast<ExportKind>(i);
  }
  return std::unexpected(
      invalid_argument(fmt::format("'{}' cannot be exported; there are events, items, customers, "
                                   "profiles, segments and recommendations{}",
                                   attune::quoted(text), did_you_mean(text, kKinds))));
}

Result<std::int64_t> export_table(Workspace& workspace, const ExportOptions& options,
                                  Progress& progress) {
  store::TableWriterOptions writer_options;
  writer_options.format = options.format;
  switch (options.kind) {
    case ExportKind::items:
      return export_items(workspace, options, writer_options);
    case ExportKind::customers:
      return export_customers(workspace, options, writer_options);
    case ExportKind::profiles:
      return export_profiles(workspace, options, writer_options, progress);
    case ExportKind::segments:
      return export_segments(workspace, options, writer_options, progress);
    case ExportKind::recommendations: {
      RecommendOptions recommend;
      recommend.model = options.model;
      recommend.k = options.k;
      ATTUNE_ASSIGN_OR_RETURN(Recommending recommending, Recommending::open(workspace, recommend));
      return recommending.write_all(options.file, options.format, progress);
    }
    case ExportKind::events:
      break;
  }
  const std::vector<ColumnSchema> schema = EventExport::schema();
  ATTUNE_ASSIGN_OR_RETURN(store::TableWriter writer,
                          store::TableWriter::create(options.file, schema, writer_options));
  EventExport events(workspace, writer);
  ATTUNE_RETURN_IF_ERROR(events.run(progress));
  ATTUNE_RETURN_IF_ERROR(writer.finish());
  return writer.rows();
}

}  // namespace attune::engine
