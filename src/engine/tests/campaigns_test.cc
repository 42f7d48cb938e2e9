#include "attune/engine/campaigns.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "../../net/tests/fake_smtp_server.h"
#include "../campaign_asking.h"
#include "../mail_config.h"
#include "campaign_shop.h"

namespace attune::engine {
namespace {

using decide::StopReason;

TEST_F(CampaignsTest, ReadTraitsAndLabelsOfManyAsThoseOfEach) {
  // One of them was merged with another, who has a trait of their own; one was forgotten.
  events::Attribute city{"city", "Köln"};
  events::Event event;
  event.type = EventType::identify;
  event.time = days_later(-1);
  event.customer = "c9";
  event.anonymous = "device";
  event.customer_attributes = std::span(&city, 1);
  ASSERT_TRUE(workspace_->record(std::span(&event, 1)));
  const std::vector<std::string> gone{"c4"};
  ASSERT_TRUE(workspace_->forget(gone));
  std::set<CustomerNumber> numbers;
  for (int i = 0; i < kCustomers; ++i) {
    if (const auto number = workspace_->identity().find(fmt::format("c{}", i)).value())
      numbers.insert(*number);
  }
  const std::vector<CustomerNumber> all(numbers.begin(), numbers.end());
  const auto many = workspace_->identity().traits(all);
  ASSERT_TRUE(many) << to_string(many.error());
  ASSERT_EQ(many->size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto each = workspace_->identity().traits(all[i]).value();
    ASSERT_EQ((*many)[i].size(), each.size());
    for (std::size_t t = 0; t < each.size(); ++t) {
      EXPECT_EQ((*many)[i][t].name, each[t].name);
      EXPECT_EQ((*many)[i][t].value, each[t].value);
    }
  }
  // The number of "device" has an anonymous id alone; the last one nobody's.
  std::vector<CustomerNumber> some = all;
  some.push_back({all.back().value + 1'000});
  const auto people = everybody_of(*workspace_).value();
  for (const auto& [number, kind] : people) some.push_back(number);
  std::ranges::sort(some);
  some.erase(std::unique(some.begin(), some.end()), some.end());
  for (const std::size_t count : {std::size_t{0}, std::size_t{3}, some.size()}) {
    const std::span<const CustomerNumber> asked = std::span(some).last(count);
    const auto labels = workspace_->identity().labels(asked);
    ASSERT_TRUE(labels) << to_string(labels.error());
    ASSERT_EQ(labels->size(), count);
    for (std::size_t i = 0; i < count; ++i)
      EXPECT_EQ((*labels)[i].id, workspace_->identity().label(asked[i]).value());
  }
}

TEST_F(CampaignsTest, PreviewTellsWhichEffectItCouldShow) {
  Customers everybody = customers(*workspace_);
  Campaigns all = campaigns();
  const auto campaign = all.check(definition(""), "spring.toml", everybody).value();
  // Half of the reachable bought in the week before now, for 10.00 each.
  std::vector<events::Event> bought;
  std::vector<std::string> ids;
  ids.reserve(kCustomers);
  for (int i = 0; i < kCustomers; i += 2) {
    events::Event event;
    event.type = EventType::purchase;
    event.time = days_later(-1);
    event.customer = ids.emplace_back(fmt::format("c{}", i));
    event.item = "p1";
    event.value_minor = 1000;
    event.currency = Currency::parse("GBP").value();
    bought.push_back(event);
  }
  ASSERT_TRUE(workspace_->record(bought));
  const auto preview = all.preview(campaign, everybody, {kNow}, quiet_);
  ASSERT_TRUE(preview) << to_string(preview.error());
  ASSERT_EQ(preview->power.size(), 2u);
  EXPECT_EQ(preview->power[0].metric, "conversion");
  EXPECT_NEAR(preview->power[0].before.mean, 3. / 7, 1e-12) << "c4, c6, c8 of c3 to c9";
  EXPECT_NEAR(preview->power[1].before.mean, 10 * 3. / 7, 1e-12);
  const auto expected =
      measure::detectable_effect({.mean = 3. / 7, .deviation = 0, .proportion = true}, kReachable,
                                 {.treatments = 2, .control_share = .25});
  ASSERT_TRUE(expected);
  EXPECT_EQ(preview->power[0].plan.effect, expected->effect);
  EXPECT_NE(preview_text(*preview, workspace_->zone(), {}).find("8 of 10"), std::string::npos);
}

TEST_F(CampaignsTest, PreviewCountsWhatTheRunDecides) {
  Customers everybody = customers(*workspace_);
  Campaigns all = campaigns();
  const auto campaign = all.check(definition(kOnceAMonth), "spring.toml", everybody).value();
  const auto preview = all.preview(campaign, everybody, {kNow}, quiet_);
  ASSERT_TRUE(preview) << to_string(preview.error());
  EXPECT_TRUE(preview->problems.empty());
  EXPECT_EQ(in_state("SELECT count(*) FROM outbox"), 0);
  start(definition(kOnceAMonth));
  const auto ran = run();
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->counts.counts, preview->counts.counts);
  EXPECT_EQ(ran->counts.cost_minor(), preview->counts.cost_minor());
  const decide::GateCounts& counts = ran->counts.counts;
  EXPECT_EQ(counts.customers(), kCustomers);
  EXPECT_EQ(counts.at(StopReason::consent_unknown), kCustomers / 10);
  EXPECT_EQ(counts.at(StopReason::consent_withdrawn), kCustomers / 10);
  EXPECT_EQ(counts.at(StopReason::unreachable), kCustomers / 10);
  EXPECT_EQ(counts.at(StopReason::held_out) + counts.passed(), kReachable);
  EXPECT_GT(counts.at(StopReason::held_out), 10);
  EXPECT_EQ(in_state("SELECT count(*) FROM outbox"), counts.passed());
  EXPECT_EQ(preview->examples.size(), 10u);
  const CampaignStatus status = campaigns().status("spring", {kNow}).value();
  EXPECT_EQ(status.total.counts, counts);
  EXPECT_EQ(status.outbox[0], counts.passed());
  ASSERT_TRUE(status.budget);
  EXPECT_EQ(status.budget->reserved.messages, counts.passed());
  EXPECT_EQ(status.budget->reserved.money_minor, ran->counts.cost_minor());
}

TEST_F(CampaignsTest, GivesNobodyARowWhomAGateStops) {
  start(definition(kOnceAMonth));
  ASSERT_TRUE(run());
  const auto all = decisions();
  const std::set<int> rows = mailed();
  EXPECT_GT(rows.size(), 50u);
  for (int i = 0; i < kCustomers; ++i) {
    const auto found = all.find(i);
    ASSERT_EQ(found != all.end(), may_get_mail(i)) << "assigned are those who can be reached";
    const bool held = found != all.end() && *found->second.group == decide::kHeldOut;
    EXPECT_EQ(rows.contains(i), may_get_mail(i) && !held) << i;
  }
  // The next day's run finds the same customers, and the cap of one a month.
  const auto again = run(days_later(1));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->counts.counts.passed(), 0);
  EXPECT_EQ(again->counts.counts.at(StopReason::cap_reached),
            static_cast<std::int64_t>(rows.size()));
  EXPECT_EQ(mailed(), rows);
}

TEST_F(CampaignsTest, SendsNothingInQuietHoursOfTheCustomersZone) {
  // 20:26 in London is 04:26 in Shanghai.
  live_in("c3", "Asia/Shanghai");
  start(definition("[quiet_hours]\nfrom = \"22:00\"\nto = \"08:00\"\n"));
  const auto ran = run();
  ASSERT_TRUE(ran);
  const auto all = decisions();
  const bool held = *all.at(3).group == decide::kHeldOut;
  EXPECT_EQ(ran->counts.counts.at(StopReason::quiet_hours), held ? 0 : 1);
  EXPECT_FALSE(mailed().contains(3));
  EXPECT_FALSE(held) << "choose another customer for this test";
}

TEST_F(CampaignsTest, RunsOnceForEachMomentOfTheSchedule) {
  start(definition(""));  // no cap: only the schedule keeps messages apart
  ASSERT_TRUE(run());
  const std::set<int> rows = mailed();
  const std::int64_t events = logged(EventType::assignment);
  EXPECT_FALSE(run());
  EXPECT_FALSE(run({kNow + kMicrosPerHour}));
  EXPECT_EQ(mailed(), rows);
  EXPECT_EQ(logged(EventType::assignment), events);
}

TEST_F(CampaignsTest, JournalsEventsOnceThroughACrashBeforeThePump) {
  start(definition(""));
  StopsAfter crash(1);
  {
    Customers everybody = customers(*workspace_);
    const auto ran = campaigns().run("spring", everybody, {kNow}, crash);
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().code, ErrorCode::cancelled);
  }
  const std::set<int> rows = mailed();
  EXPECT_GT(rows.size(), 50u);
  EXPECT_EQ(logged(EventType::assignment), 0);
  ASSERT_GT(in_state("SELECT sum(events) FROM pending_events"), 0);
  // Kept, to be put back: as if the crash had come between the journal and the deletion.
  ASSERT_TRUE(workspace_->state().execute("CREATE TABLE kept AS SELECT * FROM pending_events"));
  workspace_.reset();
  workspace_.emplace(open());
  (void)campaigns();  // opening pumps
  EXPECT_EQ(in_state("SELECT count(*) FROM pending_events"), 0);
  EXPECT_EQ(logged(EventType::assignment), kReachable);
  ASSERT_TRUE(workspace_->state().execute("INSERT INTO pending_events SELECT * FROM kept"));
  (void)campaigns();
  EXPECT_EQ(in_state("SELECT count(*) FROM pending_events"), 0);
  EXPECT_EQ(logged(EventType::assignment), kReachable);
  // The run goes on where it was and ends: nobody is asked again.
  const auto ran = run();
  ASSERT_TRUE(ran);
  EXPECT_TRUE(ran->finished);
  EXPECT_EQ(ran->counts.counts.customers(), kCustomers);
  EXPECT_EQ(mailed(), rows);
  EXPECT_EQ(logged(EventType::assignment), kReachable);
}

TEST_F(CampaignsTest, NeverSpendsMoreThanTheBudget) {
  start(definition("[budget]\nmoney = \"2.00\"\nmessages = 30\n"));
  const auto ran = run();
  ASSERT_TRUE(ran);
  auto ledger = ledger::BudgetLedger::open(workspace_->state()).value();
  const ledger::BudgetBalances balances = ledger.balances("campaign:spring").value();
  EXPECT_EQ(balances.reserved.money_minor, ran->counts.cost_minor());
  EXPECT_EQ(balances.reserved.messages, static_cast<std::int64_t>(mailed().size()));
  EXPECT_LE(balances.reserved.money_minor, 200);
  EXPECT_GT(balances.reserved.money_minor, 160);
  EXPECT_GT(ran->counts.counts.at(StopReason::budget_money), 0);
  ASSERT_TRUE(run(days_later(1)));
  EXPECT_LE(ledger.balances("campaign:spring")->reserved.money_minor, 200);
  EXPECT_TRUE(ledger.check());
  // It may grow while it runs, and may not shrink.
  Customers everybody = customers(*workspace_);
  Campaigns all = campaigns();
  const auto less = all.check(definition("[budget]\nmoney = \"1.00\"\nmessages = 30\n"),
                              "spring.toml", everybody);
  EXPECT_EQ(all.save(*less, {kNow}, "").error().code, ErrorCode::failed_precondition);
  const auto more = all.check(definition("[budget]\nmoney = \"3.00\"\nmessages = 60\n"),
                              "spring.toml", everybody);
  EXPECT_EQ(all.save(*more, {kNow}, "")->version, 2);
  ASSERT_TRUE(run(days_later(2)));
  EXPECT_EQ(ledger.balances("campaign:spring")->limits.money_minor, 300);
  EXPECT_GT(ledger.balances("campaign:spring")->reserved.money_minor, 200);
  EXPECT_LE(ledger.balances("campaign:spring")->reserved.money_minor, 300);
}

TEST_F(CampaignsTest, LogsDecisionsThatReplay) {
  start(definition(kOnceAMonth));
  ASSERT_TRUE(run());
  const auto all = decisions();
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kReachable));
  for (const auto& [customer, decision] : all) {
    EXPECT_TRUE(decide::replay(decision)) << customer;
    EXPECT_EQ(campaigns().find_decision(decision.id).value(), decision);
  }
  EXPECT_EQ(logged(EventType::decision), kCustomers - kReachable);
  EXPECT_EQ(campaigns().find_decision("nothing").error().code, ErrorCode::not_found);
}

TEST_F(CampaignsTest, MailsWhatWasDecidedUnlessConsentWasWithdrawnMeanwhile) {
  net::testing::FakeSmtpServer server;
  settle_mail(server.port());
  start(definition(kOnceAMonth));
  const auto ran = run();
  ASSERT_TRUE(ran);
  const std::set<int> rows = mailed();
  const std::string regretful = fmt::format("c{}", *rows.begin());
  events::Event event;
  event.type = EventType::consent_withdrawn;
  event.time = {kNow};
  event.customer = regretful;
  event.properties = R"({"purpose":"email"})";
  ASSERT_TRUE(workspace_->record(std::span(&event, 1)));
  const SendResult sent = send();
  EXPECT_TRUE(sent.troubles.empty()) << sent.troubles.front();
  EXPECT_EQ(sent.sent, static_cast<int>(rows.size()) - 1);
  EXPECT_EQ(sent.withheld, 1);
  ASSERT_EQ(server.messages().size(), rows.size() - 1);
  for (const std::string& recipient : server.recipients())
    EXPECT_EQ(recipient.find(regretful + "@"), recipient.npos);
  EXPECT_NE(server.messages()[0].find("List-Unsubscribe"), std::string::npos);
  EXPECT_EQ(logged(EventType::message_sent), sent.sent);
  auto ledger = ledger::BudgetLedger::open(workspace_->state()).value();
  const ledger::BudgetBalances balances = ledger.balances("campaign:spring").value();
  EXPECT_EQ(balances.spent.messages, sent.sent);
  EXPECT_EQ(balances.reserved, ledger::Amount{});
  // What was withheld is no cost of the campaign's.
  const auto report = campaigns().report("spring", days_later(10));
  ASSERT_TRUE(report);
  std::int64_t messages = 0;
  double cost = 0;
  for (const TreatmentReturn& one : report->returns) {
    messages += one.messages;
    cost += one.cost;
  }
  EXPECT_EQ(messages, sent.sent);
  EXPECT_NEAR(cost * 100, static_cast<double>(balances.spent.money_minor), 1e-6);
  EXPECT_EQ(in_state("SELECT count(*) FROM contacts"), sent.sent);
  EXPECT_EQ(send().sent, 0);
  EXPECT_EQ(server.messages().size(), rows.size() - 1);
  EXPECT_EQ(logged(EventType::message_sent), sent.sent);
}

TEST_F(CampaignsTest, WaitsWhilePausedAndWithholdsWhatIsStopped) {
  net::testing::FakeSmtpServer server;
  settle_mail(server.port());
  start(definition(kOnceAMonth));
  ASSERT_TRUE(run());
  const auto waiting = static_cast<std::int64_t>(mailed().size());
  ASSERT_TRUE(campaigns().pause("spring", {kNow}, "ann"));
  EXPECT_EQ(send().sent, 0);
  EXPECT_TRUE(server.messages().empty());
  EXPECT_EQ(campaigns().status("spring", {kNow})->outbox[0], waiting);
  ASSERT_TRUE(campaigns().stop("spring", {kNow}, "ann"));
  const CampaignStatus status = campaigns().status("spring", {kNow}).value();
  EXPECT_EQ(status.outbox[static_cast<std::size_t>(deliver::MessageState::withheld)], waiting);
  EXPECT_EQ(status.budget->reserved, ledger::Amount{});
  EXPECT_EQ(in_state("SELECT count(*) FROM contacts"), 0);
  EXPECT_EQ(send(days_later(1)).sent, 0);
  EXPECT_TRUE(server.messages().empty());
}

TEST_F(CampaignsTest, WritesAListForWhatIsSentByHand) {
  start(definition(kOnceAMonth, "file"));
  const auto ran = run();
  ASSERT_TRUE(ran);
  ASSERT_TRUE(std::filesystem::exists(ran->list));
  std::ifstream list(ran->list);
  std::string line;
  std::getline(list, line);
  EXPECT_NE(line.find("content"), std::string::npos);
  std::int64_t rows = 0;
  while (std::getline(list, line)) {
    ++rows;
    EXPECT_NE(line.find(",spring,"), std::string::npos);
  }
  // Who has no address is on it too: people may know another way.
  EXPECT_EQ(rows, ran->counts.counts.passed());
  EXPECT_EQ(ran->counts.counts.at(StopReason::unreachable), 0);
  EXPECT_EQ(campaigns().status("spring", {kNow})->budget->spent.messages, rows);
}

TEST_F(CampaignsTest, RefusesToStartWhereATemplateLacksAField) {
  write_template("offer", "For you, {{ first_name }}", "Hello\n");
  Customers everybody = customers(*workspace_);
  Campaigns all = campaigns();
  const auto campaign = all.check(definition(""), "spring.toml", everybody).value();
  const auto preview = all.preview(campaign, everybody, {kNow}, quiet_).value();
  ASSERT_EQ(preview.problems.size(), 1u);
  EXPECT_NE(preview.problems[0].find("templates/offer/subject:1:"), std::string::npos);
  EXPECT_NE(preview.problems[0].find("first_name"), std::string::npos);
  EXPECT_EQ(preview.counts.counts.passed(), 0);
  ASSERT_TRUE(all.save(campaign, {kNow}, ""));
  EXPECT_EQ(all.start("spring", everybody, {kNow}, "").error().code,
            ErrorCode::failed_precondition);
  std::filesystem::remove_all(folder() / "templates");
  EXPECT_NE(all.preview(campaign, everybody, {kNow}, quiet_)->problems[0].find("template 'offer'"),
            std::string::npos);
}

TEST_F(CampaignsTest, PointsAtTheLineOfAMistake) {
  Customers everybody = customers(*workspace_);
  const auto wrong = campaigns().check("name = \"x\"\nchanel = \"email\"\n", "x.toml", everybody);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("x.toml:2:"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("channel"), std::string::npos);
}

TEST_F(CampaignsTest, TellsThatThereIsNoMailServer) {
  std::ofstream(folder() / "attune.toml") << "";
  const auto sent = campaigns().send_due({kNow});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::failed_precondition);
  EXPECT_NE(sent.error().message.find("[mail]"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine
