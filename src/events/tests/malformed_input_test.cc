// Every kind of broken file and row: the message names the file, the line, the column and the
// remedy, and the good rows around it survive.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "reading.h"

namespace attune::events {
namespace {

constexpr const char* kMap =
    "customer=c,item=i,time=t,quantity=n,price=p,currency=k,type=e,rating=r";
constexpr const char* kHead = "c,i,t,n,p,k,e,r\n";
constexpr const char* kGood = "u1,a,2020-01-01 10:00:00,1,2.50,EUR,purchase,5\n";

struct RowCase {
  const char* what;
  std::string row;  // stands on line 3, between two good rows
  const char* reason;
  std::int64_t column;  // 0: the whole line
  const char* words;
  const char* remedy;
};

void PrintTo(const RowCase& c, std::ostream* out) { *out << c.what; }

class MalformedRow : public testing::TestWithParam<RowCase> {};

TEST_P(MalformedRow, IsRefusedWithPlaceAndRemedyAndItsNeighboursStay) {
  const RowCase& c = GetParam();
  auto mapping = parse_mapping(Kind::events, kMap).value();
  mapping.reading.encoding = Encoding::utf8;
  mapping.reading.delimiter = ",";
  mapping.reading.quote = '"';
  mapping.reading.max_line_bytes = 10'000'000;
  const auto all = read_rows<Event>(std::string(kHead) + kGood + c.row + kGood, mapping);
  ASSERT_EQ(all.failure, "");
  ASSERT_EQ(all.rows.size(), 2u) << "the good rows";
  ASSERT_EQ(all.refused.size(), 1u);
  const Rejected& refused = all.refused[0];
  EXPECT_EQ(refused.reason, c.reason);
  EXPECT_EQ(refused.line, 3);
  EXPECT_EQ(refused.column, c.column) << refused.message;
  const std::string place = c.column > 0 ? fmt::format("orders.csv, line 3, column {}: ", c.column)
                                         : std::string("orders.csv, line 3: ");
  EXPECT_TRUE(refused.message.starts_with(place)) << refused.message;
  EXPECT_NE(refused.message.find(c.words), std::string::npos) << refused.message;
  EXPECT_NE(refused.message.find(c.remedy), std::string::npos) << refused.message;
  EXPECT_LE(refused.message.size(), 500u);
  EXPECT_FALSE(refused.raw.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Csv, MalformedRow,
    testing::Values(
        RowCase{"unclosed quote", "u1,\"a,2020-01-01,1,2,EUR,view,5\n", "bad_quoting", 4,
                "never closed", "close it"},
        RowCase{"text behind a quote", "u1,\"a\"b,2020-01-01,1,2,EUR,view,5\n", "bad_quoting", 4,
                "closing quote at column 7", "double a quote"},
        RowCase{"single inner quote", "\"u \"1\" x\",a,2020-01-01,1,2,EUR,view,5\n", "bad_quoting",
                1, "closing quote", "double a quote"},
        RowCase{"too few cells", "u1,a,2020-01-01\n", "wrong_cell_count", 0,
                "3 cells, but the header has 8", "add the 5 missing"},
        RowCase{"too many cells", "u1,a,2020-01-01,1,2,EUR,view,5,6,7\n", "wrong_cell_count", 0,
                "10 cells", "put quotes around a text that holds a comma"},
        RowCase{"number with an unquoted comma", "u1,a,2020-01-01,1,1,234.50,EUR,view,5\n",
                "wrong_cell_count", 0, "9 cells", "put quotes"},
        RowCase{"NUL byte", std::string("u\0,a,2020-01-01,1,2,EUR,view,5\n", 31), "nul_byte", 2,
                "NUL byte", "remove it"},
        RowCase{"Latin-1 in UTF-8", "Ren\xE9,a,2020-01-01,1,2,EUR,view,5\n", "invalid_utf8", 4,
                "byte 0xE9", "--encoding latin-1"},
        RowCase{"cut UTF-8 sequence", "u1,\xE4\xB8,2020-01-01,1,2,EUR,view,5\n", "invalid_utf8", 4,
                "byte 0xE4", "--encoding"},
        RowCase{"overlong UTF-8", "u1,\xC0\xAF,2020-01-01,1,2,EUR,view,5\n", "invalid_utf8", 4,
                "byte 0xC0", "--encoding"},
        RowCase{"surrogate in UTF-8", "u1,\xED\xA0\x80,2020-01-01,1,2,EUR,view,5\n", "invalid_utf8",
                4, "byte 0xED", "--encoding"},
        RowCase{"line of ten megabytes",
                "u1," + std::string(10'000'001, 'x') + ",2020-01-01,1,2,EUR,view,5\n",
                "line_too_long", 0, "longer than 10,000,000 bytes", "--max-line-bytes"},
        RowCase{"no time", "u1,a,,1,2,EUR,view,5\n", "missing_time", 0, "has no time",
                "fill it in"},
        RowCase{"time of blanks", "u1,a,   ,1,2,EUR,view,5\n", "missing_time", 0, "has no time",
                "fill it in"},
        RowCase{"time NULL", "u1,a,NULL,1,2,EUR,view,5\n", "missing_time", 0, "has no time",
                "fill it in"},
        RowCase{"30 February", "u1,a,2011-02-30,1,2,EUR,view,5\n", "impossible_time", 6,
                "month 2 of 2011 has 28 days", "correct the date"},
        RowCase{"29 February of no leap year", "u1,a,2023-02-29 10:00:00,1,2,EUR,view,5\n",
                "impossible_time", 6, "has 28 days", "correct the date"},
        RowCase{"month 13", "u1,a,2011-13-01,1,2,EUR,view,5\n", "impossible_time", 6,
                "there is no month 13", "correct the date"},
        RowCase{"day 0", "u1,a,2011-01-00,1,2,EUR,view,5\n", "impossible_time", 6, "has 31 days",
                "correct the date"},
        RowCase{"hour 25", "u1,a,2011-01-01 25:00:00,1,2,EUR,view,5\n", "impossible_time", 6,
                "clock time", "correct the date"},
        RowCase{"year 1", "u1,a,0001-01-01,1,2,EUR,view,5\n", "impossible_time", 6, "1900 to 2200",
                "correct the date"},
        RowCase{"day first among year first", "u1,a,31/12/2010,1,2,EUR,view,5\n", "unreadable_time",
                6, "not a time written year_first", "time.format"},
        RowCase{"words for a time", "u1,a,yesterday,1,2,EUR,view,5\n", "unreadable_time", 6,
                "'yesterday' is not a time", "mend it"},
        RowCase{"spreadsheet's number for a day", "u1,a,40513,1,2,EUR,view,5\n", "unreadable_time",
                6, "'40513'", "time.format"},
        RowCase{"words for a quantity", "u1,a,2020-01-01,two,2,EUR,view,5\n", "bad_number", 17,
                "'two' is not a number", "1234.50"},
        RowCase{"two dots", "u1,a,2020-01-01,1,2.5.0,EUR,view,5\n", "bad_number", 19,
                "'2.5.0' is not a number", "1234.50"},
        RowCase{"odd thousands", "u1,a,2020-01-01,1,\"1,23,4\",EUR,view,5\n", "bad_number", 20,
                "'1,23,4' is not a number", "1234.50"},
        RowCase{"twenty digits", "u1,a,2020-01-01,1,12345678901234567890,EUR,view,5\n",
                "bad_number", 19, "more than 18 digits", "1234.50"},
        RowCase{"amount beyond 64 bits",
                "u1,a,2020-01-01,1000000000000,999999999999999,EUR,purchase,5\n", "bad_number", 31,
                "price", "check price and quantity"},
        RowCase{"spreadsheet's error value", "u1,a,2020-01-01,1,#DIV/0!,EUR,view,5\n", "bad_number",
                19, "#DIV/0!", "leave it empty"},
        RowCase{"rating in stars", "u1,a,2020-01-01,1,2,EUR,view,*****\n", "bad_number", 30,
                "'*****' is not a number", "1234.50"},
        RowCase{"currency of four letters", "u1,a,2020-01-01,1,2,EURO,view,5\n", "unknown_currency",
                21, "EURO", "ISO 4217"},
        RowCase{"currency sign", "u1,a,2020-01-01,1,2,€,view,5\n", "unknown_currency", 21, "€",
                "ISO 4217"},
        RowCase{"no type", "u1,a,2020-01-01,1,2,EUR,,5\n", "missing_type", 0,
                "does not say what happened", "type=purchase"},
        RowCase{"unknown type", "u1,a,2020-01-01,1,2,EUR,purchse,5\n", "unknown_type", 25,
                "did you mean 'purchase'", "type[purchse]"},
        RowCase{"purchase without item", "u1,,2020-01-01,1,2,EUR,purchase,5\n", "missing_item", 0,
                "a purchase without an item", "item.optional"},
        RowCase{"control character in a number", "u1,a,2020-01-01,1\x01,2,EUR,view,5\n",
                "bad_number", 17, "is not a number", "1234.50"}));

TEST(MalformedRow, InsideAQuotedCellOfSeveralLinesIsPlacedOnItsOwnLine) {
  const auto all = read_events(
      "c,t,e,x\nu1,\"2020-13-\n01\",view,\"a\nb\"\nu2,2020-01-01,view,b\nu3,\"2020-01-01\","
      "\"x\ny\",b\n",
      "customer=c,time=t,type=e");
  ASSERT_EQ(all.refused.size(), 2u);
  EXPECT_EQ(all.refused[0].line, 2);
  EXPECT_EQ(all.refused[1].line, 6);
  EXPECT_EQ(all.refused[1].column, 18);
}

struct JsonCase {
  const char* what;
  std::string line;
  const char* reason;
  std::int64_t column;
  const char* words;
};
void PrintTo(const JsonCase& c, std::ostream* out) { *out << c.what; }
class MalformedJson : public testing::TestWithParam<JsonCase> {};

TEST_P(MalformedJson, IsRefusedWithPlaceAndRemedyAndItsNeighboursStay) {
  const JsonCase& c = GetParam();
  const std::string good = R"({"c":"u","i":"a","t":"2020-01-01","e":"view"})"
                           "\n";
  auto mapping = parse_mapping(Kind::events, "customer=c,item=i,time=t,type=e").value();
  mapping.reading.encoding = Encoding::utf8;
  mapping.reading.format = FileFormat::jsonl;
  const auto all =
      read_rows<Event>(good + c.line + "\n" + good, mapping, london_shop(), "events.jsonl");
  ASSERT_EQ(all.failure, "");
  EXPECT_EQ(all.rows.size(), 2u);
  ASSERT_EQ(all.refused.size(), 1u);
  EXPECT_EQ(all.refused[0].reason, c.reason);
  EXPECT_EQ(all.refused[0].column, c.column) << all.refused[0].message;
  const std::string place = c.column > 0
                                ? fmt::format("events.jsonl, line 2, column {}: ", c.column)
                                : "events.jsonl, line 2: ";
  EXPECT_TRUE(all.refused[0].message.starts_with(place)) << all.refused[0].message;
  EXPECT_NE(all.refused[0].message.find(c.words), std::string::npos) << all.refused[0].message;
  EXPECT_NE(all.refused[0].message.find("; "), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Json, MalformedJson,
    testing::Values(
        JsonCase{"missing colon", R"({"c" "u"})", "bad_json", 6, "expected ':'"},
        JsonCase{"missing comma", R"({"c":"u" "i":"a"})", "bad_json", 10, "expected ',' or '}'"},
        JsonCase{"trailing comma", R"({"c":"u",})", "bad_json", 10, "expected a key"},
        JsonCase{"single quotes", R"({'c':'u'})", "bad_json", 2, "expected a key in quotes"},
        JsonCase{"cut off", R"({"c":"u","i":"a)", "bad_json", 14, "never closed"},
        JsonCase{"no closing brace", R"({"c":"u")", "bad_json", 9, "ends before '}'"},
        JsonCase{"not a number", R"({"c":NaN})", "bad_json", 6, "expected a value"},
        JsonCase{"leading zero", R"({"c":007})", "bad_json", 6, "expected a value"},
        JsonCase{"bad escape", R"({"c":"\x41"})", "bad_json", 8, "backslash"},
        JsonCase{"raw tab in a text", "{\"c\":\"a\tb\"}", "bad_json", 8, "control character"},
        JsonCase{"two objects", R"({"c":"u"} {"c":"v"})", "bad_json", 11, "text follows"},
        JsonCase{"an array", R"([1,2])", "not_an_object", 1, "not an object"},
        JsonCase{"a text", R"("u")", "not_an_object", 1, "not an object"},
        JsonCase{"duplicate key", R"({"c":"u","c":"v"})", "duplicate_key", 1, "'c' stands twice"},
        JsonCase{"duplicate inner key", R"({"c":"u","p":{"x":1,"x":2}})", "duplicate_key", 1,
                 "'p.x' stands twice"},
        JsonCase{"too deep",
                 std::string(R"({"c":)") + std::string(60, '[') + std::string(60, ']') + "}",
                 "too_deep", 38, "deeper than 32"},
        JsonCase{"invalid UTF-8", "{\"c\":\"Ren\xE9\"}", "invalid_utf8", 10, "byte 0xE9"},
        JsonCase{"NUL byte", std::string("{\"c\":\"u\0\"}", 10), "bad_json", 8,
                 "control character"},
        JsonCase{"garbage", "hello", "bad_json", 1, "expected a value"},
        JsonCase{"no time", R"({"c":"u","i":"a","e":"view"})", "missing_time", 0, "has no time"},
        JsonCase{"wrong type of time", R"({"c":"u","i":"a","e":"view","t":{"x":1}})",
                 "missing_time", 0, "has no time"},
        JsonCase{"impossible date", R"({"c":"u","i":"a","e":"view","t":"2020-02-31"})",
                 "impossible_time", 34, "has 29 days"}));

struct FileCase {
  const char* what;
  std::string bytes;
  const char* words;
};
void PrintTo(const FileCase& c, std::ostream* out) { *out << c.what; }
class MalformedFile : public testing::TestWithParam<FileCase> {};

TEST_P(MalformedFile, FailsAsAWholeWithItsNameAndARemedy) {
  const auto all = read_events(GetParam().bytes, "customer=c,item=i,time=t,type=view");
  EXPECT_NE(all.failure.find("orders.csv"), std::string::npos) << all.failure;
  EXPECT_NE(all.failure.find(GetParam().words), std::string::npos) << all.failure;
}

INSTANTIATE_TEST_SUITE_P(
    Files, MalformedFile,
    testing::Values(FileCase{"empty", "", "is empty"},
                    FileCase{"only a byte order mark", "\xEF\xBB\xBF", "is empty"},
                    FileCase{"header without the column", "c,i,when\nu,a,2020-01-01\n",
                             "no column 't' for time"},
                    FileCase{"gzip of nothing but a header", std::string("\x1F\x8B\x08\x00", 4),
                             "end too early"},
                    FileCase{"wrong gzip", "\x1F\x8Bgarbage garbage garbage", "broken"},
                    FileCase{"wrong zstd", "\x28\xB5\x2F\xFDgarbage garbage garbage", "zstd data"},
                    FileCase{"Parquet in memory", "PAR1xxxxPAR1", "from a file on disk"},
                    FileCase{"a column that holds no times", "c,i,t\nu,a,blue\nv,b,green\n",
                             "'blue' and the like, which is no time"}));

TEST(MalformedFile, OfParquetIsNamed) {
  const auto cut = temporary_file("cut.parquet", "PAR1 and then nothing of use");
  const auto reader = open_records(cut);
  ASSERT_FALSE(reader.has_value());
  EXPECT_NE(reader.error().message.find("cut.parquet"), std::string::npos)
      << reader.error().message;
}

TEST(MalformedFile, Utf16WithoutMarkSaysWhichEncodingToState) {
  std::string text;
  for (const char c : std::string("c,i,t\nu,a,2020-01-01\nu,b,2020-01-01\n")) text += {c, '\0'};
  const auto source = ByteSource::from_memory("orders.csv", text);
  ASSERT_FALSE(source.has_value());
  EXPECT_NE(source.error().message.find("--encoding utf-16le"), std::string::npos)
      << source.error().message;
}

TEST(MalformedFile, InTheWrongEncodingRefusesTheRowsThatCannotBeRead) {
  ReadOptions options;
  options.encoding = Encoding::gb18030;
  const ReadBack back = read_text("id,name\n1,\xBF\xCD\n2,x\xFF\n3,y\n", options);
  EXPECT_EQ(back.rows.size(), 2u);
  ASSERT_EQ(back.rejected.size(), 1u);
  EXPECT_EQ(back.rejected[0].reason, "invalid_encoding");
  EXPECT_NE(
      back.rejected[0].message.find("orders.csv, line 3, column 4: bytes that are not GB18030"),
      std::string::npos)
      << back.rejected[0].message;
}

}  // namespace
}  // namespace attune::events
