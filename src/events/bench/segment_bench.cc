// Bodies of track calls through SegmentReader: events a second on one core. The answer is checked
// before it is timed.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "attune/events/segment.h"

namespace attune::events {
namespace {

constexpr Timestamp kReceived{1'795'324'200'000'000};  // 2026-11-22T05:10:00Z

// About 480 bytes, as the library for Node.js sends them.
std::string track(std::size_t i) {
  static constexpr std::string_view kNames[] = {"Product Viewed", "Product Added",
                                                "Product Clicked"};
  return fmt::format(
      R"({{"messageId":"node-next-1795324{0:06}-7f1c2a9e-52c4-4b1c-9a8e-{0:012}",)"
      R"("timestamp":"2026-11-22T05:09:{1:02}.{2:03}Z","type":"track","event":"{3}",)"
      R"("userId":"customer-{4}","properties":{{"product_id":"sku-{5}","name":"Cotton shirt {5}",)"
      R"("category":"Shirts","brand":"Acme","price":19.9{6},"quantity":{7},"currency":"EUR",)"
      R"("url":"https://shop.example/p/{5}"}},"integrations":{{}},"context":{{"library":)"
      R"({{"name":"@segment/analytics-node","version":"2.1.3"}}}},)"
      R"("_metadata":{{"nodeVersion":"v22.1.0","jsRuntime":"node"}}}})",
      i, i % 60, i % 1000, kNames[i % 3], i % 977, i % 311, i % 10, 1 + i % 4);
}

std::string batch(std::size_t messages) {
  std::string body = R"({"batch":[)";
  for (std::size_t i = 0; i < messages; ++i) body += (i > 0 ? "," : "") + track(i);
  return body + R"(],"writeKey":"key","sentAt":"2026-11-22T05:10:00.000Z"})";
}

void check(bool good, const char* what) {
  if (good) return;
  fmt::print(stderr, "{}\n", what);
  std::abort();
}

void read_batches(benchmark::State& state) {
  const auto messages = static_cast<std::size_t>(state.range(0));
  const std::string body = batch(messages);
  SegmentReader reader({.currency = *Currency::parse("EUR")});
  SegmentBatch out;
  check(reader.read(SegmentCall::batch, body, kReceived, out).has_value(), "refused");
  check(out.events.size() == messages && out.problems.empty(), "not every message is an event");
  check(out.events[0].item == "sku-0" && out.events[0].price_minor == 1990, "read wrongly");
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader.read(SegmentCall::batch, body, kReceived, out).has_value());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(read_batches)->Arg(1)->Arg(10)->Arg(100)->Arg(500);

void read_orders(benchmark::State& state) {
  const auto lines = static_cast<std::size_t>(state.range(0));
  std::string body = R"({"messageId":"m","userId":"u","event":"Order Completed","properties":)"
                     R"({"order_id":"o","currency":"EUR","products":[)";
  for (std::size_t i = 0; i < lines; ++i) {
    body += fmt::format(R"({}{{"product_id":"sku-{}","name":"Shirt","price":19.90,"quantity":2}})",
                        i > 0 ? "," : "", i);
  }
  body += "]}}";
  SegmentReader reader({.currency = *Currency::parse("EUR")});
  SegmentBatch out;
  check(reader.read(SegmentCall::track, body, kReceived, out).has_value(), "refused");
  check(out.events.size() == lines && out.events[0].value_minor == 3980, "read wrongly");
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader.read(SegmentCall::track, body, kReceived, out).has_value());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_orders)->Arg(2)->Arg(20)->Arg(200);

}  // namespace
}  // namespace attune::events
