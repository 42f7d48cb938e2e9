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

events::Event line(EventType type, std::string_view customer, std::string_view item,
                   std::string_view order, std::int64_t cents = 0) {
  events::Event event;
  event.type = type;
  event.time = Timestamp{1'770'000'000'000'000};
  event.customer = customer;
  event.item = item;
  event.order = order;
  if (cents > 0) event.value_minor = cents;
  return event;
}

double taste_left(Workspace& workspace) {
  double weight = 0;
  const auto data = read_taste(workspace, {});
  EXPECT_TRUE(data);
  if (!data) return weight;
  for (const auto& event : data->log.events) weight += double{event.weight};
  return weight;
}

TEST_F(Shop, PairsARefundOfAnOrderWithAllThatThePersonBoughtInIt) {
  Workspace workspace = open();
  events::Event visitor = line(EventType::purchase, "", "y", "o1", 100);
  visitor.anonymous = "an1";
  events::Event named = line(EventType::identify, "kc", "", "");
  named.anonymous = "an1";
  const events::Event bought[] = {line(EventType::purchase, "kc", "x", "o1", 300), visitor, named,
                                  line(EventType::purchase, "kc", "x", "o2", 200),
                                  line(EventType::purchase, "other", "x", "o1", 300)};
  ASSERT_TRUE(workspace.record(bought));
  EXPECT_DOUBLE_EQ(taste_left(workspace), 12);
  const Sequence before = workspace.event_history().cursor().value();
  const events::Event whole[] = {line(EventType::refund, "kc", "", "o1")};
  ASSERT_TRUE(workspace.record(whole));
  EXPECT_DOUBLE_EQ(taste_left(workspace), 6);  // of the other order, and of the other person
  const auto counts = clean(workspace);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->refunds, 1);
  EXPECT_EQ(counts->refunds_paired, 1);

  // At once, too: both lines of the one refund.
  const auto merges = workspace.identity().merges();
  ASSERT_TRUE(merges);
  const auto taken = workspace.event_history().taken_back(before, *merges);
  ASSERT_TRUE(taken);
  ASSERT_EQ(taken->size(), 1U);
  ASSERT_EQ(taken->begin()->second.size(), 2U);
  for (const auto& item : taken->begin()->second) EXPECT_EQ(item.purchases, 1);
  const auto since = read_taste_since(workspace, {}, before);
  ASSERT_TRUE(since);
  ASSERT_EQ(since->size(), 2U);
  EXPECT_FLOAT_EQ(since->front().weight, -3);

  // A line that is told of again takes nothing from another order.
  events::Event again = line(EventType::refund, "kc", "x", "o1", 300);
  again.time.micros += kMicrosPerDay;
  const Sequence then = workspace.event_history().cursor().value();
  ASSERT_TRUE(workspace.record(std::span(&again, 1)));
  EXPECT_DOUBLE_EQ(taste_left(workspace), 6);
  EXPECT_TRUE(workspace.event_history().taken_back(then, *merges)->empty());
}

TEST_F(Shop, TakesTheShareOfAnOrderThatItsRefundStates) {
  Workspace workspace = open();
  const events::Event all[] = {line(EventType::refund, "kc", "", "o1", 100),  // comes first
                               line(EventType::purchase, "kc", "x", "o1", 300),
                               line(EventType::purchase, "kc", "y", "o1", 100)};
  ASSERT_TRUE(workspace.record(all));
  EXPECT_DOUBLE_EQ(taste_left(workspace), 4.5);
  const events::Event rest[] = {line(EventType::refund, "kc", "", "o1", 900)};
  ASSERT_TRUE(workspace.record(rest));
  EXPECT_DOUBLE_EQ(taste_left(workspace), 0);
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
