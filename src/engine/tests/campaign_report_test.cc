#include <map>

#include <fmt/format.h>

#include "../campaign_touches.h"
#include "campaign_shop.h"

namespace attune::engine {
namespace {

TEST(PositionShare, IsTwoFifthsForTheFirstAndTheLastAndAddsUpToOne) {
  EXPECT_EQ(position_share(0, 1), 1);
  EXPECT_EQ(position_share(1, 2), .5);
  EXPECT_EQ(position_share(0, 3), .4);
  EXPECT_NEAR(position_share(1, 3), .2, 1e-15);
  EXPECT_NEAR(position_share(2, 6), .05, 1e-15);
  for (std::size_t count = 1; count < 20; ++count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += position_share(i, count);
    EXPECT_NEAR(sum, 1, 1e-12) << count;
  }
}

TEST_F(CampaignsTest, BreakDownByOrdersBefore) {
  start(definition(kOnceAMonth));
  ASSERT_TRUE(run());
  std::string orders = "order_id,customer_id,product_id,date,quantity,price\n";
  for (int i = 0; i < kCustomers; i += 2)
    orders += fmt::format("x{},c{},p1,2026-05-29 10:00:00,1,30.00\n", i, i);
  import(*workspace_, write("more.csv", orders));
  Customers everybody = customers(*workspace_);
  const CampaignReportOptions by{.analysis = {}, .by = "orders"};
  const auto report = campaigns().report("spring", days_later(10), by, &everybody);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(report->experiment.groups.size(), 3u);
  std::int64_t counted = 0;
  for (const measure::GroupResult& group : report->experiment.metrics[0].groups) {
    for (const measure::ArmMetric& arm : group.arms) {
      if (group.group != 1) {
        EXPECT_EQ(arm.customers, 0) << "everybody had one order before";
      }
      counted += arm.customers;
    }
  }
  EXPECT_EQ(counted, report->assigned);
  const auto wrong =
      campaigns().report("spring", days_later(10), {.analysis = {}, .by = "vips"}, &everybody);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid_argument);
  ASSERT_TRUE(everybody.save_segment("even", "frequency >= 2", "", false));
  const auto segment =
      campaigns().report("spring", days_later(10), {.analysis = {}, .by = "even"}, &everybody);
  ASSERT_TRUE(segment) << to_string(segment.error());
  EXPECT_EQ(segment->experiment.groups.size(), 2u);
  const std::string page = report_page(*segment, workspace_->zone());
  for (const char* part : {"What the campaign changed", "Caused and claimed", "<svg", "even"})
    EXPECT_NE(page.find(part), page.npos) << part;
}

TEST_F(CampaignsTest, ReportsMeansThatAreCountedByHand) {
  start(definition(kOnceAMonth));
  ASSERT_TRUE(run());
  const auto all = decisions();
  std::vector<events::Event> bought;
  std::vector<std::string> texts;
  texts.reserve(kCustomers * 2);
  std::map<std::string, double> sums, sizes;
  for (const auto& [customer, decision] : all) {
    const std::string arm = *decision.group == decide::kHeldOut
                                ? "holdout"
                                : decision.assignment.arms[*decision.group].name;
    sizes[arm] += 1;
    // Two lines of one order in the window; what comes after it does not count.
    if (customer % 3 != 0) continue;
    const std::int64_t cents = 100 * (customer + 1);
    sums[arm] += 2 * static_cast<double>(customer + 1);
    events::Event event;
    event.type = EventType::purchase;
    event.customer = texts.emplace_back(fmt::format("c{}", customer));
    event.order = texts.emplace_back(fmt::format("after{}", customer));
    event.currency = Currency::parse("GBP").value();
    event.value_minor = cents;
    event.time = days_later(2);
    event.event_id = "";
    event.item = "p1";
    bought.push_back(event);
    event.item = "p2";
    bought.push_back(event);
    event.order = "";
    event.time = days_later(8);
    bought.push_back(event);
  }
  ASSERT_TRUE(workspace_->record(bought));
  const auto report = campaigns().report("spring", days_later(10));
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(report->assigned, kReachable);
  EXPECT_EQ(report->complete, kReachable);
  ASSERT_EQ(report->experiment.arms.size(), 3u);
  const measure::MetricResult& revenue = report->experiment.metrics[0];
  const measure::MetricResult& conversion = report->experiment.metrics[1];
  for (std::size_t arm = 0; arm < 3; ++arm) {
    const std::string& name = report->experiment.arms[arm].name;
    EXPECT_EQ(report->experiment.arms[arm].customers, sizes[name]) << name;
    EXPECT_NEAR(revenue.arms[arm].sum, sums[name], 1e-9) << name;
    if (revenue.arms[arm].estimate) {
      EXPECT_NEAR(revenue.arms[arm].estimate->value, sums[name] / sizes[name], 1e-9) << name;
    }
  }
  double buyers = 0;
  for (const measure::ArmMetric& arm : conversion.arms) buyers += arm.sum;
  double expected = 0;
  for (const auto& [customer, decision] : all) expected += customer % 3 == 0;
  EXPECT_EQ(buyers, expected);
  EXPECT_EQ(report->returns.size(), 2u);
  // Seen within the window, it says that figures will change.
  const auto early = campaigns().report("spring", days_later(3));
  EXPECT_EQ(early->complete, 0);
  EXPECT_FALSE(early->notes.empty());
}

// A look back counts what had come by then.
TEST_F(CampaignsTest, ReportsAsOfAMoment) {
  start(definition(kOnceAMonth));
  ASSERT_TRUE(run());
  events::Event bought;
  bought.type = EventType::purchase;
  bought.customer = "c3";
  bought.item = "p1";
  bought.currency = Currency::parse("GBP").value();
  bought.value_minor = 500;
  bought.time = days_later(2);
  ASSERT_TRUE(workspace_->record(std::span(&bought, 1)));
  const auto buyers = [&](double days) {
    double sum = 0;
    const auto report = campaigns().report("spring", days_later(days));
    EXPECT_TRUE(report) << to_string(report.error());
    for (const measure::ArmMetric& arm : report->experiment.metrics[1].arms) sum += arm.sum;
    return sum;
  };
  EXPECT_EQ(buyers(3), 1);
  EXPECT_EQ(buyers(1), 0);
  EXPECT_EQ(campaigns().report("spring", days_later(-1))->assigned, 0);
}

// Who was assigned before a change of the shares is compared with what held then.
TEST_F(CampaignsTest, ReportsTheSharesThatHeldWhenCustomersWereAssigned) {
  start(definition(kOnceAMonth));
  ASSERT_TRUE(run());
  std::string changed = definition(kOnceAMonth);
  for (const auto& [from, to] :
       {std::pair("name = \"a\"\nshare = 0.5", "name = \"a\"\nshare = 0.9"),
        std::pair("name = \"b\"\nshare = 0.5", "name = \"b\"\nshare = 0.1")}) {
    ASSERT_NE(changed.find(from), changed.npos);
    changed.replace(changed.find(from), std::string_view(from).size(), to);
  }
  start(changed);
  const auto report = campaigns().report("spring", days_later(10));
  ASSERT_TRUE(report);
  EXPECT_NEAR(report->experiment.arms[1].expected, kReachable * .75 * .5, 1e-6);
  EXPECT_NEAR(report->experiment.arms[2].expected, kReachable * .75 * .5, 1e-6);
}

}  // namespace
}  // namespace attune::engine
