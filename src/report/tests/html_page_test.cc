#include "attune/report/html_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <regex>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "markup_check.h"

namespace attune::report {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kHostile{"<script>alert(1)</script>",
                                        "\"><img src=x onerror=alert(1)>",
                                        "' onload='alert(1)",
                                        "</title><script>",
                                        "</style><script>alert(1)</script>",
                                        "]]><svg/onload=alert(1)>",
                                        "`<b>`",
                                        "**<i>**",
                                        "&lt;&#x3C;",
                                        std::string("a\0b\x1b[2J", 7),
                                        "\xff\xfe<",
                                        "javascript:alert(1)"};

// A page with `text` in every place that takes text.
std::string page_full_of(const std::string& text) {
  const Frame frame{text, text, Language::en};
  Page page({.title = text, .subtitle = text, .footer = text});
  Table table({{text}, {text, Align::right}});
  table.title(text).row({{text, Tone::bad}, text}).separator().row({text, text});
  page.section(text)
      .paragraph(text)
      .heading(text)
      .bullets({text, text})
      .note(Tone::warning, text)
      .tiles({{text, text, text, Tone::good}})
      .table(table, 1)
      .code(text)
      .details(text, text);
  page.section(text)
      .figure(draw(BarChart{
          .frame = frame, .labels = {text, text}, .series = {{text, {1, 2}}, {text, {3, 4}}}}))
      .figure(draw(
          BarChart{.frame = frame, .labels = {text}, .series = {{text, {1}}}, .horizontal = false}))
      .figure(draw(LineChart{
          .frame = frame, .x = {1, 2}, .lines = {{text, {1, 2}}, {text, {2, 3}}}, .x_title = text}))
      .figure(draw(HeatMap{.frame = frame,
                           .rows = {text},
                           .columns = {text},
                           .values = {1},
                           .row_title = text,
                           .column_title = text}))
      .figure(draw(ScatterChart{.frame = frame,
                                .groups = {{text, {1, 2}, {1, 2}, {text, text}}},
                                .x_title = text,
                                .y_title = text}))
      .figure(draw(Histogram{.frame = frame, .values = {1, 2, 3}, .x_title = text}))
      .figure(draw(Leaderboard{.frame = frame,
                               .entries = {{text, 1, .5, 2}},
                               .metric = text,
                               .reference = 1,
                               .reference_name = text}))
      .figures_side_by_side(
          {draw(Treemap{frame, {{text, 1}, {text, 2}}}), draw(ShareBar{frame, {{text, 1}}})})
      .figure(draw(BarChart{.frame = {text, text}}));
  return page.html();
}

TEST(Page, EscapesHostileTextWhereverItStands) {
  for (const std::string& text : kHostile) {
    const std::string html = page_full_of(text);
    EXPECT_EQ(markup_problem(html), "") << text;
    EXPECT_THAT(html, Not(HasSubstr("<script"))) << text;
    EXPECT_THAT(html, Not(HasSubstr("<img"))) << text;
    EXPECT_FALSE(first_invalid_utf8(html).has_value());
    EXPECT_EQ(html.find('\0'), std::string::npos);
    EXPECT_EQ(html.find('\x1b'), std::string::npos);
  }
}

TEST(Page, AsksNothingOfTheNetworkAndNeedsNoScript) {
  const std::string html = page_full_of("plain");
  EXPECT_FALSE(
      std::regex_search(html, std::regex("https?:|src=|url\\(|@import|<script|<link|<iframe")));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  const std::regex link("href=\"([^\"]*)\"");
  for (std::sregex_iterator it(html.begin(), html.end(), link), end; it != end; ++it) {
    EXPECT_TRUE((*it)[1].str().starts_with("#"));
  }
}

TEST(Page, LinksItsContentsToItsSections) {
  Page page({.title = "t"});
  page.section("One");
  EXPECT_THAT(page.html(), Not(HasSubstr("<nav")));
  page.section("Two & more");
  const std::string html = page.html();
  EXPECT_THAT(html, HasSubstr("<a href=\"#s2\">Two &amp; more</a>"));
  EXPECT_THAT(html, HasSubstr("<section id=\"s2\">"));
}

TEST(Page, SpeaksChinese) {
  Page page({.title = "报告", .language = Language::zh});
  Table table({{"名称"}});
  for (int i = 0; i < 60; ++i) table.row({"商品"});
  page.section("一").table(table);
  page.section("二").figure(draw(LineChart{.frame = {"点击率", "", Language::zh}}));
  const std::string html = page.html();
  EXPECT_THAT(html, HasSubstr("<html lang=\"zh-CN\">"));
  EXPECT_THAT(html, HasSubstr("目录"));
  EXPECT_THAT(html, HasSubstr("其余 10 行"));
  EXPECT_THAT(html, HasSubstr("没有数据"));
}

TEST(Section, MarksUpCodeAndStrongAndParagraphs) {
  Page page({.title = "t"});
  page.section("s").paragraph("a `x < y` **b & c**\n\nsecond ** alone and ` too");
  EXPECT_THAT(page.html(), HasSubstr("<p>a <code>x &lt; y</code> <strong>b &amp; c</strong></p>\n"
                                     "<p>second ** alone and ` too</p>"));
}

TEST(Section, FoldsTheRowsOfALongTable) {
  Page page({.title = "t"});
  Table table({{"n", Align::right}});
  for (int i = 0; i < 1234; ++i) table.row({std::to_string(i)});
  page.section("s").table(table, 34);
  const std::string html = page.html();
  EXPECT_THAT(html, HasSubstr("<details><summary>1,200 more rows</summary>"));
  EXPECT_LT(html.find(">33</td>"), html.find("<details>"));
  EXPECT_GT(html.find(">34</td>"), html.find("<details>"));
  EXPECT_EQ(markup_problem(html), "");
}

TEST(Page, WritesAFileOrSaysWhyNot) {
  Page page({.title = "t"});
  const auto path = std::filesystem::temp_directory_path() / "attune_page_test.html";
  ASSERT_TRUE(page.write(path).has_value());
  EXPECT_EQ(read_file(path).value(), page.html());
  std::filesystem::remove(path);
  EXPECT_FALSE(page.write("/no/such/folder/x.html").has_value());
}

TEST(EscapeHtml, KeepsTextAndReplacesWhatIsNoUtf8) {
  EXPECT_EQ(escape_html("法国 & <b> \"q\" 'a'"), "法国 &amp; &lt;b&gt; &quot;q&quot; &#39;a&#39;");
  EXPECT_EQ(escape_html("a\xff"
                        "b\n\t\x01"),
            "a\xEF\xBF\xBD"
            "b\n\t");
}

}  // namespace
}  // namespace attune::report
