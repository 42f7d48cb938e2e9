#include "attune/net/smtp_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_smtp_server.h"

namespace attune::net {
namespace {

using testing::FakeSmtpServer;
using ::testing::HasSubstr;
using testing::Script;
using testing::Step;

constexpr std::string_view kMessage = "Subject: hello\r\n\r\nGood day.\r\n.\r\n..two\r\n";

SmtpOptions plain(int port) {
  SmtpOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.security = SmtpSecurity::none;
  options.helo_name = "shop.example";
  options.allow_inner_addresses = true;
  options.connect_ms = 2000;
  options.total_ms = 3000;
  return options;
}

SmtpOutcome send_to(FakeSmtpServer& server, std::string_view bytes = kMessage,
                    int total_ms = 3000) {
  SmtpOptions options = plain(server.port());
  options.total_ms = total_ms;
  SmtpClient client = SmtpClient::open(options).value();
  return client.send({"news@shop.example", "ann@mail.example", bytes}).value();
}

SmtpOutcome send_to(Script script, std::string_view bytes = kMessage) {
  FakeSmtpServer server(std::move(script));
  return send_to(server, bytes);
}

Script dying(Script::Death death, Step where) {
  Script script;
  script.death = death;
  script.where = where;
  return script;
}

Script answering(Step step, std::string answer) {
  Script script;
  script.answers[step] = std::move(answer);
  return script;
}

TEST(SmtpClient, HandsOverTheMessageByteForByte) {
  FakeSmtpServer server;
  const SmtpOutcome outcome = send_to(server);
  EXPECT_EQ(outcome.hand_over, HandOver::accepted) << outcome.problem;
  EXPECT_EQ(outcome.stage, SmtpStage::answer);
  EXPECT_EQ(outcome.code, 250);
  EXPECT_EQ(outcome.reply, "2.0.0 taken");
  EXPECT_EQ(outcome.problem, "");
  // Dots at the start of lines are doubled on the wire [RFC5321 4.5.2].
  EXPECT_THAT(server.messages(),
              ::testing::ElementsAre("Subject: hello\r\n\r\nGood day.\r\n..\r\n...two\r\n"));
  EXPECT_THAT(server.recipients(), ::testing::ElementsAre("ann@mail.example"));
}

TEST(SmtpClient, DoublesADotThatBeginsTheMessage) {
  FakeSmtpServer server;
  EXPECT_EQ(send_to(server, ".\r\nx\r\n").hand_over, HandOver::accepted);
  EXPECT_THAT(server.messages(), ::testing::ElementsAre("..\r\nx\r\n"));
}

TEST(SmtpClient, SendsSeveralMessagesOverOneConnection) {
  FakeSmtpServer server;
  SmtpClient client = SmtpClient::open(plain(server.port())).value();
  for (int i = 0; i < 5; ++i) {
    const auto outcome = client.send({"news@shop.example", "ann@mail.example", kMessage});
    EXPECT_EQ(outcome->hand_over, HandOver::accepted) << outcome->problem;
  }
  EXPECT_EQ(server.messages().size(), 5u);
  EXPECT_EQ(server.connections(), 1);
}

TEST(SmtpClient, ChangesTheConnectionAfterSoManyMessages) {
  FakeSmtpServer server;
  {
    SmtpOptions options = plain(server.port());
    options.messages_per_connection = 2;
    SmtpClient client = SmtpClient::open(options).value();
    // The first server thread ends with its connection: QUIT has to come before the next.
    for (int i = 0; i < 2; ++i) (void)client.send({"a@b.example", "c@d.example", kMessage});
  }
  SmtpClient client = SmtpClient::open(plain(server.port())).value();
  EXPECT_EQ(client.send({"a@b.example", "c@d.example", kMessage})->hand_over, HandOver::accepted);
  EXPECT_EQ(server.connections(), 2);
}

// Where the server dies, and what is known then. The whole promise of "at most once" hangs on this.
struct DeathCase {
  Script::Death death;
  Step where;
  HandOver wanted;
};

class SmtpClientDeath : public ::testing::TestWithParam<DeathCase> {};

TEST_P(SmtpClientDeath, TellsNotSentFromUnknown) {
  const auto& [death, where, wanted] = GetParam();
  FakeSmtpServer server(dying(death, where));
  const SmtpOutcome outcome = send_to(server);
  EXPECT_EQ(name(outcome.hand_over), name(wanted)) << outcome.problem;
  EXPECT_NE(outcome.problem, "");
  // What the server had whole must never be called "not sent".
  EXPECT_EQ(server.messages().size(), outcome.hand_over == HandOver::not_sent ? 0u : 1u);
}

using Death = Script::Death;
INSTANTIATE_TEST_SUITE_P(
    EachStep, SmtpClientDeath,
    ::testing::Values(DeathCase{Death::before, Step::greeting, HandOver::not_sent},
                      DeathCase{Death::after, Step::greeting, HandOver::not_sent},
                      DeathCase{Death::reset, Step::greeting, HandOver::not_sent},
                      DeathCase{Death::before, Step::ehlo, HandOver::not_sent},
                      DeathCase{Death::after, Step::ehlo, HandOver::not_sent},
                      DeathCase{Death::in_answer, Step::ehlo, HandOver::not_sent},
                      DeathCase{Death::before, Step::mail, HandOver::not_sent},
                      DeathCase{Death::after, Step::mail, HandOver::not_sent},
                      DeathCase{Death::reset, Step::mail, HandOver::not_sent},
                      DeathCase{Death::before, Step::rcpt, HandOver::not_sent},
                      DeathCase{Death::after, Step::rcpt, HandOver::not_sent},
                      DeathCase{Death::in_answer, Step::rcpt, HandOver::not_sent},
                      DeathCase{Death::before, Step::data, HandOver::not_sent},
                      DeathCase{Death::in_answer, Step::data, HandOver::not_sent},
                      DeathCase{Death::before, Step::end, HandOver::unknown},
                      DeathCase{Death::reset, Step::end, HandOver::unknown},
                      DeathCase{Death::in_answer, Step::end, HandOver::unknown}));

TEST(SmtpClient, CallsALargeMessageThatBrokeOffInItsMiddleNotSent) {
  std::string large = "Subject: large\r\n\r\n";
  while (large.size() < 20'000'000) large += std::string(900, 'x') + "\r\n";
  Script script = dying(Death::reset, Step::body);
  script.body_bytes = 100'000;
  const SmtpOutcome outcome = send_to(script, large);
  EXPECT_EQ(outcome.hand_over, HandOver::not_sent) << outcome.problem;
  EXPECT_EQ(outcome.stage, SmtpStage::data);
}

TEST(SmtpClient, NeverCallsASmallMessageThatBrokeOffAccepted) {
  Script script = dying(Death::reset, Step::body);
  script.body_bytes = 4;
  for (int i = 0; i < 20; ++i) {
    const SmtpOutcome outcome = send_to(script);
    EXPECT_TRUE(outcome.hand_over == HandOver::not_sent || outcome.hand_over == HandOver::unknown);
  }
}

TEST(SmtpClient, CallsAnAnswerThatNeverComesUnknown) {
  // Between the end of the message and its answer the server falls silent.
  testing::LoopbackServer silent([](testing::Wire& wire) {
    wire.say("220 fake\r\n");
    for (int i = 0; i < 3; ++i) {
      wire.hear_until("\r\n");
      wire.say("250 fine\r\n");
    }
    wire.hear_until("DATA\r\n");
    wire.say("354 go on\r\n");
    wire.hear_until("\r\n.\r\n");
    wire.hear_until("never");
  });
  SmtpOptions options = plain(silent.port());
  options.total_ms = 600;
  SmtpClient client = SmtpClient::open(options).value();
  const auto outcome = client.send({"a@b.example", "c@d.example", kMessage});
  EXPECT_EQ(outcome->hand_over, HandOver::unknown) << outcome->problem;
}

TEST(SmtpClient, TellsRefusalsForGoodFromRefusalsForNow) {
  struct {
    Step step;
    const char* answer;
    HandOver wanted;
    SmtpStage stage;
  } cases[] = {
      {Step::greeting, "554 no service", HandOver::not_sent, SmtpStage::connect},
      {Step::mail, "550 who are you", HandOver::refused_permanently, SmtpStage::sender},
      {Step::mail, "451 later", HandOver::refused_for_now, SmtpStage::sender},
      {Step::rcpt, "550 5.1.1 no such box", HandOver::refused_permanently, SmtpStage::recipient},
      {Step::rcpt, "450 grey", HandOver::refused_for_now, SmtpStage::recipient},
      {Step::data, "554 no", HandOver::refused_permanently, SmtpStage::data},
      {Step::data, "421 closing", HandOver::refused_for_now, SmtpStage::data},
      {Step::end, "552 5.3.4 too large", HandOver::refused_permanently, SmtpStage::answer},
      {Step::end, "452-full\r\n452 4.2.2 still full", HandOver::refused_for_now, SmtpStage::answer},
      {Step::end, "421 closing", HandOver::refused_for_now, SmtpStage::answer},
  };
  for (const auto& [step, answer, wanted, stage] : cases) {
    const SmtpOutcome outcome = send_to(answering(step, answer));
    EXPECT_EQ(name(outcome.hand_over), name(wanted)) << answer << ": " << outcome.problem;
    EXPECT_EQ(name(outcome.stage), name(stage)) << answer;
    EXPECT_EQ(outcome.code, std::atoi(answer)) << outcome.problem;
  }
}

TEST(SmtpClient, CallsAnAnswerThatIsNoneUnknown) {
  for (const char* answer : {"hello", "999 what", "354 again", "25"}) {
    FakeSmtpServer server(answering(Step::end, answer));
    EXPECT_EQ(name(send_to(server, kMessage, 300).hand_over), "unknown") << answer;
  }
}

TEST(SmtpClient, CallsAMultiLineAnswerThatIsCutUnknown) {
  Script script = answering(Step::end, "250-taken");
  script.death = Death::after;
  script.where = Step::end;
  EXPECT_EQ(name(send_to(script).hand_over), "unknown");
}

TEST(SmtpClient, WorksAgainAfterTheServerCameBack) {
  Script script = dying(Death::before, Step::rcpt);
  script.deaths = 1;
  FakeSmtpServer server(script);
  SmtpClient client = SmtpClient::open(plain(server.port())).value();
  EXPECT_EQ(client.send({"a@b.example", "c@d.example", kMessage})->hand_over, HandOver::not_sent);
  EXPECT_EQ(client.send({"a@b.example", "c@d.example", kMessage})->hand_over, HandOver::accepted);
  EXPECT_EQ(server.messages().size(), 1u);
}

TEST(SmtpClient, DoesNotConnectToInnerAddressesUnlessAllowed) {
  FakeSmtpServer server;
  SmtpOptions options = plain(server.port());
  options.allow_inner_addresses = false;
  for (const char* host : {"127.0.0.1", "localhost"}) {
    options.host = host;
    SmtpClient client = SmtpClient::open(options).value();
    const auto outcome = client.send({"a@b.example", "c@d.example", kMessage});
    EXPECT_EQ(outcome->hand_over, HandOver::not_sent);
    EXPECT_THAT(outcome->problem, HasSubstr("inner address"));
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(SmtpClient, SaysNothingInPlainTextWhereTlsIsWanted) {
  FakeSmtpServer server;  // offers no STARTTLS
  SmtpOptions options = plain(server.port());
  options.security = SmtpSecurity::starttls;
  options.user = "shop";
  options.password = "secret";
  SmtpClient client = SmtpClient::open(options).value();
  const auto outcome = client.send({"a@b.example", "c@d.example", kMessage});
  EXPECT_EQ(outcome->hand_over, HandOver::not_sent);
  EXPECT_EQ(outcome->stage, SmtpStage::greeting);
  EXPECT_TRUE(server.recipients().empty());
}

TEST(SmtpClient, RefusesWhatCouldBeginCommands) {
  FakeSmtpServer server;
  SmtpClient client = SmtpClient::open(plain(server.port())).value();
  const std::string_view good = "a@b.example";
  for (const std::string_view bad :
       {"a@b.example>\r\nDATA", "a b@c.example", "<a@b.example>", "a@", "@b", "nobody", "",
        "a@b@c.example", "\"a b\"@c.example", "李@例.example"}) {
    EXPECT_FALSE(client.send({std::string(good), std::string(bad), kMessage})) << bad;
    const auto from_bad = client.send({std::string(bad), "nobody", kMessage});
    EXPECT_FALSE(from_bad) << bad;
  }
  for (const std::string_view bad :
       {std::string_view("a\n.\nMAIL FROM:<x@y>\n"), std::string_view("a\r.\r\n"),
        std::string_view("x\r\n.\r\r\n"), std::string_view("a\0b\r\n", 5), std::string_view(""),
        std::string_view("no end")}) {
    EXPECT_FALSE(client.send({"a@b.example", "c@d.example", bad}));
  }
  EXPECT_FALSE(client.send({"a@b.example", "c@d.example", std::string(999, 'x') + "\r\n"}));
  EXPECT_EQ(server.connections(), 0);
}

TEST(SmtpClient, RefusesOptionsThatCannotWork) {
  SmtpOptions options = plain(25);
  options.host = "";
  EXPECT_FALSE(SmtpClient::open(options));
  options = plain(0);
  EXPECT_FALSE(SmtpClient::open(options));
  options = plain(25);
  options.host = "evil@host/path";
  EXPECT_FALSE(SmtpClient::open(options));
  options = plain(25);
  options.user = "shop";
  EXPECT_THAT(SmtpClient::open(options).error().message, HasSubstr("plain text"));
}

}  // namespace
}  // namespace attune::net
