#include "attune/deliver/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sender_fixture.h"

namespace attune::deliver {
namespace {

using namespace testing;
using net::HandOver;
using net::SmtpStage;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(SenderTest, SendsWhatIsDueInItsOrder) {
  Message late = mail("late");
  late.due = after(-5);
  Message future = mail("future");
  future.due = after(60);
  add(mail("m1"));
  add(future);
  add(late);
  Sender sender = open();
  SenderRun run = sender.run_once(kNow).value();
  EXPECT_EQ(run.sent, 2);
  EXPECT_THAT(order_, ElementsAre("late", "m1"));
  EXPECT_EQ(run.next, after(60));
  EXPECT_EQ(state_of("m1"), "sent");
  EXPECT_EQ(found("m1").code, 250);
  EXPECT_EQ(state_of("future"), "queued");
  EXPECT_EQ(count("SELECT count(*) FROM outbox WHERE payload IS NOT NULL"), 1);
  run = sender.run_once(after(61)).value();
  EXPECT_EQ(run.sent, 1);
  EXPECT_FALSE(run.next);
}

TEST_F(SenderTest, HasTheStateSendingOnDiskBeforeItHandsOver) {
  add(mail("m1"));
  add(mail("m2"));
  int seen = 0;
  on_hand_over_ = [&](const net::SmtpMessage&) {
    // Another connection sees what is committed, and nothing else.
    store::State reader = store::State::open(file(), {.read_only = true}).value();
    EXPECT_EQ(reader.find_int64("SELECT count(*) FROM outbox WHERE state = 1").value(), 1);
    EXPECT_EQ(reader.find_int64("SELECT count(*) FROM outbox WHERE state = 2").value(), seen);
    ++seen;
  };
  EXPECT_EQ(open().run_once(kNow)->sent, 2);
  EXPECT_EQ(seen, 2);
}

TEST_F(SenderTest, CallsUnknownWhatItFindsSendingAndNeverSendsItAgain) {
  add(mail("m1"));
  add(hook("h1"));
  ASSERT_TRUE(state_->execute("UPDATE outbox SET state = 1"));
  Sender sender = open();
  EXPECT_EQ(sender.unknown_at_start(), 1);
  EXPECT_EQ(state_of("m1"), "unknown");
  EXPECT_EQ(state_of("h1"), "queued");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(sender.run_once(after(i * 1e6)));
  EXPECT_TRUE(handed_.empty());
  EXPECT_EQ(posted_.size(), 1u);
  EXPECT_EQ(outbox_->list(MessageState::unknown, 10).value().size(), 1u);
  EXPECT_FALSE(outbox_->requeue("m1", kNow));
}

TEST_F(SenderTest, NeverRepeatsAnUnknownOutcome) {
  add(mail("m1"));
  outcome_ = outcome(HandOver::unknown, 354);
  Sender sender = open();
  EXPECT_EQ(sender.run_once(kNow)->unknown, 1);
  for (int i = 1; i < 5; ++i) ASSERT_TRUE(sender.run_once(after(i * 1e6)));
  EXPECT_EQ(handed_["m1"], 1);
  EXPECT_EQ(state_of("m1"), "unknown");
}

TEST_F(SenderTest, TriesAgainWhatWasRefusedForNowUntilNoTryIsLeft) {
  add(mail("m1"));
  outcome_ = outcome(HandOver::refused_for_now, 451, SmtpStage::recipient);
  Sender sender = open();
  SenderRun run = sender.run_once(kNow).value();
  EXPECT_EQ(run.postponed, 1);
  EXPECT_EQ(found("m1").attempts, 1);
  ASSERT_TRUE(run.next);
  EXPECT_GE(*run.next, after(15));  // half of 30 s at least
  EXPECT_LE(*run.next, after(30));
  EXPECT_EQ(sender.run_once(kNow)->postponed, 0);  // not yet due
  EXPECT_EQ(sender.run_once(after(1000))->postponed, 1);
  EXPECT_EQ(sender.run_once(after(10'000))->failed, 1);
  EXPECT_EQ(state_of("m1"), "failed");
  EXPECT_EQ(found("m1").attempts, 3);
  EXPECT_EQ(found("m1").detail, "words of the server");
  EXPECT_EQ(handed_["m1"], 3);
}

TEST_F(SenderTest, EndsWhatTheServerRefusesForGood) {
  add(mail("m1"));
  outcome_ = outcome(HandOver::refused_permanently, 550, SmtpStage::recipient);
  Sender sender = open();
  EXPECT_EQ(sender.run_once(kNow)->refused, 1);
  EXPECT_EQ(found("m1").code, 550);
  ASSERT_TRUE(sender.run_once(after(1e7)));
  EXPECT_EQ(handed_["m1"], 1);
}

TEST_F(SenderTest, DoesNotBlameTheRecipientForARefusedSender) {
  add(mail("m1"));
  outcome_ = outcome(HandOver::refused_permanently, 550, SmtpStage::sender);
  Sender sender = open();
  EXPECT_EQ(sender.run_once(kNow)->refused, 0);
  EXPECT_EQ(state_of("m1"), "queued");
}

TEST_F(SenderTest, PausesAProviderInTroubleAndCostsNoMessageATry) {
  add(mail("m1"));
  add(mail("m2"));
  outcome_ = outcome(HandOver::not_sent, 0, SmtpStage::connect);
  Sender sender = open();
  SenderRun run = sender.run_once(kNow).value();
  EXPECT_EQ(order_.size(), 1u);  // the second was not even tried
  ASSERT_EQ(run.troubles.size(), 1u);
  EXPECT_THAT(run.troubles[0], HasSubstr("relay"));
  EXPECT_GT(run.next, kNow);
  EXPECT_EQ(found("m1").attempts, 0);
  EXPECT_EQ(sender.run_once(after(1))->postponed, 0);
  for (int i = 1; i < 50; ++i) ASSERT_TRUE(sender.run_once(after(i * 30'000)));
  EXPECT_EQ(state_of("m1"), "queued");
  outcome_ = outcome(HandOver::accepted);
  EXPECT_EQ(sender.run_once(after(1e8))->sent, 2);
}

TEST_F(SenderTest, AsksTheGateAfterTheMarkAndStraightBeforeTheHandOver) {
  add(mail("m1"));
  on_gate_ = [&](const Message& message) {
    EXPECT_EQ(message.address, "ann@mail.example");
    EXPECT_EQ(state_of("m1"), "sending");
    EXPECT_TRUE(handed_.empty());
  };
  EXPECT_EQ(open().run_once(kNow)->sent, 1);
  EXPECT_THAT(asked_, ElementsAre("m1"));
}

TEST_F(SenderTest, WithholdsWhatTheGateRefuses) {
  add(mail("m1"));
  add(hook("h1"));
  gate_ = {.verdict = GateAnswer::Verdict::withhold, .reason = "withdrawn"};
  EXPECT_EQ(open().run_once(kNow)->withheld, 2);
  EXPECT_TRUE(handed_.empty());
  EXPECT_TRUE(posted_.empty());
  EXPECT_EQ(state_of("m1"), "withheld");
  EXPECT_EQ(found("m1").detail, "withdrawn");
}

TEST_F(SenderTest, SendsNothingThatTheGateCannotAnswer) {
  add(mail("m1"));
  gate_error_ = unavailable("state is busy");
  Sender sender = open();
  EXPECT_EQ(sender.run_once(kNow).error().code, ErrorCode::unavailable);
  EXPECT_TRUE(handed_.empty());
  EXPECT_EQ(state_of("m1"), "queued");
  gate_error_.reset();
  EXPECT_EQ(sender.run_once(kNow)->sent, 1);
}

TEST_F(SenderTest, WaitsAsLongAsTheGateSays) {
  add(mail("m1"));
  Message short_lived = mail("m2");
  short_lived.expires = after(600);
  add(short_lived);
  gate_ = {.verdict = GateAnswer::Verdict::later, .at = after(3600), .reason = "quiet hours"};
  Sender sender = open();
  const SenderRun run = sender.run_once(kNow).value();
  EXPECT_EQ(run.postponed, 1);
  EXPECT_EQ(run.withheld, 1);  // its time would be over
  EXPECT_EQ(run.next, after(3600));
  EXPECT_EQ(found("m1").attempts, 0);
  gate_ = {};
  EXPECT_EQ(sender.run_once(after(3599))->sent, 0);
  EXPECT_EQ(sender.run_once(after(3600))->sent, 1);
}

TEST_F(SenderTest, SendsNothingAfterItsTime) {
  Message message = mail("m1");
  message.expires = after(10);
  add(message);
  EXPECT_EQ(open().run_once(after(11))->withheld, 1);
  EXPECT_TRUE(handed_.empty());
}

TEST_F(SenderTest, FailsWhatCannotBeWrittenAndSendsTheRest) {
  add(mail("m1"));
  letter_error_ = invalid_argument("the field 'name' is missing");
  Sender sender = open();
  EXPECT_EQ(sender.run_once(kNow)->failed, 1);
  EXPECT_EQ(found("m1").detail, "the field 'name' is missing");
  letter_error_.reset();
  add(mail("m2"));
  EXPECT_EQ(sender.run_once(kNow)->sent, 1);
}

TEST_F(SenderTest, KeepsToTheRateOfAProvider) {
  for (int i = 0; i < 30; ++i) add(mail("m" + std::to_string(i)));
  SenderOptions limited = options();
  limited.mail[0].rate = {.per_second = 2, .burst = 5};
  Sender sender = Sender::open(std::move(limited), *vault_, kNow).value();
  SenderRun run = sender.run_once(kNow).value();
  EXPECT_EQ(run.sent, 5);
  EXPECT_EQ(run.next, after(0.5));
  EXPECT_EQ(sender.run_once(kNow)->sent, 0);
  EXPECT_EQ(sender.run_once(after(1))->sent, 2);
  EXPECT_EQ(sender.run_once(after(1000))->sent, 5);
}

TEST_F(SenderTest, SendsNothingOfACustomerForgottenMeanwhile) {
  add(mail("m1", 7));
  ASSERT_TRUE(vault_->destroy(CustomerNumber{7}));
  EXPECT_EQ(open().run_once(kNow)->withheld, 1);
  EXPECT_TRUE(handed_.empty());
  EXPECT_EQ(found("m1").detail, "");
}

TEST_F(SenderTest, GoesOnBehindADamagedMessage) {
  add(mail("m1"));
  add(mail("m2"));
  ASSERT_TRUE(state_->execute("UPDATE outbox SET payload = x'00' WHERE key = 'm1'"));
  const SenderRun run = open().run_once(kNow).value();
  EXPECT_EQ(run.failed, 1);
  EXPECT_EQ(run.sent, 1);
}

TEST_F(SenderTest, SignsWebhooksAnewUnderTheSameIdUntilTheyAreTaken) {
  add(hook("h1"));
  Sender sender = open();
  post_status_ = 500;
  EXPECT_EQ(sender.run_once(kNow)->postponed, 1);
  post_status_ = 200;
  EXPECT_EQ(sender.run_once(after(1000))->sent, 1);
  ASSERT_EQ(posted_.size(), 2u);
  for (const auto& request : posted_) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.headers[0], (net::HttpHeader{"webhook-id", "h1"}));
    EXPECT_EQ(request.body, R"({"type":"message_sent"})");
  }
  EXPECT_NE(posted_[0].headers[1], posted_[1].headers[1]);  // its own time
}

TEST_F(SenderTest, MakesADeadLetterOfAWebhookThatNobodyTakes) {
  add(hook("h1"));
  Sender sender = open();
  post_status_ = 503;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sender.run_once(after(i * 1e6)));
  EXPECT_EQ(posted_.size(), 3u);
  EXPECT_EQ(state_of("h1"), "failed");
  ASSERT_TRUE(outbox_->requeue("h1", after(1e8)));
  post_status_ = 200;
  EXPECT_EQ(sender.run_once(after(1e8))->sent, 1);
  EXPECT_EQ(posted_.back().body, posted_.front().body);
}

TEST_F(SenderTest, LetsASlowEndpointHoldUpNoOther) {
  for (const char* key : {"h1", "h2", "h3"}) add(hook(key));
  add(mail("m1"));
  auto slow = options();
  slow.longest_turn = std::chrono::milliseconds(0);
  Sender sender = Sender::open(std::move(slow), *vault_, kNow).value();
  const SenderRun run = sender.run_once(kNow).value();
  EXPECT_EQ(posted_.size(), 1u);  // each run gets on
  EXPECT_EQ(state_of("m1"), "sent");
  EXPECT_EQ(run.next, kNow);
  EXPECT_EQ(sender.run_once(kNow)->sent, 1);
  EXPECT_EQ(sender.run_once(kNow)->sent, 1);
}

TEST_F(SenderTest, AsksAnEndpointThatGaveNoAnswerOnceARun) {
  for (const char* key : {"h1", "h2"}) add(hook(key));
  post_error_ = unavailable("shop.example gave no answer in 10 s");
  Sender sender = open();
  const SenderRun run = sender.run_once(kNow).value();
  EXPECT_EQ(posted_.size(), 1u);
  EXPECT_EQ(run.postponed, 1);
  EXPECT_THAT(run.troubles, ElementsAre("shop-hook: shop.example gave no answer in 10 s"));
  EXPECT_EQ(run.next, kNow);  // the other one's turn
}

TEST_F(SenderTest, HonoursTheWaitThatAnEndpointAsksFor) {
  add(hook("h1"));
  post_status_ = 429;
  post_headers_ = {{"Retry-After", "500"}};
  EXPECT_EQ(open().run_once(kNow)->next, after(500));
}

TEST_F(SenderTest, EndsAWebhookWhoseEndpointIsGoneOrInner) {
  add(hook("h1"));
  Sender sender = open();
  post_status_ = 410;
  EXPECT_EQ(sender.run_once(kNow)->failed, 1);
  add(hook("h2"));
  post_error_ = permission_denied("an inner address");
  EXPECT_EQ(sender.run_once(kNow)->failed, 1);
  EXPECT_EQ(found("h2").detail, "an inner address");
}

TEST_F(SenderTest, TellsEachSettledMessageUntilItIsSaidToBeWrittenDown) {
  add(mail("m1"));
  add(mail("m2"));
  Sender sender = open();
  EXPECT_TRUE(outbox_->untold(10).value().empty());
  ASSERT_TRUE(sender.run_once(kNow));
  auto untold = outbox_->untold(10).value();
  ASSERT_EQ(untold.size(), 2u);
  EXPECT_EQ(untold[0].key, "m1");
  EXPECT_EQ(untold[0].state, MessageState::sent);
  EXPECT_EQ(untold[0].treatment, "a");
  untold.pop_back();
  ASSERT_TRUE(outbox_->mark_told(untold));
  EXPECT_EQ(outbox_->untold(10).value().size(), 1u);
}

TEST_F(SenderTest, RefusesOptionsThatCannotWork) {
  SenderOptions bad = options();
  bad.hooks.gate = nullptr;
  EXPECT_FALSE(Sender::open(std::move(bad), *vault_, kNow));
  bad = options();
  bad.hooks.write_letter = nullptr;
  EXPECT_FALSE(Sender::open(std::move(bad), *vault_, kNow));
  bad = options();
  bad.webhooks[0].name = "relay";
  EXPECT_FALSE(Sender::open(std::move(bad), *vault_, kNow));
  bad = options();
  bad.webhooks[0].secrets.clear();
  EXPECT_FALSE(Sender::open(std::move(bad), *vault_, kNow));
}

TEST(ConsentGate, AsksByCustomerAndPurpose) {
  const auto gate = consent_gate([](CustomerNumber customer, privacy::Purpose purpose) {
    return Result<bool>(customer.value == 1 && purpose == privacy::Purpose::email);
  });
  Message message = mail("m1", 1);
  EXPECT_EQ(gate(message, kNow)->verdict, GateAnswer::Verdict::send);
  message.purpose = privacy::Purpose::sms;
  EXPECT_EQ(gate(message, kNow)->verdict, GateAnswer::Verdict::withhold);
  EXPECT_EQ(gate(mail("m1", 2), kNow)->verdict, GateAnswer::Verdict::withhold);
}

// A server and a process that die at random: whatever happens, no message is taken twice.
TEST_F(SenderTest, GivesNoMessageTwiceToAServerThatMayHaveTakenIt) {
  for (int i = 0; i < 300; ++i) add(mail("m" + std::to_string(i)));
  std::map<std::string, int> taken;
  std::uint64_t step = 0;
  struct Killed {};
  const auto chance = [&](int n) {
    return hash64(std::to_string(++step)) % 100 < std::uint64_t(n);
  };
  on_hand_over_ = [&](const net::SmtpMessage& letter) {
    const std::string key(letter.bytes.substr(9, letter.bytes.size() - 11));
    if (chance(20)) {
      outcome_ = outcome(HandOver::refused_for_now, 451);
    } else if (chance(20)) {
      outcome_ = outcome(HandOver::not_sent, 0, SmtpStage::data);
    } else {
      if (chance(15)) throw Killed{};  // before the server took it
      ++taken[key];
      if (chance(15)) throw Killed{};  // after
      outcome_ = outcome(chance(10) ? HandOver::unknown : HandOver::accepted);
    }
  };
  int kills = 0;
  for (int round = 0; round < 2000; ++round) {
    try {
      Sender sender = open();
      for (int i = 0; i < 20; ++i) (void)sender.run_once(after(round * 1e5 + i * 4e3));
    } catch (const Killed&) {
      ++kills;
    }
    if (outbox_->counts().value()[0] == 0) break;
  }
  EXPECT_GT(kills, 40);
  const auto counts = outbox_->counts().value();
  EXPECT_EQ(counts[0] + counts[1], 0);
  for (const auto& [key, times] : taken) EXPECT_EQ(times, 1) << key;
  const auto sent = outbox_->list(MessageState::sent, 1000).value();
  for (const auto& one : sent) EXPECT_EQ(taken[one.key], 1);
  const auto failed = outbox_->list(MessageState::failed, 1000).value();
  for (const auto& one : failed) EXPECT_EQ(taken[one.key], 0);
  EXPECT_GT(sent.size(), 100u);
}

}  // namespace
}  // namespace attune::deliver
