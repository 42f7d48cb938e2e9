// Limits, and bytes that nobody meant well with.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

#include "attune/base/text.h"
#include "json_check.h"
#include "json_cursor.h"
#include "segment_reading.h"

namespace attune::events {
namespace {

struct ProblemCase {
  std::string message;
  std::string_view expected;  // reason and field
};

std::string with_properties(std::string_view properties) {
  return fmt::format(R"({{"userId":"u","event":"purchase","properties":{}}})", properties);
}

void expect_problems(const std::vector<ProblemCase>& cases) {
  SegmentBench bench;
  for (const ProblemCase& one : cases) {
    EXPECT_EQ(bench.read(SegmentCall::track, one.message).problem(), one.expected) << one.message;
    if (bench.out.problems.empty()) continue;
    EXPECT_EQ(bench.out.problems[0].raw, one.message);
    EXPECT_FALSE(first_invalid_utf8(bench.out.problems[0].message));
    EXPECT_EQ(bench.out.problems[0].message.find('\n'), std::string::npos);
  }
}

TEST(SegmentReader, NamesTheMemberThatCannotBeTaken) {
  expect_problems({
      {R"({"event":"view"})", "missing_id userId"},
      {R"({"event":"view","userId":""})", "missing_id userId"},
      {R"({"event":"view","userId":" \u0000\t","anonymousId":"null"})", "missing_id userId"},
      {R"({"event":"view","userId":"undefined"})", "missing_id userId"},
      {R"({"event":"view","userId":{"id":1}})", "wrong_type userId"},
      {R"({"event":"view","userId":true})", "wrong_type userId"},
      {R"({"event":"view","userId":"u","messageId":[]})", "wrong_type messageId"},
      {R"({"event":7,"userId":"u"})", "unknown_type event"},
      {R"({"event":["view"],"userId":"u"})", "wrong_type event"},
      {R"({"event":"view","userId":"u","properties":[]})", "wrong_type properties"},
      {R"({"event":"view","userId":"u","properties":"x"})", "wrong_type properties"},
      {R"({"event":"view","userId":"u","context":3})", "wrong_type context"},
      {R"({"event":"view","userId":"u","timestamp":"yesterday"})", "bad_time timestamp"},
      {R"({"event":"view","userId":"u","timestamp":"2026-02-30T00:00:00Z"})", "bad_time timestamp"},
      {R"({"event":"view","userId":"u","timestamp":{}})", "wrong_type timestamp"},
      {R"({"event":"view","userId":"u","timestamp":1e300})", "bad_time timestamp"},
      {R"({"event":"view","userId":"u","timestamp":-99999999999})", "bad_time timestamp"},
      {R"({"event":"view","userId":"u","sentAt":"1.2.3"})", "bad_time sentAt"},
  });
}

TEST(SegmentReader, NamesThePropertyThatCannotBeTaken) {
  const std::string half = R"("\ud83d")";
  expect_problems({
      {with_properties(R"({"price":"NaN"})"), "bad_number properties.price"},
      {with_properties(R"({"price":"12.x"})"), "bad_number properties.price"},
      {with_properties(R"({"price":true})"), "wrong_type properties.price"},
      {with_properties(R"({"price":1e300})"), "bad_number properties.price"},
      {with_properties(R"({"price":1e400})"), "bad_number properties.price"},
      {with_properties(R"({"a":{"b":[1,{"c":-1e999}]}})"), "bad_number properties.a.b[1].c"},
      {with_properties(R"({"price":123456789012345678901234567890})"),
       "bad_number properties.price"},
      {with_properties(R"({"price":9000000000000000,"quantity":90000000000})"),
       "bad_number properties.price"},
      {with_properties(R"({"quantity":{"n":1}})"), "wrong_type properties.quantity"},
      {with_properties(R"({"revenue":[]})"), "wrong_type properties.revenue"},
      {with_properties(R"({"rating":"five"})"), "bad_number properties.rating"},
      {with_properties(R"({"duration_ms":1e19})"), "bad_number properties.duration_ms"},
      {with_properties(R"({"currency":"euro"})"), "unknown_currency properties.currency"},
      {with_properties(R"({"currency":{}})"), "wrong_type properties.currency"},
      {with_properties(R"({"query":{}})"), "wrong_type properties.query"},
      {with_properties(R"({"product_id":{}})"), "wrong_type properties.product_id"},
      {with_properties(R"({"products":{"id":"p"}})"), "wrong_type properties.products"},
      {with_properties(R"({"products":["p"]})"), "wrong_type properties.products[0]"},
      {with_properties(R"({"products":[{"id":1},{"id":2,"price":"?"}]})"),
       "bad_number properties.products[1].price"},
      {with_properties(R"({"items":[{"item_id":1,"currency":"EURO"}]})"),
       "unknown_currency properties.items[0].currency"},
      {with_properties(R"({"price":1,"price":2})"), "duplicate_key properties.price"},
      {with_properties(R"({"price":1,"pr\u0069ce":2})"), "duplicate_key properties.price"},
      {with_properties(R"({"products":[{"sku":1,"sku":2}]})"),
       "duplicate_key properties.products[0].sku"},
      {with_properties(fmt::format(R"({{"note":{}}})", half)), "bad_text properties.note"},
      {with_properties(fmt::format(R"({{{}:1}})", half)), "bad_text properties.\xEF\xBF\xBD"},
  });
}

TEST(SegmentReader, RefusesTraitsThatCannotBeKept) {
  SegmentBench bench;
  const auto identify = [&](std::string_view traits) {
    return bench.read(SegmentCall::identify, fmt::format(R"({{"userId":"u","traits":{}}})", traits))
        .problem();
  };
  EXPECT_EQ(identify("[]"), "wrong_type traits");
  EXPECT_EQ(identify("3"), "wrong_type traits");
  EXPECT_EQ(identify(R"({"a":1,"a":2})"), "duplicate_key traits");
  EXPECT_EQ(identify(R"({"a.b":1,"a":{"b":2}})"), "duplicate_key traits");
  EXPECT_EQ(identify(fmt::format(R"({{"{}":1}})", std::string(257, 'k'))), "too_long traits");
}

TEST(SegmentReader, KeepsGoodMessagesBesideBadOnes) {
  SegmentBench bench;
  bench.read(SegmentCall::batch, R"({"writeKey":"wk","batch":[
      {"type":"track","event":"view","userId":"u1"},
      null, 7, "text", [], {},
      {"type":"trakc","userId":"u"},
      {"type":"batch","userId":"u"},
      {"type":3,"userId":"u"},
      {"type":"track","event":"view","userId":"u","userId":"v"},
      {"type":"track","event":"view","userId":"u","properties":{"price":1e999}},
      {"type":"track","event":"view","userId":"u","properties":{"name":"\udc00"}},
      {"type":"track","event":"purchase","userId":"u","properties":{"products":[{"id":1,"price":1},
       {"id":2,"price":"x"}]}},
      {"type":"track","event":"view","userId":"u2"}]})");
  EXPECT_EQ(bench.failure, "");
  EXPECT_EQ(bench.out.messages, 14u);
  EXPECT_EQ(bench.out.write_key, "wk");
  ASSERT_EQ(bench.out.events.size(), 2u);
  EXPECT_EQ(bench.out.events[0].customer, "u1");
  EXPECT_EQ(bench.out.events[1].customer, "u2");
  std::vector<std::string> problems;
  for (const SegmentProblem& one : bench.out.problems)
    problems.push_back(fmt::format("{} {} {}", one.index, one.reason, one.field));
  EXPECT_EQ(problems,
            (std::vector<std::string>{
                "1 wrong_type batch[1]", "2 wrong_type batch[2]", "3 wrong_type batch[3]",
                "4 wrong_type batch[4]", "5 missing_type batch[5].type",
                "6 unknown_type batch[6].type", "7 unknown_type batch[7].type",
                "8 unknown_type batch[8].type", "9 duplicate_key batch[9].userId",
                "10 bad_number batch[10].properties.price", "11 bad_text batch[11].properties.name",
                "12 bad_number batch[12].properties.products[1].price"}));
}

TEST(SegmentReader, RefusesWholeBodiesWithThePlace) {
  SegmentBench bench;
  std::vector<std::string> places;
  const auto failure = [&](SegmentCall call, std::string_view body) {
    bench.read(call, body);
    EXPECT_TRUE(bench.out.events.empty() && bench.out.problems.empty());
    EXPECT_EQ(bench.out.messages, 0u);
    places.push_back(bench.out.fault);
    return bench.failure;
  };
  const auto batch = SegmentCall::batch;
  EXPECT_EQ(failure(batch, ""), "the body is empty; send one JSON object");
  EXPECT_EQ(failure(batch, " \n"), "the body is empty; send one JSON object");
  EXPECT_EQ(failure(batch, "[]"), "the body: a list where an object belongs: '[]'");
  EXPECT_EQ(failure(SegmentCall::track, "\"x\""),
            "the body: a text where an object belongs: '\"x\"'");
  EXPECT_EQ(failure(batch, R"({"batch":[})"),
            "the body is not JSON, at byte 10: expected a value; before '}'");
  EXPECT_EQ(failure(batch, R"({"batch":[]} x)"),
            "the body is not JSON, at byte 13: text follows the end of the value; before 'x'");
  EXPECT_EQ(failure(batch, "{}"),
            "the body has no \"batch\"; send {\"batch\": [{\"type\": …}, …]}");
  EXPECT_EQ(failure(batch, R"({"batch":null})"), failure(batch, "{}"));
  EXPECT_EQ(failure(batch, R"({"batch":{}})"),
            "batch: an object where a list of messages belongs: '{}'");
  EXPECT_EQ(failure(batch, R"({"batch":[],"context":[]})"),
            "context: a list where an object belongs: '[]'");
  EXPECT_EQ(failure(batch, R"({"batch":[],"batch":[]})"),
            "batch: the key stands twice; leave one out");
  EXPECT_EQ(failure(SegmentCall::track, R"({"userId":"a","userId":"b"})"),
            "userId: the key stands twice; leave one out");
  EXPECT_EQ(failure(SegmentCall::track, "{\"userId\":\"\xC3(\"}"),
            "the body is not UTF-8: byte 11 is 0xC3; send UTF-8");
  EXPECT_EQ(
      failure(SegmentCall::track, std::string_view("{\"a\":\"\0\"}", 9)),
      "the body is not JSON, at byte 6: a control character inside a text; write it as \\n or "
      "\\u00XX; before '\\x00\"}'");
  EXPECT_EQ(failure(batch, R"({"batch":[{}],"sentAt":1e999})"),
            "sentAt: 1e999 is beyond what numbers hold; send it as a text");
  EXPECT_EQ(fmt::format("{}", fmt::join(places, " ")),
            "body body body body body body batch batch batch batch context batch userId body body "
            "sentAt");
  bench.read(batch, R"({"batch":[]})");
  EXPECT_EQ(bench.out.fault, "");
}

std::string nested(int levels) {
  // The message and its properties are two.
  std::string text = R"({"userId":"u","event":"view","properties":{"a":)";
  for (int i = 2; i < levels; ++i) text += '[';
  text += '1';
  for (int i = 2; i < levels; ++i) text += ']';
  return text + "}}";
}

TEST(SegmentReader, TakesThirtyTwoLevels) {
  SegmentBench bench;
  EXPECT_EQ(bench.read(SegmentCall::track, nested(32)).event().type, EventType::view);
  for (const int levels : {33, 34, 1000, 15'000}) {
    EXPECT_TRUE(bench.read(SegmentCall::track, nested(levels))
                    .failure.starts_with("the body is nested deeper than 32 levels"))
        << bench.failure;
  }
}

std::string message_of(std::size_t bytes) {
  std::string text = R"({"type":"track","userId":"u","event":"view","properties":{"a":")";
  return text + std::string(bytes - text.size() - 3, 'x') + "\"}}";
}

TEST(SegmentReader, KeepsTheLimitsToTheByte) {
  SegmentBench bench;
  constexpr std::size_t kEvent = 32 << 10;
  EXPECT_EQ(bench.read(SegmentCall::track, message_of(kEvent)).event().item, "");
  EXPECT_EQ(bench.read(SegmentCall::track, message_of(kEvent + 1)).failure,
            "the body has 32769 bytes; an event holds at most 32768");
  bench.read(SegmentCall::batch,
             fmt::format(R"({{"batch":[{},{}]}})", message_of(kEvent), message_of(kEvent + 1)));
  ASSERT_EQ(bench.out.events.size(), 1u);
  ASSERT_EQ(bench.out.problems.size(), 1u);
  EXPECT_EQ(bench.out.problems[0].reason, "too_large");
  EXPECT_EQ(bench.out.problems[0].field, "batch[1]");
  EXPECT_EQ(bench.out.problems[0].raw.size(), kEvent);

  std::string body = R"({"batch":[)";
  for (int i = 0; i < 15; ++i) body += message_of(kEvent) + ",";
  body += message_of(kEvent / 4) + "]}";
  body.resize(std::size_t{500} << 10, ' ');
  bench.read(SegmentCall::batch, body);
  EXPECT_EQ(bench.out.events.size(), 16u) << bench.failure;
  EXPECT_EQ(bench.read(SegmentCall::batch, body + " ").failure,
            "the body has 512001 bytes; a batch holds at most 512000; send it in parts");

  std::string many = R"({"batch":[{})";
  for (int i = 1; i < 2500; ++i) many += ",{}";
  bench.read(SegmentCall::batch, many + "]}");
  EXPECT_EQ(bench.out.problems.size(), 2500u);
  EXPECT_EQ(bench.read(SegmentCall::batch, many + ",{}]}").failure,
            "the batch has more than 2500 messages; send it in parts");
  EXPECT_TRUE(bench.out.problems.empty());
}

TEST(SegmentReader, CutsNoCharacterOfAnOverlongMessage) {
  SegmentBench bench({.currency = {}, .max_event_bytes = 64});
  bench.read(SegmentCall::batch,
             R"({"batch":[{"a":"一二三四五六七八九十一二三四五六七八九十一二三"}]})");
  ASSERT_EQ(bench.out.problems.size(), 1u);
  EXPECT_LE(bench.out.problems[0].raw.size(), 64u);
  EXPECT_GE(bench.out.problems[0].raw.size(), 62u);
  EXPECT_FALSE(first_invalid_utf8(bench.out.problems[0].raw));
}

TEST(SegmentReader, BoundsIdsByBytes) {
  SegmentBench bench;
  const std::string id(512, 'i');
  const auto read = [&](std::string_view key, std::string_view value) -> SegmentBench& {
    return bench.read(SegmentCall::track,
                      fmt::format(R"({{"userId":"u","event":"view","{}":"{}"}})", key, value));
  };
  EXPECT_EQ(read("anonymousId", id).event().anonymous, id);
  EXPECT_EQ(read("messageId", id).event().event_id, id);
  EXPECT_EQ(read("anonymousId", id + "x").problem(), "too_long anonymousId");
  EXPECT_EQ(read("messageId", id + "x").problem(), "too_long messageId");
  for (const std::string_view key : {"product_id", "order_id", "session_id"}) {
    EXPECT_EQ(bench.track("view", fmt::format(R"({{"{}":"{}x"}})", key, id)).problem(),
              fmt::format("too_long properties.{}", key));
  }
}

TEST(SegmentReader, KeepsWhatOneMessageSpreadsIntoBounded) {
  SegmentBench bench;
  std::string lines = R"({"id":0})";
  for (int i = 1; i < 1500; ++i) lines += R"(,{"id":0})";
  EXPECT_EQ(bench
                .track("purchase", fmt::format(R"({{"note":"{}","products":[{}]}})",
                                               std::string(15'000, 'n'), lines))
                .problem(),
            "too_large properties");
  bench.track("purchase", fmt::format(R"({{"products":[{}]}})", lines));
  EXPECT_EQ(bench.out.events.size(), 1500u);
}

TEST(SegmentReader, TakesIdsOfAnyScript) {
  SegmentBench bench;
  for (const std::string_view id : {"客户①", "عميل", "🛍🎉", "Ω", "o'Brien; DROP TABLE", "a/b?c=d&e",
                                    "x\\u0041" /* an escape in JSON */}) {
    const Event& event =
        bench.read(SegmentCall::track, fmt::format(R"({{"userId":"{}","event":"view"}})", id))
            .event();
    EXPECT_EQ(event.customer, id.starts_with("x") ? "xA" : std::string(id));
  }
  // The same letter, composed and not, is the same person.
  EXPECT_EQ(bench.read(SegmentCall::track, "{\"userId\":\"Jose\xCC\x81\",\"event\":\"view\"}")
                .event()
                .customer,
            "José");
  EXPECT_EQ(bench.event().marks, bit(Mark::text_normalised));
}

TEST(SegmentReader, TakesNumbersAsIds) {
  SegmentBench bench;
  for (const auto& [number, id] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"7", "7"},
           {"17850.0", "17850"},
           {"-3", "-3"},
           {"18446744073709551615", "18446744073709551615"}}) {
    EXPECT_EQ(
        bench.read(SegmentCall::track, fmt::format(R"({{"userId":{},"event":"view"}})", number))
            .event()
            .customer,
        id);
  }
}

// Against the check by brackets and strings alone, over texts that put quotes, backslashes and
// brackets on every side of a block's border.
RC_GTEST_PROP(JsonCursorProperty, PassesContainersWhole, ()) {
  static constexpr std::array<std::string_view, 12> kPieces{
      "[]",
      "{}",
      "[1,[2]]",
      R"("[")",
      R"("\"]")",
      R"("\\")",
      R"("{}")",
      R"("")",
      "12",
      "{\"a\":[{}]}",
      R"("a long text that fills a block ][}{")",
      R"("\u005d")"};
  std::string text = "[";
  const int count = *rc::gen::inRange(0, 60);
  for (int i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text.append(*rc::gen::inRange<std::size_t>(0, 20), ' ');
    text += kPieces[*rc::gen::inRange<std::size_t>(0, kPieces.size())];
  }
  text += ']';
  RC_ASSERT(!find_json_fault(text, 10));
  const std::string padded = text + "]}\",[" + std::string(64, '\0');
  JsonCursor whole(padded.data());
  RC_ASSERT(whole.value() == text);
  JsonCursor cursor(padded.data());
  std::size_t passed = 0;
  if (cursor.open()) {
    do {
      RC_ASSERT(!find_json_fault(cursor.value(), 10));
      ++passed;
    } while (cursor.next());
  }
  RC_ASSERT(passed == static_cast<std::size_t>(count));
}

constexpr std::string_view kGoodBody =
    R"({"batch":[{"type":"identify","userId":"u\u00e9","traits":{"a":{"b":1},"c":[1,2]}},)"
    R"({"type":"track","event":"Order Completed","anonymousId":"a","messageId":"m","timestamp":)"
    R"("2026-11-22T05:09:00.000Z","properties":{"order_id":"o","products":[{"id":"p","price":1.5,)"
    R"("quantity":2},{"sku":"q"}],"currency":"USD","query":"tea \"green\" 茶"},"context":{"page":)"
    R"({"url":"https://x"},"library":{"name":"analytics.js"},"sessionId":12}},)"
    R"({"type":"alias","previousId":"x","userId":"y"},{"type":"page","userId":3,"name":"Home"}],)"
    R"("sentAt":1795324200000,"context":{"traits":{"d":null}},"writeKey":"w"})";

// Every message is events or one problem, and what is handed over is well formed.
void check_kept_promises(const SegmentBatch& out) {
  RC_ASSERT(out.problems.size() <= out.messages);
  RC_ASSERT(out.events.size() >= out.messages - out.problems.size());
  if (out.messages == out.problems.size()) RC_ASSERT(out.events.empty());
  for (const SegmentProblem& problem : out.problems) {
    RC_ASSERT(problem.index < out.messages);
    RC_ASSERT(!problem.reason.empty() && !problem.message.empty());
    RC_ASSERT(!first_invalid_utf8(problem.message));
  }
  for (const Event& event : out.events) {
    RC_ASSERT(event.time <= kReceived);
    RC_ASSERT(!event.customer.empty() || !event.anonymous.empty());
    RC_ASSERT(event.properties.empty() || !find_json_fault(event.properties, 64));
    for (const std::string_view text : {event.customer, event.anonymous, event.item, event.order,
                                        event.session, event.text, event.url, event.properties}) {
      RC_ASSERT(!first_invalid_utf8(text));
    }
    for (const Attribute& one : event.customer_attributes)
      RC_ASSERT(!one.value.empty() && !first_invalid_utf8(one.name));
  }
}

RC_GTEST_PROP(SegmentReaderProperty, MutatedBodiesGiveEventsOrProblems, ()) {
  SegmentBench bench;
  const std::string pieces = R"({}[],:"\u0d8eE+-.019truefalsn )";
  for (int round = 0; round < 50; ++round) {
    std::string body(kGoodBody);
    const int changes = *rc::gen::inRange(1, 6);
    for (int i = 0; i < changes && !body.empty(); ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, body.size());
      const auto kind = *rc::gen::inRange(0, 5);
      const char piece = pieces[*rc::gen::inRange<std::size_t>(0, pieces.size())];
      if (kind == 0) body.erase(at, *rc::gen::inRange<std::size_t>(1, 9));
      if (kind == 1) body[at] = piece;
      if (kind == 2) body.insert(at, 1, piece);
      if (kind == 3) body[at] = static_cast<char>(*rc::gen::inRange(0, 256));
      if (kind == 4) body.insert(at, body.substr(at, *rc::gen::inRange<std::size_t>(1, 30)));
    }
    const auto call = static_cast<SegmentCall>(*rc::gen::inRange(0, 7));
    bench.read(*rc::gen::inRange(0, 3) == 0 ? call : SegmentCall::batch, body);
    check_kept_promises(bench.out);
  }
}

// Values of every kind at every place: whole JSON, so that all of it reaches the mapping.
RC_GTEST_PROP(SegmentReaderProperty, AnyValueAnywhereGivesEventsOrProblems, ()) {
  static constexpr std::array<std::string_view, 20> kValues{
      "null",         "true",        "0",
      "-1.5",         "1e400",       "123456789012345678901",
      "\"\"",         "\" x \"",     "\"2026-11-22\"",
      "\"NaN\"",      "\"\\ud800\"", "\"\\u0000\"",
      "[]",           "[1]",         "[{}]",
      "[{\"id\":1}]", "{}",          "{\"a\":{\"b\":[1]}}",
      "\"USD\"",      "\"track\""};
  static constexpr std::array<std::string_view, 24> kKeys{
      "userId",  "anonymousId", "messageId",  "timestamp", "sentAt",    "originalTimestamp",
      "type",    "event",       "properties", "traits",    "context",   "previousId",
      "groupId", "name",        "channel",    "price",     "quantity",  "products",
      "items",   "currency",    "page",       "library",   "sessionId", "value"};
  const auto object = [&](int members, const auto& self, int depth) -> std::string {
    std::string text = "{";
    for (int i = 0; i < members; ++i) {
      text += fmt::format("{}\"{}\":", i > 0 ? "," : "",
                          kKeys[*rc::gen::inRange<std::size_t>(0, kKeys.size())]);
      text += depth < 3 && *rc::gen::inRange(0, 3) == 0
                  ? self(*rc::gen::inRange(0, 5), self, depth + 1)
                  : std::string(kValues[*rc::gen::inRange<std::size_t>(0, kValues.size())]);
    }
    return text + "}";
  };
  SegmentBench bench;
  for (int round = 0; round < 20; ++round) {
    std::string body = R"({"batch":[)";
    const int messages = *rc::gen::inRange(1, 5);
    for (int i = 0; i < messages; ++i) {
      std::string one = object(*rc::gen::inRange(0, 8), object, 0);
      if (i % 2 == 0)
        one.insert(1, R"("userId":"u","type":"track","event":"purchase")" +
                          std::string(one.size() > 2 ? "," : ""));
      body += (i > 0 ? "," : "") + one;
    }
    bench.read(SegmentCall::batch, body + "]}");
    RC_ASSERT(bench.failure == "");
    RC_ASSERT(bench.out.messages == static_cast<std::size_t>(messages));
    check_kept_promises(bench.out);
  }
}

}  // namespace
}  // namespace attune::events
