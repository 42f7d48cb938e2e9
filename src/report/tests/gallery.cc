// Writes a page with every part of the module, and each section alone, in English and Chinese, to
// look at in a browser:
//   attune_report_gallery DIR
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "attune/base/random.h"
#include "attune/report/html_page.h"

namespace attune::report {
namespace {

struct Words {
  Language language;
  std::string operator()(const char* en, const char* zh) const {
    return language == Language::zh ? zh : en;
  }
};

Frame frame(const Words& w, const char* en, const char* zh, std::string caption = {}) {
  return {w(en, zh), std::move(caption), w.language};
}

LineChart weekly(const Words& w) {
  Rng random(3, "gallery");
  LineChart chart{.frame = frame(w, "Orders a week", "每周订单数",
                                 w("The band holds 95% of what chance alone would do.",
                                   "色带为 95% 的随机波动范围。"))};
  chart.time = true;
  LineChart::Line web{w("Web", "网站"), {}}, app{w("App", "应用"), {}};
  for (int week = 0; week < 54; ++week) {
    chart.x.push_back(
        static_cast<double>((days_from_civil(2010, 12, 6) + 7 * week) * kMicrosPerDay));
    const double level = 900 + 400 * std::sin(week / 8.0) + 8 * week;
    web.values.push_back(week == 20 ? NAN : level + 60 * random.normal());
    web.low.push_back(week == 20 ? NAN : level - 120);
    web.high.push_back(week == 20 ? NAN : level + 120);
    app.values.push_back(300 + 12 * week + 30 * random.normal());
  }
  chart.lines = {web, app};
  return chart;
}

HeatMap cohorts(const Words& w) {
  HeatMap chart{.frame = frame(w, "Customers who come back, by month of first purchase",
                               "按首次购买月份统计的回购率")};
  chart.format = {.kind = NumberFormat::Kind::percent, .decimals = 0};
  chart.colour_high = .4;
  chart.column_title = w("Months since first purchase", "首次购买后的月数");
  for (int c = 0; c < 13; ++c) chart.columns.push_back(std::to_string(c));
  for (int r = 0; r < 13; ++r) {
    chart.rows.push_back(r == 0 ? "2010-12"
                                : "2011-" + std::string(r < 10 ? "0" : "") + std::to_string(r));
    for (int c = 0; c < 13; ++c) {
      chart.values.push_back(c > 12 - r ? NAN
                             : c == 0   ? 1
                                        : .36 * std::exp(-c / 30.0) + .01 * ((r * c) % 5));
    }
  }
  return chart;
}

HeatMap rfm(const Words& w) {
  HeatMap chart{
      .frame = frame(w, "Customers by recency and frequency", "按最近购买与购买频率分布的客户数")};
  chart.row_title = w("Recency", "最近度");
  chart.column_title = w("Frequency score", "频率得分");
  chart.log_colour = true;
  Rng random(5, "rfm");
  for (int i = 1; i <= 5; ++i) {
    chart.rows.push_back(std::to_string(6 - i));
    chart.columns.push_back(std::to_string(i));
  }
  for (int i = 0; i < 25; ++i)
    chart.values.push_back(std::floor(std::exp(random.uniform() * 6) + 3));
  return chart;
}

BarChart countries(const Words& w, bool negative) {
  BarChart chart{.frame = frame(w, "Revenue by country", "各国销售额")};
  chart.labels =
      w.language == Language::zh
          ? std::vector<std::string>{"英国",
                                     "荷兰",
                                     "爱尔兰",
                                     "德国",
                                     "法国",
                                     "一个名字特别特别长的国家或地区用于测试截断效果的例子"}
          : std::vector<std::string>{
                "United Kingdom", "Netherlands",
                "EIRE",           "Germany",
                "France",         "South Georgia and the South Sandwich Islands and more"};
  chart.series = {{w("Revenue", "销售额"),
                   {8'187'806, 284'661, 263'276, 221'698, negative ? -197'403. : 197'403, NAN}}};
  chart.format = {.kind = NumberFormat::Kind::compact, .prefix = "£", .language = w.language};
  return chart;
}

BarChart reasons(const Words& w) {
  BarChart chart{.frame = frame(w, "Rows by reason and channel", "按原因与渠道统计的行数")};
  chart.labels = {w("missing customer", "缺少客户"), w("cancelled", "已取消"),
                  w("duplicate", "重复"), w("zero price", "零价格")};
  chart.series = {{w("web", "网站"), {95'000, 7'000, 4'000, 2'000}},
                  {w("shop", "门店"), {40'080, 2'288, 1'268, 515}},
                  {w("app", "应用"), {12'000, 900, 700, 90}}};
  chart.stacked = true;
  return chart;
}

BarChart hours(const Words& w, bool grouped) {
  BarChart chart{.frame = frame(w, "Orders by hour of the day", "各时段订单数")};
  chart.horizontal = false;
  chart.series = {{w("2010", "2010 年"), {}}};
  if (grouped) chart.series.push_back({w("2011", "2011 年"), {}});
  for (int h = 0; h < 24; ++h) {
    chart.labels.push_back((h < 10 ? "0" : "") + std::to_string(h) + ":00");
    chart.series[0].values.push_back(std::floor(4000 * std::exp(-(h - 12) * (h - 12) / 12.0)));
    if (grouped)
      chart.series[1].values.push_back(std::floor(3000 * std::exp(-(h - 15) * (h - 15) / 20.0)));
  }
  return chart;
}

ScatterChart scatter(const Words& w) {
  ScatterChart chart{.frame = frame(w, "Orders and spending of customers", "客户的订单数与消费额")};
  Rng random(9, "scatter");
  for (int g = 0; g < 4; ++g) {
    ScatterChart::Group group{w("Cluster ", "群组 ") + std::to_string(g + 1), {}, {}};
    for (int i = 0; i < 150; ++i) {
      const double orders = std::ceil(std::exp(random.normal() * .6 + g));
      group.x.push_back(orders);
      group.y.push_back(orders * std::exp(random.normal() * .5 + 3 + .2 * g));
    }
    chart.groups.push_back(group);
  }
  chart.x_title = w("Orders", "订单数");
  chart.y_title = w("Spending in £", "消费额（英镑）");
  chart.log_x = chart.log_y = true;
  return chart;
}

Histogram baskets(const Words& w, bool log) {
  Histogram chart{.frame = frame(w, "Basket value", "客单价分布")};
  Rng random(11, "histogram");
  for (int i = 0; i < 20'000; ++i)
    chart.values.push_back(std::exp(random.normal() * (log ? 1.5 : .4) + 5));
  chart.log_x = log;
  chart.x_title = w("£ per order", "每单金额（英镑）");
  return chart;
}

Leaderboard leaderboard(const Words& w) {
  Leaderboard chart{.frame = frame(w, "Recommenders on the held-out purchases",
                                   "推荐算法在留出集上的表现",
                                   w("Mean over five seeds, 95% paired bootstrap intervals.",
                                     "五个随机种子的均值，95% 配对自助法区间。"))};
  chart.metric = "NDCG@10";
  chart.entries = {{"ials", .442, .438, .447, true},
                   {"item_knn (BM25)", .407, .402, .411},
                   {"user_knn", .379, .374, .385},
                   {"popularity", .217, .213, .221},
                   {"random", .02, NAN, NAN}};
  chart.reference = .385;
  chart.reference_name = w("plain cosine", "普通余弦");
  return chart;
}

std::vector<Treemap::Part> segments(const Words& w) {
  return {{w("regulars", "忠实客户"), 1290},  {w("at risk", "流失风险"), 860},
          {w("new", "新客户"), 640},          {w("won back", "挽回客户"), 240},
          {w("lapsed", "已流失"), 1100},      {w("browsers", "只浏览"), 90},
          {w("big spenders", "高消费"), 130}, {w("tiny", "极少"), 4},
          {w("b2b", "企业客户"), 60},         {w("gifts only", "仅买礼物"), 35}};
}

Table quality(const Words& w) {
  Table table({{w("Reason", "原因")},
               {w("Rows", "行数"), Align::right},
               {w("Share", "占比"), Align::right},
               {w("Example", "示例")}});
  table.title(w("Rows that were flagged", "被标记的行"));
  table.row({w("missing customer", "缺少客户"), "135,080", "24.9%",
             "536414, 22139, , 56, 2010-12-01 11:52"});
  table.row({{w("cancelled", "已取消"), Tone::warning},
             "9,288",
             "1.7%",
             "C536379, D, Discount, -1, 27.50"});
  table.row({{w("exact duplicate", "完全重复"), Tone::bad},
             "5,268",
             "1.0%",
             "<script>alert(1)</script>"});
  table.separator().row(
      {{w("kept", "保留"), Tone::strong}, {"392,273", Tone::strong}, {"72.4%", Tone::strong}, ""});
  return table;
}

void quality_section(Page& page, const Words& w) {
  page.section(w("Data quality", "数据质量"))
      .paragraph(w(
          "Of **541,909 rows** read, 392,273 can be used for everything. Rows without a customer "
          "still count for item statistics; mend them in `quarantine.csv` and import it again.",
          "共读取 **541,909 行**，其中 392,273 行可用于全部分析。缺少客户的行仍计入商品统计；请在 "
          "`quarantine.csv` 中修正后重新导入。"))
      .tiles({{w("Rows read", "读取行数"), "541,909", w("1 file", "1 个文件")},
              {w("Kept", "保留"), "392,273", "72.4%", Tone::good},
              {w("Flagged", "标记"), "149,636", w("by 6 reasons", "6 种原因"), Tone::warning},
              {w("Quarantined", "隔离"), "0", w("nothing to mend", "无需修正")}})
      .note(Tone::warning,
            w("A quarter of the rows name no customer: profiles rest on the other three quarters.",
              "四分之一的行没有客户信息：客户画像仅基于其余四分之三。"))
      .table(quality(w))
      .figure(draw(reasons(w)));
}

void sales_section(Page& page, const Words& w) {
  page.section(w("Sales", "销售"))
      .figure(draw(weekly(w)))
      .figures_side_by_side({draw(countries(w, false)), draw(hours(w, false))})
      .figure(draw(countries(w, true)))
      .figure(draw(hours(w, true)))
      .figures_side_by_side({draw(baskets(w, false)), draw(baskets(w, true))});
}

void customers_section(Page& page, const Words& w) {
  page.section(w("Customers", "客户"))
      .figure(draw(cohorts(w)))
      .figures_side_by_side(
          {draw(rfm(w)), draw(ShareBar{frame(w, "Segments", "客群"), segments(w)})})
      .figure(draw(Treemap{frame(w, "Segments by size", "客群规模"), segments(w)}))
      .figure(draw(ShareBar{frame(w, "Segments", "客群"), segments(w)}))
      .figure(draw(scatter(w)));
}

void recommenders_section(Page& page, const Words& w) {
  page.section(w("Recommenders", "推荐算法"))
      .figure(draw(leaderboard(w)))
      .note(Tone::good,
            w("`ials` is better than plain cosine beyond chance.", "`ials` 显著优于普通余弦。"))
      .bullets({w("Full catalogue, nothing sampled", "全量商品排序，未抽样"),
                w("Seen items left out", "排除已购商品")})
      .figure(draw(LineChart{.frame = frame(w, "Click-through rate", "点击率")}))
      .details(w("The command that makes this again", "重新生成本报告的命令"),
               "attune evaluate ials item_knn user_knn --split random --seeds 5 -k 10");
}

// The whole page, or one section of it.
Page make_page(Language language, int only) {
  const Words w{language};
  Page page(
      {.title = w("How the shop is doing", "店铺经营报告"),
       .subtitle = w("online-retail, 1 December 2010 to 9 December 2011",
                     "online-retail，2010 年 12 月 1 日至 2011 年 12 月 9 日"),
       .language = language,
       .footer = w("Made with Attune from 541,909 rows.", "由 Attune 根据 541,909 行数据生成。")});
  if (only == 0 || only == 1) quality_section(page, w);
  if (only == 0 || only == 2) sales_section(page, w);
  if (only == 0 || only == 3) customers_section(page, w);
  if (only == 0 || only == 4) recommenders_section(page, w);
  return page;
}

}  // namespace
}  // namespace attune::report

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  using attune::report::Language;
  for (const auto& [language, name] :
       {std::pair{Language::en, "en"}, std::pair{Language::zh, "zh"}}) {
    for (int only = 0; only <= 4; ++only) {
      const std::string part = only == 0 ? "" : "." + std::to_string(only);
      const auto written = attune::report::make_page(language, only)
                               .write(folder + "/gallery." + name + part + ".html");
      if (!written) return std::fprintf(stderr, "%s\n", written.error().message.c_str()), 1;
    }
  }
}
