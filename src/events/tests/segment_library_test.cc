// Bodies in the shapes that released libraries send.
#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "attune/events/mapping.h"
#include "attune/events/reader.h"
#include "segment_reading.h"

namespace attune::events {
namespace {

// @segment/analytics-node: writeKey and sentAt behind the batch, times under "timestamp".
TEST(SegmentLibraries, ReadAnalyticsNode) {
  SegmentBench bench;
  bench.read(SegmentCall::batch, R"({"batch":[
    {"messageId":"node-next-1795324190000-0b6b5d4e-7b7b-4f35-8a50-6a1f9f0c3b11",
     "timestamp":"2026-11-22T05:09:50.000Z","type":"identify","traits":{"email":"ada@shop.example",
     "plan":"gold"},"userId":"ada","integrations":{},"context":{"library":{"name":
     "@segment/analytics-node","version":"2.1.3"}},"_metadata":{"nodeVersion":"v22.1.0",
     "jsRuntime":"node"}},
    {"messageId":"node-next-1795324191000-7c0a","timestamp":"2026-11-22T05:09:51.500Z",
     "type":"track","event":"Order Completed","userId":"ada","anonymousId":"anon-1","properties":
     {"order_id":"o-1","currency":"GBP","total":41.98,"products":[{"product_id":"tea","price":2.55,
     "quantity":6},{"product_id":"pot","price":26.68,"quantity":1}]},"integrations":{},
     "context":{"library":{"name":"@segment/analytics-node","version":"2.1.3"}},
     "_metadata":{"jsRuntime":"node"}}],
    "writeKey":"wk-1","sentAt":"2026-11-22T05:09:59.000Z"})");
  EXPECT_EQ(bench.failure, "");
  EXPECT_EQ(bench.out.write_key, "wk-1");
  ASSERT_EQ(bench.out.events.size(), 3u);
  EXPECT_EQ(bench.out.events[0].type, EventType::identify);
  // The server's clock is a second ahead of the sender's.
  EXPECT_EQ(format_iso(bench.out.events[0].time), "2026-11-22T05:09:51Z");
  EXPECT_EQ(bench.out.events[1].event_id, "node-next-1795324191000-7c0a#0");
  EXPECT_EQ(bench.out.events[1].value_minor, 1530);
  EXPECT_EQ(bench.out.events[2].item, "pot");
  EXPECT_EQ(bench.out.events[2].channel, "");
}

// @rudderstack/rudder-sdk-node: each message has its own sentAt and says that a server sent it;
// identify repeats its traits in the context; the batch states a time of its own.
TEST(SegmentLibraries, ReadRudderNode) {
  SegmentBench bench;
  bench.read(SegmentCall::batch, R"({"batch":[
    {"userId":"97980","traits":{"city":"Kolkata"},"context":{"traits":{"city":"Kolkata"},
     "library":{"name":"analytics-node","version":"3.0.4"}},"type":"identify","channel":"server",
     "_metadata":{"nodeVersion":"20.11.0"},"originalTimestamp":"2026-11-22T05:09:40.000Z",
     "messageId":"4b3c0b1e-1f2d","sentAt":"2026-11-22T05:10:00.000Z"},
    {"userId":"97980","event":"Product Viewed","properties":{"product_id":"tea"},
     "timestamp":"2024-02-03T00:00:00.000Z","context":{"library":{"name":"analytics-node",
     "version":"3.0.4"}},"type":"track","channel":"server","originalTimestamp":
     "2026-11-22T05:09:41.000Z","messageId":"5c","sentAt":"2026-11-22T05:10:00.000Z"}],
    "timestamp":"2026-11-22T05:10:00.000Z","sentAt":"2026-11-22T05:10:00.000Z"})");
  EXPECT_EQ(bench.failure, "");
  ASSERT_EQ(bench.out.events.size(), 2u);
  EXPECT_EQ(format_iso(bench.out.events[0].time), "2026-11-22T05:09:40Z");
  EXPECT_EQ(texts(bench.out.events[0].customer_attributes).at("city"), "Kolkata");
  EXPECT_EQ(bench.out.events[0].channel, "");
  // A shop that brings its past states the time itself.
  EXPECT_EQ(format_iso(bench.out.events[1].time), "2024-02-03T00:00:00Z");
}

// segment-analytics-python: absent ids as null, times with an offset, sentAt with microseconds.
TEST(SegmentLibraries, ReadAnalyticsPython) {
  SegmentBench bench;
  bench.read(SegmentCall::batch, R"({"batch": [
    {"integrations": {}, "anonymousId": null, "properties": {"query": "\u8336"},
     "timestamp": "2026-11-22T13:09:50.250+08:00", "context": {"library": {"name":
     "analytics-python", "version": "2.3.4"}}, "userId": "42", "type": "track", "event":
     "Products Searched", "messageId": "a1"},
    {"integrations": {}, "anonymousId": "b", "properties": {}, "timestamp":
     "2026-11-22T05:09:50.250+00:00", "category": null, "context": {"library": {"name":
     "analytics-python", "version": "2.3.4"}}, "userId": null, "type": "page", "name": "Cart",
     "messageId": "a2"},
    {"integrations": {}, "previousId": "b", "timestamp": "2026-11-22T05:09:50.250+00:00",
     "context": {}, "userId": "42", "type": "alias", "messageId": "a3", "anonymousId": null}],
    "sentAt": "2026-11-22T05:10:00.000250+00:00", "writeKey": "wk"})");
  EXPECT_EQ(bench.failure, "");
  EXPECT_TRUE(bench.out.problems.empty());
  ASSERT_EQ(bench.out.events.size(), 3u);
  EXPECT_EQ(bench.out.events[0].text, "茶");
  EXPECT_EQ(format_iso(bench.out.events[0].time), "2026-11-22T05:09:50.249750Z");
  EXPECT_EQ(bench.out.events[0].offset_minutes, 480);
  EXPECT_EQ(bench.out.events[1].anonymous, "b");
  EXPECT_EQ(bench.out.events[1].properties, R"({"name":"Cart"})");
  EXPECT_EQ(bench.out.events[2].type, EventType::alias);
  EXPECT_EQ(bench.out.events[2].anonymous, "b");
}

// analytics.js: one call a request, everything about the page in its context.
TEST(SegmentLibraries, ReadAnalyticsBrowser) {
  SegmentBench bench;
  const Event& event = bench
                           .read(SegmentCall::track, R"({"timestamp":"2026-11-22T05:09:58.900Z",
    "integrations":{},"type":"track","event":"Product Added","userId":null,"anonymousId":
    "1b9e2f0c-9f0a-4c1b","properties":{"sku":"tea","price":2.55,"quantity":1},"context":{"page":
    {"path":"/p/tea","referrer":"","search":"","title":"Tea","url":"https://shop.example/p/tea"},
    "userAgent":"Mozilla/5.0","locale":"en-GB","library":{"name":"analytics.js","version":
    "npm:next-1.81.0"},"timezone":"Europe/London"},"messageId":"ajs-next-1795324198900-1b",
    "writeKey":"wk","sentAt":"2026-11-22T05:09:59.000Z","_metadata":{"bundled":["Segment.io"]}})")
                           .event();
  EXPECT_EQ(event.channel, "web");
  EXPECT_EQ(event.url, "https://shop.example/p/tea");
  EXPECT_EQ(event.anonymous, "1b9e2f0c-9f0a-4c1b");
  EXPECT_EQ(event.currency.to_string(), "EUR");
  EXPECT_EQ(format_iso(event.time), "2026-11-22T05:09:59.900000Z");
  EXPECT_EQ(bench.out.write_key, "wk");
}

// What an import of the same calls with the preset "segment" makes of an event.
std::string told(const Event& event) {
  std::string text = fmt::format(
      "{} at {} by {}/{}: {} in {}, {} x {} = {} {}, '{}' {} stars, id {}", name(event.type),
      format_iso(event.time), event.customer, event.anonymous, event.item, event.order,
      event.quantity.value_or(-1), event.price_minor.value_or(-1), event.value_minor.value_or(-1),
      event.currency.to_string(), event.text, event.rating.value_or(-1), event.event_id);
  for (const auto& [key, value] : texts(event.item_attributes))
    text += fmt::format(", {}={}", key, value);
  for (const auto& [key, value] : texts(event.customer_attributes))
    text += fmt::format(", {}={}", key, value);
  return text;
}

TEST(SegmentLibraries, AgreeWithImportsOfTheSameCalls) {
  const std::string body = R"({"batch":[
    {"type":"track","event":"Order Completed","userId":"u","messageId":"m1",
     "timestamp":"2026-11-22T05:00:00Z","properties":{"order_id":"o","total":41.98,"currency":"USD",
     "products":[{"product_id":"tea","price":2.55,"quantity":6,"name":"Tea","category":"Drinks"},
     {"sku":"pot","price":"26.68","quantity":1,"brand":"Acme"}]}},
    {"type":"track","event":"Order Refunded","userId":"u","messageId":"m2",
     "timestamp":"2026-11-22T05:01:00Z","properties":{"order_id":"o","total":41.98}},
    {"type":"track","event":"Order Completed","anonymousId":"a","messageId":"m3",
     "timestamp":"2026-11-22T05:02:00Z","properties":{"order_id":"o2","revenue":-5}},
    {"type":"track","event":"Products Searched","anonymousId":"a","messageId":"m4",
     "timestamp":"2026-11-22T05:03:00+08:00","properties":{"query":" green  tea "}},
    {"type":"track","event":"Product Reviewed","userId":7,"messageId":"m5",
     "timestamp":"2026-11-22T05:04:00.5Z","properties":{"product_id":" te\u0301 ","rating":4.5,
     "review_body":"good"}},
    {"type":"identify","userId":"u","anonymousId":"a","messageId":"m6",
     "timestamp":"2026-11-22T05:05:00Z","traits":{"city":"Köln","age":31,"address":{"zip":"1"}}},
    {"type":"alias","previousId":"a","userId":"u","messageId":"m7",
     "timestamp":"2026-11-22T05:06:00Z"},
    {"type":"page","anonymousId":"a","messageId":"m8","timestamp":"2026-11-22T05:07:00Z",
     "properties":{"product_id":"tea"}}]})";
  const auto folder =
      std::filesystem::is_directory("presets") ? std::filesystem::path("presets") : *find_presets();
  auto preset = Preset::load(folder, "segment").value();
  auto records = open_records(*ByteSource::from_memory("calls.json", body, {}),
                              preset.reading(Kind::events).value())
                     .value();
  ASSERT_TRUE(records->sample());
  const Mapping mapping = preset.mapping(Kind::events, records->columns()).value();
  auto imported = EventReader::create(
      std::move(records), mapping,
      {.zone = TimeZone::utc(), .currency = *Currency::parse("EUR"), .source = "", .channel = ""});
  ASSERT_TRUE(imported) << imported.error().message;
  std::vector<std::string> expected;
  EventBatch batch;
  while (*imported->next(batch)) {
    for (const Event& event : std::as_const(batch).rows()) expected.push_back(told(event));
    for (const Rejected& refused : batch.quarantined()) ADD_FAILURE() << refused.message;
  }
  SegmentBench bench;
  bench.read(SegmentCall::batch, body);
  std::vector<std::string> read;
  for (const Event& event : bench.out.events) read.push_back(told(event));
  EXPECT_EQ(read, expected);
  EXPECT_EQ(read.size(), 9u);
}

}  // namespace
}  // namespace attune::events
