#include "attune/engage/campaign_store.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state_folder.h"

namespace attune::engage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Campaign campaign(std::string_view name = "winback") {
  Campaign made;
  made.name = name;
  made.segment = "at risk";
  made.schedule = {{1'000}, {2'000}, Repeat::once, 9 * 60};
  made.currency = Currency::parse("EUR").value();
  made.treatments = {{"a", .5, 0, "x", "", 1}, {"b", .5, 0, "y", "", 1}};
  made.holdout = {.1, made.name, "s"};
  return made;
}

class CampaignStoreTest : public ::testing::Test {
 protected:
  CampaignStore store() { return CampaignStore::open(files_.state()).value(); }
  void create(std::string_view name = "winback") {
    const auto made = store().create(campaign(name), {1}, "ann");
    ASSERT_TRUE(made) << made.error().message;
  }
  ErrorCode go(CampaignState to, std::string_view name = "winback") {
    const auto moved = store().transition(name, to, {2}, "ann");
    return moved ? ErrorCode::internal : moved.error().code;
  }
  CampaignState state(std::string_view name = "winback") {
    return store().find(name).value().state;
  }
  StateFolder files_;
};

TEST_F(CampaignStoreTest, KeepsWhatItIsGiven) {
  create();
  files_.reopen();
  const StoredCampaign found = store().find("winback").value();
  EXPECT_EQ(found.campaign, campaign());
  EXPECT_EQ(found.version, 1);
  EXPECT_EQ(found.state, CampaignState::draft);
  EXPECT_GT(found.number, 0u);
  EXPECT_EQ(store().create(campaign(), {1}, "").error().code, ErrorCode::already_exists);
  EXPECT_THAT(store().find("winbck").error().message, HasSubstr("did you mean 'winback'?"));
  Campaign wrong = campaign("other");
  wrong.treatments.clear();
  EXPECT_EQ(store().create(wrong, {1}, "").error().code, ErrorCode::invalid_argument);
}

// Every pair of states, against a table written by hand.
TEST_F(CampaignStoreTest, GoesWhereItMayAndNowhereElse) {
  const std::map<CampaignState, std::vector<CampaignState>> ways{
      {CampaignState::draft, {CampaignState::scheduled, CampaignState::done}},
      {CampaignState::scheduled,
       {CampaignState::draft, CampaignState::running, CampaignState::done}},
      {CampaignState::running, {CampaignState::paused, CampaignState::done}},
      {CampaignState::paused, {CampaignState::running, CampaignState::done}},
      {CampaignState::done, {}}};
  create();
  for (const auto& [from, allowed] : ways) {
    for (int i = 0; i < kCampaignStateCount; ++i) {
      const auto to = static_cast<CampaignState>(i);
      ASSERT_TRUE(
          files_.state().run("UPDATE campaigns SET state = ?1", static_cast<std::int64_t>(from)));
      const bool may = from == to || std::ranges::find(allowed, to) != allowed.end();
      EXPECT_EQ(go(to), may ? ErrorCode::internal : ErrorCode::failed_precondition)
          << name(from) << " to " << name(to);
      EXPECT_EQ(state(), may ? to : from);
    }
  }
}

TEST_F(CampaignStoreTest, MakesAVersionOfEachChangeAndKeepsThemAll) {
  create();
  Campaign second = campaign();
  second.description = "now with words";
  EXPECT_EQ(store().change(second, {5}, "bob").value().version, 2);
  EXPECT_EQ(store().change(second, {6}, "bob").value().version, 2) << "nothing new";
  ASSERT_EQ(go(CampaignState::scheduled), ErrorCode::internal);
  EXPECT_EQ(store().version("winback", 1).value(), campaign());
  EXPECT_EQ(store().version("winback", 2).value(), second);
  EXPECT_EQ(store().version("winback", 3).error().code, ErrorCode::not_found);
  const CampaignChange created{{1},   1,        CampaignState::draft, CampaignState::draft,
                               "ann", "created"};
  const CampaignChange changed{
      {5}, 2, CampaignState::draft, CampaignState::draft, "bob", "changed: description"};
  const CampaignChange scheduled{{2},   2,     CampaignState::draft, CampaignState::scheduled,
                                 "ann", "told"};
  EXPECT_THAT(store().history("winback").value(), ElementsAre(created, changed, scheduled));
}

TEST_F(CampaignStoreTest, KeepsGroupsAndMeasureOfOneThatRuns) {
  create();
  ASSERT_EQ(go(CampaignState::scheduled), ErrorCode::internal);
  ASSERT_EQ(go(CampaignState::running), ErrorCode::internal);
  const auto refused = [&](auto edit) {
    Campaign changed = campaign();
    edit(changed);
    const auto result = store().change(changed, {5}, "");
    EXPECT_FALSE(result);
    return result ? "" : result.error().message;
  };
  EXPECT_THAT(refused([](Campaign& c) { c.holdout.salt = "t"; }), HasSubstr("holdout cannot"));
  EXPECT_THAT(refused([](Campaign& c) { c.holdout.key = "t"; }), HasSubstr("holdout cannot"));
  EXPECT_THAT(refused([](Campaign& c) { c.holdout.share = .2; }), HasSubstr("holdout cannot"));
  EXPECT_THAT(refused([](Campaign& c) { c.outcome.days = 7; }), HasSubstr("outcome cannot"));
  EXPECT_THAT(refused([](Campaign& c) { c.treatments[0].name = "z"; }),
              HasSubstr("names of treatments cannot"));
  EXPECT_THAT(refused([](Campaign& c) {
                c.channel = decide::Channel::sms;
                c.purpose = privacy::Purpose::sms;
              }),
              HasSubstr("channel, purpose cannot"));
  EXPECT_THAT(refused([](Campaign& c) { c.schedule.start = {1'500}; }),
              HasSubstr("schedule.start cannot"));
  EXPECT_EQ(store().find("winback").value().version, 1);
  Campaign allowed = campaign();
  allowed.treatments[0].share = .9;
  allowed.treatments[1].share = .1;
  allowed.schedule.end = {3'000};
  allowed.caps = {{decide::CapScope::all, decide::CapPeriod::day, 1}};
  allowed.budget_messages = 5;
  EXPECT_EQ(store().change(allowed, {5}, "").value().version, 2);
  ASSERT_EQ(go(CampaignState::done), ErrorCode::internal);
  EXPECT_THAT(refused([](Campaign& c) { c.description = "late"; }), HasSubstr("is done"));
}

TEST_F(CampaignStoreTest, FollowsTheClock) {
  create("a");
  create("b");
  create("draft");
  for (const std::string_view one : {"a", "b"})
    ASSERT_EQ(go(CampaignState::scheduled, one), ErrorCode::internal);
  EXPECT_TRUE(store().advance({999})->empty());
  EXPECT_EQ(store().advance({1'000})->size(), 2u);
  EXPECT_EQ(state("a"), CampaignState::running);
  EXPECT_TRUE(store().advance({500})->empty()) << "a clock set back undoes nothing";
  ASSERT_EQ(go(CampaignState::paused, "b"), ErrorCode::internal);
  EXPECT_EQ(store().due({1'000}, TimeZone::utc())->size(), 1u);
  ASSERT_TRUE(store().note_run("a", {1'000}));
  ASSERT_TRUE(store().note_run("a", {900}));
  EXPECT_TRUE(store().due({1'500}, TimeZone::utc())->empty());
  EXPECT_EQ(store().advance({2'000})->size(), 2u);
  EXPECT_EQ(state("b"), CampaignState::done);
  EXPECT_EQ(state("draft"), CampaignState::draft);
}

TEST_F(CampaignStoreTest, RunsADailyOneOncePerDayAndMakesUpForMissedDaysByOne) {
  Campaign daily = campaign();
  daily.schedule = {{0}, {10 * kMicrosPerDay}, Repeat::daily, 60};
  ASSERT_TRUE(store().create(daily, {0}, ""));
  ASSERT_EQ(go(CampaignState::scheduled), ErrorCode::internal);
  ASSERT_EQ(store().advance({0})->size(), 1u);
  const auto due = [&](std::int64_t at) { return store().due({at}, TimeZone::utc())->size(); };
  EXPECT_EQ(due(kMicrosPerHour - 1), 0u);
  EXPECT_EQ(due(kMicrosPerHour), 1u);
  ASSERT_TRUE(store().note_run("winback", {kMicrosPerHour}));
  EXPECT_EQ(due(kMicrosPerDay), 0u);
  EXPECT_EQ(due(4 * kMicrosPerDay), 1u);
  ASSERT_TRUE(store().note_run("winback", {4 * kMicrosPerDay}));
  EXPECT_EQ(due(4 * kMicrosPerDay), 0u);
  EXPECT_EQ(due(4 * kMicrosPerDay + kMicrosPerHour), 1u);
  EXPECT_EQ(due(10 * kMicrosPerDay), 0u);
}

TEST_F(CampaignStoreTest, ReportsBytesThatNobodyWrote) {
  create();
  ASSERT_TRUE(files_.state().execute("UPDATE campaign_versions SET json = '{}'"));
  EXPECT_EQ(store().find("winback").error().code, ErrorCode::data_corruption);
}

}  // namespace
}  // namespace attune::engage
