#include "attune/profiles/profile.h"
#include "attune/profiles/shop_statistics.h"

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <boost/json.hpp>

#include "attune/profiles/cohorts.h"
#include "attune/profiles/context.h"
#include "sample_events.h"

namespace attune::profiles {
namespace {

using events::EventType;
using testing::at;
using testing::OwnedEvent;

ShopContext plain_context(Timestamp as_of) {
  ShopContext context;
  context.as_of = as_of;
  return context;
}

Profile described(const std::vector<OwnedEvent>& history, Timestamp as_of) {
  return describe({1}, testing::folded(history).state(), plain_context(as_of));
}

// Everything that a map over the whole history can say.
struct NaiveReading {
  std::set<std::int64_t> days, active;
  std::map<std::uint64_t, std::int64_t> baskets, stated;
  std::set<std::uint64_t> whole, valued;
  std::map<std::uint64_t, Timestamp> first_lines;
  std::int64_t gross = 0, refunds = 0, refund_count = 0, own = std::int64_t{1} << 40;
  std::uint64_t views_365 = 0;

  NaiveReading(const std::vector<OwnedEvent>& history, std::int64_t today) {
    for (const OwnedEvent& owned : history) {
      const ProfileEvent& e = owned.event;
      if ((e.marks & bit(events::Mark::bot)) != 0) continue;
      if (is_activity(e.type)) active.insert(e.day);
      if (e.type == EventType::view && today - e.day < 365) ++views_365;
      if (e.type == EventType::refund) refund(e);
      if (e.type == EventType::purchase) purchase(e);
    }
    for (const auto& [order, time] : first_lines) days.insert(TimeZone::utc().day_number(time));
    for (const std::uint64_t order : whole) {
      const std::int64_t all =
          std::max<std::int64_t>(0, baskets.contains(order) ? baskets[order] : 0);
      refunds += std::clamp<std::int64_t>(all - stated[order], 0, all);
    }
  }

 private:
  static bool tells_amount(const ProfileEvent& e) { return e.value_minor || e.price_minor; }
  static std::int64_t value_of(const ProfileEvent& e) {
    return e.value_minor
               ? *e.value_minor
               : std::llround(static_cast<double>(e.price_minor.value_or(0)) * e.quantity);
  }
  void refund(const ProfileEvent& e) {
    refunds += value_of(e), ++refund_count;
    if (tells_amount(e)) {
      stated[e.order] += value_of(e);
    } else if (!e.item) {
      whole.insert(e.order);
    }
  }
  void purchase(const ProfileEvent& e) {
    gross += value_of(e);
    const auto order = e.order != 0 ? e.order : static_cast<std::uint64_t>(++own);
    baskets[order] += value_of(e);
    if (tells_amount(e)) valued.insert(order);
    const auto [first, fresh] = first_lines.try_emplace(order, e.time);
    first->second = std::min(first->second, e.time);
  }
};

TEST(ProfileProperty, EqualsANaiveReadingOfTheHistory) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const std::vector<OwnedEvent> history = testing::random_history(seed, 250);
    const Timestamp as_of = at(2023, 6, 1, 12);
    const std::int64_t today = days_from_civil(2023, 6, 1);
    const NaiveReading naive(history, today);
    const Profile p = described(history, as_of);
    RC_ASSERT(p.frequency == static_cast<std::int64_t>(naive.baskets.size()));
    RC_ASSERT(p.gross_cents == naive.gross);
    RC_ASSERT(p.monetary_cents == naive.gross - naive.refunds);
    RC_ASSERT(p.refund_count == naive.refund_count);
    RC_ASSERT(p.count(EventType::view).windows[3] == naive.views_365);
    RC_ASSERT(p.active_days.total == naive.active.size());
    RC_ASSERT(p.purchase_days == static_cast<std::int64_t>(naive.days.size()));
    RC_ASSERT(p.recency_days.has_value() == !naive.days.empty());
    if (naive.days.empty()) return;
    RC_ASSERT(*p.recency_days == today - *naive.days.rbegin());
    RC_ASSERT(p.average_basket_cents.has_value() == !naive.valued.empty());
    if (!naive.valued.empty()) {
      RC_ASSERT(*p.average_basket_cents == std::llround(static_cast<double>(naive.gross) /
                                                        static_cast<double>(naive.valued.size())));
    }
    std::vector<double> gaps;
    for (auto d = std::next(naive.days.begin()); d != naive.days.end(); ++d) {
      gaps.push_back(static_cast<double>(*d - *std::prev(d)));
    }
    RC_ASSERT(p.inter_purchase_days_mean.has_value() == !gaps.empty());
    if (gaps.empty()) return;
    std::ranges::sort(gaps);
    const double median = (gaps[(gaps.size() - 1) / 2] + gaps[gaps.size() / 2]) / 2;
    RC_ASSERT(*p.inter_purchase_days_median == median);
    RC_ASSERT(std::abs(*p.inter_purchase_days_mean - std::reduce(gaps.begin(), gaps.end()) /
                                                         static_cast<double>(gaps.size())) < 1e-9);
  });
  EXPECT_TRUE(holds);
}

TEST(ProfileProperty, IncrementalAndFromScratchGiveTheSameJson) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    std::vector<OwnedEvent> history = testing::random_history(seed, 200);
    const Timestamp as_of = at(2023, 6, 1, 12);
    Profile a = described(history, as_of);
    Rng(seed, "shuffle").shuffle(std::span<OwnedEvent>(history));
    Profile b = described(history, as_of);
    for (auto* p : {&a, &b}) {  // the last digits of sums are the order's
      p->engagement = std::round(p->engagement * 1e9);
      for (auto* terms : {&p->categories, &p->brands}) {
        for (TermShare& t : *terms) {
          t.interest = std::round(t.interest * 1e9);
          t.share = std::round(t.share * 1e8);
        }
      }
    }
    RC_ASSERT(to_json(a, MemoryVocabulary()) == to_json(b, MemoryVocabulary()));
  });
  EXPECT_TRUE(holds);
}

TEST(Profile, ReadsDaysOnTheShopsCalendar) {
  ShopContext context = plain_context(at(2020, 5, 10, 20));  // 11 May, 04:00 in Shanghai
  context.zone = TimeZone::find("Asia/Shanghai").value();
  const auto profile = testing::folded({testing::purchase(1, at(2020, 5, 9, 15, 59), 100),
                                        testing::purchase(2, at(2020, 5, 9, 16), 100)});
  const Profile p = describe({1}, profile.state(), context);
  EXPECT_EQ(p.recency_days, 1);
  EXPECT_EQ(p.purchase_days, 2);
  EXPECT_EQ(p.inter_purchase_days_mean, 1.0);
  EXPECT_EQ(p.day_part,
            DayPart::night);  // 23:59 is evening, 00:00 night: a tie goes to the earlier
}

TEST(Profile, WindowsHoldTheLastDaysWithToday) {
  std::vector<OwnedEvent> views;
  for (int day = 1; day <= 31; ++day) {
    views.push_back(testing::simple(day, at(2020, 5, day, 23), EventType::view, 1));
  }
  const Profile p = described(views, at(2020, 5, 31, 1));
  EXPECT_EQ(p.count(EventType::view).total, 31u);
  EXPECT_EQ(p.count(EventType::view).windows, (std::array<std::uint64_t, 4>{7, 30, 31, 31}));
  EXPECT_EQ(p.active_days.windows, (std::array<std::uint64_t, 4>{7, 30, 31, 31}));
  EXPECT_EQ(p.visitor, VisitorKind::regular);
}

TEST(Profile, InterestHalvesWithEveryHalfLife) {
  OwnedEvent view = testing::simple(1, at(2020, 5, 1), EventType::view, 1);
  view.categories = {{7}};
  OwnedEvent bought = testing::purchase(2, at(2020, 5, 31), 100);
  bought.categories = {{8}, {9}};
  const Profile p = described({view, bought}, at(2020, 6, 30));
  ASSERT_EQ(p.categories.size(), 3u);
  EXPECT_EQ(p.categories[0].term.value, 8);
  EXPECT_NEAR(p.categories[0].interest, 5.0 / 2 / 2,
              1e-12);  // half of a purchase, one half life ago
  EXPECT_NEAR(p.categories[1].interest, 5.0 / 2 / 2, 1e-12);
  EXPECT_NEAR(p.categories[2].interest, 1.0 / 4, 1e-12);
  EXPECT_NEAR(p.categories[0].share, 1.25 / 2.75, 1e-12);
  EXPECT_EQ(p.categories[0].spend_cents, 100);
}

TEST(Profile, PlacesTheTypicalPriceInTheShopsBands) {
  ShopContext context = plain_context(at(2020, 6, 1));
  context.prices =
      PriceBounds::from_prices(std::vector<std::int64_t>{100, 200, 300, 400, 500, 600, 0, -5});
  EXPECT_EQ(context.prices->low_max, 200);
  EXPECT_EQ(context.prices->middle_max, 400);
  const auto band = [&](std::int64_t a, std::int64_t b) {
    OwnedEvent first = testing::purchase(1, at(2020, 5, 1), 1);
    OwnedEvent second = testing::purchase(2, at(2020, 5, 2), 1);
    first.event.price_minor = a;
    second.event.price_minor = b;
    const Profile p = describe({1}, testing::folded({first, second}).state(), context);
    return std::pair(*p.typical_price_cents, name(p.price_band));
  };
  EXPECT_EQ(band(100, 400), (std::pair<std::int64_t, std::string_view>(200, "low")));
  EXPECT_EQ(band(100, 900), (std::pair<std::int64_t, std::string_view>(300, "middle")));
  EXPECT_EQ(band(500, 500), (std::pair<std::int64_t, std::string_view>(500, "high")));
}

TEST(Profile, IsEmptyAndSaysSoWhenNothingIsKnown) {
  const Profile p = described({}, at(2020, 6, 1));
  EXPECT_FALSE(p.recency_days.has_value());
  EXPECT_FALSE(p.average_basket_cents.has_value());
  EXPECT_EQ(p.lifecycle, Lifecycle::unseen);
  const auto json = boost::json::parse(to_json(p, MemoryVocabulary())).as_object();
  EXPECT_TRUE(json.at("recency_days").is_null());
  EXPECT_EQ(json.at("frequency").as_int64(), 0);
  EXPECT_EQ(json.at("lifecycle").as_string(), "unseen");
  EXPECT_TRUE(json.at("counts").as_object().empty());
}

TEST(Profile, TakesAWholeOrderBackWhereARefundNamesNothingElse) {
  OwnedEvent stated = testing::simple(5, at(2020, 5, 3), EventType::refund, 4);
  stated.event.order = 77;
  stated.event.value_minor = 30;
  std::vector<OwnedEvent> history{
      testing::purchase(1, at(2020, 5, 1), 250, 77),
      testing::purchase(2, at(2020, 5, 1), 100, 77),
      testing::purchase(3, at(2020, 5, 2), 40, 78),
      testing::whole_refund(4, at(2020, 5, 3), 77),
      stated,
      testing::whole_refund(6, at(2020, 5, 4), 77),
      testing::whole_refund(7, at(2020, 5, 4), 79)};  // of an order that nobody knows
  for (int turn = 0; turn < 2; ++turn) {
    const Profile p = described(history, at(2020, 6, 1));
    EXPECT_EQ(p.gross_cents, 390);
    EXPECT_EQ(p.refund_cents, 350);
    EXPECT_EQ(p.monetary_cents, 40);
    EXPECT_EQ(p.refund_share, 350. / 390);
    EXPECT_EQ(p.frequency, 2);
    std::ranges::reverse(history);  // refunds first
  }
  // What was stated beyond the order's value stays stated.
  stated.event.value_minor = 500;
  history.push_back(stated);
  EXPECT_EQ(described(history, at(2020, 6, 1)).refund_cents, 530);
}

TEST(Profile, RanksBuyersByTheMoneyThatRefundsOfWholeOrdersLeave) {
  const auto returned = testing::folded(
      {testing::purchase(1, at(2020, 5, 1), 1000, 7), testing::whole_refund(2, at(2020, 5, 2), 7)});
  const auto kept = testing::folded({testing::purchase(3, at(2020, 5, 1), 10, 8)});
  ShopStatistics statistics;
  statistics.add(returned.state(), TimeZone::utc());
  statistics.add(kept.state(), TimeZone::utc());
  const ShopContext context = statistics.context(at(2020, 6, 1), TimeZone::utc(), {}, {});
  EXPECT_EQ(describe({1}, returned.state(), context).rfm->monetary, 1);
  EXPECT_EQ(describe({2}, kept.state(), context).rfm->monetary, 3);
}

TEST(Profile, JsonSpeaksInNamesAndIsoTimes) {
  MemoryVocabulary names;
  OwnedEvent bought = testing::purchase(1, at(2020, 5, 1, 19, 30), 1275);
  bought.categories = {names.add_term(TermKindOf::category, "鞋子")};
  bought.event.channel = names.add_term(TermKindOf::channel, "web");
  bought.event.item = names.add_item("85123A");
  OwnedEvent refund = testing::simple(2, at(2020, 5, 3), EventType::refund);
  refund.event.value_minor = 275;
  const Profile p = described({bought, refund}, at(2020, 6, 1));
  const auto json = boost::json::parse(to_json(p, names)).as_object();
  EXPECT_EQ(json.at("monetary_cents").as_int64(), 1000);
  EXPECT_EQ(json.at("gross_cents").as_int64(), 1275);
  EXPECT_EQ(json.at("first_purchase").as_string(), "2020-05-01T19:30:00Z");
  EXPECT_EQ(json.at("day_part").as_string(), "evening");
  EXPECT_EQ(json.at("weekday").as_string(), "friday");
  EXPECT_EQ(json.at("preferred_categories").at(0).at("name").as_string(), "鞋子");
  EXPECT_EQ(json.at("channels").at(0).at("name").as_string(), "web");
  EXPECT_EQ(json.at("recent_items").at(0).at("item_id").as_string(), "85123A");
  EXPECT_EQ(json.at("counts").at("purchase").at("30d").as_int64(), 0);
  EXPECT_EQ(json.at("counts").at("purchase").at("90d").as_int64(), 1);
}

TEST(CohortTable, CountsWhoCameBackInLaterMonths) {
  CohortTable first(TimeZone::utc()), second(TimeZone::utc());
  first.add(testing::folded({testing::purchase(1, at(2020, 11, 3), 100),
                             testing::purchase(2, at(2020, 11, 9), 100),
                             testing::purchase(3, at(2021, 1, 9), 50)})
                .state());
  second.add(testing::folded({testing::purchase(4, at(2020, 11, 30), 7)}).state());
  second.add(testing::folded({testing::purchase(5, at(2021, 1, 1), 9)}).state());
  second.add(testing::folded({testing::simple(6, at(2021, 2, 1), EventType::view, 1)}).state());
  first.merge(second);
  const std::vector<Cohort> cohorts = first.cohorts();
  ASSERT_EQ(cohorts.size(), 2u);
  EXPECT_EQ(cohorts[0].year * 100 + cohorts[0].month, 202011);
  EXPECT_EQ(cohorts[0].customers, 2);
  EXPECT_EQ(cohorts[0].active, (std::vector<std::int64_t>{2, 0, 1}));
  EXPECT_EQ(cohorts[0].orders, (std::vector<std::int64_t>{3, 0, 1}));
  EXPECT_EQ(cohorts[0].value_minor, (std::vector<std::int64_t>{207, 0, 50}));
  EXPECT_EQ(cohorts[0].retention(2), .5);
  EXPECT_EQ(cohorts[1].active, (std::vector<std::int64_t>{1}));
  EXPECT_THAT(to_json(cohorts), ::testing::HasSubstr(R"("month":"2021-01","customers":1)"));
}

TEST(CohortTable, SurvivesMergingWithAnEmptyOne) {
  CohortTable empty(TimeZone::utc()), full(TimeZone::utc());
  full.add(testing::folded({testing::purchase(1, at(1969, 12, 31), 100)}).state());
  empty.merge(full);
  ASSERT_EQ(empty.cohorts().size(), 1u);
  EXPECT_EQ(empty.cohorts()[0].month, 12);
}

}  // namespace
}  // namespace attune::profiles
