#include "attune/report/charts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <regex>

#include "attune/base/random.h"
#include "axis.h"
#include "markup_check.h"

namespace attune::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> all;
  for (const Tick& tick : ticks) all.push_back(tick.label);
  return all;
}

TEST(NumberTicks, AreRoundAndCoverTheData) {
  const std::vector<double> values{3, 87};
  Scale scale = scale_of({&values}, true, false);
  EXPECT_THAT(labels(number_ticks(scale, 5, {}, true)),
              testing::ElementsAre("0", "20", "40", "60", "80", "100"));
  EXPECT_EQ(scale.high, 100);
  const std::vector<double> shares{.012, .041};
  Scale small = scale_of({&shares}, false, false);
  EXPECT_THAT(labels(number_ticks(small, 4, {.kind = NumberFormat::Kind::percent}, false)),
              testing::ElementsAre("2%", "3%", "4%"));
}

TEST(NumberTicks, OfALogScaleAreDecades) {
  const std::vector<double> values{2, 30'000, -5, 0};
  Scale scale = scale_of({&values}, false, true);
  EXPECT_EQ(scale.low, 2);
  EXPECT_THAT(labels(number_ticks(scale, 6, {}, true)),
              testing::ElementsAre("1", "10", "100", "1,000", "10,000", "100,000"));
}

TEST(TimeTicks, StandAtBeginningsOfMonthsAndNameTheYearWhereItChanges) {
  Scale scale{.first = 0, .last = 700};
  scale.low = static_cast<double>(days_from_civil(2010, 11, 20) * kMicrosPerDay);
  scale.high = static_cast<double>(days_from_civil(2011, 6, 10) * kMicrosPerDay);
  EXPECT_THAT(labels(time_ticks(scale, 10, Language::en)),
              testing::ElementsAre("Dec 2010", "2011", "Feb", "Mar", "Apr", "May", "Jun"));
  EXPECT_THAT(labels(time_ticks(scale, 4, Language::zh)),
              testing::ElementsAre("2011年1月", "3月", "5月"));
}

TEST(TimeTicks, GoFromMinutesToCenturies) {
  for (const double span : {3e8, 4e9, 9e10, 2e12, 5e13, 3e15, 9e16}) {
    Scale scale{.low = -1e15, .high = -1e15 + span, .first = 0, .last = 700};
    const auto ticks = time_ticks(scale, 12, Language::en);
    EXPECT_GE(ticks.size(), 2u) << span;
    EXPECT_TRUE(labels_fit(ticks, scale)) << span;
  }
}

TEST(Charts, SayThatThereIsNoData) {
  const double nan = NAN;
  for (const Figure& figure :
       {draw(BarChart{}), draw(BarChart{.labels = {"a"}, .series = {{"s", {nan}}}}),
        draw(LineChart{}), draw(LineChart{.x = {1}, .lines = {{"a", {INFINITY}}}}), draw(HeatMap{}),
        draw(LineChart{.x = {1}, .lines = {{"a", {0}}}, .log_y = true}),
        draw(HeatMap{.rows = {"a"}, .columns = {"b"}, .values = {nan}}), draw(ScatterChart{}),
        draw(ScatterChart{.groups = {{"a", {0}, {1}}}, .log_x = true}), draw(Histogram{}),
        draw(Histogram{.values = {nan, -1}, .log_x = true}), draw(Leaderboard{}),
        draw(Leaderboard{.entries = {{"a", nan, nan, nan}}}), draw(Treemap{}),
        draw(Treemap{.parts = {{"a", 0}, {"b", -1}, {"c", nan}}}), draw(ShareBar{})}) {
    EXPECT_THAT(figure.wide, HasSubstr("no data"));
    EXPECT_THAT(figure.narrow, HasSubstr("no data"));
  }
}

TEST(BarChart, TitlesEveryBarAndSaysHowManyAreLeftOut) {
  BarChart chart{.series = {{"s", {}}}, .bars_max = 3};
  for (int i = 0; i < 1003; ++i) {
    chart.labels.push_back("item " + std::to_string(i));
    chart.series[0].values.push_back(5000 - i);
  }
  const Figure figure = draw(chart);
  EXPECT_THAT(figure.wide, HasSubstr("<title>item 2: 4,998</title>"));
  EXPECT_THAT(figure.wide, Not(HasSubstr("item 3")));
  EXPECT_THAT(figure.wide, HasSubstr("and 1,000 more"));
}

TEST(Histogram, CountsEveryValueOnce) {
  Rng random(1, "histogram");
  for (const bool log : {false, true}) {
    Histogram chart{.log_x = log};
    for (int i = 0; i < 1000; ++i) chart.values.push_back(std::exp(random.normal()));
    chart.values.push_back(NAN);
    const std::string svg = draw(chart).wide;
    const std::regex title("<title>[^<]*: ([0-9,]+)</title>");
    std::int64_t sum = 0;
    for (std::sregex_iterator it(svg.begin(), svg.end(), title), end; it != end; ++it) {
      sum += std::stoll(std::regex_replace((*it)[1].str(), std::regex(","), ""));
    }
    EXPECT_EQ(sum, 1000) << log;
  }
}

TEST(Treemap, GivesEveryPartItsShareOfTheArea) {
  const Figure figure = draw(
      Treemap{.parts = {{"a", 6}, {"b", 6}, {"c", 4}, {"d", 3}, {"e", 2}, {"f", 2}, {"g", 1}}});
  const std::regex box(
      "width=\"([0-9.]+)\" height=\"([0-9.]+)\" class=\"h[0-9]+\" rx=\"3\"><title>(.): ([0-9])");
  int seen = 0;
  for (std::sregex_iterator it(figure.wide.begin(), figure.wide.end(), box), end; it != end;
       ++it, ++seen) {
    const double area = (std::stod((*it)[1]) + 2) * (std::stod((*it)[2]) + 2);
    EXPECT_NEAR(area / (760 * 320), std::stod((*it)[4]) / 24, .001) << (*it)[3];
  }
  EXPECT_EQ(seen, 7);
}

TEST(HeatMap, LeavesEmptyCellsOutAndExplainsColoursWhereValuesDoNotFit) {
  HeatMap chart{.rows = {"r"}, .columns = {}, .values = {}};
  for (int i = 0; i < 40; ++i) {
    chart.columns.push_back(std::to_string(i));
    chart.values.push_back(i == 7 ? NAN : 1000.0 * i);
  }
  const std::string svg = draw(chart).narrow;
  EXPECT_THAT(svg, Not(HasSubstr("<title>r · 7:")));
  EXPECT_THAT(svg, HasSubstr("<title>r · 8: 8,000</title>"));
  EXPECT_THAT(svg, HasSubstr(">39,000</text>"));
}

// Texts of one line of ticks must not touch each other.
std::string overlap_in(const std::string& svg) {
  const std::regex text(
      "<text x=\"([-0-9.]+)\" y=\"([-0-9.]+)\" class=\"tick\"( "
      "text-anchor=\"(middle|end)\")?>([^<]*)<");
  std::map<std::string, std::vector<std::pair<double, double>>> rows;
  for (std::sregex_iterator it(svg.begin(), svg.end(), text), end; it != end; ++it) {
    const std::string shown = std::regex_replace((*it)[5].str(), std::regex("&[^;]*;"), "<");
    const double width = text_width(shown), x = std::stod((*it)[1]);
    const double left = (*it)[4] == "middle" ? x - width / 2 : (*it)[4] == "end" ? x - width : x;
    rows[(*it)[2]].emplace_back(left, left + width);
  }
  for (auto& [y, spans] : rows) {
    std::ranges::sort(spans);
    for (std::size_t i = 1; i < spans.size(); ++i) {
      if (spans[i].first < spans[i - 1].second) return "labels at y=" + y;
    }
  }
  return "";
}

TEST(LineChart, LeavesOutWhatALogScaleHasNoPlaceFor) {
  LineChart chart{.x = {0, 10, 100, 1000}, .lines = {{"a", {1, 2, 0, 5}}}};
  const std::string linear = draw(chart).wide;
  for (const char* point : {"0 · a: 1", "10 · a: 2", "100 · a: 0", "1,000 · a: 5"})
    EXPECT_THAT(linear, HasSubstr(point));
  chart.log_x = chart.log_y = true;
  const std::string by_ratio = draw(chart).wide;
  for (const char* point : {"10 · a: 2", "1,000 · a: 5"}) EXPECT_THAT(by_ratio, HasSubstr(point));
  for (const char* point : {">0 · a", ">100 · a"}) EXPECT_THAT(by_ratio, Not(HasSubstr(point)));
}

TEST(LineChart, DrawsGrowthByAPowerAsAStraightLineOnLogScales) {
  LineChart chart{.x = {10, 100, 1000}, .lines = {{"a", {3, 30, 300}}}};
  chart.log_x = chart.log_y = true;
  const std::string svg = draw(chart).wide;
  const std::regex dot("cx=\"([0-9.]+)\" cy=\"([0-9.]+)\"");
  std::vector<std::pair<double, double>> at;
  for (std::sregex_iterator it(svg.begin(), svg.end(), dot), end; it != end; ++it)
    at.emplace_back(std::stod((*it)[1]), std::stod((*it)[2]));
  ASSERT_EQ(at.size(), 3u);
  EXPECT_NEAR(at[1].first - at[0].first, at[2].first - at[1].first, .2);
  EXPECT_NEAR(at[0].second - at[1].second, at[1].second - at[2].second, .2);
  EXPECT_GT(at[0].second, at[1].second);
}

TEST(LineChart, NamesAFewPlacesOnALogAxisAndManyByRoundNumbers) {
  LineChart chart{.x = {64, 128, 256}, .lines = {{"a", {3, 30, 300}}}};
  chart.log_x = true;
  EXPECT_THAT(draw(chart).narrow, HasSubstr(">128</text>"));
  for (double x = 300; x < 20'000; x *= 1.3) {
    chart.x.push_back(x);
    chart.lines[0].values.push_back(x);
  }
  EXPECT_THAT(draw(chart).narrow, Not(HasSubstr(">128</text>")));
  EXPECT_THAT(draw(chart).narrow, HasSubstr(">10,000</text>"));
}

class Anything {
 public:
  explicit Anything(std::uint64_t seed) : random_(seed, "charts") {}

  double number() {
    static constexpr double kOdd[] = {0,    1,    -1,  1e308,    -1e308,    5e-324,
                                      1e-9, 1e15, NAN, INFINITY, -INFINITY, 12345.678};
    if (random_.chance(.3)) return kOdd[random_.below(std::size(kOdd))];
    return random_.normal() * std::pow(10, static_cast<double>(random_.below(8)) - 2);
  }
  std::vector<double> numbers(std::size_t count) {
    std::vector<double> all(count);
    std::ranges::generate(all, [this] { return number(); });
    return all;
  }
  std::string name() {
    static const std::string kNames[] = {
        "", "法国", "United Kingdom", "<b>", "a very long name that goes on and on", "7"};
    return kNames[random_.below(std::size(kNames))];
  }
  std::vector<std::string> names(std::size_t count) {
    std::vector<std::string> all(count);
    std::ranges::generate(all, [this] { return name(); });
    return all;
  }
  std::size_t below(std::uint64_t bound) { return random_.below(bound); }
  bool coin() { return random_.chance(.5); }
  Frame frame() { return {name(), name(), coin() ? Language::en : Language::zh}; }

 private:
  Rng random_;
};

std::vector<Figure> draw_anything(Anything& any) {
  const std::size_t n = any.below(45);
  BarChart bars{.frame = any.frame(),
                .labels = any.names(n),
                .series = {},
                .horizontal = any.coin(),
                .stacked = any.coin()};
  LineChart lines{.frame = any.frame(),
                  .x = any.numbers(n),
                  .time = any.coin(),
                  .area = any.coin(),
                  .y_from_zero = any.coin(),
                  .log_x = any.coin(),
                  .log_y = any.coin(),
                  .y_title = any.name()};
  std::ranges::sort(lines.x, [](double a, double b) {
    return (std::isnan(a) ? 0 : a) < (std::isnan(b) ? 0 : b);
  });
  ScatterChart points{.frame = any.frame(),
                      .x_title = any.name(),
                      .y_title = any.name(),
                      .log_x = any.coin(),
                      .log_y = any.coin(),
                      .points_max = 20};
  Leaderboard board{.frame = any.frame(), .metric = any.name(), .reference = any.number()};
  Treemap tree{.frame = any.frame()};
  for (std::size_t s = any.below(4); s > 0; --s) {
    bars.series.push_back({any.name(), any.numbers(any.below(n + 1))});
    lines.lines.push_back(
        {any.name(), any.numbers(n), any.numbers(any.below(n + 1)), any.numbers(n)});
    points.groups.push_back({any.name(), any.numbers(n), any.numbers(n), any.names(any.below(3))});
    board.entries.push_back({any.name(), any.number(), any.number(), any.number(), any.coin()});
  }
  for (std::size_t i = 0; i < n; ++i) tree.parts.push_back({any.name(), any.number()});
  const std::size_t rows = any.below(5), columns = any.below(30);
  const HeatMap heat{.frame = any.frame(),
                     .rows = any.names(rows),
                     .columns = any.names(columns),
                     .values = any.numbers(any.below(rows * columns + 1)),
                     .row_title = any.name(),
                     .log_colour = any.coin()};
  const Histogram histogram{
      .frame = any.frame(), .values = any.numbers(n), .bins = any.below(30), .log_x = any.coin()};
  return {draw(bars),  draw(lines),    draw(points),
          draw(board), draw(tree),     draw(ShareBar{any.frame(), tree.parts}),
          draw(heat),  draw(histogram)};
}

RC_GTEST_PROP(ChartsProperty, DrawAnythingWithoutBrokenNumbersOrOverlappingLabels,
              (std::uint64_t seed)) {
  static const std::regex kBroken("\"[^\"<>]*(nan|inf)[^\"<>]*\"|[MLH ](nan|-?inf)");
  Anything any(seed);
  for (const Figure& figure : draw_anything(any)) {
    for (const std::string* svg : {&figure.wide, &figure.narrow}) {
      if (const auto problem = markup_problem(*svg); !problem.empty())
        RC_FAIL(problem + "\n" + *svg);
      if (std::regex_search(*svg, kBroken)) RC_FAIL(*svg);
      if (const auto overlap = overlap_in(*svg); !overlap.empty()) RC_FAIL(overlap + "\n" + *svg);
    }
  }
}

}  // namespace
}  // namespace attune::report
