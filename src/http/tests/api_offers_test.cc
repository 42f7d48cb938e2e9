// Offers on pages, tests and dead letters, by HTTP alone.
#include <fstream>

#include "../../net/tests/fake_smtp_server.h"
#include "api_bench.h"

namespace attune::http {
namespace {

using engine::KeyScope;

class OfferDoors : public ApiBench {
 protected:
  void SetUp() override {
    ApiBench::SetUp();
    std::string batch;
    for (int i = 0; i < 12; ++i) {
      batch += fmt::format(R"({}{{"userId":"c{}","type":"track","event":"Order Completed",
        "properties":{{"order_id":"o{}","currency":"GBP",
        "products":[{{"product_id":"p1","price":10,"quantity":1}}]}}}},
        {{"anonymousId":"s{}","type":"track","event":"Product Viewed",
        "properties":{{"product_id":"p1"}}}})",
                           i == 0 ? "" : ",", i, i, i);
    }
    const Told taken = post("/v1/batch", "{\"batch\":[" + batch + "]}");
    ASSERT_EQ(taken.status, 200) << taken.body;
    settle();
  }
  static std::string campaign(const std::string& name, const std::string& rule,
                              const std::string& more = {}) {
    return R"({"name":")" + name + R"(","rule":")" + rule +
           R"(","channel":"on_page","surface":"home","currency":"GBP",
      "schedule":{"start":"2026-01-01T00:00:00","end":"2099-01-01T00:00:00"},
      "holdout":{"share":0.25},"budget":{"messages":1000},
      "treatments":[{"name":"banner","content":"{\"text\":\"Tea\"}"}],
      "outcome":{"event":"purchase","days":7,"value":"revenue"})" +
           more + "}";
  }
  void start(const std::string& name, const std::string& text) {
    const Told saved = ask(Method::put, "/v1/campaigns/" + name, text);
    ASSERT_EQ(saved.status, 200) << saved.body;
    ASSERT_EQ(post("/v1/campaigns/" + name + "/start").status, 200);
  }
  static std::size_t count(const Told& answer, const std::string& pointer) {
    return answer.at(pointer).as_array().size();
  }
};

TEST_F(OfferDoors, OfferTheSameAndLeadImpressionAndClickBack) {
  start("tea", campaign("tea", "monetary_cents > 0"));
  std::string offer, customer;
  int held = 0;
  for (int i = 0; i < 12; ++i) {
    const std::string path = fmt::format("/v1/offers?customer=c{}&surface=home", i);
    const Told first = get(path), second = get(path);
    ASSERT_EQ(first.status, 200) << first.body;
    EXPECT_EQ(first.text("/known"), "true");
    EXPECT_EQ(count(first, "/offers"), count(second, "/offers"));
    if (count(first, "/offers") == 0) {
      ++held;
      EXPECT_EQ(first.text("/not_offered/0/reason"), "held_out");
      continue;
    }
    EXPECT_EQ(first.text("/offers/0/content"), R"({"text":"Tea"})");
    offer = first.text("/offers/0/offer_id");
    customer = fmt::format("c{}", i);
  }
  EXPECT_GT(held, 0);
  EXPECT_LT(held, 8);
  ASSERT_FALSE(offer.empty());
  for (const char* event : {"impression", "Product Clicked"}) {
    const Told told = post("/v1/track", fmt::format(R"({{"userId":"{}","event":"{}",
        "properties":{{"offer_id":"{}","product_id":"p1"}}}})",
                                                    customer, event, offer));
    EXPECT_EQ(told.status, 200) << told.body;
  }
  settle();
  // The service takes its own decisions to the journal by itself.
  ASSERT_TRUE(soon([&] { return get("/v1/campaigns/tea/report").text("/assigned") == "12"; }))
      << get("/v1/campaigns/tea/report").body;
  const Told report = get("/v1/campaigns/tea/report?by=orders");
  ASSERT_EQ(report.status, 200) << report.body;
  EXPECT_EQ(report.text("/activity/0/shown"), "1");
  EXPECT_EQ(report.text("/activity/0/clicked"), "1");
  EXPECT_EQ(report.text("/activity/0/sent"), std::to_string(2 * (12 - held)));
  EXPECT_EQ(get("/v1/campaign-decisions/" + offer).text("/campaign"), "tea");
  EXPECT_EQ(get("/v1/campaigns/tea").text("/budget/spent/messages"),
            std::to_string(2 * (12 - held)));
}

TEST_F(OfferDoors, KnowSessionsAndHonourAWithdrawalAtOnce) {
  start("hello", campaign("hello", "monetary_cents = 0"));
  EXPECT_EQ(get("/v1/offers?anonymous=never-seen&surface=home").text("/known"), "false");
  std::string session;
  for (int i = 0; i < 12 && session.empty(); ++i) {
    const Told answer = get(fmt::format("/v1/offers?anonymous=s{}&surface=home", i));
    ASSERT_EQ(answer.status, 200) << answer.body;
    if (count(answer, "/offers") == 1) session = fmt::format("s{}", i);
  }
  ASSERT_FALSE(session.empty());
  ASSERT_EQ(post("/v1/track", R"({"anonymousId":")" + session +
                                  R"(","event":"consent_withdrawn",
      "properties":{"purpose":"personalisation"}})")
                .status,
            200);
  settle();
  const Told answer = get("/v1/offers?anonymous=" + session + "&surface=home");
  EXPECT_EQ(count(answer, "/offers"), 0u);
  EXPECT_EQ(answer.text("/not_offered/0/reason"), "consent_withdrawn");
  EXPECT_EQ(get("/v1/offers?anonymous=" + session + "&surface=basket").text("/not_offered"), "[]");
}

TEST_F(OfferDoors, NameWhatIsWrongWithAnAsking) {
  expect_problem(get("/v1/offers?surface=home"), 400, "customer");
  expect_problem(get("/v1/offers?customer=c1&anonymous=s1"), 400, "customer");
  expect_problem(get("/v1/offers?customer="), 400, "customer");
  expect_problem(get("/v1/offers?customer=" + std::string(600, 'a')), 400, "customer");
  expect_problem(get("/v1/offers?customer=c1&count=0"), 400, "count");
  expect_problem(get("/v1/offers?customer=c1&count=many"), 400, "count");
  expect_problem(get("/v1/offers?customer=c1&surface=" + std::string(129, 'a')), 400, "surface");
  expect_problem(get("/v1/offers?customer=c1&where=home"), 400, "where");
  expect_problem(get("/v1/campaigns/none/report?from=yesterday"), 400, "from");
  const std::string write = make_key(KeyScope::write);
  EXPECT_EQ(with_key(Method::get, "/v1/offers?customer=c1", write).status, 403);
  EXPECT_EQ(with_key(Method::get, "/v1/offers?customer=c1", "").status, 401);
}

TEST_F(OfferDoors, SendTestsToWhoIsNamedAndCountNothing) {
  net::testing::FakeSmtpServer mail;
  const auto templates = root_ / "shop" / "templates" / "offer";
  std::filesystem::create_directories(templates);
  std::ofstream(templates / "subject") << "For you, {{ name }}\n";
  std::ofstream(templates / "text") << "Hello: {{ \"https://shop.example/tea\" | link }}\n";
  std::ofstream(root_ / "shop" / "attune.toml") << fmt::format(
      "[mail]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\ninner_network = true\n"
      "from = \"Shop <news@shop.example>\"\nlinks = \"https://mail.shop.example\"\n",
      mail.port());
  std::string text = campaign("letter", "monetary_cents > 0");
  text.replace(text.find(R"("on_page","surface":"home")"), 26, R"("email")");
  text.replace(text.find(R"({\"text\":\"Tea\"})"), 18, "offer");
  ASSERT_EQ(ask(Method::put, "/v1/campaigns/letter", text).status, 200);
  const Told sent = post("/v1/campaigns/letter/test", R"({"to":["ann@shop.example"]})");
  ASSERT_EQ(sent.status, 200) << sent.body;
  EXPECT_EQ(sent.text("/test/0/sent"), "true");
  ASSERT_EQ(mail.messages().size(), 1u);
  EXPECT_THAT(mail.messages()[0], HasSubstr("Subject: [Test] For you"));
  EXPECT_EQ(get("/v1/campaigns/letter").text("/outbox/sent"), "0");
  // Its links lead on and write nothing.
  const std::string bytes = mail.messages()[0];
  const std::size_t leave = bytes.find("https://mail.shop.example/u/");
  ASSERT_NE(leave, bytes.npos);
  const std::string path = bytes.substr(leave + 25, bytes.find('>', leave) - leave - 25);
  EXPECT_EQ(ask(Method::post, path, "List-Unsubscribe=One-Click", {}, false).status, 200) << path;
  settle();
  EXPECT_EQ(sql("SELECT count(*) FROM events WHERE type IN ('unsubscribe', 'message_sent')"), "0");

  expect_problem(post("/v1/campaigns/letter/test", R"({"to":[]})"), 400, "to");
  expect_problem(post("/v1/campaigns/letter/test", R"({"to":["nobody"]})"), 400, "to");
  expect_problem(post("/v1/campaigns/letter/test", R"({"to":["a@x.example"],"as":"zz"})"), 404,
                 "as");
  expect_problem(post("/v1/campaigns/letter/test", R"({"to":["a@x.example"],"treatment":"zz"})"),
                 400, "treatment");
  expect_problem(post("/v1/campaigns/letter/test", R"({"too":["a@x.example"]})"), 400, "too");
  expect_problem(post("/v1/campaigns/none/test", R"({"to":["a@x.example"]})"), 404);
  EXPECT_EQ(mail.messages().size(), 1u);
}

TEST_F(OfferDoors, ListMessagesAndSayWhyNoneGoesAgain) {
  EXPECT_EQ(get("/v1/messages").text("/messages"), "[]");
  EXPECT_EQ(get("/v1/messages?state=unknown&limit=5").status, 200);
  expect_problem(get("/v1/messages?state=lost"), 400, "state");
  expect_problem(get("/v1/messages?limit=0"), 400, "limit");
  expect_problem(get("/v1/messages?since=1"), 400, "since");
  expect_problem(post("/v1/messages/nothing/requeue"), 404, "id");
  EXPECT_EQ(with_key(Method::post, "/v1/messages/x/requeue", make_key(KeyScope::read)).status, 403);
}

}  // namespace
}  // namespace attune::http
