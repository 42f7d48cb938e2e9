// What nobody sends who means well: every door answers a problem document, never a defect.
#include <random>

#include "api_bench.h"
#include "api_context.h"

namespace attune::http {
namespace {

class HostileInput : public ApiBench {
 protected:
  void SetUp() override {
    ApiBench::SetUp();
    ApiContext context(*service_, {});
    add_doors(context);
    doors_ = std::move(context.doors);
  }

  static std::string with_parameters(std::string path, const std::string& value) {
    for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, value);
    return path;
  }
  void expect_client_fault(const Door& door, const Told& told, std::string_view what) {
    EXPECT_TRUE(told.status >= 200 && told.status < 500)
        << name(door.method) << " " << door.path << " " << what << ": " << told.status << " "
        << told.body;
    if (told.status < 400) return;
    EXPECT_EQ(told.type, "application/problem+json");
    EXPECT_FALSE(told.text("/title").empty());
    EXPECT_FALSE(first_invalid_utf8(told.body));
  }
  void send_to_all(const std::string& body, std::string_view what) {
    for (const Door& door : doors_) {
      const Told told = ask(door.method, with_parameters(door.path, "x"), body);
      expect_client_fault(door, told, what);
      if (!door.body.empty()) {
        EXPECT_GE(told.status, 400) << door.path << " " << what;
      }
    }
  }

  std::vector<Door> doors_;
};

TEST_F(HostileInput, IsRefusedWhereABodyIsNoJson) {
  std::string deep;
  for (int i = 0; i < 5'000; ++i) deep += R"({"a":[)";
  send_to_all(deep, "deep");
  send_to_all("[[[[[[1]]]]]]", "a list");
  send_to_all("7", "a number");
  send_to_all("\"text\"", "a text");
  send_to_all("{\"a\":1", "cut");
  send_to_all("{\"a\":\"\xff\xfe\"}", "not UTF-8");
  send_to_all(std::string("{\"a\":\0}", 7), "a NUL");
  send_to_all(std::string(100, '\0'), "NULs");
  send_to_all("{\"a\":01}", "leading zero");
  send_to_all("{} {}", "two values");
}

TEST_F(HostileInput, IsRefusedByTheFieldThatHoldsIt) {
  const std::string values[] = {"{}",
                                "[]",
                                "[[1]]",
                                "true",
                                "null",
                                "-1",
                                "1e999",
                                "-1e308",
                                "123456789012345678901234567890",
                                "\"\"",
                                "\"\\u0000\"",
                                "\"a\\u0000b\\n\\u001b[31m\"",
                                "\"\\uffff\"",
                                "\"" + std::string(600, 'x') + "\"",
                                "\"" + std::string(20'000, 'y') + "\""};
  for (const Door& door : doors_) {
    if (door.body.empty()) continue;
    std::vector<std::string> names{"userId", "anonymousId", "event",     "type",   "traits",
                                   "batch",  "timestamp",   "messageId", "sentAt", "properties"};
    const json::value schema = json::parse(door.body);
    if (const json::value* properties = schema.as_object().if_contains("properties")) {
      for (const auto& property : properties->as_object()) names.emplace_back(property.key());
    }
    if (door.path.find("items") != door.path.npos) {
      names.insert(names.end(), {"price", "stock", "name", "category", "hidden", "currency"});
    }
    if (door.method == Method::post && door.path == "/v1/jobs") names = {"names", "set", "kind"};
    for (const std::string& name : names) {
      for (const std::string& value : values) {
        // Two that mean something: every model is trained, a key is made.
        const bool means = value == "[]" || value == "null";
        if (means && door.path == "/v1/jobs") continue;
        const std::string body = fmt::format(R"({{"{}":{}}})", name, value);
        expect_client_fault(door, ask(door.method, with_parameters(door.path, "x"), body), body);
      }
    }
  }
  settle();
  EXPECT_TRUE(service_->health().ready) << service_->health().problem;
  EXPECT_EQ(get("/v1/refused?limit=1000").status, 200);
}

TEST_F(HostileInput, IsRefusedInPathsAndQueries) {
  const std::string parameters[] = {std::string(513, 'a'),
                                    std::string(8'000, 'a'),
                                    "%00",
                                    "%1b%5b31m",
                                    "%20%20",
                                    "..%2F..%2Fetc",
                                    "'%20OR%201=1--",
                                    "-1",
                                    "99999999999999999999",
                                    "%F0%9F%8D%B5"};
  for (const Door& door : doors_) {
    if (door.path.find('{') == door.path.npos) continue;
    for (const std::string& parameter : parameters) {
      const Told told = ask(door.method, with_parameters(door.path, parameter), "{}");
      expect_client_fault(door, told, parameter);
      const bool is_id = door.path.find("{token}") == door.path.npos;  // links are longer
      if (parameter.size() > 512 && is_id) expect_problem(told, 400);
    }
  }
  for (const char* query : {"limit=-1", "after=x", "limit=99999999999999999999", "count=-5",
                            "count=1e9", "where=%27", "nothing"}) {
    for (const Door& door : doors_) {
      if (door.query.empty()) continue;
      expect_client_fault(door, get(with_parameters(door.path, "x") + "?" + std::string(query)),
                          query);
    }
  }
}

// Ids of any characters up to 512 bytes come back as they were sent.
TEST_F(HostileInput, OfAnyUnicodeIsAnId) {
  std::vector<std::string> ids{"茶",
                               "ключ 42",
                               "naïve",
                               "🍵🍵",
                               "a/b?c#d",
                               "%41",
                               "\"quoted\"",
                               "אבג",
                               "'; DROP TABLE event_rows; --",
                               std::string(512, 'z')};
  std::string wide;
  while (wide.size() + 4 <= 512) wide += "🍵";
  ids.push_back(wide);
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
  };
  for (const std::string& id : ids) {
    SCOPED_TRACE(id);
    const std::string quoted_id = json::serialize(json::value(id));
    EXPECT_EQ(post("/v1/track", fmt::format(R"({{"userId":{0},"event":"Product Viewed",
        "properties":{{"product_id":{0}}}}})",
                                            quoted_id))
                  .status,
              200);
    EXPECT_EQ(ask(Method::put, "/v1/items/" + escaped(id), R"({"name":"n"})").status, 200);
    settle();
    EXPECT_EQ(get("/v1/items/" + escaped(id)).text("/id"), id);
    EXPECT_EQ(get("/v1/profiles/" + escaped(id)).status, 200);
  }
  EXPECT_EQ(sql("SELECT count(*) FROM events"), std::to_string(2 * ids.size()));
  EXPECT_EQ(sql("SELECT count(DISTINCT item) FROM events"), std::to_string(ids.size()));
  EXPECT_EQ(get("/v1/refused").text("/total"), "0");
  // Composed or not, it is the same; a byte longer is none.
  EXPECT_EQ(get("/v1/items/" + escaped("nai\u0308ve")).text("/id"), "naïve");
  expect_problem(ask(Method::put, "/v1/items/" + std::string(513, 'z'), "{}"), 400, "id");
  expect_problem(post("/v1/items", R"({"items":[{"id":")" + std::string(513, 'z') + R"("}]})"), 400,
                 "items[0].id");
  expect_problem(post("/v1/recommendations", R"({"customer":")" + std::string(513, 'z') + R"("})"),
                 400, "customer");
  expect_problem(
      post("/v1/recommendations", R"({"exclude":["a",")" + std::string(513, 'z') + R"("]})"), 400,
      "exclude[1]");
  EXPECT_EQ(post("/v1/track", R"({"userId":")" + std::string(513, 'z') + R"(","event":"x"})",
                 {{"X-Strict-Mode", "1"}})
                .status,
            400);
}

TEST_F(HostileInput, OfRandomBytesBringsNothingDown) {
  std::mt19937 random(7);
  const std::string seed =
      R"({"batch":[{"type":"track","userId":"u","messageId":"m","event":"Order Completed","timestamp":
      "2026-05-17T06:40:01Z","properties":{"products":[{"product_id":"p","price":1.5}],"currency":
      "GBP"}}],"customer":"c","items":["a"],"count":3,"rule":"frequency > 1","version":1})";
  for (int round = 0; round < 400; ++round) {
    std::string body = seed;
    for (int i = 0; i < 1 + round % 8; ++i) {
      const std::size_t at = random() % body.size();
      switch (random() % 3) {
        case 0:
          body[at] = static_cast<char>(random());
          break;
        case 1:
          body.erase(at, 1 + random() % 9);
          break;
        default:
          body.insert(at, body.substr(random() % body.size(), random() % 20));
      }
    }
    for (const Door& door : doors_) {
      if (door.body.empty() || door.path == "/v1/jobs" || door.path.starts_with("/v1/segments"))
        continue;
      expect_client_fault(door, ask(door.method, with_parameters(door.path, "x"), body), body);
    }
  }
  settle();
  EXPECT_TRUE(service_->health().ready) << service_->health().problem;
  EXPECT_EQ(get("/v1/refused?limit=1000").status, 200);
}

}  // namespace
}  // namespace attune::http
