#include "attune/simulate/world.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "deviations.h"
#include "shop_files.h"

namespace attune::simulate {
namespace {

struct Seen {
  std::int64_t micros;
  events::EventType type;
  std::int64_t customer;
  std::int32_t item;
  Actor actor;
  std::string order, session, text;
  double quantity;
};

class Memory final : public EventSink {
 public:
  Status take(const SimulatedEvent& e) override {
    seen.push_back({e.event.time.micros, e.event.type, e.customer, e.item, e.actor,
                    std::string(e.event.order), std::string(e.event.session),
                    std::string(e.event.text), e.event.quantity.value_or(0)});
    return {};
  }
  std::vector<Seen> seen;
};

class Forget final : public EventSink {
 public:
  Status take(const SimulatedEvent&) override { return {}; }
};

void live(World& world, EventSink& sink) {
  while (!world.finished()) ASSERT_TRUE(world.step_day(sink).has_value());
}

ShopParameters customers_only(std::int64_t count) {
  ShopParameters parameters;
  parameters.customers = count;
  parameters.browser_share = 0;
  parameters.visitors_per_customer = 0;
  parameters.sessions_per_day = 0;
  parameters.bot_share = 0;
  parameters.seed = 7;
  return parameters;
}

// BG/NBD: without a repeat order until t with chance (alpha / (alpha + t))^r, since nobody leaves
// before one.
TEST(World, HasTheRepeatShareOfItsModel) {
  ShopParameters parameters = customers_only(6'000);
  World world = World::create(parameters).value();
  Forget sink;
  live(world, sink);
  double expected = 0, variance = 0, repeated = 0;
  for (const CustomerState& state : world.customers()) {
    const double sensitivity = static_cast<double>(state.price_sensitivity);
    const double observed = world.purchase_clock(parameters.days, sensitivity) -
                            world.purchase_clock(state.acquired_day + 1, sensitivity);
    const double alpha = parameters.purchase_scale_days;
    const double none = std::pow(alpha / (alpha + observed), parameters.purchase_shape);
    expected += 1 - none;
    variance += none * (1 - none);
    repeated += state.orders >= 2 ? 1 : 0;
  }
  EXPECT_NEAR(repeated, expected, kDeviations * std::sqrt(variance));
}

TEST(World, LosesCustomersAfterARepeatOrderAsItsModelSays) {
  ShopParameters parameters = customers_only(6'000);
  World world = World::create(parameters).value();
  Forget sink;
  live(world, sink);
  double repeated = 0, gone_at_once = 0;
  for (const CustomerState& state : world.customers()) {
    if (state.orders < 2) {
      EXPECT_NE(state.stage, Stage::gone);
      continue;
    }
    ++repeated;
    gone_at_once += state.orders == 2 && state.stage == Stage::gone ? 1 : 0;
  }
  const double share = parameters.dropout_a / (parameters.dropout_a + parameters.dropout_b);
  EXPECT_NEAR(gone_at_once, share * repeated,
              kDeviations * std::sqrt(repeated * share * (1 - share)));
}

TEST(World, HasNothingMoreFromCustomersWhoAreGoneButWhatTheyOrderedBefore) {
  ShopParameters parameters = small_shop();
  World world = World::create(parameters).value();
  Memory memory;
  live(world, memory);
  for (const Seen& event : memory.seen) {
    if (event.customer < 0) continue;
    const auto& state = world.customers()[static_cast<std::size_t>(event.customer)];
    const bool later = event.type == events::EventType::refund ||
                       event.type == events::EventType::rating ||
                       event.type == events::EventType::review;
    EXPECT_TRUE(later || event.micros <= state.alive_until_micros);
  }
}

TEST(World, TakesBackTheShareOfLinesThatQualityAsksFor) {
  ShopParameters parameters = customers_only(3'000);
  World world = World::create(parameters).value();
  Memory memory;
  live(world, memory);
  std::set<std::pair<std::string, std::int32_t>> refunded;
  for (const Seen& event : memory.seen) {
    if (event.type == events::EventType::refund) refunded.insert({event.order, event.item});
  }
  const std::int64_t soon_enough = world.day_start(parameters.days - 20).micros;
  double expected = 0, variance = 0, taken_back = 0;
  for (const Seen& event : memory.seen) {
    if (event.type != events::EventType::purchase || event.micros > soon_enough) continue;
    const double quality = world.items()[static_cast<std::size_t>(event.item)].quality;
    const double chance = parameters.refund_share * std::exp(-.5 * quality - .125);
    expected += chance;
    variance += chance * (1 - chance);
    taken_back += refunded.contains({event.order, event.item}) ? 1 : 0;
  }
  ASSERT_GT(expected, 50);
  EXPECT_NEAR(taken_back, expected, kDeviations * std::sqrt(variance));
}

TEST(World, LooksLikeASmallShopByDefault) {
  for (const Language language : {Language::en, Language::zh}) {
    ShopParameters parameters;
    parameters.language = language;
    World world = World::create(parameters).value();
    Memory memory;
    live(world, memory);
    const WorldCounts& counts = world.counts();
    const double conversion = static_cast<double>(counts.buying_sessions) / counts.sessions;
    EXPECT_GT(conversion, .02);
    EXPECT_LT(conversion, .04);
    const double lines = static_cast<double>(counts.order_lines) / counts.orders;
    EXPECT_GT(lines, 1.4);
    EXPECT_LT(lines, 2.0);
    double buyers = 0, repeated = 0;
    for (const CustomerState& state : world.customers()) {
      buyers += state.orders > 0 ? 1 : 0;
      repeated += state.orders > 1 ? 1 : 0;
    }
    EXPECT_GT(repeated / buyers, .3);
    EXPECT_LT(repeated / buyers, .5);
    EXPECT_LT(memory.seen.size(), 300'000u);
    EXPECT_GT(memory.seen.size(), 150'000u);
  }
}

TEST(World, SellsMostOfItsLinesFromFewItems) {
  World world = World::create(customers_only(2'000)).value();
  Memory memory;
  live(world, memory);
  std::map<std::int32_t, double> sold;
  double all = 0;
  for (const Seen& event : memory.seen) {
    if (event.type != events::EventType::purchase) continue;
    ++sold[event.item];
    ++all;
  }
  std::vector<double> counts;
  for (const auto& [item, count] : sold) counts.push_back(count);
  std::ranges::sort(counts, std::ranges::greater{});
  double top = 0;
  for (std::size_t i = 0; i < world.items().size() / 5; ++i) top += counts[i];
  EXPECT_GT(top / all, .45);
  EXPECT_LT(top / all, .8);
}

TEST(World, NeverSellsWhatIsNotYetLaunched) {
  World world = World::create(small_shop()).value();
  Memory memory;
  live(world, memory);
  for (const Seen& event : memory.seen) {
    if (event.item < 0) continue;
    const Item& item = world.items()[static_cast<std::size_t>(event.item)];
    if (item.launch_day < 0) continue;
    EXPECT_GE(event.micros, world.day_start(item.launch_day).micros);
  }
}

TEST(World, LeavesCustomersAsTheyWereWhenOthersJoin) {
  ShopParameters parameters = small_shop();
  parameters.customers = 40;
  const auto of_first_forty = [&](std::int64_t customers) {
    parameters.customers = customers;
    World world = World::create(parameters).value();
    Memory memory;
    live(world, memory);
    std::vector<std::tuple<std::int64_t, std::int64_t, int, std::int32_t, std::string>> lived;
    for (const Seen& e : memory.seen) {
      if (e.customer < 0 || e.customer >= 40) continue;
      lived.emplace_back(e.micros, e.customer, static_cast<int>(e.type), e.item,
                         e.session + e.text);
    }
    std::ranges::sort(lived);
    return lived;
  };
  const auto alone = of_first_forty(40);
  EXPECT_GT(alone.size(), 200u);
  EXPECT_EQ(alone, of_first_forty(90));
}

TEST(World, StopsWhenTheSinkDoesAndWhenItsDaysAreOver) {
  class Full final : public EventSink {
   public:
    Status take(const SimulatedEvent&) override {
      return std::unexpected(resource_exhausted("full"));
    }
  } full;
  ShopParameters parameters = small_shop();
  parameters.days = 2;
  World world = World::create(parameters).value();
  EXPECT_EQ(world.step_day(full).error().code, ErrorCode::resource_exhausted);
  Forget sink;
  EXPECT_TRUE(world.step_day(sink).has_value());
  EXPECT_TRUE(world.finished());
  EXPECT_EQ(world.step_day(sink).error().code, ErrorCode::failed_precondition);
}

TEST(World, BotsAreFasterThanAnyPerson) {
  ShopParameters parameters = small_shop();
  parameters.bot_share = .3;
  World world = World::create(parameters).value();
  Memory memory;
  live(world, memory);
  std::map<std::string, std::pair<double, std::int64_t>> bots;  // rows, span
  std::map<std::string, std::int64_t> begun;
  std::int64_t bot_rows = 0;
  for (const Seen& event : memory.seen) {
    if (event.actor != Actor::bot) continue;
    ++bot_rows;
    const std::int64_t start = begun.try_emplace(event.session, event.micros).first->second;
    auto& [rows, span] = bots[event.session];
    ++rows;
    span = event.micros - start;
  }
  ASSERT_GT(bots.size(), 3u);
  for (const auto& [session, burst] : bots) {
    EXPECT_GE(burst.first, 60);
    EXPECT_GT(burst.first * 60e6 / static_cast<double>(burst.second), 30) << "views a minute";
  }
  // Bursts are Poisson with 60 to 180 views: the deviation of their sum is sqrt(n E[v^2]).
  const auto people = static_cast<double>(memory.seen.size()) - static_cast<double>(bot_rows);
  const double expected = people * .3 / .7;
  EXPECT_NEAR(static_cast<double>(bot_rows), expected,
              kDeviations * std::sqrt(expected / 120 * (120 * 120 + 35 * 35)));
}

}  // namespace
}  // namespace attune::simulate
