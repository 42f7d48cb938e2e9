// What stands after a run of a campaign, and after one that was cut off.
#include <algorithm>

#include <gtest/gtest.h>

#include "../campaign_lists.h"
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
    ASSERT_FALSE(campaigns().run("spring", everybody, {kNow}, crash));
  }
  const auto ran = run(days_later(.001));
  ASSERT_TRUE(ran);
  const std::string list = read_file(ran->list).value();
  EXPECT_EQ(std::ranges::count(list, '\n'), ran->counts.counts.passed() + 1);
  EXPECT_GT(ran->counts.counts.passed(), 50);
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
