// Campaigns by webhook: from a decision to a receiver, and back.
#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "attune/deliver/webhook.h"
#include "campaign_shop.h"
#include "hook_receiver.h"

namespace attune::engine {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

class WebhookCampaigns : public CampaignsTest {
 protected:
  void SetUp() override {
    CampaignsTest::SetUp();
    settle_webhook(fmt::format("http://127.0.0.1:{}/hook", receiver_.port()), true);
  }
  void settle_webhook(const std::string& url, bool inner) {
    std::ofstream(folder() / "attune.toml")
        << fmt::format("[webhook]\nurl = \"{}\"\nsecret_file = \"hook.secret\"\n{}", url,
                       inner ? "inner_network = true\n" : "");
    std::ofstream(folder() / "hook.secret") << former_.text() << "\n" << secret_.text() << "\n";
    std::filesystem::permissions(folder() / "hook.secret", std::filesystem::perms::owner_read |
                                                               std::filesystem::perms::owner_write);
  }
  static std::string by_webhook(const std::string& more = {}) {
    std::string text = definition(more);
    const std::string channel = "channel = \"email\"\n";
    text.replace(text.find(channel), channel.size(),
                 "channel = \"webhook\"\npurpose = \"email\"\n");
    return text;
  }
  std::int64_t run_now() {
    start(by_webhook(kOnceAMonth));
    const auto ran = run();
    return ran ? ran->counts.counts.passed() : 0;
  }
  CampaignStatus status(Timestamp now = {kNow}) {
    return campaigns().status("spring", now).value();
  }
  std::int64_t state(deliver::MessageState which) {
    return status().outbox[static_cast<std::size_t>(which)];
  }

  HookReceiver receiver_;
  deliver::WebhookSecret former_ = deliver::WebhookSecret::make();
  deliver::WebhookSecret secret_ = deliver::WebhookSecret::make();
};

TEST_F(WebhookCampaigns, ReachTheReceiverSignedAndNameTheDecision) {
  const std::int64_t passed = run_now();
  ASSERT_GT(passed, 50);
  EXPECT_EQ(send().sent, passed);
  const auto posts = receiver_.posts();
  ASSERT_EQ(static_cast<std::int64_t>(posts.size()), passed);
  std::set<std::string> ids;
  for (const HookReceiver::Post& post : posts) {
    const std::string id = post.header("webhook-id");
    EXPECT_TRUE(ids.insert(id).second) << "twice: " << id;
    const auto good = deliver::verify_webhook(
        std::span(&secret_, 1),
        {id, post.header("webhook-timestamp"), post.header("webhook-signature"), post.body},
        {kNow});
    EXPECT_TRUE(good) << good.error().message;
    const json::value body = json::parse(post.body);
    EXPECT_EQ(body.at("type").as_string(), "campaign.message");
    const json::value& data = body.at("data");
    EXPECT_EQ(data.at("decision_id").as_string(), id);
    EXPECT_EQ(data.at("content").as_string(), "offer");
    const int customer = std::stoi(std::string(data.at("customer_id").as_string()).substr(1));
    EXPECT_NE(customer % 10, 0) << "never consented";
    EXPECT_NE(customer % 10, 1) << "withdrew";
  }
  EXPECT_EQ(logged(EventType::message_sent), passed);
  EXPECT_EQ(status().budget->spent.messages, passed);
}

TEST_F(WebhookCampaigns, GoAgainUnderTheSameIdAndEndAsDeadLettersThatCanBeSentAgain) {
  receiver_.answer(500);
  const std::int64_t passed = run_now();
  for (int i = 0; i < 30 && state(deliver::MessageState::failed) < passed; ++i)
    send(days_later(.5 * i));
  ASSERT_EQ(state(deliver::MessageState::failed), passed);
  EXPECT_EQ(status().budget->spent.messages, 0) << "what never arrived costs nothing";
  EXPECT_EQ(status().budget->reserved.messages, 0);
  std::map<std::string, int> tries;
  for (const HookReceiver::Post& post : receiver_.posts()) ++tries[post.header("webhook-id")];
  EXPECT_EQ(static_cast<std::int64_t>(tries.size()), passed);
  for (const auto& [id, count] : tries) EXPECT_EQ(count, 12) << id;

  const auto dead = campaigns().messages("failed", 1000).value();
  ASSERT_EQ(static_cast<std::int64_t>(dead.size()), passed);
  EXPECT_THAT(dead[0].status.detail, HasSubstr("500"));
  const std::string key = dead[0].status.key;
  receiver_.answer(200);
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(campaigns().requeue(key, days_later(15)));
    EXPECT_EQ(status().budget->reserved.messages, 1);
    EXPECT_EQ(in_state("SELECT count(*) FROM contacts"), 1);
    if (again == 0) {  // it fails once more before it works
      receiver_.answer(410);
      EXPECT_EQ(send(days_later(15)).failed, 1);
      EXPECT_EQ(status().budget->reserved.messages, 0);
      receiver_.answer(200);
    }
  }
  EXPECT_EQ(send(days_later(15)).sent, 1);
  EXPECT_EQ(receiver_.posts().back().header("webhook-id"), key);
  EXPECT_EQ(status().budget->spent.messages, 1);
  EXPECT_EQ(campaigns().requeue(key, days_later(15)).error().code, ErrorCode::failed_precondition);
  EXPECT_EQ(campaigns().requeue("nothing", days_later(15)).error().code, ErrorCode::not_found);
  ASSERT_TRUE(campaigns().stop("spring", days_later(15), "test"));
  const auto late = campaigns().requeue(dead[1].status.key, days_later(15));
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message, HasSubstr("is done"));
}

TEST_F(WebhookCampaigns, AskConsentAgainStraightBeforeTheHandOver) {
  const std::int64_t passed = run_now();
  const auto rows = mailed();
  const std::string withdraws = fmt::format("c{}", *rows.begin());
  events::Event event;
  event.type = EventType::consent_withdrawn;
  event.time = {kNow};
  event.customer = withdraws;
  event.properties = R"({"purpose":"email"})";
  ASSERT_TRUE(workspace_->record(std::span(&event, 1)));
  const SendResult sent = send();
  EXPECT_EQ(sent.withheld, 1);
  EXPECT_EQ(sent.sent, passed - 1);
  for (const HookReceiver::Post& post : receiver_.posts())
    EXPECT_EQ(post.body.find("\"" + withdraws + "\""), std::string::npos);
}

TEST_F(WebhookCampaigns, ReachNoInnerAddressUnlessAllowed) {
  settle_webhook(fmt::format("https://127.0.0.1:{}/hook", receiver_.port()), false);
  const std::int64_t passed = run_now();
  EXPECT_EQ(send().failed, passed);
  EXPECT_TRUE(receiver_.posts().empty());
  EXPECT_THAT(campaigns().messages("failed", 1).value().at(0).status.detail,
              HasSubstr("inner address"));
}

TEST_F(WebhookCampaigns, DoNotStartWithoutAReceiverAndASecretOfItsOwn) {
  Customers everybody = customers(*workspace_);
  const auto campaign = campaigns().check(by_webhook(), "spring.toml", everybody).value();
  const auto problem = [&] {
    const auto seen = campaigns().preview(campaign, everybody, {kNow}, quiet_).value();
    return seen.problems.empty() ? std::string() : seen.problems[0];
  };
  EXPECT_EQ(problem(), "");
  std::filesystem::permissions(folder() / "hook.secret", std::filesystem::perms::all);
  EXPECT_THAT(problem(), HasSubstr("chmod 600"));
  settle_webhook("http://127.0.0.1:1/", true);
  std::ofstream(folder() / "hook.secret") << "whsec_short\n";
  EXPECT_THAT(problem(), HasSubstr("hook.secret:1"));
  std::ofstream(folder() / "hook.secret") << "\n";
  EXPECT_THAT(problem(), HasSubstr("holds 0 secrets"));
  std::ofstream(folder() / "attune.toml") << "";
  EXPECT_THAT(problem(), HasSubstr("[webhook]"));
}

TEST_F(WebhookCampaigns, TellWhatIsLackingAndLetMailsGo) {
  run_now();
  std::ofstream(folder() / "attune.toml")
      << "[mail]\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\ninner_network = true\n"
         "from = \"news@shop.example\"\nlinks = \"https://mail.shop.example\"\n";
  const SendResult sent = send();
  EXPECT_EQ(sent.settled(), 0);
  ASSERT_EQ(sent.troubles.size(), 1u);
  EXPECT_THAT(sent.troubles[0], HasSubstr("[webhook]"));
}

TEST_F(WebhookCampaigns, ListMessagesByAStateThatExists) {
  const auto wrong = campaigns().messages("failde", 10);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("did you mean 'failed'"));
}

}  // namespace
}  // namespace attune::engine
