#include "attune/deliver/send_list.h"

#include <stdlib.h>

#include <filesystem>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "attune/base/files.h"

namespace attune::deliver {
namespace {

TEST(CsvCell, QuotesWhatTheFormatNeeds) {
  EXPECT_EQ(csv_cell("plain"), "plain");
  EXPECT_EQ(csv_cell(""), "");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_cell("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(csv_cell(" blank "), "\" blank \"");
  EXPECT_EQ(csv_cell("王小明"), "王小明");
}

TEST(CsvCell, DisarmsFormulas) {
  for (const char* text :
       {"=1+1", "=HYPERLINK(\"x\")", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1",
        "\n=1", "  =1", "＝1", "＋1+1", "＠x", "-", "+", "--5", "+1;=2"}) {
    const std::string cell = csv_cell(text);
    EXPECT_TRUE(cell.starts_with("\"'")) << cell;
  }
}

TEST(CsvCell, LeavesNumbersAndTelephonesAsTheyAre) {
  for (const char* text : {"-5", "+4.20", "+49 170 1234567", "3", "-0.5"})
    EXPECT_EQ(csv_cell(text), text);
  EXPECT_EQ(csv_cell("-1,5"), "\"-1,5\"");
}

TEST(CsvCellProperty, NeverBeginsAFormulaForWhoReadsIt) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = *rc::gen::container<std::string>(
        rc::gen::element('=', '+', '-', '@', ' ', '\t', '\n', '"', ',', 'a', '1'));
    std::string cell = csv_cell(text);
    if (cell.starts_with('"')) {  // as a reader would: without quotes
      std::string read;
      for (std::size_t i = 1; i + 1 < cell.size(); ++i) {
        read += cell[i];
        if (cell[i] == '"') ++i;
      }
      cell = read;
    }
    const std::size_t first = cell.find_first_not_of(' ');
    if (first == std::string::npos ||
        std::string("=+-@\t\n\r").find(cell[first]) == std::string::npos)
      return;
    RC_ASSERT(cell.find_first_not_of("0123456789., ", first + 1) == std::string::npos);
  }));
}

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

TEST(SendList, IsAFileThatASpreadsheetReads) {
  char pattern[] = "/tmp/attune-deliver-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(pattern);
  SendList list;
  list.add({"m1", "C1", "Main St. 5, London", "spring", "a"},
           Fields{{"name", "Ann"}, {"offer", "=evil()"}});
  ASSERT_TRUE(list.write(folder / "list.csv"));
  EXPECT_EQ(read_file(folder / "list.csv").value(),
            "\xEF\xBB\xBFmessage,customer,address,campaign,treatment,name,offer\r\n"
            "m1,C1,\"Main St. 5, London\",spring,a,Ann,\"'=evil()\"\r\n");
  EXPECT_EQ(std::filesystem::status(folder / "list.csv").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::remove_all(folder);
}

TEST(SendList, HasAColumnForEveryFieldThatAnyRowNames) {
  char pattern[] = "/tmp/attune-deliver-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(pattern);
  SendList list;
  list.add({"m1", "C1", "a@x.example", "spring", "a"}, Fields{{"size", "M"}});
  list.add({"m2", "C2", "", "spring", "b"}, Fields{{"name", "Ann, B."}, {"size", ""}});
  list.add({"m3", "C3", "", "spring", "a"}, Fields{});
  EXPECT_EQ(list.size(), 3U);
  ASSERT_TRUE(list.write(folder / "list.csv"));
  EXPECT_EQ(read_file(folder / "list.csv").value(),
            "\xEF\xBB\xBFmessage,customer,address,campaign,treatment,name,size\r\n"
            "m1,C1,a@x.example,spring,a,,M\r\n"
            "m2,C2,,spring,b,\"Ann, B.\",\r\n"
            "m3,C3,,spring,a,,\r\n");
  EXPECT_EQ(std::filesystem::status(folder / "list.csv").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace attune::deliver
