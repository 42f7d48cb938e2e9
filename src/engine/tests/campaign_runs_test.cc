// What stands after a run of a campaign, and after one that was cut off.
#include <algorithm>

#include <gtest/gtest.h>

#include "../campaign_lists.h"
#include "../gate_seam.h"
#include "attune/base/files.h"
#include "attune/engine/campaign_log.h"
#include "campaign_shop.h"

namespace attune::engine {
namespace {

using CampaignRunsTest = CampaignsTest;

TEST_F(CampaignRunsTest, WriteTheSameListFromTheLog) {
  start(definition("", "file"));
  const auto ran = run();
  ASSERT_TRUE(ran);
  const std::string whole = read_file(ran->list).value();
  ASSERT_GT(std::ranges::count(whole, '\n'), 50);
  ASSERT_TRUE(std::filesystem::remove(ran->list));
  const auto campaign = campaigns().find("spring");
  ASSERT_TRUE(campaign);
  CampaignListing listing(*workspace_, campaign->campaign);
  ASSERT_TRUE(listing.read_log(ran->begun));
  ASSERT_EQ(listing.write(ran->due).value(), ran->list);
  EXPECT_EQ(read_file(ran->list).value(), whole);
}

TEST_F(CampaignRunsTest, ListEverybodyWhereARunWasCutOff) {
  start(definition("", "file"));
  StopsAfter crash(1);
  {
    Customers everybody = customers(*workspace_);
    Campaigns all = campaigns();
    GateSeam::ask_at_once(all, 64);
    ASSERT_FALSE(all.run("spring", everybody, {kNow}, crash));
  }
  const auto ran = run(days_later(.001));
  ASSERT_TRUE(ran);
  const std::string list = read_file(ran->list).value();
  EXPECT_EQ(std::ranges::count(list, '\n'), ran->counts.counts.passed() + 1);
  EXPECT_GT(ran->counts.counts.passed(), 50);
}

// 20:26 in London is 04:26 in Shanghai, where the quiet hours of one customer end at midnight UTC.
class QuietHours : public CampaignRunsTest {
 protected:
  static constexpr Timestamp kOver = {1'780'012'800'000'000};  // 2026-05-29T00:00:00Z

  void SetUp() override {
    CampaignRunsTest::SetUp();
    live_in("c3", "Asia/Shanghai");
  }
  static std::string once(std::string_view end = "2026-06-20T00:00:00") {
    std::string text = definition("[quiet_hours]\nfrom = \"22:00\"\nto = \"08:00\"\n");
    const auto replace = [&](std::string_view was, std::string_view is) {
      text.replace(text.find(was), was.size(), is);
    };
    replace("repeat = \"daily\"\nat = \"09:00\"\n", "");
    replace("2026-06-20T00:00:00", end);
    return text;
  }
  bool is_due(Timestamp now) { return !campaigns().due(now).value().empty(); }
};

TEST_F(QuietHours, AskAgainWhenTheyEnd) {
  start(once());
  EXPECT_TRUE(is_due({kNow}));
  ASSERT_EQ(run()->counts.counts.at(decide::StopReason::quiet_hours), 1);
  const std::set<int> before = mailed();
  ASSERT_FALSE(before.contains(3));
  const CampaignStatus status = campaigns().status("spring", {kNow}).value();
  EXPECT_EQ(status.waiting, 1);
  EXPECT_EQ(status.next_run, kOver);
  EXPECT_FALSE(is_due({kOver.micros - 1}));
  EXPECT_FALSE(run({kOver.micros - 1}));

  ASSERT_TRUE(is_due(kOver));
  const auto again = run(kOver);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->after_quiet_hours && again->finished);
  EXPECT_EQ(again->counts.customers, 1) << "nobody else is asked again";
  std::set<int> after = before;
  after.insert(3);
  EXPECT_EQ(mailed(), after);
  EXPECT_EQ(campaigns().status("spring", kOver)->waiting, 0);
  EXPECT_FALSE(is_due(days_later(1)));
  EXPECT_FALSE(run(days_later(1)));
}

TEST_F(QuietHours, AskAgainThroughEveryGate) {
  start(once());
  ASSERT_TRUE(run());
  events::Event event;
  event.type = EventType::consent_withdrawn;
  event.time = {kNow + kMicrosPerHour};
  event.customer = "c3";
  event.properties = R"({"purpose":"email"})";
  ASSERT_TRUE(workspace_->record(std::span(&event, 1)));
  const auto again = run(kOver);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->counts.counts.at(decide::StopReason::consent_withdrawn), 1);
  EXPECT_FALSE(mailed().contains(3));
  EXPECT_FALSE(is_due(days_later(1)));
}

TEST_F(QuietHours, WaitForWhomTheScheduleAsksNoMore) {
  start(once("2026-05-28T23:00:00"));  // is over before they are
  ASSERT_EQ(run()->counts.counts.at(decide::StopReason::quiet_hours), 1);
  EXPECT_EQ(campaigns().status("spring", {kNow})->waiting, 0);
}

TEST_F(QuietHours, LeaveARunThatWasCutOffToBeEnded) {
  start(once());
  ASSERT_TRUE(run());
  StopsAfter crash(1);
  {
    Customers everybody = customers(*workspace_);
    ASSERT_FALSE(campaigns().run("spring", everybody, kOver, crash));
  }
  EXPECT_TRUE(is_due(kOver)) << "everybody was asked, and the run is not ended";
  const auto ended = run(kOver);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->counts.customers, 1);
  EXPECT_TRUE(mailed().contains(3));
  EXPECT_FALSE(is_due(days_later(1)));
}

TEST_F(QuietHours, ForgetWhoIsErased) {
  start(once());
  ASSERT_TRUE(run());
  const std::vector<std::string> gone{"c3"};
  ASSERT_TRUE(workspace_->forget(gone));
  ASSERT_TRUE(run(kOver));
  EXPECT_FALSE(is_due(days_later(1)));
}

TEST_F(QuietHours, AreAskedAboutByTheNextDaysRun) {
  start(definition("[quiet_hours]\nfrom = \"22:00\"\nto = \"08:00\"\n"));
  ASSERT_EQ(run()->counts.counts.at(decide::StopReason::quiet_hours), 1);
  const auto next = run(days_later(.6));  // at 10:50 everybody is asked, in Shanghai it is 17:50
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->after_quiet_hours);
  EXPECT_EQ(next->counts.counts.at(decide::StopReason::quiet_hours), 0);
  EXPECT_FALSE(is_due(days_later(.6)));
}

// Whoever asks what a run decided lets the stores take it in first.
class AfterARun : public CampaignRunsTest {
 protected:
  void SetUp() override {
    CampaignRunsTest::SetUp();
    start(definition(""));
    Customers everybody = customers(*workspace_);
    const auto ran = campaigns().run("spring", everybody, {kNow}, quiet_);
    ASSERT_TRUE(ran && *ran);
    ASSERT_EQ(logged(EventType::assignment), 0);
  }
};

TEST_F(AfterARun, TheReportKnowsOfIt) {
  const auto report = campaigns().report("spring", {kNow}, {});
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(logged(EventType::assignment), kReachable);
}

TEST_F(AfterARun, AssignmentsAreToldWhole) {
  const auto all = campaign_assignments(*workspace_, "spring", 0, 2 * kCustomers);
  ASSERT_TRUE(all) << to_string(all.error());
  EXPECT_EQ(std::ssize(*all), kReachable);
}

TEST_F(AfterARun, ADecisionIsFound) {
  store::Statement rows = workspace_->state().prepare("SELECT key FROM outbox LIMIT 1").value();
  ASSERT_TRUE(rows.step().value());
  EXPECT_TRUE(campaigns().find_decision(rows.text(0)));
}

}  // namespace
}  // namespace attune::engine
