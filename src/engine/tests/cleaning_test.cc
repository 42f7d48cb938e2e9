#include "attune/engine/cleaning.h"

#include <fmt/format.h>

#include "attune/engine/taste.h"
#include "shop.h"

namespace attune::engine {
namespace {

using events::EventType;

TEST_F(Shop, PairsRefundsOfAPersonWithWhatTheyBoughtUnderAnotherId) {
  Workspace workspace = open();
  const auto at = [](EventType type, std::string_view customer, std::string_view anonymous,
                     std::int64_t day) {
    events::Event event;
    event.type = type;
    event.time = Timestamp{1'770'000'000'000'000 + day * kMicrosPerDay};
    event.customer = customer;
    event.anonymous = anonymous;
    event.item = type == EventType::identify ? "" : "x";
    return event;
  };
  const events::Event all[] = {at(EventType::purchase, "", "an1", 0),
                               at(EventType::view, "other", "", 1),
                               at(EventType::refund, "kc", "", 3)};
  ASSERT_TRUE(workspace.record(all));
  EXPECT_EQ(clean(workspace)->refunds_paired, 0);
  const events::Event named[] = {at(EventType::identify, "kc", "an1", 2)};
  ASSERT_TRUE(workspace.record(named));
  EXPECT_EQ(clean(workspace)->refunds_paired, 1);
  const auto left = [&] {
    double weight = 0;
    const auto data = read_taste(workspace, {});
    EXPECT_TRUE(data);
    for (const auto& event : data->log.events) weight += double{event.weight};
    return weight;
  };
  EXPECT_DOUBLE_EQ(left(), 1);  // the view
  // Who is separated has neither bought nor brought back what the other did.
  ASSERT_TRUE(workspace.separate("an1"));
  EXPECT_DOUBLE_EQ(left(), 4);
  EXPECT_EQ(clean(workspace)->refunds_paired, 0);
}

TEST_F(Shop, CountsABurstOfBothIdsOfAPersonAsOne) {
  Workspace workspace = open();
  std::string rows = "type,time,customer_id,anonymous_id,item_id\n";
  for (int i = 0; i < 100; ++i) {
    rows += fmt::format("view,2026-01-05 10:00:{:02}.{:03},{},{},p{}\n", i % 60, i,
                        i % 2 == 0 ? "ann" : "", i % 2 == 0 ? "" : "an1", i);
  }
  rows += "identify,2026-01-06 10:00:00,ann,an1,\n";
  const auto rules = cleaning_rules(workspace);
  ASSERT_TRUE(rules);
  ASSERT_GT(rules->bot_events_per_minute, 50);
  ASSERT_LE(rules->bot_events_per_minute, 100);
  const ImportResult result = import(workspace, write("burst.csv", rows));
  EXPECT_EQ(result.cleaning.bots, 100);
}

}  // namespace
}  // namespace attune::engine
