// One campaign by HTTP alone: written, sent by the service itself to a mail server, followed back.
#include <fstream>
#include <regex>

#include "../../net/tests/fake_smtp_server.h"
#include "api_bench.h"

namespace attune::http {
namespace {

using engine::KeyScope;
using net::testing::FakeSmtpServer;

constexpr int kCustomers = 60;
constexpr int kAsked = 40;  // c0 … gave consent to e-mail

// The bytes that quoted-printable stands for.
std::string unquoted(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_hex = [&](std::size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text.compare(i, 3, "=\r\n") == 0) {
      i += 2;
    } else if (text[i] == '=' && is_hex(i + 1) && is_hex(i + 2)) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The path of the first link of a kind: "/c/…".
std::string link_in(const std::string& mail, char kind) {
  std::smatch found;
  const std::string text = unquoted(mail);
  const std::regex link(
      fmt::format("https://mail\\.shop\\.example(/{}/[A-Za-z0-9_-]+(\\.gif)?)", kind));
  return std::regex_search(text, found, link) ? found[1].str() : "";
}

class CampaignDoors : public ApiBench {
 protected:
  void SetUp() override {
    ApiBench::SetUp();
    const auto templates = root_ / "shop" / "templates" / "offer";
    std::filesystem::create_directories(templates);
    std::ofstream(templates / "subject") << "For you, {{ name }}\n";
    std::ofstream(templates / "text")
        << "Hello {{ name }}: {{ \"https://shop.example/tea\" | link }}\n";
    std::ofstream(templates / "html") << "<p>Hello {{ name }}: <a href=\"{{ "
                                         "\"https://shop.example/tea\" | link }}\">tea</a></p>\n";
    std::ofstream(root_ / "shop" / "attune.toml") << fmt::format(
        "[mail]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\ninner_network = true\n"
        "from = \"Shop <news@shop.example>\"\nlinks = \"https://mail.shop.example\"\n",
        mail_.port());
    std::string batch;
    const auto add = [&](int customer, const std::string& rest) {
      batch += fmt::format(R"({}{{"userId":"c{}",{}}})", batch.empty() ? "" : ",", customer, rest);
    };
    for (int i = 0; i < kCustomers; ++i) {
      add(i, fmt::format(R"("type":"identify","traits":{{"name":"N{}","email":"c{}@x.example"}})",
                         i, i));
      add(i, R"("type":"track","event":"Order Completed","properties":{"order_id":"o)" +
                 std::to_string(i) +
                 R"(","currency":"GBP","products":[{"product_id":"p1","price":10,"quantity":1}]})");
      if (i < kAsked)
        add(i, R"("type":"track","event":"consent_given","properties":{"purpose":"email"})");
    }
    const Told taken = post("/v1/batch", "{\"batch\":[" + batch + "]}");
    ASSERT_EQ(taken.status, 200) << taken.body;
    settle();
  }
  void TearDown() override { ApiBench::TearDown(); }

  static std::string campaign(const std::string& more = {}) {
    return R"({"name":"tea","rule":"monetary_cents > 0","channel":"email","currency":"GBP",
      "schedule":{"start":"2026-01-01T00:00:00","end":"2099-01-01T00:00:00"},
      "holdout":{"share":0.25},"budget":{"messages":1000,"money":"100.00"},
      "caps":[{"scope":"campaign","period":"month","limit":1}],
      "treatments":[{"name":"offer","share":1,"cost":"0.10","content":"offer"}],
      "outcome":{"event":"purchase","days":7,"value":"revenue"})" +
           more + "}";
  }
  std::int64_t outbox(const Told& status, const std::string& state) {
    const json::value counts = status.at("/outbox");
    const json::value* found = counts.as_object().if_contains(state);
    return found == nullptr ? 0 : found->to_number<std::int64_t>();
  }
  void start() {
    ASSERT_EQ(ask(Method::put, "/v1/campaigns/tea", campaign()).status, 200);
    const Told begun = post("/v1/campaigns/tea/start", R"({"by":"ann"})");
    ASSERT_EQ(begun.status, 200) << begun.body;
    EXPECT_EQ(begun.text("/state"), "running");
  }
  // The service decides and sends by itself.
  std::vector<std::string> mails() {
    EXPECT_TRUE(soon([&] {
      const Told status = get("/v1/campaigns/tea");
      return outbox(status, "sent") > 0 && outbox(status, "queued") == 0 &&
             outbox(status, "sending") == 0;
    })) << get("/v1/campaigns/tea").body
        << get("/health/ready").body;
    // The events that tell of it follow what was handed over.
    EXPECT_TRUE(soon([&] {
      settle();
      return events("message_sent") == std::to_string(outbox(get("/v1/campaigns/tea"), "sent"));
    }));
    return mail_.messages();
  }
  // How many a preview stopped for a reason.
  static std::int64_t reason(const Told& preview, std::string_view name) {
    const json::value gates = preview.at("/gates");
    for (const json::value& gate : gates.as_array()) {
      if (const json::value* found = gate.at("reasons").as_object().if_contains(name))
        return found->to_number<std::int64_t>();
    }
    return 0;
  }
  std::string events(std::string_view type) {
    return sql(fmt::format("SELECT count(*) FROM events WHERE type = '{}'", type));
  }

  FakeSmtpServer mail_;
};

TEST_F(CampaignDoors, WalkOneDecisionFromTheEventToTheReport) {
  const Told preview = post("/v1/campaigns/preview", campaign());
  ASSERT_EQ(preview.status, 200) << preview.body;
  EXPECT_EQ(preview.text("/problems"), "[]");
  EXPECT_TRUE(mail_.messages().empty());
  start();
  const std::vector<std::string> sent = mails();
  ASSERT_FALSE(sent.empty());
  const auto people = static_cast<std::int64_t>(sent.size());
  EXPECT_GT(people, kAsked / 2);
  EXPECT_LT(people, kAsked) << "some are held out";
  EXPECT_EQ(events("message_sent"), std::to_string(people));
  EXPECT_EQ(events("assignment"), std::to_string(kAsked));

  // Somebody opens, follows the link, buys; not at once, as a scanner would.
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  const std::string& mail = sent.front();
  const std::string person = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
  const Told picture = ask(Method::get, link_in(mail, 'o'), {}, {{"User-Agent", person}}, false);
  EXPECT_EQ(picture.status, 200);
  EXPECT_EQ(picture.type, "image/gif");
  EXPECT_EQ(picture.body.substr(0, 6), "GIF89a");
  const Told led = ask(Method::get, link_in(mail, 'c'), {}, {{"User-Agent", person}}, false);
  EXPECT_EQ(led.status, 302) << led.body;
  EXPECT_EQ(led.header("Location"), "https://shop.example/tea");
  settle();
  EXPECT_EQ(events("message_opened"), "1");
  EXPECT_EQ(events("message_clicked"), "1");
  const std::string decision = sql("SELECT decision_id FROM events WHERE type = 'message_clicked'");
  const Told decided = get("/v1/campaign-decisions/" + decision);
  EXPECT_EQ(decided.status, 200) << decided.body;
  EXPECT_EQ(decided.text("/campaign"), "tea");

  std::smatch buyer;
  ASSERT_TRUE(std::regex_search(mail, buyer, std::regex("To: .*(c[0-9]+)@x\\.example"))) << mail;
  const Told bought = post(
      "/v1/track",
      fmt::format(
          R"({{"userId":"{}","event":"Order Completed","properties":{{"order_id":"o900","currency":"GBP",
         "products":[{{"product_id":"p1","price":12.5,"quantity":2}}]}}}})",
          buyer[1].str()));
  ASSERT_EQ(bought.status, 200) << bought.body;
  settle();
  const Told report = get("/v1/campaigns/tea/report");
  EXPECT_EQ(report.status, 200) << report.body;
  EXPECT_EQ(report.text("/activity/0/sent"), std::to_string(people));
  EXPECT_EQ(report.text("/activity/0/opened"), "1");
  EXPECT_EQ(report.text("/activity/0/clicked"), "1");
  EXPECT_EQ(report.at("/activity/0/claimed_by_last_touch").to_number<double>(), 25);
  EXPECT_EQ(report.at("/activity/0/claimed_by_position").to_number<double>(), 25);
  EXPECT_EQ(report.text("/assigned"), std::to_string(kAsked));
  const Told status = get("/v1/campaigns/tea");
  EXPECT_EQ(status.text("/budget/spent/messages"), std::to_string(people)) << status.body;
  EXPECT_EQ(get("/health/ready").text("/campaigns"), "");
}

TEST_F(CampaignDoors, UnsubscribeByOneClickAndByThePage) {
  start();
  const std::vector<std::string> sent = mails();
  ASSERT_GE(sent.size(), 2u);
  const std::string first = link_in(sent[0], 'u'), second = link_in(sent[1], 'u');
  // Looking changes nothing: programs fetch links.
  const Told asked = ask(Method::get, first, {}, {{"Accept-Language", "zh-CN"}}, false);
  EXPECT_EQ(asked.status, 200);
  EXPECT_THAT(asked.type, HasSubstr("text/html"));
  EXPECT_THAT(asked.body, HasSubstr("退订"));
  settle();
  EXPECT_EQ(events("consent_withdrawn"), "0");
  for (int i = 0; i < 2; ++i) {
    const Told done = ask(Method::post, first, "List-Unsubscribe=One-Click", {}, false);
    EXPECT_EQ(done.status, 200) << done.body;
  }
  EXPECT_EQ(ask(Method::post, second, "", {}, false).status, 200);
  settle();
  EXPECT_EQ(events("consent_withdrawn"), "2");
  EXPECT_EQ(events("unsubscribe"), "2");
  // Nobody who withdrew is asked again.
  const Told preview = post("/v1/campaigns/preview",
                            std::regex_replace(campaign(), std::regex("\"tea\""), "\"other\""));
  ASSERT_EQ(preview.status, 200) << preview.body;
  EXPECT_EQ(reason(preview, "consent_withdrawn"), 2) << preview.body;
}

TEST_F(CampaignDoors, TakeBouncesOfTheirMessages) {
  start();
  const std::vector<std::string> sent = mails();
  ASSERT_FALSE(sent.empty());
  const std::string original = sent.front().substr(0, sent.front().find("\r\n\r\n") + 2);
  const std::string bounce =
      "From: postmaster@x.example\r\nTo: news@shop.example\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
      "--b\r\nContent-Type: text/plain\r\n\r\nNo such mailbox.\r\n"
      "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.example\r\n\r\n"
      "Final-Recipient: rfc822; c0@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
      "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" +
      original + "\r\n--b--\r\n";
  for (int i = 0; i < 2; ++i) {
    const Told taken = post("/v1/mail-reports", bounce);
    ASSERT_EQ(taken.status, 200) << taken.body;
    EXPECT_EQ(taken.text("/bounced"), "1");
    EXPECT_EQ(taken.text("/foreign"), "0") << bounce;
  }
  settle();
  EXPECT_EQ(events("message_bounced"), "1");
  expect_problem(post("/v1/mail-reports", "Subject: I am away\r\n\r\nBack on Monday.\r\n"), 400,
                 "body");
}

TEST_F(CampaignDoors, StateConsentsAndShowTheirProof) {
  const Told stated = post("/v1/customers/c59/consents",
                           R"({"purposes":["email","sms"],"given":true,"source":"checkout"})");
  ASSERT_EQ(stated.status, 200) << stated.body;
  EXPECT_EQ(stated.text("/consents/email"), "given");
  EXPECT_EQ(stated.text("/consents/sms"), "given");
  EXPECT_EQ(stated.text("/consents/ads"), "unknown");
  EXPECT_EQ(stated.at("/changes").as_array().size(), 2u);
  const Told withdrawn =
      post("/v1/customers/c59/consents", R"({"purposes":["email"],"given":false})");
  EXPECT_EQ(withdrawn.text("/consents/email"), "withdrawn");
  EXPECT_EQ(get("/v1/customers/c59/consents").body, withdrawn.body);
  expect_problem(get("/v1/customers/nobody/consents"), 404, "id");
  expect_problem(post("/v1/customers/c1/consents", R"({"purposes":["emial"],"given":true})"), 400,
                 "purposes");
  expect_problem(post("/v1/customers/c1/consents", R"({"purposes":["email"]})"), 400, "given");
  expect_problem(post("/v1/customers/c1/consents", R"({"purposes":["email"],"given":null})"), 400,
                 "given");
  expect_problem(post("/v1/customers/c1/consents", R"({"given":true})"), 400, "purposes");
}

TEST_F(CampaignDoors, TellLinksApartFromWhatOthersMade) {
  start();
  const std::vector<std::string> sent = mails();
  ASSERT_FALSE(sent.empty());
  const std::string& mail = sent.front();
  const std::string click = link_in(mail, 'c'), leave = link_in(mail, 'u');
  std::string altered = click;
  altered.back() = altered.back() == 'A' ? 'B' : 'A';
  for (const std::string& path :
       {altered, "/c/" + leave.substr(3), "/u/" + click.substr(3), std::string("/c/x"),
        std::string("/o/x.gif"), "/u/" + std::string(6000, 'a')}) {
    expect_problem(ask(Method::get, path, {}, {}, false), 404);
  }
  expect_problem(ask(Method::post, "/u/" + click.substr(3), "", {}, false), 404);
  settle();
  EXPECT_EQ(events("message_clicked"), "0");
  EXPECT_EQ(events("consent_withdrawn"), "0");
  // A program that looks at links before the person does is no person.
  EXPECT_EQ(ask(Method::get, click, {}, {{"User-Agent", "curl/8.0"}}, false).status, 302);
  settle();
  EXPECT_EQ(events("message_clicked"), "1");
  EXPECT_EQ(get("/v1/campaigns/tea/report").text("/activity/0/clicked"), "0");
}

TEST_F(CampaignDoors, NameThePlaceOfWhatIsWrongInACampaign) {
  const auto put = [&](const std::string& body) {
    return ask(Method::put, "/v1/campaigns/tea", body);
  };
  expect_problem(put(R"({"name":"other"})"), 400, "name");
  expect_problem(put("[]"), 400, "name");
  const Told wrong = put(campaign(R"(,"chanel":"email")"));
  expect_problem(wrong, 400, "body");
  EXPECT_THAT(wrong.text("/detail"), HasSubstr("$.chanel"));
  EXPECT_THAT(wrong.text("/detail"), HasSubstr("did you mean 'channel'"));
  expect_problem(get("/v1/campaigns/tea"), 404);
  expect_problem(post("/v1/campaigns/tea/start"), 404);
  ASSERT_EQ(put(campaign()).status, 200);
  EXPECT_EQ(get("/v1/campaigns").text("/campaigns/0/state"), "draft");
  expect_problem(post("/v1/campaigns/tea/pause"), 409);
  expect_problem(post("/v1/campaigns/tea/run"), 409);
  expect_problem(post("/v1/campaigns/tea/start", R"({"who":"ann"})"), 400, "who");
  EXPECT_TRUE(mail_.messages().empty());
}

TEST_F(CampaignDoors, OpenToTheKeysOfTheirScope) {
  const std::string read = make_key(KeyScope::read), write = make_key(KeyScope::write);
  EXPECT_EQ(with_key(Method::get, "/v1/campaigns", read).status, 200);
  EXPECT_EQ(with_key(Method::get, "/v1/campaigns", write).status, 403);
  EXPECT_EQ(with_key(Method::get, "/v1/campaigns", "").status, 401);
  EXPECT_EQ(with_key(Method::put, "/v1/campaigns/tea", read, campaign()).status, 403);
  EXPECT_EQ(with_key(Method::post, "/v1/campaigns/tea/start", read).status, 403);
}

TEST_F(CampaignDoors, SendNothingWhilePausedOrStopped) {
  ASSERT_EQ(ask(Method::put, "/v1/campaigns/tea", campaign()).status, 200);
  net::testing::Script down;
  down.answers[net::testing::Step::greeting] = "421 not now";
  mail_.set(down);
  ASSERT_EQ(post("/v1/campaigns/tea/start").status, 200);
  ASSERT_TRUE(soon([&] { return outbox(get("/v1/campaigns/tea"), "queued") > 0; }));
  EXPECT_EQ(post("/v1/campaigns/tea/stop").status, 200);
  // The one that was being handed over meanwhile ends as it ends.
  ASSERT_TRUE(soon([&] { return outbox(get("/v1/campaigns/tea"), "sending") == 0; }));
  mail_.set({});
  ASSERT_TRUE(soon([&] { return outbox(get("/v1/campaigns/tea"), "queued") == 0; }));
  // Its money is free a moment later.
  EXPECT_TRUE(
      soon([&] { return get("/v1/campaigns/tea").text("/budget/reserved/messages") == "0"; }));
  const Told status = get("/v1/campaigns/tea");
  EXPECT_EQ(outbox(status, "sent"), 0) << status.body;
  EXPECT_TRUE(mail_.messages().empty());
}

}  // namespace
}  // namespace attune::http
