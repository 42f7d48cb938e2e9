#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "csv_dialect.h"
#include "reading.h"

namespace attune::events {
namespace {

using Table = std::vector<std::vector<std::string>>;

// Reference: RFC 4180 a character at a time.
Table split_slowly(std::string_view text, char delimiter) {
  Table table;
  std::vector<std::string> row{""};
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        row.back() += '"';
        ++i;
      } else if (c == '"') {
        inside = false;
      } else {
        row.back() += c;
      }
    } else if (c == '"') {
      inside = true;
    } else if (c == delimiter) {
      row.emplace_back();
    } else if (c == '\n') {
      table.push_back(row);
      row = {""};
    } else {
      row.back() += c;
    }
  }
  if (row.size() > 1 || !row[0].empty()) table.push_back(row);
  return table;
}

std::string write_table(const Table& table, char delimiter, bool quote_all) {
  std::string text;
  for (const auto& row : table) {
    for (std::size_t j = 0; j < row.size(); ++j) {
      if (j > 0) text += delimiter;
      const bool quote =
          quote_all || row[j].find_first_of(std::string("\"\r\n") + delimiter) != std::string::npos;
      if (quote) text += '"';
      for (const char c : row[j])
        text += quote && c == '"' ? std::string("\"\"") : std::string(1, c);
      if (quote) text += '"';
    }
    text += '\n';
  }
  return text;
}

ReadOptions exact(std::string delimiter = ",", std::size_t block = 1 << 20) {
  ReadOptions options;
  options.delimiter = std::move(delimiter);
  options.has_header = true;
  options.quote = '"';
  options.format = FileFormat::csv;
  options.block_bytes = block;
  return options;
}

RC_GTEST_PROP(CsvReaderProperty, ReadsBackWhatWasWrittenWhateverTheBlockSize, ()) {
  const auto width = static_cast<std::size_t>(*rc::gen::inRange(2, 6));
  const auto height = static_cast<std::size_t>(*rc::gen::inRange(1, 40));
  const char delimiter = *rc::gen::element(',', ';', '\t', '|');
  const auto letter = rc::gen::element('a', 'b', '"', '\n', ',', ';', '\t', '|', ' ', '\r', '7');
  Table table;
  for (std::size_t i = 0; i < height; ++i) {
    auto& row = table.emplace_back();
    row.push_back("k" + std::to_string(i));
    for (std::size_t j = 1; j < width; ++j) row.push_back(*rc::gen::container<std::string>(letter));
  }
  std::vector<std::string> header;
  for (std::size_t j = 0; j < width; ++j) header.push_back("name" + std::to_string(j));
  Table all = table;
  all.insert(all.begin(), header);
  const std::string text = write_table(all, delimiter, *rc::gen::arbitrary<bool>());
  RC_ASSERT(split_slowly(text, delimiter) == all);
  const auto block = static_cast<std::size_t>(*rc::gen::inRange(1, 300));
  const ReadBack back = read_text(text, exact(std::string(1, delimiter), block));
  RC_ASSERT(back.failure == "");
  RC_ASSERT(back.rejected.empty());
  RC_ASSERT(back.columns == header);
  RC_ASSERT(back.rows == table);
}

RC_GTEST_PROP(CsvReaderProperty, AccountsForEveryLineOfAnyTextWhateverTheBlockSize, ()) {
  const auto letter = rc::gen::element('a', 'b', '"', '\n', ',', ' ', '\r', '\0', '\xC3', '\xA9');
  const std::string text = "h1,h2,h3\n" + *rc::gen::container<std::string>(letter);
  const auto block = static_cast<std::size_t>(*rc::gen::inRange(1, 200));
  ReadOptions small = exact(",", block);
  small.encoding = Encoding::utf8;
  ReadOptions large = exact();
  large.encoding = Encoding::utf8;
  const ReadBack a = read_text(text, small);
  const ReadBack b = read_text(text, large);
  RC_ASSERT(a.rows == b.rows);
  RC_ASSERT(a.lines == b.lines);
  RC_ASSERT(a.raws == b.raws);
  RC_ASSERT(a.rejected.size() == b.rejected.size());
  for (std::size_t i = 0; i < a.rejected.size(); ++i) {
    RC_ASSERT(a.rejected[i].message == b.rejected[i].message);
    RC_ASSERT(a.rejected[i].raw == b.rejected[i].raw);
  }
}

TEST(CsvReader, GivesTheLineAndTheBytesOfEachRecord) {
  const ReadBack back = read_text("a,b\n1,\"x\ny\"\r\n\n2,z\n", exact());
  ASSERT_EQ(back.rows, (Table{{"1", "x\ny"}, {"2", "z"}}));
  EXPECT_EQ(back.lines, (std::vector<std::int64_t>{2, 5}));
  EXPECT_EQ(back.raws, (std::vector<std::string>{"1,\"x\ny\"", "2,z"}));
}

TEST(CsvReader, TellsAnEmptyTextFromAMissingOne) {
  const ReadBack back = read_text("a,b,c\n,\"\",x\n", exact());
  ASSERT_EQ(back.rows.size(), 1u);
  EXPECT_EQ(back.missing[0], (std::vector<bool>{true, false, false}));
}

TEST(CsvReader, TakesAQuoteInsideAnUnquotedCellAsItStands) {
  EXPECT_EQ(read_text("a,b\n5\" pipe,3'\n", exact()).rows, (Table{{"5\" pipe", "3'"}}));
}

TEST(CsvReader, LosesOneLineToAQuoteThatIsNeverClosed) {
  const ReadBack back = read_text("a,b\n1,x\n2,\"y\n3,z\n4,\"w\"\n", exact());
  EXPECT_EQ(back.rows, (Table{{"1", "x"}, {"3", "z"}, {"4", "w"}}));
  ASSERT_EQ(back.rejected.size(), 1u);
  EXPECT_EQ(back.rejected[0].line, 3);
  EXPECT_EQ(back.rejected[0].column, 3);
  EXPECT_EQ(back.rejected[0].raw, "2,\"y");
}

TEST(CsvReader, ReadsRunsOfBlanksAsOneDelimiter) {
  const ReadBack back = read_text(" id  date num\r\n 00001 19970101  1\r\n 00002 19970112  5\r\n");
  EXPECT_EQ(back.columns, (std::vector<std::string>{"id", "date", "num"}));
  EXPECT_EQ(back.rows, (Table{{"00001", "19970101", "1"}, {"00002", "19970112", "5"}}));
}

TEST(CsvReader, ReadsDoubleColons) {
  const ReadBack back = read_text("1::Toy: Story::x|y\n2::\"Great\" Cats::z\n3::a::b\n");
  EXPECT_EQ(back.columns, (std::vector<std::string>{"column_1", "column_2", "column_3"}));
  EXPECT_EQ(back.rows,
            (Table{{"1", "Toy: Story", "x|y"}, {"2", "\"Great\" Cats", "z"}, {"3", "a", "b"}}));
}

TEST(CsvReader, ReadsTheLineEndsOfOldMacs) {
  EXPECT_EQ(read_text("id,time\r1,2010-12-01\r2,2010-12-02\r").rows,
            (Table{{"1", "2010-12-01"}, {"2", "2010-12-02"}}));
}

TEST(CsvReader, NamesRowNamesAndTrailingDelimiters) {
  EXPECT_EQ(read_text("x,price\nr1,a,1\nr2,b,2\n", exact()).columns,
            (std::vector<std::string>{"row_name", "x", "price"}));
  EXPECT_EQ(read_text("x,price\na,1,\nb,2,\n", exact()).columns,
            (std::vector<std::string>{"x", "price", "column_3"}));
}

TEST(CsvReader, GivesEveryColumnANameOfItsOwn) {
  EXPECT_EQ(read_text("id,,id\n1,2,3\n", exact()).columns,
            (std::vector<std::string>{"id", "column_2", "id_2"}));
}

TEST(CsvReader, RefusesALineBeyondTheLimitAndGoesOn) {
  ReadOptions options = exact(",", 1000);
  options.max_line_bytes = 5000;
  const std::string text = "a,b\n1,x\n2," + std::string(20000, 'y') + "\n3,z\n";
  const ReadBack back = read_text(text, options);
  EXPECT_EQ(back.rows, (Table{{"1", "x"}, {"3", "z"}}));
  EXPECT_EQ(back.lines, (std::vector<std::int64_t>{2, 4}));
  ASSERT_EQ(back.rejected.size(), 1u);
  EXPECT_EQ(back.rejected[0].reason, "line_too_long");
  EXPECT_EQ(back.rejected[0].line, 3);
}

struct SniffCase {
  const char* text;
  const char* delimiter;
  bool header;
};
class SniffCsv : public testing::TestWithParam<SniffCase> {};

TEST_P(SniffCsv, FindsDelimiterAndHeader) {
  const CsvDialect dialect = sniff_csv(GetParam().text, true);
  EXPECT_EQ(dialect.delimiter, GetParam().delimiter);
  EXPECT_EQ(dialect.has_header, GetParam().header);
}

INSTANTIATE_TEST_SUITE_P(
    Files, SniffCsv,
    testing::Values(SniffCase{"id,name\n1,a\n2,b\n", ",", true},
                    SniffCase{"id;price\n1;2,5\n2;3,5\n", ";", true},
                    SniffCase{"196\t242\t3\t881250949\n186\t302\t3\t891717742\n", "\t", false},
                    SniffCase{"1|Toy Story, the film|x\n2|Heat|y\n", "|", false},
                    SniffCase{"客户,时间\n张三,2024-05-01\n", ",", true},
                    SniffCase{"a,b\nx,y\na,z\n", ",", false}, SniffCase{"id\n1\n2\n", ",", true},
                    SniffCase{"1,\"a;b\"\n2,\"c;d\"\n", ",", false},
                    SniffCase{"time,level1,x y\n2010-12-01 08:26:00,2 3,4\n", ",", true},
                    SniffCase{"sep=;\nid;price\n1;2,5\n", ";", true},
                    SniffCase{"\"sep=|\"\r\n1|Heat\r\n", "|", false},
                    SniffCase{"Orders of May\n\norder id;date;price\n1;2024-05-01;3\n", ";", true},
                    SniffCase{"Orders,,\n,,\nid,day,price\n1,2024-05-01,3\n", ",", true}));

TEST(CsvReader, ReadsATableBelowATitle) {
  for (const std::string above : {"sep=;\n", "Orders of May\n\n", "sep=;\r\nOrders;;\n;;\n"}) {
    for (const std::size_t block : {std::size_t{16}, std::size_t{1} << 20}) {
      ReadOptions options;
      options.block_bytes = block;
      const ReadBack back =
          read_text(above + "order_id;date;price\no1;2024-05-01;3,5\n;;7\n", options);
      ASSERT_EQ(back.columns, (std::vector<std::string>{"order_id", "date", "price"})) << above;
      EXPECT_EQ(back.rows, (Table{{"o1", "2024-05-01", "3,5"}, {"", "", "7"}}));
      EXPECT_EQ(back.lines[0], std::ranges::count(above, '\n') + 2);
      EXPECT_TRUE(std::ranges::any_of(back.assumptions,
                                      [](const Assumption& a) { return a.what == "table"; }));
    }
  }
}

}  // namespace
}  // namespace attune::events
