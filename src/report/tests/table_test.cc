#include "attune/report/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/random.h"
#include "attune/base/text.h"

namespace attune::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

Table orders() {
  Table table({{"Reason"}, {"Rows", Align::right}});
  table.row({"缺少客户", "135,080"}).row({"cancelled", "9,288"});
  return table;
}

TEST(Table, AlignsByTheColumnsThatATerminalNeeds) {
  EXPECT_EQ(orders().to_text(),
            "Reason        Rows\n"
            "─────────  ───────\n"
            "缺少客户   135,080\n"
            "cancelled    9,288\n");
}

TEST(Table, DrawsSeparatorsAndATitle) {
  Table table = orders();
  table.title("Flagged").separator().row({{"all", Tone::strong}, "144,368"});
  EXPECT_EQ(table.to_text({.unicode = false}),
            "Flagged\n"
            "Reason        Rows\n"
            "---------  -------\n"
            "缺少客户   135,080\n"
            "cancelled    9,288\n"
            "---------  -------\n"
            "all        144,368\n");
}

TEST(Table, CutsTheColumnsThatGiveWayAndNeverTheOthers) {
  Table table({{"Name"}, {"Count", Align::right, 0}});
  table.row({"White hanging heart T-light holder", "1,234,567"});
  EXPECT_EQ(table.to_text({.width = 22}),
            "Name             Count\n"
            "───────────  ─────────\n"
            "White hang…  1,234,567\n");
}

TEST(Table, PaintsOnlyWhereThereIsColour) {
  Table table({{"a"}});
  table.row({{"x", Tone::bad}});
  EXPECT_THAT(table.to_text({.colour = true}), HasSubstr("\x1b[31mx\x1b[0m"));
  EXPECT_THAT(table.to_text(), Not(HasSubstr("\x1b")));
}

TEST(Table, LetsNoCellDriveTheTerminal) {
  Table table({{"\x1b[2J"}});
  table.row({"a\x1b]0;owned\x07\r\nb"});
  const std::string text = table.to_text();
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(lines_of(text).size(), 3u);
}

TEST(Table, EscapesMarkdown) {
  Table table({{"a|b"}, {"n", Align::right}});
  table.row({"<img src=x> *x* `y` \\", "1"}).row({{"s", Tone::strong}, "2"});
  EXPECT_EQ(table.to_markdown(),
            "| a\\|b | n |\n|:---|---:|\n"
            "| &lt;img src=x&gt; \\*x\\* \\`y\\` \\\\ | 1 |\n| **s** | 2 |\n");
}

TEST(Table, OfNoColumnsOrNoRowsIsStillWell) {
  EXPECT_EQ(Table({}).to_text(), "");
  EXPECT_EQ(Table({{"a"}}).to_text(), "a\n─\n");
  EXPECT_EQ(Table({{"a"}}).to_markdown(), "| a |\n|:---|\n");
}

RC_GTEST_PROP(TableProperty, KeepsToTheWidthOfTheTerminal, (std::uint64_t seed)) {
  Rng random(seed, "table");
  const std::vector<std::string> pieces{"a",  "客户", "é", "e\xCC\x81", "\xff",
                                        "🙂", "\n",   " ", "long text"};
  const auto text = [&] {
    std::string made;
    for (std::uint64_t i = random.below(12); i > 0; --i)
      made += pieces[random.below(pieces.size())];
    return made;
  };
  std::vector<Column> columns;
  for (std::uint64_t i = 1 + random.below(5); i > 0; --i) {
    columns.push_back({text(), random.chance(.5) ? Align::left : Align::right,
                       static_cast<int>(random.below(3))});
  }
  const int width = static_cast<int>(columns.size() * 5 + random.below(60));
  Table table(columns);
  for (std::uint64_t r = random.below(6); r > 0; --r) {
    std::vector<Cell> cells;
    for (std::size_t c = 0; c < columns.size(); ++c) cells.push_back(text());
    table.row(cells);
  }
  const auto lines = lines_of(table.to_text({.width = width}));
  RC_ASSERT(lines.size() == table.rows().size() + 2);
  for (const std::string& line : lines) {
    RC_ASSERT(display_width(line) <= width);
    RC_ASSERT(!first_invalid_utf8(line));
  }
}

}  // namespace
}  // namespace attune::report
