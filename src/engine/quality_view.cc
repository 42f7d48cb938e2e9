#include "attune/engine/quality_view.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "report_words.h"

namespace attune::engine {
namespace {

using report::Align;
using report::Cell;
using report::Tone;

// Texts in the language of the page.
struct Words {
  report::Language language = report::Language::en;
  std::string operator()(std::string_view english, std::string_view chinese) const {
    return std::string(language == report::Language::zh ? chinese : english);
  }
  std::string effect(std::string_view effect) const {
    if (effect == "quarantined") return (*this)(effect, "隔离");
    if (effect == "left out") return (*this)(effect, "略去");
    if (effect == "flagged") return (*this)(effect, "标记");
    return (*this)(effect, "记录");
  }
};

struct ReasonLine {
  std::string code;
  std::int64_t count;
  events::ReasonInfo info;
  const events::ReasonCount* reason;
};

// Quarantined first, then what was left out or flagged, then what was only noted; the larger count
// first.
std::vector<ReasonLine> lines_of(const events::QualityReport& quality) {
  const auto rank = [](std::string_view effect) {
    return effect == "quarantined" ? 0 : effect == "noted" ? 2 : 1;
  };
  std::vector<ReasonLine> lines;
  for (const auto& [code, reason] : quality.reasons) {
    ReasonLine line{code, reason.count, {}, &reason};
    for (const events::ReasonInfo& info : events::reason_codes()) {
      if (info.code == code) line.info = info;
    }
    lines.push_back(std::move(line));
  }
  std::ranges::stable_sort(
      lines, {}, [&](const ReasonLine& l) { return std::pair(rank(l.info.effect), -l.count); });
  return lines;
}

std::string first_example(const events::ReasonCount& reason, const Words& say) {
  if (reason.examples.empty()) return "";
  const events::ReasonExample& example = reason.examples[0];
  if (example.line == 0) return example.text;
  return fmt::format(fmt::runtime(say("line {}: {}", "第 {} 行：{}")), example.line, example.text);
}

report::Table reason_table(const events::QualityReport& quality, bool with_example,
                           const Words& say = {}) {
  std::vector<report::Column> columns{{say("reason", "原因"), Align::left, 0},
                                      {say("rows", "行数"), Align::right, 0},
                                      {say("effect", "处理"), Align::left, 0},
                                      {say("meaning", "含义"), Align::left, 2}};
  if (with_example) columns.push_back({say("first example", "首个例子"), Align::left, 3});
  report::Table table(std::move(columns));
  for (const ReasonLine& line : lines_of(quality)) {
    const Tone tone = line.info.effect == "quarantined" ? Tone::warning
                      : line.info.effect == "noted"     ? Tone::faint
                                                        : Tone::plain;
    std::vector<Cell> cells{{line.code, tone},
                            with_thousands(line.count),
                            say.effect(line.info.effect),
                            say(line.info.meaning, line.info.meaning_zh)};
    if (with_example) {
      cells.emplace_back(first_example(*line.reason, say));
    }
    table.row(std::move(cells));
  }
  return table;
}

std::string range_text(const events::QualityReport& quality, const Words& say = {}) {
  if (!quality.first_time || !quality.last_time) return "";
  return fmt::format(fmt::runtime(say("{} to {}", "{} 至 {}")), format_date(*quality.first_time),
                     format_date(*quality.last_time));
}

// Which money is in no sum, and what to do about it; empty: all of it is in.
std::string foreign_text(const events::QualityReport& quality, const Words& say = {}) {
  if (quality.foreign_amounts.empty()) return "";
  const std::string counts = counts_by_currency(quality.foreign_amounts);
  if (quality.reporting_currency.empty()) {
    return fmt::format(
        fmt::runtime(say("Amounts come in several currencies ({}), and nothing says which of them "
                         "the shop counts in: profiles and reports need reporting_currency in "
                         "attune.toml.",
                         "金额有多种货币（{}），而没有写明店铺以哪种货币计算：画像和报告需要 "
                         "attune.toml 中的 reporting_currency。")),
        counts);
  }
  std::int64_t rows = 0;
  for (const auto& [name, count] : quality.foreign_amounts) rows += count;
  return fmt::format(
      fmt::runtime(say("{0} purchases and refunds are in another currency than {1} and count as "
                       "orders, but not as money: {2}. There are no exchange rates: convert "
                       "amounts into {1} before they are imported, or write reporting_currency "
                       "into attune.toml where the shop counts in another.",
                       "{0} 笔购买和退款的货币不是 {1}，计入订单，但不计入金额：{2}。"
                       "系统没有汇率：请在导入前把金额换算成 {1}；"
                       "如果店铺以其他货币计算，请在 attune.toml 中写明 reporting_currency。")),
      with_thousands(rows), quality.reporting_currency, counts);
}

// What the shop holds now: "Events from … to …. The shop now has 1 customer, 2 items and 3 orders."
// Orders are those that the rows number; a shop whose rows number none has none to count.
std::string shop_text(const events::QualityReport& quality) {
  const auto count = [&](const char* name) {
    const auto found = quality.distinct.find(name);
    return found == quality.distinct.end() ? 0 : found->second;
  };
  const auto counted = [&](const char* name, const char* one) {
    return count(name) == 1 ? fmt::format("1 {}", one)
                            : fmt::format("{} {}", with_thousands(count(name)), name);
  };
  std::string text = "\n";
  if (const std::string range = range_text(quality); !range.empty())
    text += fmt::format("Events from {}. ", range);
  const std::string customers = counted("customers", "customer"), items = counted("items", "item");
  return text + (count("orders") == 0
                     ? fmt::format("The shop now has {} and {}.\n", customers, items)
                     : fmt::format("The shop now has {}, {} and {}.\n", customers, items,
                                   counted("orders", "order")));
}

}  // namespace

std::string counts_by_currency(const std::map<std::string, std::int64_t>& counts) {
  std::vector<std::pair<std::string, std::int64_t>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::ranges::greater(),
                           &std::pair<std::string, std::int64_t>::second);
  std::string text;
  for (const auto& [name, count] : sorted)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", with_thousands(count), name);
  return text;
}

std::string import_json(const ImportResult& result) {
  boost::json::object object = boost::json::parse(result.report.to_json()).as_object();
  object["import"] = result.number;
  object["rows_new"] = result.rows_new;
  object["rows_known"] = result.rows_known;
  boost::json::array quarantine;
  for (const auto& file : result.quarantine) quarantine.emplace_back(file.string());
  object["quarantine"] = quarantine;
  object["seconds"] = result.seconds;
  boost::json::array stages;
  for (const ImportStage& stage : result.stages) {
    boost::json::array parts;
    for (const auto& part : stage.parts)
      parts.push_back(boost::json::object{{"part", part.name}, {"cpu_seconds", part.cpu_seconds}});
    stages.push_back(boost::json::object{{"stage", stage.name},
                                         {"wall_seconds", stage.wall_seconds},
                                         {"cpu_seconds", stage.cpu_seconds},
                                         {"parts", std::move(parts)}});
  }
  object["profile"] = std::move(stages);
  return boost::json::serialize(object);
}

std::string stages_text(const ImportResult& result, const report::TerminalStyle& style) {
  report::Table table(
      {{"stage", Align::left, 0}, {"wall s", Align::right, 0}, {"CPU s", Align::right, 0}});
  const auto seconds = [](double value) { return fmt::format("{:.2f}", value); };
  double wall = 0, cpu = 0;
  for (const ImportStage& stage : result.stages) {
    table.row({stage.name, seconds(stage.wall_seconds), seconds(stage.cpu_seconds)});
    for (const auto& part : stage.parts)
      table.row({{"  " + part.name, Tone::faint}, "", seconds(part.cpu_seconds)});
    wall += stage.wall_seconds;
    cpu += stage.cpu_seconds;
  }
  table.row({{"together", Tone::strong}, seconds(wall), seconds(cpu)});
  return table.to_text(style);
}

std::string quality_text(const ImportResult& result, const report::TerminalStyle& style) {
  const events::QualityReport& q = result.report;
  std::string text = fmt::format("{}: {} rows read in {:.1f} s\n", q.file,
                                 with_thousands(q.rows_read), result.seconds);
  report::Table sums({{"rows", Align::left, 0}, {"", Align::right, 0}});
  sums.row({"read", with_thousands(q.rows_read)});
  sums.row({"kept", {with_thousands(q.rows_kept), Tone::strong}});
  sums.row({"  of them flagged", with_thousands(q.rows_flagged)});
  if (result.rows_known > 0)
    sums.row({"known from an earlier import", with_thousands(result.rows_known)});
  const std::int64_t out = q.rows_read - q.rows_kept - q.rows_quarantined - result.rows_known;
  if (out > 0) sums.row({"left out (repeats, ignored types)", with_thousands(out)});
  sums.row(
      {"quarantined",
       {with_thousands(q.rows_quarantined), q.rows_quarantined > 0 ? Tone::warning : Tone::plain}});
  text += sums.to_text(style);
  if (!q.reasons.empty()) text += "\n" + reason_table(q, false).to_text(style);
  if (const std::string foreign = foreign_text(q); !foreign.empty()) text += "\n" + foreign + "\n";
  if (!q.assumptions.empty()) {
    text += "\nAssumed:\n";
    for (const auto& a : q.assumptions)
      text += fmt::format("  {}: {} ({})\n", a.what, a.value, a.why);
  }
  text += shop_text(q);
  if (q.rows_read > 0 && result.rows_new == 0 && result.rows_known == 0)
    text += "No row could be taken in, and nothing was changed; the reasons stand above.\n";
  else if (result.rows_new == 0)
    text += "Nothing new: every row that can be read was here before, and nothing was changed.\n";
  for (const auto& file : result.quarantine) {
    text +=
        fmt::format("Mend the quarantined rows in {} and import that file with the same options.\n",
                    file.string());
  }
  if (result.rows_new > 0)
    text +=
        "Next: attune report --output report.html, or attune train && attune recommend --customer "
        "ID --explain\n";
  return text;
}

void add_quality(report::Section& section, const events::QualityReport& q,
                 report::Language language) {
  const Words say{language};
  const auto share = [&](std::int64_t part) {
    return q.rows_read == 0 ? std::string()
                            : report::format_percent(static_cast<double>(part) /
                                                     static_cast<double>(q.rows_read));
  };
  section.tiles({{say("rows read", "读取行数"), with_thousands(q.rows_read), range_text(q, say)},
                 {say("kept", "保留"), with_thousands(q.rows_kept), share(q.rows_kept)},
                 {say("flagged", "标记"), with_thousands(q.rows_flagged), share(q.rows_flagged)},
                 {say("quarantined", "隔离"), with_thousands(q.rows_quarantined),
                  share(q.rows_quarantined), q.rows_quarantined > 0 ? Tone::warning : Tone::good}});
  report::BarChart chart;
  chart.frame.title = say("Rows by reason", "各原因的行数");
  chart.frame.caption = say(
      "A row may have several reasons. Flagged rows are kept; quarantined ones can be mended and "
      "imported again.",
      "一行可能有多个原因。标记的行仍保留；隔离的行修正后可重新导入。");
  chart.frame.language = language;
  chart.series.push_back({say("rows", "行数"), {}});
  for (const ReasonLine& line : lines_of(q)) {
    if (line.info.effect == "noted") continue;
    chart.labels.push_back(say(line.code, line.info.meaning_zh.empty() ? std::string_view(line.code)
                                                                       : line.info.meaning_zh));
    chart.series[0].values.push_back(static_cast<double>(line.count));
  }
  if (!chart.labels.empty()) section.figure(report::draw(chart));
  section.table(reason_table(q, true, say));
  if (const std::string foreign = foreign_text(q, say); !foreign.empty())
    section.note(Tone::warning, foreign);
  if (!q.assumptions.empty()) {
    section.heading(say("Assumptions", "所作假设"));
    std::vector<std::string> lines;
    for (const auto& a : q.assumptions) {
      std::string line = say.language == report::Language::zh ? assumption_zh(a) : std::string();
      if (line.empty()) line = fmt::format("**{}**: {} — {}", a.what, a.value, a.why);
      // Several files often share one.
      if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
    }
    section.bullets(std::move(lines));
  }
}

std::string quality_page(const ImportResult& result, report::Language language) {
  const Words say{language};
  report::Page page({.title = say("Data quality", "数据质量"),
                     .subtitle = result.report.file,
                     .language = language,
                     .footer = say("made with Attune", "由 Attune 生成")});
  add_quality(page.section(say("What came in", "导入的数据")), result.report, language);
  report::BarChart types;
  types.frame.title = say("Events by type", "各类型的事件数");
  types.frame.language = language;
  types.series.push_back({say("events", "事件"), {}});
  for (int type = 0; type < events::kEventTypeCount; ++type) {
    const std::int64_t count = result.report.event_types[static_cast<std::size_t>(type)];
    if (count == 0) continue;
    types.labels.emplace_back(events::name(static_cast<events::EventType>(type)));
    types.series[0].values.push_back(static_cast<double>(count));
  }
  if (!types.labels.empty())
    page.section(say("What happened", "发生了什么")).figure(report::draw(types));
  return page.html();
}

}  // namespace attune::engine
