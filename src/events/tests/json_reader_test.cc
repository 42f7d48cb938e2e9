#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include <fmt/format.h>

#include "json_check.h"
#include "reading.h"

namespace attune::events {
namespace {

using Cells = std::map<std::string, std::string>;

std::vector<Cells> stated(const ReadBack& back) {
  std::vector<Cells> all;
  for (std::size_t i = 0; i < back.rows.size(); ++i) {
    Cells& cells = all.emplace_back();
    for (std::size_t j = 0; j < back.rows[i].size(); ++j) {
      if (!back.missing[i][j]) cells[back.columns[j]] = back.rows[i][j];
    }
  }
  return all;
}

ReadBack read_json(std::string text, std::string explode = "", std::size_t block = 1 << 20) {
  ReadOptions options;
  options.explode = std::move(explode);
  options.block_bytes = block;
  return read_text(std::move(text), options, "events.jsonl");
}

TEST(JsonReader, FlattensNestedObjectsAndKeepsNumbersAsWritten) {
  const auto back = read_json(
      R"({"a":1.50,"b":{"c":"x\n\"y\"","d":{"e":true}},"f":null,"g":[1,"2"],"h":"","i":12345678901234567890})"
      "\n");
  EXPECT_EQ(stated(back), (std::vector<Cells>{{{"a", "1.50"},
                                               {"b.c", "x\n\"y\""},
                                               {"b.d.e", "true"},
                                               {"g", "[1,\"2\"]"},
                                               {"h", ""},
                                               {"i", "12345678901234567890"}}}));
}

TEST(JsonReader, GrowsColumnsAsNamesAreMet) {
  const auto back = read_json("{\"a\":1}\n{\"b\":2}\n{\"a\":3,\"b\":4}\n");
  EXPECT_EQ(back.columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(stated(back),
            (std::vector<Cells>{{{"a", "1"}}, {{"b", "2"}}, {{"a", "3"}, {"b", "4"}}}));
}

TEST(JsonReader, NamesAColumnOfWhichNothingIsTold) {
  const auto back = read_json("{\"a\":null,\"b\":{\"c\":null}}\n{\"d\":2}\n");
  EXPECT_EQ(back.columns, (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(stated(back), (std::vector<Cells>{{}, {{"d", "2"}}}));
}

TEST(JsonReader, ExplodesAnArrayAndRepeatsTheParent) {
  const auto back =
      read_json(R"({"id":"m1","p":{"order":"o1","products":[{"sku":"a","n":1},{"sku":"b"}]}}
{"id":"m2","p":{"products":[]}}
{"id":"m3"})",
                "p.products");
  EXPECT_EQ(stated(back),
            (std::vector<Cells>{
                {{"id", "m1"},
                 {"p.order", "o1"},
                 {"p.products.#", "0"},
                 {"p.products.sku", "a"},
                 {"p.products.n", "1"}},
                {{"id", "m1"}, {"p.order", "o1"}, {"p.products.#", "1"}, {"p.products.sku", "b"}},
                {{"id", "m2"}},
                {{"id", "m3"}}}));
  EXPECT_EQ(back.lines, (std::vector<std::int64_t>{1, 1, 2, 3}));
}

TEST(JsonReader, UnwrapsSegmentBatchesWithoutTheirKey) {
  const auto back = read_json(
      R"({"batch":[{"type":"page"},{"type":"track","context":{"ip":"b"}}],"context":{"ip":"a"},"writeKey":"secret"})");
  EXPECT_EQ(stated(back), (std::vector<Cells>{{{"type", "page"}, {"context.ip", "a"}},
                                              {{"type", "track"}, {"context.ip", "b"}}}));
}

TEST(JsonReader, ReadsListsOfKeysAndValuesAsNames) {
  const auto back = read_json(
      R"({"p":[{"key":"title","value":{"string_value":"Home","int_value":null}},{"key":"n","value":{"string_value":null,"int_value":"5"}}]})");
  EXPECT_EQ(stated(back), (std::vector<Cells>{{{"p.title", "Home"}, {"p.n", "5"}}}));
}

TEST(JsonReader, ReadsArraysAndObjectsOverSeveralLines) {
  const std::vector<Cells> two{{{"a", "1"}}, {{"a", "2"}, {"b.c", "}"}}};
  EXPECT_EQ(stated(read_json(R"([{"a":1},{"a":2,"b":{"c":"}"}}])")), two);
  EXPECT_EQ(
      stated(read_json("[\n  {\n    \"a\": 1\n  },\n  {\"a\": 2, \"b\": {\"c\": \"}\"}}\n]\n")),
      two);
  EXPECT_EQ(stated(read_json("{\n\"a\": 1\n}\n{\n\"a\": 2, \"b\": {\"c\": \"}\"}}\n")), two);
  EXPECT_EQ(read_json("[\n {\n  \"a\": 1\n },\n {\"a\": 2}\n]\n").lines,
            (std::vector<std::int64_t>{2, 5}));
}

TEST(JsonReader, GoesOnBehindABrokenElement) {
  const auto back = read_json("[\n  {\"a\": 1},\n  {\"a\": {\"b\": 2},\n  {\"a\": 3}\n]\n");
  EXPECT_EQ(stated(back), (std::vector<Cells>{{{"a", "1"}}, {{"a", "3"}}}));
  ASSERT_EQ(back.rejected.size(), 1u);
  EXPECT_EQ(back.rejected[0].line, 4) << "where a key was expected and the next element begins";
}

TEST(JsonReader, RefusesWordsThatAreNoValues) {
  for (const char* word :
       {"nullx", "nul", "null\xff\xff", "truex", "tru", "falsey", "None", "NaN"}) {
    const auto back =
        read_json(fmt::format("{{\"a\": {0}}}\n{{\"b\": {{\"c\": {0}}}}}\n{{\"a\": 2}}\n", word));
    EXPECT_EQ(stated(back), (std::vector<Cells>{{{"a", "2"}}})) << word;
    ASSERT_EQ(back.rejected.size(), 2u) << word;
    EXPECT_EQ(back.rejected[1].line, 2) << word;
  }
}

TEST(JsonReader, LeavesOutNamesBeyondTheLimitAndSaysSo) {
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += fmt::format("{{\"id\":{},\"stock\":{{\"sku{}\":1}}}}\n", i, i);
  const auto back = read_json(text);
  EXPECT_EQ(back.rows.size(), 3000u);
  EXPECT_EQ(back.columns.size(), 1000u);
  ASSERT_FALSE(back.assumptions.empty());
  EXPECT_EQ(back.assumptions[0].what, "names left out");
}

RC_GTEST_PROP(JsonReaderProperty, GivesTheSameWhateverTheBlockSize, ()) {
  const auto piece = rc::gen::element<std::string>(
      "{\"a\":1}", "{\"a\":\"x\\ty\"}", "\n", "{", "}", ",", "[", "]", "\"",
      "{\"b\":[{\"c\":1},{}]}", "\xC3\xA9", "\xFF", " ", "{\"a\":1,\"a\":2}", "null", "\\");
  std::string text = "{\"a\":0}\n";
  for (const auto& part : *rc::gen::container<std::vector<std::string>>(piece)) text += part;
  ReadOptions options;
  options.format = FileFormat::jsonl;
  options.encoding = Encoding::utf8;
  options.explode = "b";
  const ReadBack large = read_text(text, options);
  options.block_bytes = static_cast<std::size_t>(*rc::gen::inRange(1, 100));
  const ReadBack small = read_text(text, options);
  RC_ASSERT(stated(small) == stated(large));
  RC_ASSERT(small.lines == large.lines);
  RC_ASSERT(small.rejected.size() == large.rejected.size());
  for (std::size_t i = 0; i < small.rejected.size(); ++i) {
    RC_ASSERT(small.rejected[i].message == large.rejected[i].message);
  }
}

struct FaultCase {
  const char* text;
  std::size_t at;
  const char* words;
};
class JsonFaults : public testing::TestWithParam<FaultCase> {};
TEST_P(JsonFaults, AreFoundWhereTheyStand) {
  const auto fault = find_json_fault(GetParam().text, 4);
  ASSERT_TRUE(fault.has_value()) << GetParam().text;
  EXPECT_EQ(fault->at, GetParam().at) << GetParam().text;
  EXPECT_NE(fault->what.find(GetParam().words), std::string::npos) << fault->what;
}
INSTANTIATE_TEST_SUITE_P(All, JsonFaults,
                         testing::Values(FaultCase{"{\"a\" 1}", 5, "expected ':'"},
                                         FaultCase{"{\"a\":1 \"b\":2}", 7, "expected ',' or '}'"},
                                         FaultCase{"{a:1}", 1, "expected a key in quotes"},
                                         FaultCase{"{\"a\":01}", 5, "expected a value"},
                                         FaultCase{"{\"a\":\"x}", 5, "never closed"},
                                         FaultCase{"{\"a\":\"\\q\"}", 7, "backslash"},
                                         FaultCase{"{\"a\":\"\\u12g4\"}", 7, "hexadecimal"},
                                         FaultCase{"{\"a\":[1,]}", 8, "expected a value"},
                                         FaultCase{"{} x", 3, "text follows"},
                                         FaultCase{"[[[[[[1]]]]]]", 5, "deeper than 4"},
                                         FaultCase{"{\"a\":1", 6, "ends before '}'"},
                                         FaultCase{"", 0, "ends where a value"}));

TEST(FindJsonFault, FindsNothingInGoodJson) {
  for (const char* good : {"{}", "[]", " {\"a\":[1,-2.5e+3,true,null,\"\\u00e9\\n\"]} ", "0"}) {
    EXPECT_FALSE(find_json_fault(good, 4).has_value()) << good;
  }
}

}  // namespace
}  // namespace attune::events
