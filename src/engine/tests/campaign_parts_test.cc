// A run in parts of any size, stopped after any of them, comes to the same.
#include <array>

#include <gtest/gtest.h>

#include "../gate_seam.h"
#include "attune/base/files.h"
#include "campaign_shop.h"

namespace attune::engine {
namespace {

// A shop of its own in which one campaign ran to its end.
class RunInParts : public CampaignsTest {
 public:
  // `stops_after`: parts, each time; 0: never.
  RunInParts(const std::string& channel, std::int64_t at_once, int stops_after) {
    SetUp();
    live_in("c3", "Asia/Shanghai");
    const std::string more =
        std::string(kOnceAMonth) +
        "[budget]\nmessages = 70\n[quiet_hours]\nfrom = \"04:00\"\nto = \"05:00\"\n";
    start(definition(more, channel));
    for (bool done = false; !done; ++calls_) done = ask(at_once, stops_after);
    EXPECT_TRUE(workspace_->catch_up(quiet_));
    tell();
    TearDown();
  }
  void TestBody() override {}

  const std::string& told() const { return told_; }
  int calls() const { return calls_; }

 private:
  bool ask(std::int64_t at_once, int stops_after) {
    Customers everybody = customers(*workspace_);
    Campaigns all = campaigns();
    GateSeam::ask_at_once(all, at_once);
    StopsAfter stops(stops_after > 0 ? stops_after : 2 * kCustomers);
    const auto ran = all.run("spring", everybody, {kNow}, stops);
    if (!ran) {
      EXPECT_EQ(ran.error().code, ErrorCode::cancelled) << to_string(ran.error());
      return calls_ > 2 * kCustomers;
    }
    list_ = (*ran)->list;
    return true;
  }
  // Everything that a run leaves behind.
  void tell() {
    for (const auto& [customer, decision] : decisions())
      told_ += fmt::format("{} {}\n", customer, decide::to_json(decision));
    for (const std::string_view sql :
         {"SELECT count(*) FROM contacts", "SELECT sum(customer * 7 + time % 13) FROM contacts",
          "SELECT count(*) FROM outbox", "SELECT count(*) FROM campaign_waiting",
          "SELECT sum(customer) FROM campaign_waiting",
          "SELECT sum(money) FROM ledger_reservations", "SELECT count(*) FROM ledger_reservations",
          "SELECT count(*) FROM pending_events"})
      told_ += fmt::format("{}: {}\n", sql, in_state(sql));
    told_ += to_json(campaigns().status("spring", {kNow}).value());
    const std::string root = folder().string();
    while (told_.contains(root)) told_.replace(told_.find(root), root.size(), "SHOP");
    if (!list_.empty()) told_ += read_file(list_).value();
  }

  int calls_ = 0;
  std::filesystem::path list_;
  std::string told_;
};

class CampaignParts : public ::testing::TestWithParam<std::string> {};

TEST_P(CampaignParts, OfAnySizeComeToTheSame) {
  const RunInParts whole(GetParam(), 20'000, 0);
  EXPECT_NE(whole.told().find("budget_messages"), std::string::npos);
  EXPECT_NE(whole.told().find("quiet_hours"), std::string::npos);
  for (const std::int64_t at_once : {1, 7, 64, 199}) {
    const RunInParts parts(GetParam(), at_once, 0);
    EXPECT_EQ(parts.told(), whole.told()) << at_once;
    EXPECT_EQ(parts.calls(), 1);
  }
}

TEST_P(CampaignParts, StoppedAfterAnyComeToTheSame) {
  const RunInParts whole(GetParam(), 20'000, 0);
  for (const int stops_after : {1, 2, 3, 5}) {
    const RunInParts parts(GetParam(), 16, stops_after);
    EXPECT_EQ(parts.told(), whole.told()) << stops_after;
    EXPECT_GT(parts.calls(), kCustomers / 16 / (stops_after + 1));
  }
}

// How far a run says that it is.
class Told final : public Progress {
 public:
  void phase(std::string_view, std::int64_t, std::string_view) override {}
  void advance(std::int64_t done) override {
    EXPECT_GE(done, done_);
    done_ = done;
  }
  bool cancelled() const override { return false; }
  std::int64_t done() const { return done_; }

 private:
  std::int64_t done_ = 0;
};

using CampaignPartsTest = CampaignsTest;

TEST_F(CampaignPartsTest, AreCountedToTheLast) {
  start(definition("", "file"));
  Customers everybody = customers(*workspace_);
  for (const int day : {0, 1, 2}) {
    Campaigns all = campaigns();
    GateSeam::ask_at_once(all, std::array{64, 199, 200}[static_cast<std::size_t>(day)]);
    Told told;
    ASSERT_TRUE(all.run("spring", everybody, days_later(day), told));
    EXPECT_EQ(told.done(), kCustomers) << day;
  }
}

TEST_F(CampaignPartsTest, BeforeOneThatCannotBeReadAreWritten) {
  start(definition("", "file"));
  Customers everybody = customers(*workspace_);
  const std::string_view broken =
      "UPDATE profile_blobs SET blob = x'00' WHERE customer = (SELECT customer FROM profile_blobs "
      "ORDER BY customer LIMIT 1 OFFSET 100)";
  ASSERT_TRUE(workspace_->state().run("CREATE TABLE kept AS SELECT * FROM profile_blobs"));
  ASSERT_TRUE(workspace_->state().run(broken));
  Campaigns all = campaigns();
  GateSeam::ask_at_once(all, 16);
  const auto ran = all.run("spring", everybody, {kNow}, quiet_);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::data_corruption);
  EXPECT_EQ(in_state("SELECT sum(events) FROM pending_events"), 96);
  ASSERT_TRUE(workspace_->state().run("INSERT OR REPLACE INTO profile_blobs SELECT * FROM kept"));
  ASSERT_TRUE(all.run("spring", everybody, {kNow}, quiet_));
  EXPECT_TRUE(workspace_->catch_up(quiet_));
  EXPECT_EQ(logged(EventType::assignment) + logged(EventType::decision), kCustomers);
}

INSTANTIATE_TEST_SUITE_P(Channels, CampaignParts, ::testing::Values("email", "file"));

}  // namespace
}  // namespace attune::engine
