#include "attune/engine/customers.h"

#include <map>

#include <fmt/format.h>

#include "shop.h"

namespace attune::engine {
namespace {

constexpr const char* kHeader = "order_id,customer_id,product_id,category,date,quantity,price\n";
constexpr const char* kSpring =
    "1,ann,p1,toys,2026-01-05 10:00:00,1,5.00\n2,ann,p2,toys,2026-01-20 11:00:00,2,7.50\n"
    "3,bob,p1,toys,2026-01-07 12:00:00,1,5.00\n4,cem,p3,books,2026-01-09 09:00:00,3,2.00\n";
constexpr const char* kSummer =
    "5,ann,p3,books,2026-05-02 10:00:00,4,2.00\n6,bob,p2,toys,2026-05-03 10:00:00,9,7.50\n"
    "7,dan,p1,toys,2026-05-04 10:00:00,1,5.00\n";

class CustomersAsOf : public Shop {
 protected:
  Customers read(Workspace& workspace, const Customers::Options& options) {
    auto opened = Customers::open(workspace, options, quiet_);
    if (!opened) ADD_FAILURE() << to_string(opened.error());
    return std::move(opened).value();
  }
  // Profiles by id, without the number.
  static std::map<std::string, std::string> profiles_of(Workspace& workspace, Customers& people) {
    std::map<std::string, std::string> all;
    const Status read = people.for_each([&](const profiles::Profile& p) -> Status {
      profiles::Profile plain = p;
      plain.customer = {};
      all[*workspace.identity().label(p.customer)] = profiles::to_json(plain, people.names(), 100);
      return {};
    });
    EXPECT_TRUE(read);
    return all;
  }
  static Customers::Options as_of(const char* day) {
    Customers::Options options;
    options.as_of = utc_from_civil(parse_iso(day)->civil);
    return options;
  }
};

TEST_F(CustomersAsOf, AreWhatTheyWereWhenOnlyTheEventsUpToThenHadCome) {
  const Customers::Options then = as_of("2026-02-01T00:00:00");
  Workspace early = open(root_ / "early");
  import(early, write("early.csv", std::string(kHeader) + kSpring));
  Customers known_then = read(early, then);
  const auto expected = profiles_of(early, known_then);

  Workspace late = open(root_ / "late");
  import(late, write("late.csv", std::string(kHeader) + kSpring + kSummer));
  Customers now = customers(late);
  Customers past = read(late, then);
  EXPECT_EQ(profiles_of(late, past), expected);
  EXPECT_EQ(past.count().value(), 3);
  EXPECT_EQ(now.count().value(), 4);
  EXPECT_EQ(past.find("ann")->frequency, 2);
  EXPECT_EQ(now.find("ann")->frequency, 3);
  EXPECT_EQ(past.cohorts()->size(), 1U);
  const auto not_yet = past.find("dan");
  ASSERT_FALSE(not_yet);
  EXPECT_EQ(not_yet.error().code, ErrorCode::not_found);
  // Nothing of it is kept.
  Customers again = customers(late);
  EXPECT_EQ(again.find("ann")->frequency, 3);
}

std::map<std::string, std::int64_t> sizes(Customers& people) {
  std::map<std::string, std::int64_t> members;
  const auto refreshed = people.refresh_segments().value();
  for (const auto& size : refreshed) members[size.segment.name] = size.members;
  return members;
}

// Few events beside what is stored lie apart from it, and count all the same: in profiles, in what
// customers are compared with, and in the moment that they are read as of.
TEST_F(CustomersAsOf, AreTheSameByTheDayAsFromScratch) {
  const auto orders = [](int first, int last) {
    std::string text = kHeader;
    for (int i = first; i < last; ++i) {
      text += fmt::format("{},c{},p{},kind {},2026-{:02}-{:02} 10:00:00,{},2.5\n", i, i * 7 % 20,
                          i % 11, i % 11 % 3, 1 + i / 80, 1 + i % 28, 1 + i % 4);
    }
    return text;
  };
  Workspace daily = open(root_ / "daily"), scratch = open(root_ / "scratch");
  import(daily, write("first.csv", orders(0, 300)));
  customers(daily);
  import(daily, write("next.csv", orders(300, 312)));
  import(scratch, write("all.csv", orders(0, 312)));
  Customers by_day = customers(daily), anew = customers(scratch);
  EXPECT_GT(daily.state().find_int64("SELECT count(*) FROM fresh_profiles").value(), 0);
  EXPECT_EQ(scratch.state().find_int64("SELECT count(*) FROM fresh_profiles").value(), 0);
  EXPECT_EQ(by_day.as_of(), anew.as_of());
  EXPECT_EQ(profiles_of(daily, by_day), profiles_of(scratch, anew));
  // And read again by a program that starts anew.
  Customers again = customers(daily);
  EXPECT_EQ(profiles_of(daily, again), profiles_of(scratch, anew));
}

TEST_F(CustomersAsOf, AreReadAsOfTheLastDayAfterAReopenToo) {
  Timestamp spring, summer;
  {
    Workspace workspace = open();
    import(workspace, write("spring.csv", std::string(kHeader) + kSpring));
    spring = workspace.default_as_of().value();
  }
  Workspace workspace = open();
  EXPECT_EQ(workspace.default_as_of().value(), spring);
  import(workspace, write("summer.csv", std::string(kHeader) + kSummer));
  summer = workspace.default_as_of().value();
  EXPECT_EQ(workspace.zone().to_civil(summer).month, 5);
  EXPECT_GT(summer, spring);
}

TEST_F(CustomersAsOf, AreLookedAtWithoutMovingAnybodyInOrOutOfASegment) {
  Workspace workspace = open();
  import(workspace, write("orders.csv", std::string(kHeader) + kSpring + kSummer));
  const auto stored = [&] {
    return workspace.state().find_int64(
        "SELECT sum(customer * 100 + segment) FROM segment_members");
  };
  {
    Customers people = customers(workspace);
    ASSERT_TRUE(people.save_segment("fresh", "recency_days < 30", "", false));
    EXPECT_EQ(sizes(people)["fresh"], 3);
    const Status again = people.save_segment("fresh", "recency_days < 20", "", false);
    EXPECT_NE(again.error().message.find("--replace"), std::string::npos);
  }
  const auto before = stored().value();
  {
    Customers past = read(workspace, as_of("2026-01-21T00:00:00"));
    EXPECT_EQ(sizes(past)["fresh"], 3);
    const auto members = past.members("fresh", {}, 10).value();
    ASSERT_EQ(members.size(), 3U);
    EXPECT_FALSE(members[0].entered_at);
    EXPECT_EQ(past.members("fresh", members[0].customer, 1).value().size(), 1U);
    EXPECT_EQ(past.members("frish", {}, 10).error().code, ErrorCode::not_found);
  }
  {
    Customers::Options patient;
    patient.lifecycle.new_days = 400;
    Customers people = read(workspace, patient);
    EXPECT_EQ(sizes(people)["new customers"], 4);
    EXPECT_EQ(people.members("new customers", {}, 10).value().size(), 4U);
  }
  EXPECT_EQ(stored().value(), before);
  Customers people = customers(workspace);
  EXPECT_EQ(sizes(people)["new customers"], 1);
  const auto members = people.members("fresh", {}, 10).value();
  ASSERT_EQ(members.size(), 3U);
  EXPECT_TRUE(members[0].entered_at);
}

TEST_F(Shop, TakesTheMoneyOfAnOrderBackWhereItsRefundStatesNone) {
  {
    const Workspace made = open();
    std::ofstream(made.folder().settings_file()) << "reporting_currency = \"GBP\"\n";
  }
  Workspace workspace = open();
  const auto event = [](events::EventType type, std::string_view item, std::string_view order) {
    events::Event made;
    made.type = type;
    made.time = Timestamp{1'770'000'000'000'000};
    made.customer = "ann";
    made.item = item;
    made.order = order;
    made.currency = *Currency::parse("GBP");
    return made;
  };
  // The refund comes, and is folded, before what it takes back.
  const events::Event back = event(events::EventType::refund, "", "o1");
  ASSERT_TRUE(workspace.record(std::span(&back, 1)));
  EXPECT_EQ(customers(workspace).find("ann")->monetary_cents, 0);
  events::Event x = event(events::EventType::purchase, "x", "o1");
  events::Event y = event(events::EventType::purchase, "y", "o1");
  events::Event kept = event(events::EventType::purchase, "x", "o2");
  // An amount that cannot be summed is an amount all the same.
  events::Event foreign = event(events::EventType::refund, "", "o2");
  foreign.currency = *Currency::parse("EUR");
  x.value_minor = 300;
  y.value_minor = 100;
  kept.value_minor = 50;
  foreign.value_minor = 7;
  const events::Event all[] = {x, y, kept, foreign};
  ASSERT_TRUE(workspace.record(all));
  const auto ann = customers(workspace).find("ann");
  ASSERT_TRUE(ann);
  EXPECT_EQ(ann->gross_cents, 450);
  EXPECT_EQ(ann->refund_cents, 400);
  EXPECT_EQ(ann->monetary_cents, 50);
}

TEST_F(Shop, DividesTheBasketByOrdersOfWhichTheMoneyIsKnown) {
  (void)open();
  std::ofstream(folder() / "attune.toml") << "reporting_currency = \"GBP\"\n";
  Workspace workspace = open();
  import(workspace, write("orders.csv",
                          "order_id,customer_id,product_id,date,quantity,price,currency\n"
                          "o1,ann,p1,2026-01-05 10:00:00,2,4.50,GBP\n"
                          "o1,ann,p2,2026-01-05 10:00:00,1,1.00,GBP\n"
                          "o2,ann,p1,2026-01-06 10:00:00,1,9.00,EUR\n"
                          "o3,ann,p1,2026-01-07 10:00:00,1,,GBP\n"
                          "o4,bob,p1,2026-01-07 10:00:00,1,9.00,EUR\n"));
  const auto ann = customers(workspace).find("ann");
  ASSERT_TRUE(ann);
  EXPECT_EQ(ann->frequency, 3);
  EXPECT_EQ(ann->monetary_cents, 1000);
  EXPECT_EQ(ann->average_basket_cents, 1000) << "neither euros nor nothing told are worth 0";
  EXPECT_FALSE(customers(workspace).find("bob")->average_basket_cents);
}

}  // namespace
}  // namespace attune::engine
