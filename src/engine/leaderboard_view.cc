#include "attune/engine/leaderboard_view.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/report/charts.h"

namespace attune::engine {
namespace {

using report::Align;

struct Metric {
  const char* name;   // of the leaderboard, before "@k"
  const char* shown;  // to people
};
constexpr std::array<Metric, 5> kMetrics{{{"ndcg", "NDCG"},
                                          {"precision", "precision"},
                                          {"recall", "recall"},
                                          {"hit_rate", "hit rate"},
                                          {"coverage", "coverage"}}};

// Texts in the language of the page.
struct Words {
  report::Language language;
  std::string operator()(const char* english, const char* chinese) const {
    return language == report::Language::zh ? chinese : english;
  }
};

bool sampled(const recommend::Leaderboard& board) { return board.candidates != "full"; }

learn::Interval read(const recommend::Leaderboard& board, const recommend::LeaderboardRow& row,
                     const Metric& metric) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto found = row.metrics.find(
      fmt::format("{}{}@{}", sampled(board) ? "sampled_" : "", metric.name, board.k.front()));
  return found == row.metrics.end() ? learn::Interval{kNone, kNone, kNone} : found->second;
}

std::string how_measured(const recommend::Leaderboard& board, const Words& say) {
  std::string text =
      board.split == "leave-one-out"
          ? say("The item that each customer met last is hidden", "隐藏每位顾客最后接触的一件物品")
      : board.split == "time"
          ? say("The newest events are hidden", "隐藏最新的事件")
          : say("Some of each customer's items are hidden", "隐藏每位顾客的一部分物品");
  text += sampled(board)
              ? say(" and ranked beside items drawn by chance", "，与随机抽取的物品一起排序")
              : say(" and ranked among all items", "，在全部物品中排序");
  return text + say("; whiskers are 95 % bootstrap intervals.", "；误差线为 95 % 自助法区间。");
}

std::string number(double value) { return value == value ? fmt::format("{:.3f}", value) : ""; }

}  // namespace

void add_leaderboard(report::Section& section, const recommend::Leaderboard& board,
                     report::Language language) {
  const Words say{language};
  const int k = board.k.front();
  report::Leaderboard chart;
  chart.metric = fmt::format("NDCG@{}", k);
  chart.frame = {chart.metric + say(" on held-out items", "（留出物品）"), how_measured(board, say),
                 language};
  std::vector<report::Column> columns{{say("recommender", "算法"), Align::left, 0}};
  for (std::size_t m = 0; m < kMetrics.size(); ++m) {
    columns.push_back({fmt::format("{}@{}", kMetrics[m].shown, k), Align::right, m < 2 ? 0 : 1});
  }
  columns.push_back({say("fit", "训练"), Align::right, 0});
  report::Table table(std::move(columns));
  for (const recommend::LeaderboardRow& row : board.rows) {
    const learn::Interval ndcg = read(board, row, kMetrics[0]);
    chart.entries.push_back(
        {row.recommender, ndcg.mean, ndcg.low, ndcg.high, chart.entries.empty()});
    std::vector<report::Cell> cells{row.recommender,
                                    report::format_interval(ndcg.mean, ndcg.low, ndcg.high)};
    for (std::size_t m = 1; m < kMetrics.size(); ++m)
      cells.emplace_back(number(read(board, row, kMetrics[m]).mean));
    cells.emplace_back(report::format_seconds(row.fit_seconds));
    table.row(std::move(cells));
  }
  section.figure(report::draw(chart)).table(std::move(table));
  section.paragraph(fmt::format(fmt::runtime(say("{} customers tested over {} items, {} splits.",
                                                 "测试 {} 位顾客，{} 件物品，{} 次划分。")),
                                with_thousands(board.customers_tested), with_thousands(board.items),
                                board.seeds.size()));
  std::vector<std::string> warnings;
  for (const recommend::LeaderboardRow& row : board.rows) {
    for (const std::string& warning : row.warnings)
      warnings.push_back(fmt::format("**{}**: {}", row.recommender, warning));
  }
  if (!warnings.empty()) section.bullets(std::move(warnings));
}

std::string leaderboard_page(const recommend::Leaderboard& board, report::Language language) {
  const Words say{language};
  report::Page page({.title = say("Which recommender is best here?", "哪种推荐算法最适合本店？"),
                     .subtitle = fmt::format("{} · {}", board.split, board.candidates),
                     .language = language,
                     .footer = say("made with Attune", "由 Attune 生成")});
  add_leaderboard(page.section(say("Leaderboard", "排行榜")), board, language);
  return page.html();
}

}  // namespace attune::engine
