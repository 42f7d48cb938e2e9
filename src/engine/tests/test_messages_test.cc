#include "attune/engine/test_messages.h"

#include <gmock/gmock.h>

#include "../../net/tests/fake_smtp_server.h"
#include "attune/privacy/suppression.h"
#include "campaign_shop.h"

namespace attune::engine {
namespace {

using testing::HasSubstr;

class TestMessagesTest : public CampaignsTest {
 protected:
  void SetUp() override {
    CampaignsTest::SetUp();
    settle_mail(mail_.port());
    write_template("offer", "For you, {{ customer_id }}",
                   "Hello {{ first_name }}: {{ \"https://shop.example/tea\" | link }}\n");
    Customers everybody = customers(*workspace_);
    campaign_ = campaigns().check(definition(""), "spring.toml", everybody).value();
  }
  Result<TestMessages> prepare(const TestRequest& request) {
    return TestMessages::prepare(*workspace_, campaign_, request);
  }
  std::string refused(const TestRequest& request) {
    const auto made = prepare(request);
    EXPECT_FALSE(made);
    return made ? std::string() : to_string(made.error());
  }

  net::testing::FakeSmtpServer mail_;
  engage::Campaign campaign_;
};

TEST_F(TestMessagesTest, GoToTheAddressesNamedMarkedAndUncounted) {
  auto made = prepare({.to = {"ann@shop.example", "bob@shop.example"}});
  ASSERT_TRUE(made) << to_string(made.error());
  const auto outcomes = made->send();
  ASSERT_EQ(outcomes.size(), 4u) << "two treatments, two addresses";
  for (const TestOutcome& one : outcomes) EXPECT_TRUE(one.sent) << one.detail;
  const auto mails = mail_.messages();
  ASSERT_EQ(mails.size(), 4u);
  for (const std::string& mail : mails) {
    EXPECT_THAT(mail, HasSubstr("Subject: [Test] For you, test"));
    EXPECT_THAT(mail, HasSubstr("\r\nX-Attune-Test:"));
  }
  EXPECT_EQ(in_state("SELECT count(*) FROM outbox"), 0);
  EXPECT_EQ(in_state("SELECT count(*) FROM contacts"), 0);
  EXPECT_EQ(in_state("SELECT count(*) FROM pending_events"), 0);
  EXPECT_EQ(logged(EventType::message_sent), 0);
}

TEST_F(TestMessagesTest, ShowTheFieldsOfACustomerWhoConsents) {
  write_template("offer", "For {{ email }}", "Hello {{ customer_id }}\n");
  auto made = prepare({.to = {"ann@shop.example"}, .as = "c3", .treatment = "a"});
  ASSERT_TRUE(made) << to_string(made.error());
  ASSERT_EQ(made->send().size(), 1u);
  EXPECT_THAT(mail_.messages().at(0), HasSubstr("For c3@mail.example"));
  EXPECT_EQ(mail_.recipients().size(), 1u);
  EXPECT_THAT(mail_.recipients()[0], HasSubstr("ann@shop.example"));
  EXPECT_THAT(refused({.to = {"ann@shop.example"}, .as = "c1", .treatment = {}}),
              HasSubstr("as: 'c1' does not consent"));
  EXPECT_THAT(refused({.to = {"ann@shop.example"}, .as = "nobody", .treatment = {}}),
              HasSubstr("as: no customer"));
}

TEST_F(TestMessagesTest, RefuseWhatIsNoTest) {
  EXPECT_THAT(refused({}), HasSubstr("to: a test goes to 1 to 20 addresses"));
  EXPECT_THAT(refused({.to = std::vector<std::string>(21, "a@shop.example")}),
              HasSubstr("1 to 20"));
  EXPECT_THAT(refused({.to = {"ann@shop.example\r\nBcc: x@x.example"}}), HasSubstr("to"));
  EXPECT_THAT(refused({.to = {"ann@shop.example"}, .as = {}, .treatment = "c"}),
              HasSubstr("treatment: campaign 'spring' has no treatment 'c'"));
  auto list = privacy::SuppressionList::open(workspace_->state()).value();
  const privacy::Suppression entry{
      privacy::suppression_key(workspace_->vault(), "email", "ann@shop.example"),
      privacy::SuppressionReason::complained,
      {kNow}};
  ASSERT_TRUE(list.add(std::span(&entry, 1)));
  EXPECT_THAT(refused({.to = {"Ann@shop.example"}}), HasSubstr("suppression list"));
  campaign_.channel = decide::Channel::file;
  EXPECT_THAT(refused({.to = {"bob@shop.example"}}), HasSubstr("sends nothing by itself"));
  EXPECT_TRUE(mail_.messages().empty());
}

TEST_F(TestMessagesTest, TellWhatTheServerSaid) {
  net::testing::Script script;
  script.answers[net::testing::Step::rcpt] = "550 5.1.1 nobody here";
  mail_.set(script);
  auto made = prepare({.to = {"ann@shop.example"}, .as = {}, .treatment = "b"});
  ASSERT_TRUE(made);
  const auto outcomes = made->send();
  EXPECT_FALSE(outcomes.at(0).sent);
  EXPECT_THAT(outcomes[0].detail, HasSubstr("nobody here"));
}

}  // namespace
}  // namespace attune::engine
