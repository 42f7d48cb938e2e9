#include "attune/events/quality.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"

namespace attune::events {
namespace {

namespace json = boost::json;

constexpr std::size_t kExamples = kReasonExamples;
constexpr std::size_t kExampleCharacters = 120;

constexpr std::array kReasons = std::to_array<ReasonInfo>({
    {"missing_time", "quarantined", "the row does not say when it happened",
     "该行没有写明发生时间"},
    {"unreadable_time", "quarantined", "the time is not written as the column's times are",
     "时间的写法与该列其他时间不同"},
    {"impossible_time", "quarantined",
     "a date that does not exist, or outside the years 1900 to 2200",
     "日期不存在，或不在 1900 至 2200 年之间"},
    {"missing_type", "quarantined", "the row does not say what happened", "该行没有写明发生了什么"},
    {"unknown_type", "quarantined", "the row's type is none that is known or mapped",
     "该行的类型未知，也没有映射"},
    {"missing_item", "quarantined", "an event about an item that names none",
     "与商品有关的事件没有写明商品"},
    {"missing_id", "quarantined", "an item or customer without id", "商品或顾客没有编号"},
    {"two_ids", "quarantined", "an anonymous id and an earlier one in the same row",
     "同一行既有匿名编号又有旧编号"},
    {"bad_number", "quarantined", "a quantity, price, amount or rating that is no number",
     "数量、价格、金额或评分不是数字"},
    {"unknown_currency", "quarantined", "a currency that is no ISO 4217 code",
     "货币代码不在 ISO 4217 之内"},
    {"two_currencies", "quarantined", "an amount in another currency than its row",
     "金额的货币与该行所写的货币不同"},
    {"wrong_cell_count", "quarantined", "more or fewer cells than the header has",
     "单元格比表头多或少"},
    {"bad_quoting", "quarantined", "a quote that is not closed, or text behind a closing quote",
     "引号没有闭合，或闭合引号后还有文字"},
    {"nul_byte", "quarantined", "a NUL byte in the text", "文本中有 NUL 字节"},
    {"invalid_utf8", "quarantined", "bytes that are not UTF-8", "有不是 UTF-8 的字节"},
    {"invalid_encoding", "quarantined", "bytes that are not in the file's encoding",
     "有不属于该文件编码的字节"},
    {"line_too_long", "quarantined", "a line beyond the limit", "行长超过上限"},
    {"bad_json", "quarantined", "a line that is not JSON", "该行不是 JSON"},
    {"not_an_object", "quarantined", "JSON that is not an object", "JSON 不是对象"},
    {"duplicate_key", "quarantined", "a JSON object that states a key twice",
     "JSON 对象中同一个键出现两次"},
    {"too_deep", "quarantined", "JSON nested deeper than the limit", "JSON 嵌套超过上限"},
    {"bad_time", "quarantined", "a message whose time cannot be read", "消息的时间无法读取"},
    {"bad_text", "quarantined", "a text that holds half a character", "文本中有不完整的字符"},
    {"wrong_type", "quarantined", "a JSON value of another kind than belongs there",
     "JSON 值的类型与该处不符"},
    {"too_long", "quarantined", "an id or a trait's name beyond the limit",
     "编号或特征名称超过长度上限"},
    {"too_large", "quarantined", "a message beyond the limit", "消息大小超过上限"},
    {"exact_duplicate", "left out",
     "the same content again within one file; --keep-repeats takes it as real",
     "同一文件中内容完全重复；--keep-repeats 可将其视为真实"},
    {"repeated_event_id", "left out", "an event id that was seen before", "事件编号此前出现过"},
    {"forgotten", "left out", "a row of a customer who was forgotten", "该行属于已被遗忘的客户"},
    {"already_imported", "left out", "a row that an earlier import or file brought",
     "该行此前已导入"},
    {"ignored_type", "left out", "a type that the mapping leaves out", "映射中略去的类型"},
    {"missing_customer", "flagged", "belongs to nobody; counts for items",
     "不属于任何顾客，只计入商品统计"},
    {"missing_description", "flagged", "the item came without a name", "商品没有名称"},
    {"cancelled", "flagged", "takes back a purchase", "撤销一次购买"},
    {"zero_price", "flagged", "a price of 0", "价格为 0"},
    {"negative_price", "flagged", "a price below 0", "价格低于 0"},
    {"zero_quantity", "flagged", "a quantity of 0", "数量为 0"},
    {"negative_quantity", "flagged",
     "a quantity below 0 without the signs of a cancellation: a correction of stock",
     "数量低于 0，但没有取消的标志：库存更正"},
    {"value_divided", "flagged", "a share, by quantity, of what an order without prices came to",
     "订单没有单价，按数量分摊订单总额"},
    {"said_by_page", "noted", "a page's word that a visitor is a customer",
     "网页声明某位访客是某位客户"},
    {"outlier", "flagged", "far from its item's usual quantity or price",
     "远离该商品通常的数量或价格"},
    {"bot", "flagged", "part of a burst that no person makes", "属于真人做不到的密集访问"},
    {"refund_paired", "noted", "takes back a purchase that was found", "撤销的购买已找到"},
    {"refund_unpaired", "noted", "takes back a purchase that is not in the data",
     "撤销的购买不在数据中"},
    {"unknown_customer", "noted",
     "an id that nobody in this shop has had so far: is it the one that orders and events use?",
     "店铺中尚无此客户编号：它与订单、事件中使用的编号是否一致？"},
    {"foreign_currency", "noted",
     "a purchase or refund in another currency than the shop's; its money is in no sum",
     "购买或退款的货币与店铺的不同，金额未计入合计"},
    {"currency_assumed", "noted",
     "a sign of several currencies, none of them the shop's: $ is taken as USD, ¥ as CNY, kr as "
     "SEK, Rs as INR; --currency says another",
     "货币符号可指多种货币，且都不是店铺的货币：$ 按 USD，¥ 按 CNY，kr 按 SEK，Rs 按 INR；可用 "
     "--currency 说明"},
    {"time_zone_assumed", "noted", "the time names no zone; the shop's is taken",
     "时间没有写明时区，按店铺时区处理"},
    {"text_normalised", "noted", "an identifier or name was trimmed or brought to NFC",
     "编号或名称去除了空白，或规范为 NFC"},
    {"date_only", "noted", "the row gives a day; its midnight is taken",
     "该行只有日期，按当天零点处理"},
});

void count_reason(std::map<std::string, ReasonCount>& reasons, std::string_view reason,
                  std::int64_t line, std::string_view raw) {
  auto found = reasons.find(std::string(reason));
  if (found == reasons.end()) found = reasons.emplace(reason, ReasonCount{}).first;
  ReasonCount& count = found->second;
  ++count.count;
  if (count.examples.size() < kExamples)
    count.examples.push_back({line, quoted(raw, kExampleCharacters)});
}

// Counts of marks by bit; names and examples are looked up only when there is something new to
// write down.
template <class Row>
void add_marks(std::map<std::string, ReasonCount>& reasons, const Batch<Row>& batch) {
  std::array<std::int64_t, 32> counts{};
  std::array<std::vector<std::size_t>, 32> first;
  const auto rows = batch.rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::uint32_t rest = rows[i].marks; rest != 0; rest &= rest - 1) {
      const int at = std::countr_zero(rest);
      if (counts[at]++ < static_cast<std::int64_t>(kExamples)) first[at].push_back(i);
    }
  }
  for (int at = 0; at < 32; ++at) {
    if (counts[at] == 0) continue;
    ReasonCount& reason = reasons[std::string(name(static_cast<Mark>(1u << at)))];
    reason.count += counts[at];
    for (const std::size_t i : first[at]) {
      if (reason.examples.size() == kExamples) break;
      reason.examples.push_back({batch.line(i), quoted(batch.raw(i), kExampleCharacters)});
    }
  }
}

template <class Row>
void add_rows(QualityReport& report, const Batch<Row>& batch) {
  report.rows_read += batch.rows_read();
  report.rows_kept += static_cast<std::int64_t>(batch.rows().size());
  report.rows_quarantined += static_cast<std::int64_t>(batch.quarantined().size());
  for (const Rejected& refused : batch.quarantined()) {
    count_reason(report.reasons, refused.reason, refused.line, refused.raw);
  }
  if (batch.ignored() > 0) report.reasons["ignored_type"].count += batch.ignored();
  for (const Row& row : batch.rows()) report.rows_flagged += (row.marks & ~kNotedMarks) != 0;
  add_marks(report.reasons, batch);
}

void see_time(QualityReport& report, Timestamp time) {
  if (!report.first_time || time < *report.first_time) report.first_time = time;
  if (!report.last_time || time > *report.last_time) report.last_time = time;
}

json::value time_json(const std::optional<Timestamp>& time) {
  return time ? json::value(format_iso(*time)) : json::value(nullptr);
}

std::optional<Timestamp> time_from(const json::value& value) {
  if (!value.is_string()) return std::nullopt;
  const auto iso = parse_iso(std::string_view(value.as_string().data(), value.as_string().size()));
  if (!iso) return std::nullopt;
  return Timestamp{utc_from_civil(iso->civil).micros -
                   iso->offset_minutes.value_or(0) * kMicrosPerMinute};
}

json::object reasons_json(const std::map<std::string, ReasonCount>& reasons) {
  json::object all;
  for (const auto& [code, count] : reasons) {
    json::array examples;
    for (const ReasonExample& example : count.examples) {
      examples.push_back(json::object{{"line", example.line}, {"text", example.text}});
    }
    all[code] = json::object{{"count", count.count}, {"examples", std::move(examples)}};
  }
  return all;
}

QualityReport report_from(const json::object& object) {
  QualityReport report;
  report.file = object.at("file").as_string().c_str();
  report.rows_read = object.at("rows_read").to_number<std::int64_t>();
  report.rows_kept = object.at("rows_kept").to_number<std::int64_t>();
  report.rows_flagged = object.at("rows_flagged").to_number<std::int64_t>();
  if (const json::value* by = object.if_contains("rows_flagged_by_cleaning"))
    report.rows_flagged_by_cleaning = by->to_number<std::int64_t>();
  report.rows_quarantined = object.at("rows_quarantined").to_number<std::int64_t>();
  for (const auto& [code, value] : object.at("reasons").as_object()) {
    ReasonCount& count = report.reasons[std::string(code)];
    count.count = value.at("count").to_number<std::int64_t>();
    for (const json::value& example : value.at("examples").as_array()) {
      count.examples.push_back(
          {example.at("line").to_number<std::int64_t>(), example.at("text").as_string().c_str()});
    }
  }
  for (const json::value& one : object.at("assumptions").as_array()) {
    report.assumptions.push_back({one.at("what").as_string().c_str(),
                                  one.at("value").as_string().c_str(),
                                  one.at("why").as_string().c_str()});
  }
  report.first_time = time_from(object.at("first_time"));
  report.last_time = time_from(object.at("last_time"));
  for (const auto& [name, count] : object.at("distinct").as_object()) {
    report.distinct[std::string(name)] = count.to_number<std::int64_t>();
  }
  // Reports of earlier programs have neither.
  if (const json::value* reporting = object.if_contains("reporting_currency"))
    report.reporting_currency = reporting->as_string().c_str();
  if (const json::value* foreign = object.if_contains("foreign_amounts")) {
    for (const auto& [name, count] : foreign->as_object())
      report.foreign_amounts[std::string(name)] = count.to_number<std::int64_t>();
  }
  for (const auto& [type, count] : object.at("event_types").as_object()) {
    if (const auto known = parse_event_type(std::string(type))) {
      report.event_types[static_cast<std::size_t>(*known)] = count.to_number<std::int64_t>();
    }
  }
  return report;
}

}  // namespace

std::span<const ReasonInfo> reason_codes() { return kReasons; }

void QualityReport::add(const EventBatch& batch) {
  add_rows(*this, batch);
  for (const Event& event : batch.rows()) {
    ++event_types[static_cast<std::size_t>(event.type)];
    see_time(*this, event.time);
  }
}

void QualityReport::add(const ItemBatch& batch) {
  add_rows(*this, batch);
  for (const ItemRow& row : batch.rows()) {
    if (row.valid_from) see_time(*this, *row.valid_from);
  }
}

void QualityReport::add(const CustomerBatch& batch) {
  add_rows(*this, batch);
  for (const CustomerRow& row : batch.rows()) {
    if (row.time) see_time(*this, *row.time);
  }
}

void QualityReport::note(std::string_view reason, std::int64_t line, std::string_view raw) {
  count_reason(reasons, reason, line, raw);
}

void QualityReport::leave_out(std::string_view reason, std::int64_t line, std::string_view raw,
                              std::uint32_t marks) {
  --rows_kept;
  rows_flagged -= (marks & ~kNotedMarks) != 0;
  count_reason(reasons, reason, line, raw);
}

std::string QualityReport::to_json() const {
  json::array assumed;
  for (const Assumption& one : assumptions) {
    assumed.push_back(json::object{{"what", one.what}, {"value", one.value}, {"why", one.why}});
  }
  json::object types;
  for (std::size_t i = 0; i < event_types.size(); ++i) {
    if (event_types[i] > 0) types[std::string(name(static_cast<EventType>(i)))] = event_types[i];
  }
  json::object counts;
  for (const auto& [name, count] : distinct) counts[name] = count;
  json::object foreign;
  for (const auto& [name, count] : foreign_amounts) foreign[name] = count;
  return json::serialize(json::object{{"file", file},
                                      {"rows_read", rows_read},
                                      {"rows_kept", rows_kept},
                                      {"rows_flagged", rows_flagged},
                                      {"rows_flagged_by_cleaning", rows_flagged_by_cleaning},
                                      {"rows_quarantined", rows_quarantined},
                                      {"reasons", reasons_json(reasons)},
                                      {"assumptions", std::move(assumed)},
                                      {"first_time", time_json(first_time)},
                                      {"last_time", time_json(last_time)},
                                      {"distinct", std::move(counts)},
                                      {"event_types", std::move(types)},
                                      {"reporting_currency", reporting_currency},
                                      {"foreign_amounts", std::move(foreign)}});
}

Result<QualityReport> QualityReport::from_json(std::string_view text) {
  try {
    return report_from(json::parse(json::string_view(text.data(), text.size())).as_object());
  } catch (const std::exception& error) {
    return std::unexpected(
        invalid_argument(fmt::format("this is no quality report of an import: {}", error.what())));
  }
}

QualityReport combine(std::span<const QualityReport> reports) {
  QualityReport sum;
  for (const QualityReport& report : reports) {
    sum.file += (sum.file.empty() ? "" : ", ") + report.file;
    sum.rows_read += report.rows_read;
    sum.rows_kept += report.rows_kept;
    sum.rows_flagged += report.rows_flagged;
    sum.rows_flagged_by_cleaning += report.rows_flagged_by_cleaning;
    sum.rows_quarantined += report.rows_quarantined;
    for (const auto& [code, count] : report.reasons) {
      ReasonCount& into = sum.reasons[code];
      into.count += count.count;
      for (const ReasonExample& example : count.examples) {
        if (into.examples.size() < kExamples) into.examples.push_back(example);
      }
    }
    sum.assumptions.insert(sum.assumptions.end(), report.assumptions.begin(),
                           report.assumptions.end());
    if (report.first_time) see_time(sum, *report.first_time);
    if (report.last_time) see_time(sum, *report.last_time);
    for (const auto& [name, count] : report.distinct) sum.distinct[name] += count;
    sum.reporting_currency = report.reporting_currency;
    for (const auto& [name, count] : report.foreign_amounts) sum.foreign_amounts[name] += count;
    for (std::size_t i = 0; i < sum.event_types.size(); ++i)
      sum.event_types[i] += report.event_types[i];
  }
  return sum;
}

}  // namespace attune::events
