// What orders came to, line by line, and what goes with events beside their fields.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "segment_reading.h"

namespace attune::events {
namespace {

// Lines without prices share what the order came to, by quantity, to the last minor unit.
TEST(SegmentReader, DividesAnOrdersSumOverLinesWithoutPrices) {
  SegmentBench bench;
  const auto values = [&](std::string_view properties, std::string_view event = "Order Completed") {
    std::string text;
    bench.track(event, properties);
    EXPECT_TRUE(bench.out.problems.empty());
    for (const Event& line : bench.out.events) {
      const bool divided = (line.marks & bit(Mark::value_divided)) != 0;
      text += fmt::format("{}{}{} ", line.type == EventType::refund ? "-" : "",
                          line.value_minor ? std::to_string(*line.value_minor) : "none",
                          divided ? "*" : "");
    }
    return text;
  };
  EXPECT_EQ(values(R"({"revenue":10,"products":[{"id":1},{"id":2},{"id":3}]})"), "333* 334* 333* ");
  EXPECT_EQ(values(R"({"revenue":46.85,"total":99,"products":[{"id":1,"quantity":3},{"id":2}]})"),
            "3514* 1171* ");
  EXPECT_EQ(values(R"({"total":8,"products":[{"id":1,"quantity":2}]})"), "800* ");
  EXPECT_EQ(values(R"({"value":5,"currency":"JPY","items":[{"id":1,"quantity":0},{"id":2}]})"),
            "0* 5* ");
  EXPECT_EQ(values(R"({"value":5,"items":[{"id":1,"quantity":0},{"id":2,"quantity":0}]})"),
            "250* 250* ");
  EXPECT_EQ(values(R"({"revenue":6,"products":[{"id":1},{"id":2}]})", "Order Refunded"),
            "-300* -300* ");
  EXPECT_EQ(values(R"({"revenue":-6,"products":[{"id":1},{"id":2}]})"), "-300* -300* ");
  // Prices say it better, and what cannot be divided is left alone.
  EXPECT_EQ(values(R"({"revenue":10,"products":[{"id":1,"price":2},{"id":2}]})"), "200 none ");
  EXPECT_EQ(values(R"({"products":[{"id":1},{"id":2}]})"), "none none ");
  EXPECT_EQ(values(R"({"revenue":10,"products":[{"id":1,"currency":"USD"},{"id":2}]})"),
            "none none ");
  EXPECT_EQ(values(R"({"revenue":10,"products":[{"id":1,"quantity":-1},{"id":2}]})"),
            "-none none ");
  EXPECT_EQ(values(R"({"value":10,"products":[{"id":1},{"id":2}]})", "Product List Viewed"),
            "none none ");
  bench.track("Order Completed", R"({"revenue":"much","products":[{"id":1}]})");
  EXPECT_EQ(bench.problem(), "bad_number properties.revenue");
}

RC_GTEST_PROP(SegmentReaderProperty, SharesOfAnOrderAddUpAndAreFair, ()) {
  const auto cents = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000);
  const auto quantities =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 50)));
  std::string lines;
  double all = 0;
  for (const int quantity : quantities) {
    lines += fmt::format(R"({}{{"id":"p","quantity":{}}})", lines.empty() ? "" : ",", quantity);
    all += quantity;
  }
  SegmentBench bench;
  bench.track("Order Completed", fmt::format(R"({{"revenue":{}.{:02},"products":[{}]}})",
                                             cents / 100, cents % 100, lines));
  RC_ASSERT(bench.out.events.size() == quantities.size());
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < quantities.size(); ++i) {
    const std::int64_t value = bench.out.events[i].value_minor.value();
    const double fair = static_cast<double>(cents) * quantities[i] / all;
    RC_ASSERT(std::fabs(static_cast<double>(value) - fair) <= 1.001);
    sum += value;
  }
  RC_ASSERT(sum == cents);
}

// Of the context, where the visit came from goes with the event.
TEST(SegmentReader, KeepsCampaignAndReferrerAmongTheProperties) {
  SegmentBench bench;
  const std::string context =
      R"("context":{"ip":"1.2.3.4","campaign":{"source":"mail","name":"绿茶"},"page":{"url":"/p",)"
      R"("referrer":"https://a.example/?q=\u0041"},"userAgent":"x"})";
  const std::string kept = R"("context":{"campaign":{"source":"mail","name":"绿茶"},)"
                           R"("page":{"referrer":"https://a.example/?q=\u0041"}})";
  const auto properties = [&](SegmentCall call, const std::string& rest) {
    return std::string(bench.read(call, R"({"userId":"u",)" + rest + "}").event().properties);
  };
  using enum SegmentCall;
  EXPECT_EQ(properties(track, R"("event":"view","properties":{"a":1},)" + context),
            "{" + kept + R"(,"a":1})");
  EXPECT_EQ(properties(track, R"("event":"view",)" + context), "{" + kept + "}");
  EXPECT_EQ(properties(track, R"("event":"view","properties":{ },)" + context), "{" + kept + "}");
  EXPECT_EQ(properties(page, R"("name":"Home",)" + context), "{" + kept + R"(,"name":"Home"})");
  EXPECT_EQ(properties(screen, R"("context":{"campaign":{}})"), R"({"context":{"campaign":{}}})");
  // The shop's own word of that name, and what is nothing.
  for (const char* own : {R"({"context":"basket"})", R"({"context":null})"})
    EXPECT_EQ(properties(track, fmt::format(R"("event":"view","properties":{},{})", own, context)),
              own);
  EXPECT_EQ(properties(track, R"("event":"view","properties":{"a":1},)"
                              R"("context":{"campaign":"mail","page":{"referrer":""}})"),
            R"({"a":1})");
  EXPECT_EQ(properties(identify, R"("traits":{"a":1},)" + context), "");
  // Each line of an order carries it; a batch says it for all.
  bench.read(batch, R"({"batch":[{"type":"track","userId":"u","event":"Order Completed",
      "properties":{"products":[{"id":1},{"id":2}]}}],)" +
                        context + "}");
  ASSERT_EQ(bench.out.events.size(), 2u);
  EXPECT_EQ(bench.out.events[1].properties, "{" + kept + R"(,"products":[{"id":2}]})");
}

TEST(SegmentReader, TellsWithAProblemWhatTheBatchSaid) {
  SegmentBench bench;
  const auto around = [&](const std::string& rest) {
    bench.read(SegmentCall::batch,
               R"({"batch":[{"type":"track","userId":"u","event":"no such"}])" + rest + "}");
    return bench.out.problems.at(0).around;
  };
  EXPECT_EQ(around(""), "");
  EXPECT_EQ(around(R"(,"sentAt":"2026-11-22T05:09:00Z","context":{"a":1},"writeKey":"w")"),
            R"({"sentAt":"2026-11-22T05:09:00Z","context":{"a":1}})");
  EXPECT_EQ(around(R"(,"context":{"a":")" + std::string(2'048, 'x') + R"("},"sentAt":5)"),
            R"({"sentAt":5})");
  EXPECT_EQ(around(R"(,"context":null)"), "");
}

TEST(SegmentReader, TakesTheCurrencyOfAnAmountWhereNoneIsStated) {
  SegmentBench bench;
  const auto read = [&](std::string_view properties) {
    bench.track("Order Completed", properties);
    std::string text;
    for (const Event& line : bench.out.events) {
      text += fmt::format("{} {}{} ", line.value_minor.value_or(-1), line.currency.to_string(),
                          (line.marks & bit(Mark::currency_assumed)) != 0 ? "?" : "");
    }
    for (const SegmentProblem& problem : bench.out.problems)
      text += problem.reason + " " + problem.field;
    return text;
  };
  EXPECT_EQ(read(R"({"id":1,"price":5})"), "500 EUR ");
  EXPECT_EQ(read(R"({"id":1,"price":"5.00"})"), "500 EUR ");
  EXPECT_EQ(read(R"({"id":1,"price":"£5"})"), "500 GBP ");
  EXPECT_EQ(read(R"({"id":1,"price":"$5"})"), "500 USD? ");
  EXPECT_EQ(read(R"({"id":1,"price":"$5","currency":"CAD"})"), "500 CAD ");
  EXPECT_EQ(read(R"({"id":1,"price":"100円","revenue":200})"), "200 JPY ");
  EXPECT_EQ(read(R"({"revenue":"10 USD","products":[{"id":1},{"id":2}]})"), "500 USD 500 USD ");
  EXPECT_EQ(read(R"({"products":[{"id":1,"price":"£5"},{"id":2,"price":5}]})"), "500 GBP 500 EUR ");
  EXPECT_EQ(read(R"({"id":1,"price":"£5","currency":"EUR"})"), "two_currencies properties.price");
  EXPECT_EQ(read(R"({"id":1,"price":5,"currency":"GPB"})"), "unknown_currency properties.currency");
  EXPECT_NE(bench.out.problems.at(0).message.find("did you mean 'GBP'?"), std::string::npos);
  EXPECT_EQ(read(R"({"id":1,"price":"5 GPB"})"), "unknown_currency properties.price");
}

}  // namespace
}  // namespace attune::events
