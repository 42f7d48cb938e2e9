#include "attune/engine/report_page.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/import.h"
#include "attune/engine/leaderboard_view.h"
#include "attune/engine/quality_view.h"
#include "attune/engine/recommendations.h"
#include "attune/profiles/cluster_words.h"
#include "attune/report/charts.h"
#include "attune/report/html_page.h"
#include "report_words.h"

namespace attune::engine {
namespace {

using profiles::Profile;
using report::Align;
using report::NumberFormat;

constexpr std::int64_t kFewCustomers = 30;  // below this, shares and clusters say little
constexpr std::size_t kCohortMonths = 24;
constexpr std::size_t kCategories = 20;

// The midnight that a moment's week began with by the shop's clock, read as if it were UTC's.
std::int64_t week_of(Timestamp time, const TimeZone& zone) {
  const std::int64_t day = zone.day_number(time);
  const std::int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 1970 began on a Thursday
  return (day - weekday) * kMicrosPerDay;
}

// One page on its way; texts come in pairs, English and Chinese.
class PageMaker {
 public:
  PageMaker(Workspace& workspace, Customers& customers, const ReportOptions& options,
            Currency currency)
      : workspace_(workspace),
        customers_(customers),
        options_(options),
        currency_(currency),
        chinese_(options.language == "zh"),
        page_({.title = say("Your shop, read by Attune", "店铺报告"),
               .subtitle = say("as of ", "截至 ") + day(customers.as_of()),
               .language = language(),
               .footer =
                   say("Made with Attune from this shop's own events; nothing was sent anywhere.",
                       "由 Attune 根据本店数据生成，未向外发送任何内容。")}) {}

  Result<std::string> make(Progress& progress) {
    ATTUNE_ASSIGN_OR_RETURN(everybody_, customers_.all());
    ATTUNE_RETURN_IF_ERROR(add_figures());
    ATTUNE_RETURN_IF_ERROR(add_quality_section());
    ATTUNE_RETURN_IF_ERROR(add_sales());
    add_rfm();
    ATTUNE_RETURN_IF_ERROR(add_cohorts());
    ATTUNE_RETURN_IF_ERROR(add_segments());
    ATTUNE_RETURN_IF_ERROR(add_clusters(progress));
    add_categories();
    ATTUNE_RETURN_IF_ERROR(add_leaderboard(progress));
    return page_.html();
  }

 private:
  report::Language language() const {
    return chinese_ ? report::Language::zh : report::Language::en;
  }
  std::string say(const char* english, const char* chinese) const {
    return chinese_ ? chinese : english;
  }
  template <class Kind>
  std::string in_words(Kind kind) const {
    return std::string(chinese_ ? name_zh(kind) : profiles::name(kind));
  }
  std::string in_words(const profiles::Segment& segment) const {
    const std::string_view chinese =
        chinese_ && segment.ready_made ? ready_segment_zh(segment.name) : "";
    return std::string(chinese.empty() ? segment.name : chinese);
  }
  std::string day(Timestamp time) const {
    const CivilTime c = workspace_.zone().to_civil(time);
    return fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
  }
  report::Frame frame(const char* english, const char* chinese, std::string caption = {}) const {
    return {say(english, chinese), std::move(caption), language()};
  }
  NumberFormat amount_format() const {
    NumberFormat format;
    format.kind = NumberFormat::Kind::compact;
    if (currency_.known()) format.suffix = " " + currency_.to_string();
    return format;
  }
  double major(std::int64_t minor) const {
    double value = static_cast<double>(minor);
    for (int i = 0; i < currency_.exponent(); ++i) value /= 10;
    return value;
  }
  std::string amount(std::int64_t minor) const {
    return report::format_number(major(minor), amount_format());
  }
  bool few_buyers() const {
    return std::ranges::count_if(everybody_, [](const Profile& p) { return p.frequency > 0; }) <
           kFewCustomers;
  }
  std::string too_little() const {
    return say(
        "**Too little data**: fewer than 30 buyers. Shares and groups below can change with every "
        "new order.",
        "**数据太少**：买家不足 30 位，以下比例与分组可能随每笔新订单而变化。");
  }

  Status add_figures() {
    std::int64_t orders = 0, money = 0, buyers = 0, repeat = 0, refunds = 0;
    for (const Profile& p : everybody_) {
      orders += p.frequency;
      money += p.monetary_cents;
      refunds += p.refund_cents;
      buyers += p.frequency > 0;
      repeat += p.frequency > 1;
    }
    report::Section& section = page_.section(say("At a glance", "概览"));
    const auto share = [](std::int64_t part, std::int64_t whole) {
      return whole == 0
                 ? std::string("–")
                 : report::format_percent(static_cast<double>(part) / static_cast<double>(whole));
    };
    section.tiles(
        {{say("customers", "顾客"), with_thousands(static_cast<std::int64_t>(everybody_.size())),
          fmt::format("{} {}", with_thousands(buyers), say("bought", "位有购买"))},
         {say("orders", "订单"), with_thousands(orders), ""},
         {say("revenue", "销售额"), amount(money),
          refunds > 0 ? say("after refunds of ", "已扣除退款 ") + amount(refunds) : ""},
         {say("buy again", "复购率"), share(repeat, buyers),
          fmt::format(fmt::runtime(say("{} of {} buyers", "{} / {} 位买家")),
                      with_thousands(repeat), with_thousands(buyers))}});
    if (few_buyers()) section.note(report::Tone::warning, too_little());
    ATTUNE_ASSIGN_OR_RETURN(const auto foreign, customers_.foreign_amounts());
    if (!foreign.empty()) {
      section.note(report::Tone::warning,
                   fmt::format(fmt::runtime(say("Amounts in another currency stand in no sum: {}.",
                                                "其他币种的金额未计入合计：{}。")),
                               counts_by_currency(foreign)));
    }
    return {};
  }

  Status add_quality_section() {
    ATTUNE_ASSIGN_OR_RETURN(const auto quality, shop_quality(workspace_));
    report::Section& section = page_.section(say("Data quality", "数据质量"));
    if (quality) {
      add_quality(section, *quality, chinese_ ? report::Language::zh : report::Language::en);
    } else {
      section.paragraph(say("No import is recorded.", "没有导入记录。"));
    }
    return {};
  }

  Status add_sales() {
    ATTUNE_ASSIGN_OR_RETURN(
        store::QueryResult rows,
        workspace_.history().query(
            fmt::format("SELECT epoch_us(time_bucket(INTERVAL 15 MINUTE, begun)), count(*) FROM "
                        "(SELECT min(time) AS begun FROM visible_rows WHERE type = {} AND "
                        "epoch_us(time) <= {} GROUP BY coalesce(order_id, sequence::VARCHAR)) "
                        "GROUP BY 1",
                        static_cast<int>(events::EventType::purchase), customers_.as_of().micros)));
    // Weeks by the shop's own clock, as it stood then; no zone's midnight is off the quarter hours.
    std::map<std::int64_t, double> weeks;
    ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
      for (std::size_t i = 0; i < chunk.rows(); ++i)
        weeks[week_of(Timestamp{chunk.int64(0)[i]}, workspace_.zone())] +=
            static_cast<double>(chunk.int64(1)[i]);
      return {};
    }));
    report::LineChart orders;
    orders.frame = frame("Orders a week", "每周订单");
    orders.time = true;
    orders.area = true;
    orders.lines.push_back({say("orders", "订单"), {}});
    for (const auto& [week, count] : weeks) {
      orders.x.push_back(static_cast<double>(week));
      orders.lines[0].values.push_back(count);
    }
    if (!orders.x.empty())
      page_.section(say("Orders over time", "订单走势")).figure(report::draw(orders));
    return {};
  }

  void add_rfm() {
    report::Section& section = page_.section(say("Recency, frequency, money", "RFM 分析"));
    const int k = customers_.context().rfm.k();
    if (k == 0) {
      section.paragraph(say("Nobody has bought yet.", "尚无购买。"));
      return;
    }
    report::HeatMap map;
    map.frame = frame(
        "Buyers by recency and frequency score", "按最近购买与购买频次得分的买家数",
        fmt::format(fmt::runtime(say("Scores are quantiles: the best 1/{0} of the buyers scores "
                                     "{0}. The cell holds the number of buyers.",
                                     "得分为分位数：最好的 1/{0} 得 {0} 分。格中为买家数。")),
                    k));
    map.row_title = say("frequency", "频次");
    map.column_title = say("recency", "最近购买");
    map.log_colour = true;
    for (int score = k; score >= 1; --score) map.rows.push_back(fmt::format("{}", score));
    for (int score = 1; score <= k; ++score) map.columns.push_back(fmt::format("{}", score));
    map.values.assign(static_cast<std::size_t>(k * k), 0);
    for (const Profile& p : everybody_) {
      if (!p.rfm) continue;
      ++map.values[static_cast<std::size_t>((k - p.rfm->frequency) * k + p.rfm->recency - 1)];
    }
    section.figure(report::draw(map));
    add_stages(section);
  }

  void add_stages(report::Section& section) {
    struct Sum {
      std::int64_t customers = 0, money = 0;
    };
    std::map<std::string, Sum> stages, tiers;
    for (const Profile& p : everybody_) {
      for (auto* sum : {&stages[in_words(p.lifecycle)], &tiers[in_words(p.value_tier)]}) {
        ++sum->customers;
        sum->money += p.monetary_cents;
      }
    }
    const auto chart = [&](const std::map<std::string, Sum>& sums, report::Frame title) {
      report::BarChart bars;
      bars.frame = std::move(title);
      bars.series.push_back({say("customers", "顾客"), {}});
      for (const auto& [name, sum] : sums) {
        bars.labels.push_back(name);
        bars.series[0].values.push_back(static_cast<double>(sum.customers));
      }
      return report::draw(bars);
    };
    section.figures_side_by_side({chart(stages, frame("Customers by stage", "顾客生命周期")),
                                  chart(tiers, frame("Customers by value tier", "顾客价值层级"))});
    report::Table table({{say("stage", "阶段"), Align::left, 0},
                         {say("customers", "顾客"), Align::right, 0},
                         {say("revenue", "销售额"), Align::right, 0}});
    for (const auto& [name, sum] : stages)
      table.row({name, with_thousands(sum.customers), amount(sum.money)});
    section.table(std::move(table));
  }

  Status add_cohorts() {
    ATTUNE_ASSIGN_OR_RETURN(const auto cohorts, customers_.cohorts());
    report::Section& section = page_.section(say("Do they come back?", "回头客"));
    if (cohorts.empty()) {
      section.paragraph(say("Nobody has bought yet.", "尚无购买。"));
      return {};
    }
    report::HeatMap map;
    map.frame = frame("Share of each month's new buyers who bought again", "各月新客的后续购买占比",
                      say("Row: month of the first purchase. Column: months later. Empty cells lie "
                          "in the future.",
                          "行：首购月份；列：其后第几个月；空格表示尚未到来。"));
    map.format.kind = NumberFormat::Kind::percent;
    map.format.decimals = 0;
    std::size_t months = 1;
    for (const auto& cohort : cohorts)
      months = std::max(months, std::min(kCohortMonths, cohort.active.size()));
    for (std::size_t j = 1; j < months; ++j) map.columns.push_back(fmt::format("{}", j));
    for (const auto& cohort : cohorts) {
      map.rows.push_back(fmt::format("{:04}-{:02} ({})", cohort.year, cohort.month,
                                     with_thousands(cohort.customers)));
      for (std::size_t j = 1; j < months; ++j) {
        map.values.push_back(j < cohort.active.size() ? cohort.retention(j)
                                                      : std::numeric_limits<double>::quiet_NaN());
      }
    }
    if (months > 1) {
      section.figure(report::draw(map));
    } else {
      section.paragraph(
          say("All purchases fall into one month: come back when a second one has passed.",
              "所有购买都在同一个月内。"));
    }
    return {};
  }

  Status add_segments() {
    ATTUNE_ASSIGN_OR_RETURN(const auto sizes, customers_.refresh_segments());
    report::Section& section = page_.section(say("Segments", "客户分群"));
    report::BarChart bars;
    bars.frame = frame("Members of each segment", "各分群人数",
                       say("A customer may be in several.", "一位顾客可属于多个分群。"));
    bars.series.push_back({say("customers", "顾客"), {}});
    report::Table table({{say("segment", "分群"), Align::left, 0},
                         {say("members", "人数"), Align::right, 0},
                         {say("revenue", "销售额"), Align::right, 0},
                         {say("rule", "规则"), Align::left, 1}});
    for (const auto& size : sizes) {
      bars.labels.push_back(in_words(size.segment));
      bars.series[0].values.push_back(static_cast<double>(size.members));
      table.row({in_words(size.segment), with_thousands(size.members), amount(size.monetary_cents),
                 size.segment.rule});
    }
    section.figure(report::draw(bars)).table(std::move(table));
    return {};
  }

  Status add_clusters(Progress& progress) {
    report::Section& section = page_.section(say("Kinds of customers", "顾客类型"));
    profiles::ClusterParameters parameters;
    if (few_buyers()) {
      section.note(report::Tone::warning, too_little());
      return {};
    }
    ATTUNE_ASSIGN_OR_RETURN(const auto clustering,
                            profiles::cluster_customers(everybody_, parameters, progress));
    section.paragraph(fmt::format(
        fmt::runtime(say(
            "Found by k-means with k = {} over log-scaled, standardised behaviour; separation "
            "{:.2f} of 1.",
            "由 k-means（k = {}）在对数缩放并标准化的行为特征上得到；分离度 {:.2f}（满分 1）。")),
        clustering.clusters.size(), clustering.separation));
    report::Table table({{say("kind", "类型"), Align::left, 0},
                         {say("customers", "顾客"), Align::right, 0},
                         {say("revenue", "销售额"), Align::right, 0},
                         {say("what sets it apart", "特征"), Align::left, 1}});
    const auto words = profiles::put_into_words(clustering.clusters, chinese_);
    for (std::size_t c = 0; c < words.size(); ++c) {
      const profiles::ClusterSummary& cluster = clustering.clusters[c];
      table.row({words[c].name, with_thousands(cluster.size), amount(cluster.monetary_cents),
                 words[c].description});
    }
    section.table(std::move(table));
    return {};
  }

  void add_categories() {
    std::map<std::int64_t, std::int64_t> spend;
    for (const Profile& p : everybody_) {
      for (const auto& category : p.categories) spend[category.term.value] += category.spend_cents;
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> ordered;
    for (const auto& [term, cents] : spend) ordered.emplace_back(cents, term);
    std::ranges::sort(ordered, std::greater<>());
    if (ordered.empty() || ordered[0].first <= 0) return;
    report::BarChart bars;
    bars.frame = frame("Revenue by category", "各品类销售额");
    bars.format = amount_format();
    bars.series.push_back({say("revenue", "销售额"), {}});
    for (std::size_t i = 0; i < std::min(kCategories, ordered.size()); ++i) {
      bars.labels.emplace_back(customers_.names().term(profiles::TermKindOf::category,
                                                       profiles::TermId{ordered[i].second}));
      bars.series[0].values.push_back(major(ordered[i].first));
    }
    page_.section(say("Categories", "品类")).figure(report::draw(bars));
  }

  Status add_leaderboard(Progress& progress) {
    if (options_.seeds == 0) return {};
    report::Section& section =
        page_.section(say("Which recommender is best here?", "哪种推荐算法最适合本店？"));
    EvaluateRequest request;
    request.options.seeds.clear();
    for (int seed = 1; seed <= options_.seeds; ++seed)
      request.options.seeds.push_back(static_cast<std::uint64_t>(seed));
    request.options.progress = &progress;
    const auto board = evaluate(workspace_, request);
    if (!board && board.error().code == ErrorCode::cancelled) return std::unexpected(board.error());
    if (!board) {
      section.note(report::Tone::warning,
                   say("**Too little data** to compare: ", "**数据太少**，无法比较：") +
                       board.error().message);
      return {};
    }
    engine::add_leaderboard(section, *board, language());
    return {};
  }

  Workspace& workspace_;
  Customers& customers_;
  const ReportOptions& options_;
  Currency currency_;
  bool chinese_;
  report::Page page_;
  std::vector<Profile> everybody_;
};

}  // namespace

Status write_report(Workspace& workspace, const ReportOptions& options,
                    const std::filesystem::path& file, Progress& progress) {
  if (options.language != "en" && options.language != "zh") {
    return std::unexpected(invalid_argument(
        fmt::format("the report comes in en or zh, not '{}'", attune::quoted(options.language))));
  }
  ATTUNE_ASSIGN_OR_RETURN(Customers customers,
                          Customers::open(workspace, options.profiles, progress));
  ATTUNE_ASSIGN_OR_RETURN(const auto currency, workspace.reporting_currency());
  PageMaker maker(workspace, customers, options, currency.value_or(Currency{}));
  ATTUNE_ASSIGN_OR_RETURN(const std::string html, maker.make(progress));
  return write_file_durably(file, html);
}

}  // namespace attune::engine
