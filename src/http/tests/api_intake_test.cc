#include <atomic>

#include "api_bench.h"
#include "attune/http/server.h"
#include "client.h"

namespace attune::http {
namespace {

using engine::KeyScope;

class IntakeDoors : public ApiBench {
 protected:
  // The type, item, source and channel of the event that has this message's number as its time.
  std::string event_at(int second) {
    return sql(
        fmt::format("SELECT string_agg(type || ' ' || item || ' ' || coalesce(channel, '-'), '; ' "
                    "ORDER BY sequence) FROM events WHERE epoch(time) = 1779000000 + {}",
                    second));
  }
  static std::string stamped(int second, const std::string& rest) {
    return fmt::format(R"({{"timestamp":"2026-05-17T06:40:{:02}Z","messageId":"m{}",{}}})", second,
                       second, rest);
  }
  std::int64_t number_of(const std::string& item) {
    std::int64_t number = 0;
    EXPECT_TRUE(service_->with([&](engine::Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const auto catalog, workspace.catalog().snapshot(workspace.now()));
      if (const catalog::Item* found = catalog.find_id(item)) number = found->number.value;
      return {};
    }));
    return number;
  }
};

TEST_F(IntakeDoors, PutEveryCallIntoTheHistory) {
  const std::pair<const char*, std::string> calls[] = {
      {"/v1/identify", stamped(1, R"("userId":"ann","traits":{"city":"Köln"})")},
      {"/v1/track", stamped(2, R"("userId":"ann","event":"Order Completed","channel":"browser",
         "properties":{"order_id":"o1","currency":"GBP","products":[
         {"product_id":"p1","price":2.5,"quantity":2}]})")},
      {"/v1/page", stamped(3, R"("anonymousId":"dev","properties":{"product_id":"p1"})")},
      {"/v1/screen", stamped(4, R"("userId":"ann","name":"Home")")},
      {"/v1/group", stamped(5, R"("userId":"ann","groupId":"g1")")},
      {"/v1/alias", stamped(6, R"("userId":"ann","previousId":"dev")")},
      {"/v1/t", stamped(7, R"("userId":"ann","event":"Product Viewed",
         "properties":{"product_id":"p2"})")},
      {"/api/public/apps/track", stamped(8, R"("userId":"ann","event":"Product Added",
         "properties":{"product_id":"p2"})")},
      {"/v1/batch", R"({"batch":[)" + stamped(9, R"("type":"track","userId":"bob",
         "event":"Product Viewed","properties":{"product_id":"p1"})") +
                        "]}"}};
  for (const auto& [path, body] : calls) {
    const Told told = post(path, body);
    EXPECT_EQ(told.status, 200) << path << " " << told.body;
    EXPECT_EQ(told.body, R"({"success":true})");
  }
  settle();
  const auto item = [&](const char* id) { return std::to_string(number_of(id)); };
  EXPECT_EQ(event_at(1), "identify 0 -");
  EXPECT_EQ(event_at(2), "purchase " + item("p1") + " web");
  EXPECT_EQ(event_at(3), "view " + item("p1") + " -");
  EXPECT_EQ(event_at(4), "view 0 app");
  EXPECT_EQ(event_at(5), "identify 0 -");
  EXPECT_EQ(event_at(6), "alias 0 -");
  EXPECT_EQ(event_at(7), "view " + item("p2") + " -");
  EXPECT_EQ(event_at(8), "cart_add " + item("p2") + " -");
  EXPECT_EQ(event_at(9), "view " + item("p1") + " -");
  EXPECT_EQ(sql("SELECT quantity || ' ' || price_minor || ' ' || value_minor || ' ' || currency || "
                "' ' || order_id FROM events WHERE type = 'purchase'"),
            "2.0 250 500 GBP o1");
  const Told profile = get("/v1/profiles/ann");
  EXPECT_EQ(profile.status, 200);
  EXPECT_EQ(trait("ann", "city"), "Köln");
  EXPECT_EQ(get("/v1/profiles/dev").body, profile.body);
}

TEST_F(IntakeDoors, CountAMessageThatComesAgainOnce) {
  const std::string message =
      R"({"type":"track","userId":"ann","event":"Product Viewed","messageId":"twice",
          "properties":{"product_id":"p1"}})";
  const std::string one = R"({"batch":[)" + message + "]}";
  EXPECT_EQ(post("/v1/batch", R"({"batch":[)" + message + "," + message + "]}").status, 200);
  EXPECT_EQ(post("/v1/batch", one).status, 200);
  settle();
  EXPECT_EQ(post("/v1/batch", one).status, 200);
  settle();
  EXPECT_EQ(sql("SELECT count(*) FROM events"), "1");
  restart();
  EXPECT_EQ(post("/v1/batch", one).status, 200);
  settle();
  EXPECT_EQ(sql("SELECT count(*) FROM events"), "1");
}

TEST_F(IntakeDoors, AnswerInStrictModeWhatIsWrong) {
  const std::string bad = R"({"userId":"ann","event":"Product Viewed",
      "properties":{"product_id":"p1","price":"dear"}})";
  const Told strict = post("/v1/track", bad, {{"X-Strict-Mode", "1"}});
  expect_problem(strict, 400, "properties.price");
  settle();
  EXPECT_EQ(get("/v1/refused").text("/total"), "0");
  EXPECT_EQ(sql("SELECT count(*) FROM events"), "0");
  // Lenient, it is kept with its reason.
  EXPECT_EQ(post("/v1/track", bad).status, 200);
  settle();
  EXPECT_EQ(get("/v1/refused").text("/refused/0/field"), "properties.price");
}

TEST_F(IntakeDoors, KeepWhatTheyRefusedUntilItIsMendedOrDropped) {
  const std::string viewed = R"("userId":"ann","event":"Product Viewed","timestamp":)";
  EXPECT_EQ(post("/v1/track", R"({"messageId":"a",)" + viewed + R"("no time"})").status, 200);
  EXPECT_EQ(post("/v1/batch", R"({"batch":[{"type":"track","event":"Product Viewed"},
                                  {"type":"page","userId":"ok"}]})")
                .status,
            200);
  EXPECT_EQ(post("/v1/identify", R"({"traits":{"name":")" + std::string(20'000, 'x') +
                                     R"(","a":")" + std::string(3'000, '\0') + R"("}})")
                .status,
            400);
  // Cut where it is too large, in the middle of characters.
  std::string wide;
  for (int i = 0; i < 20'000; ++i) wide += "茶";
  const std::string large = R"({"type":"identify","userId":"u","traits":{"n":")" + wide + R"("}})";
  EXPECT_EQ(post("/v1/batch", R"({"batch":[)" + large + "]}").status, 200);
  expect_problem(post("/v1/identify", large), 400);
  settle();
  const Told list = get("/v1/refused");
  ASSERT_EQ(list.status, 200) << list.body;
  EXPECT_EQ(list.text("/total"), "3");
  EXPECT_EQ(service_->health().refused, 3);
  EXPECT_EQ(list.text("/refused/0/reason"), "bad_time");
  EXPECT_EQ(list.text("/refused/0/call"), "track");
  EXPECT_EQ(list.text("/refused/1/field"), "batch[0].userId");
  EXPECT_EQ(list.text("/refused/2/reason"), "too_large");
  EXPECT_EQ(list.text("/refused/2/cut"), "true");
  const auto number = [&](int i) { return list.text(fmt::format("/refused/{}/number", i)); };

  expect_problem(post("/v1/refused/" + number(0) + "/replay"), 400, "timestamp");
  expect_problem(post("/v1/refused/" + number(2) + "/replay"), 400, "message");
  expect_problem(post("/v1/refused/" + number(0) + "/replay", R"({"mesage":{}})"), 400, "mesage");
  expect_problem(post("/v1/refused/" + number(0) + "/replay", "[]"), 400, "body");
  expect_problem(post("/v1/refused/" + number(0) + "/replay", R"({"message":7})"), 400, "message");
  EXPECT_EQ(post("/v1/refused/" + number(0) + "/replay",
                 R"({"message":{"type":"track",)" + viewed + R"("2026-05-17T06:40:01Z"}})")
                .status,
            200);
  EXPECT_EQ(post("/v1/refused/" + number(1) + "/replay",
                 R"({"message":{"type":"track","userId":"bob","event":"Product Viewed"}})")
                .status,
            200);
  EXPECT_EQ(ask(Method::del, "/v1/refused/" + number(2)).status, 200);
  expect_problem(ask(Method::del, "/v1/refused/" + number(2)), 404);
  expect_problem(post("/v1/refused/" + number(0) + "/replay"), 404);
  settle();
  EXPECT_EQ(get("/v1/refused").text("/total"), "0");
  EXPECT_EQ(service_->health().refused, 0);
  EXPECT_EQ(sql("SELECT count(*) FROM events WHERE type = 'view'"), "3");
  EXPECT_EQ(event_at(1), "view 0 -");
  restart();
  EXPECT_EQ(get("/v1/refused").text("/total"), "0");
}

TEST_F(IntakeDoors, OpenToKeysOfTheirScopeOnly) {
  const std::string write = make_key(KeyScope::write), read = make_key(KeyScope::read),
                    admin = make_key(KeyScope::admin);
  const std::string body = R"({"userId":"ann","event":"Product Viewed"})";
  const auto track = [&](const std::string& key) {
    return with_key(Method::post, "/v1/track", key, body).status;
  };
  EXPECT_EQ(track(""), 401);
  EXPECT_EQ(track("at_nobody_x"), 401);
  EXPECT_EQ(track(write + "x"), 401);
  EXPECT_EQ(track(read), 403);
  EXPECT_EQ(track(write), 200);
  EXPECT_EQ(track(admin), 200);
  EXPECT_EQ(with_key(Method::get, "/v1/models", write).status, 403);
  EXPECT_EQ(with_key(Method::get, "/v1/models", read).status, 200);
  EXPECT_EQ(with_key(Method::get, "/v1/keys", read).status, 403);
  EXPECT_EQ(with_key(Method::get, "/v1/keys", admin).status, 200);
  EXPECT_EQ(with_key(Method::get, "/v1/keys", "").header("WWW-Authenticate"),
            "Basic realm=\"attune\"");
  // In the body, and as the user of Basic.
  const auto in_body = [&](const std::string& key) {
    return with_key(Method::post, "/v1/track", "",
                    R"({"writeKey":")" + key + R"(","userId":"a","event":"Product Viewed"})")
        .status;
  };
  EXPECT_EQ(in_body(write), 200);
  EXPECT_EQ(in_body(read), 403);
  EXPECT_EQ(in_body("nothing"), 401);
  expect_problem(with_key(Method::post, "/v1/track", "", "{not json"), 401);
  const auto basic = [&](const std::string& credentials) {
    return ask(Method::post, "/v1/track", body, {{"Authorization", credentials}}, false).status;
  };
  EXPECT_EQ(basic("Basic YW5uOg=="), 401);  // "ann:"
  EXPECT_EQ(basic("Basic ????"), 401);
  EXPECT_EQ(basic("bearer  " + write), 200);
  EXPECT_EQ(ask(Method::post, "/v1/track", body, {{"x-api-key", write}}, false).status, 200);
  const std::string id = write.substr(0, write.find('_', 3));
  EXPECT_EQ(ask(Method::del, "/v1/keys/" + id).status, 200);
  EXPECT_EQ(track(write), 401);
  EXPECT_EQ(in_body(write), 401);
}

// What somebody was called before they were known is theirs to tell.
TEST_F(IntakeDoors, MakeOneCustomerOfTwoForTheShopAlone) {
  ASSERT_EQ(post("/v1/track", R"({"userId":"ann","event":"Signed Up"})").status, 200);
  settle();
  const std::string write = make_key(KeyScope::write);
  const auto alias = [&](const std::string& previous) {
    return ask(Method::post, "/v1/alias",
               fmt::format(R"({{"userId":"eve","previousId":"{}"}})", previous),
               {{"X-API-Key", write}, {"X-Strict-Mode", "1"}}, false);
  };
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(alias("dev").status, 200) << again;
    settle();
  }
  expect_problem(alias("ann"), 400, "previousId");
}

// A device that is tied to a customer is no way round that, nor is a message of the same batch.
TEST_F(IntakeDoors, MakeOneCustomerOfTwoByNoDeviceEither) {
  const std::string write = make_key(KeyScope::write);
  const auto post_as = [&](const std::string& path, const std::string& body,
                           const std::string& key) {
    EXPECT_EQ(ask(Method::post, path, body, {{"X-API-Key", key}}, false).status, 200) << body;
    settle();
  };
  for (const char* who : {"ann", "bob", "eve"})
    post_as("/v1/identify", fmt::format(R"({{"userId":"{}"}})", who), write);
  post_as("/v1/identify", R"({"userId":"ann","anonymousId":"dev"})", write);
  post_as("/v1/alias", R"({"previousId":"dev","userId":"bob"})", write);
  post_as("/v1/batch", R"({"batch":[{"type":"identify","userId":"eve","anonymousId":"dev2"},
                                    {"type":"alias","previousId":"dev2","userId":"bob"}]})",
          write);
  const auto known = [&](const std::string& id) { return get("/v1/profiles/" + id).text("/id"); };
  EXPECT_EQ(known("ann"), "ann");
  EXPECT_EQ(known("bob"), "bob");
  EXPECT_EQ(known("eve"), "eve");
  // The shop's word does it.
  post_as("/v1/alias", R"({"previousId":"dev","userId":"bob"})", make_key(KeyScope::admin));
  EXPECT_EQ(known("ann"), "bob");
}

// A write key lies open in a page: with it nobody renames an item, speaks for a customer, or makes
// a decision up.
TEST_F(IntakeDoors, TakeFromAWriteKeyOnlyWhatVisitorsDo) {
  ASSERT_EQ(ask(Method::put, "/v1/items/tea", R"({"name":"Tea"})").status, 200);
  ASSERT_EQ(post("/v1/track", R"({"userId":"ann","event":"consent_withdrawn"})").status, 200);
  settle();
  const std::string write = make_key(KeyScope::write), admin = make_key(KeyScope::admin);
  const std::vector<std::string> reserved{
      "item_changed",      "customer_changed", "decision",        "assignment",
      "message_sent",      "message_bounced",  "coupon_issued",   "coupon_expired",
      "message_delivered", "points_earned",    "points_spent",    "message_complained",
      "consent_given",     "risk_flag",        "Email Delivered", "Email Marked as Spam"};
  const auto told = [](const std::string& type) {
    return fmt::format(R"("userId":"ann","event":"{}","properties":{{"product_id":"tea",
        "name":"Stolen","recommendation_id":"forged","purpose":"personalisation"}})",
                       type);
  };
  for (std::size_t i = 0; i < reserved.size(); ++i) {
    const Told kept = with_key(Method::post, "/v1/track", write, "{" + told(reserved[i]) + "}");
    EXPECT_EQ(kept.status, 200) << reserved[i];
    EXPECT_EQ(with_key(Method::post, "/v1/track", "",
                       fmt::format(R"({{"writeKey":"{}",{}}})", write, told(reserved[i])))
                  .status,
              200);
    settle();
    const Told list = get("/v1/refused?after=0&limit=100");
    EXPECT_EQ(list.text("/total"), std::to_string(2 * i + 2)) << reserved[i];
    EXPECT_EQ(list.text(fmt::format("/refused/{}/reason", 2 * i + 1)), "reserved_type");
    expect_problem(ask(Method::post, "/v1/track", "{" + told(reserved[i]) + "}",
                       {{"X-API-Key", write}, {"X-Strict-Mode", "1"}}, false),
                   400, reserved[i] == "consent_given" ? "userId" : "event");
  }
  EXPECT_EQ(sql("SELECT count(*) FROM events"), "2");
  EXPECT_EQ(get("/v1/items/tea").text("/name"), "Tea");
  EXPECT_EQ(get("/v1/customers/ann/consents").text("/consents/personalisation"), "withdrawn");
  expect_problem(get("/v1/decisions/forged"), 404);
  // What a visitor says of itself counts, and no comes from anybody.
  const auto track = [&](const std::string& key, const std::string& body) {
    EXPECT_EQ(with_key(Method::post, "/v1/track", key, body).status, 200);
    settle();
  };
  track(write, R"({"anonymousId":"dev","event":"consent_given","properties":{"purpose":"ads"}})");
  track(write, R"({"userId":"bob","event":"consent_withdrawn","properties":{"purpose":"ads"}})");
  track(write, R"({"userId":"ann","event":"Unsubscribed"})");
  track(write, R"({"userId":"ann","event":"Email Opened"})");
  EXPECT_EQ(get("/v1/customers/bob/consents").text("/consents/ads"), "withdrawn");
  EXPECT_EQ(sql("SELECT string_agg(type, ' ' ORDER BY sequence) FROM events"),
            "item_changed consent_withdrawn consent_given consent_withdrawn unsubscribe "
            "message_opened");
  // The shop's own word, with its key in the header or in the body.
  track(admin, "{" + told("consent_given") + "}");
  EXPECT_EQ(get("/v1/customers/ann/consents").text("/consents/personalisation"), "given");
  track("", fmt::format(R"({{"writeKey":"{}",{}}})", admin, told("risk_flag")));
  EXPECT_EQ(sql("SELECT count(*) FROM events WHERE type = 'risk_flag'"), "1");
  // An admin decides what to do with what was kept, but makes no decision of it.
  track(admin, "{" + told("decision") + "}");
  EXPECT_EQ(sql("SELECT count(*) FROM events WHERE type = 'decision'"), "1");
  expect_problem(get("/v1/decisions/forged"), 404);
  EXPECT_EQ(post("/v1/refused/" + get("/v1/refused").text("/refused/0/number") + "/replay").status,
            200);
}

// A message that is mended goes the way that it would have gone in its batch.
TEST_F(IntakeDoors, TakeAMendedMessageAgainWithTheClockOfItsBatch) {
  // The device is two hours slow, and its library is one of browsers.
  const std::int64_t now = service_->now().micros;
  const auto iso = [&](std::int64_t ago) { return format_iso({now - ago * 1'000'000}); };
  const auto message = [&](const char* id, const char* event) {
    return fmt::format(
        R"({{"type":"track","userId":"ann","messageId":"{}","event":"{}","timestamp":"{}"}})", id,
        event, iso(7'260));
  };
  EXPECT_EQ(post("/v1/batch", fmt::format(R"({{"sentAt":"{}","context":{{"page":{{"url":"/p"}},
      "library":{{"name":"analytics.js"}}}},"batch":[{},{}]}})",
                                          iso(7'200), message("a", "Product Viewed"),
                                          message("b", "Prodcut Viewed")))
                .status,
            200);
  settle();
  const Told list = get("/v1/refused");
  ASSERT_EQ(list.text("/total"), "1");
  EXPECT_THAT(list.text("/refused/0/around"), HasSubstr("analytics.js"));
  EXPECT_EQ(post("/v1/refused/" + list.text("/refused/0/number") + "/replay",
                 fmt::format(R"({{"message":{}}})", message("b", "Product Viewed")))
                .status,
            200);
  settle();
  EXPECT_EQ(sql("SELECT count(*) || ' ' || count(DISTINCT time) || ' ' || count(DISTINCT channel) "
                "|| ' ' || min(channel) FROM events"),
            "2 1 1 web");
  const double ago =
      std::stod(sql(fmt::format("SELECT ({} - epoch_us(min(time))) / 1e6 FROM events", now)));
  EXPECT_NEAR(ago, 60, 30) << "the clock was put right";
}

TEST_F(IntakeDoors, CountStandardNamesThatTellNothing) {
  for (const char* event : {"Order Updated", "order_updated", "Signed In"}) {
    EXPECT_EQ(post("/v1/track", fmt::format(R"({{"userId":"ann","event":"{}"}})", event)).status,
              200);
  }
  EXPECT_EQ(post("/v1/batch", R"({"batch":[{"type":"track","userId":"ann","event":"Signed In"},
      {"type":"track","userId":"ann","event":"Product Viewed"}]})")
                .status,
            200);
  settle();
  const Told metrics = get("/metrics");
  EXPECT_THAT(metrics.body,
              HasSubstr("\nattune_messages_ignored_total{name=\"order updated\"} 2\n"));
  EXPECT_THAT(metrics.body, HasSubstr("\nattune_messages_ignored_total{name=\"signed in\"} 2\n"));
  EXPECT_EQ(sql("SELECT count(*) FROM events"), "1");
  EXPECT_EQ(get("/v1/refused").text("/total"), "0");
}

TEST_F(IntakeDoors, NameThePlaceOfAFaultOfTheWholeBody) {
  expect_problem(post("/v1/track", "{not json"), 400, "body");
  expect_problem(post("/v1/batch", "{}"), 400, "batch");
  expect_problem(post("/v1/batch", R"({"batch":[],"context":7})"), 400, "context");
  expect_problem(post("/v1/track", R"({"userId":"a","userId":"b"})"), 400, "userId");
  expect_problem(post("/v1/identify", std::string(40'000, ' ')), 400, "body");
}

// @segment/analytics-next says how often it tried, and waits as long as it is told.
TEST_F(IntakeDoors, LetPagesTryAgain) {
  Request asks;
  asks.method = Method::options;
  asks.headers = {{"Origin", "https://shop.example"},
                  {"Access-Control-Request-Method", "POST"},
                  {"Access-Control-Request-Headers", "authorization,content-type,x-retry-count"}};
  Response allowed{.status = 204};
  api_->decorate(asks, allowed);
  const auto header = [](const Response& response, std::string_view name) {
    for (const Header& one : response.headers) {
      if (one.name == name) return one.value;
    }
    return std::string();
  };
  for (const char* name : {"Authorization", "Content-Type", "X-Retry-Count", "X-Strict-Mode"})
    EXPECT_THAT(header(allowed, "Access-Control-Allow-Headers"), HasSubstr(name));
  EXPECT_EQ(header(allowed, "Access-Control-Allow-Origin"), "*");
  asks.method = Method::post;
  Response answer;
  api_->decorate(asks, answer);
  EXPECT_EQ(header(answer, "Access-Control-Expose-Headers"),
            "Retry-After, X-RateLimit-Reset, traceparent");
}

TEST_F(IntakeDoors, LogWhenAndForWhichTrace) {
  std::vector<std::string> lines;
  ApiOptions options;
  options.log = [&](const std::string& line) { lines.push_back(line); };
  restart(options);
  const std::string trace(32, 'a');
  const auto observe = [&](const std::string& parent) {
    Request request;
    request.headers = {{"traceparent", parent}};
    api_->observe(request, {}, std::chrono::microseconds(5));
    return json::parse(lines.back()).as_object();
  };
  const json::object good = observe("00-" + trace + "-00f067aa0ba902b7-01");
  EXPECT_EQ(good.at("trace_id").as_string(), trace);
  EXPECT_TRUE(parse_iso(std::string_view(good.at("time").as_string()))) << lines.back();
  const std::string dashes(32, '-'), zeros(32, '0');
  for (const std::string& bad :
       {"00-" + dashes + "-00f067aa0ba902b7-01", "00-" + trace + "-----------------01",
        "00-" + zeros + "-00f067aa0ba902b7-01", "00-" + trace + "-0000000000000000-01",
        "ff-" + trace + "-00f067aa0ba902b7-01", "0--" + trace + "-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(observe(bad).contains("trace_id")) << bad;
  }
}

TEST_F(IntakeDoors, AskAKeyThatComesTooOftenToWait) {
  for (const double rate : {2., .5}) {
    ApiOptions options;
    options.requests_per_second = rate;
    restart(options);
    const std::string write = make_key(KeyScope::write), other = make_key(KeyScope::write);
    const std::string body = R"({"userId":"ann","event":"Product Viewed"})";
    int passed = 0;
    Told last;
    for (int i = 0; i < 6; ++i) {
      last = with_key(Method::post, "/v1/track", write, body);
      passed += last.status == 200;
    }
    EXPECT_GE(passed, 1);
    EXPECT_LE(passed, 4);
    expect_problem(last, 429);
    EXPECT_GE(std::stoi("0" + last.header("Retry-After")), 1);
    EXPECT_EQ(last.header("X-RateLimit-Reset"), last.header("Retry-After"));
    EXPECT_EQ(with_key(Method::post, "/v1/track", other, body).status, 200);
  }
}

TEST_F(IntakeDoors, ServeOverARealSocket) {
  ServerOptions options;
  std::atomic<int> observed = 0;
  options.decorate = [&](const Request& request, Response& response) {
    api_->decorate(request, response);
  };
  options.observe = [&](const Request& request, const Response& response,
                        std::chrono::microseconds took) {
    api_->observe(request, response, took);
    ++observed;
  };
  auto server = Server::start(api_->handler(), options);
  ASSERT_TRUE(server);
  const std::string write = make_key(KeyScope::write);
  Client client(server->port());
  const auto send = [&](const std::string& head, const std::string& body) {
    return client.ask(
        fmt::format("{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nOrigin: "
                    "https://shop.example\r\nContent-Length: {}\r\n\r\n{}",
                    head, write, body.size(), body));
  };
  for (int i = 0; i < 20; ++i) {
    const std::string body =
        fmt::format(R"({{"userId":"ann","messageId":"m{}","event":"Product Viewed"}})", i);
    const Answered answer = send("POST /v1/track", body);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.has("access-control-allow-origin: *"));
  }
  EXPECT_EQ(send("GET /v1/models", "").status, 403);
  EXPECT_EQ(send("OPTIONS /v1/track", "").status, 204);
  EXPECT_EQ(send("GET /v1/nothing", "").status, 404);
  ASSERT_TRUE(soon([&] { return observed == 23; }));
  settle();
  EXPECT_EQ(sql("SELECT count(*) FROM events"), "20");
  EXPECT_THAT(
      get("/metrics").body,
      HasSubstr(R"(attune_http_requests_total{method="POST",route="/v1/track",status="200"} 20)"));
  server->stop(std::chrono::seconds(5));
}

}  // namespace
}  // namespace attune::http
