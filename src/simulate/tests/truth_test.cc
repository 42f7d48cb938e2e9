#include "attune/simulate/truth.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "attune/simulate/world.h"
#include "chooser.h"
#include "deviations.h"
#include "season.h"
#include "shop_files.h"
#include "words.h"

namespace attune::simulate {
namespace {

class TruthOfASmallShop : public ::testing::Test {
 protected:
  void SetUp() override {
    NoProgress progress;
    counts = write_shop(parameters, folder.path(), progress).value();
  }
  Truth load() { return Truth::load(folder.path()).value(); }

  ShopParameters parameters = small_shop(Language::zh);
  TemporaryFolder folder;
  PlantedCounts counts;
};

TEST_F(TruthOfASmallShop, ReadsBackWhatWasPlanted) {
  const Truth truth = load();
  EXPECT_EQ(truth.planted().events.rows, counts.events.rows);
  EXPECT_EQ(truth.planted().events.good_by_event, counts.events.good_by_event);
  EXPECT_EQ(truth.planted().events.malformed, counts.events.malformed);
  EXPECT_EQ(truth.planted().orders.refund_rows, counts.orders.refund_rows);
  EXPECT_EQ(truth.planted().bots, counts.bots);
  EXPECT_EQ(std::ssize(truth.items()), parameters.items);
  EXPECT_EQ(std::ssize(truth.customers()), parameters.customers);
  EXPECT_EQ(truth.category_names().at(0), "鞋靴");
  EXPECT_EQ(truth.find_customer("C100003"), &truth.customers()[2]);
  EXPECT_EQ(truth.find_customer("nobody"), nullptr);
  EXPECT_EQ(truth.customers()[5].tastes.style, make_customer(parameters, 5).tastes.style);
}

TEST_F(TruthOfASmallShop, KnowsWhoseDevicesAndWhichBotsThereAre) {
  const Truth truth = load();
  std::int64_t linked = 0, bot_rows = 0;
  for (const NamedRow& row : rows_of(slurp(folder.path() / "events.csv"))) {
    if (row.at("event") == "identify") {
      EXPECT_EQ(truth.owner_of(row.at("anonymous_id")), row.at("customer_id"));
      ++linked;
    }
    bot_rows += truth.is_bot(row.at("anonymous_id")) ? 1 : 0;
  }
  EXPECT_GT(linked, 20);
  EXPECT_GE(bot_rows, counts.bot_rows);
  EXPECT_EQ(truth.owner_of("a stranger"), "");
}

// The chance that the truth states is the one by which the world draws.
TEST_F(TruthOfASmallShop, StatesTheChancesThatTheWorldDrawsBy) {
  const Truth truth = load();
  const std::vector<Item> items = make_assortment(parameters);
  const Season season = Season::create(parameters, words_of(parameters.language)).value();
  Chooser chooser(items);
  chooser.set_day(items, season, parameters.days);
  constexpr int kDraws = 40'000;
  for (const std::size_t index : {0u, 1u, 2u}) {
    const TrueCustomer& customer = truth.customers()[index];
    const std::vector<double> chances = truth.next_item_probabilities(customer);
    EXPECT_NEAR(std::accumulate(chances.begin(), chances.end(), 0.0), 1, 1e-9);
    std::vector<double> drawn(items.size());
    Rng random(99, "draws", index);
    for (int i = 0; i < kDraws; ++i) {
      const int category = chooser.draw_category(customer.tastes, random);
      ++drawn[static_cast<std::size_t>(
          chooser.draw_item(items, customer.tastes, category, random))];
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double deviation = std::sqrt(kDraws * chances[i] * (1 - chances[i]));
      EXPECT_NEAR(drawn[i], kDraws * chances[i], kDeviations * deviation + 1);
    }
  }
}

TEST_F(TruthOfASmallShop, RanksNoListAboveTheBestOne) {
  const Truth truth = load();
  const TrueCustomer& customer = truth.customers()[4];
  const std::vector<std::string> best = truth.best_list(customer, 5);
  const double most = truth.list_probability(customer, best);
  Rng random(5);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> list;
    for (int k = 0; k < 5; ++k)
      list.push_back(truth.items()[random.below(truth.items().size())].id);
    EXPECT_LE(truth.list_probability(customer, list), most + 1e-12);
  }
  const std::vector<std::string> twice = {best[0], best[0], "unknown"};
  EXPECT_DOUBLE_EQ(truth.list_probability(customer, twice),
                   truth.list_probability(customer, std::span(best).first(1)));
}

TEST_F(TruthOfASmallShop, ScoresLabelsByTheTopTaste) {
  const Truth truth = load();
  std::vector<CustomerLabel> labels;
  for (const TrueCustomer& customer : truth.customers()) {
    const auto top = static_cast<std::size_t>(customer.top_category);
    labels.push_back({customer.id, truth.category_names()[top]});
  }
  labels[0].label = labels[1].label = "nothing of the kind";
  labels.push_back({"a stranger", "鞋靴"});
  const Score score = truth.top_category_found(labels);
  const auto n = static_cast<double>(parameters.customers);
  EXPECT_DOUBLE_EQ(score.mean, (n - 2) / n);
  EXPECT_EQ(score.unknown, 1);
  EXPECT_LT(score.low, score.mean);
  EXPECT_LE(score.high, 1);
}

// Reference: all pairs of one who is alive and one who is gone.
TEST_F(TruthOfASmallShop, ScoresAliveByThePairsThatAreInOrder) {
  const Truth truth = load();
  std::vector<CustomerScore> scores;
  Rng random(17);
  for (const TrueCustomer& customer : truth.customers()) {
    scores.push_back({customer.id, static_cast<double>(random.below(6))});
  }
  double won = 0, pairs = 0;
  for (const CustomerScore& a : scores) {
    for (const CustomerScore& b : scores) {
      const TrueCustomer& alive = *truth.find_customer(a.customer);
      const TrueCustomer& gone = *truth.find_customer(b.customer);
      if (alive.orders_named == 0 || gone.orders_named == 0) continue;
      if (alive.alive_until || !gone.alive_until) continue;
      won += a.score > b.score ? 1 : a.score == b.score ? .5 : 0;
      ++pairs;
    }
  }
  ASSERT_GT(pairs, 0);
  const Score score = truth.alive_found(scores);
  EXPECT_NEAR(score.mean, won / pairs, 1e-12);
  EXPECT_LT(score.low, score.mean);
}

TEST_F(TruthOfASmallShop, NamesFileAndLineOfWhatIsBroken) {
  const std::filesystem::path path = folder.path() / "truth_items.csv";
  const std::string whole = slurp(path);
  for (const std::size_t cut : {whole.size() / 3, whole.size() / 2, whole.size() - 5}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    const auto broken = Truth::load(folder.path());
    // A cut may fall on the end of a line: then nothing can be seen to be missing.
    if (broken.has_value()) continue;
    EXPECT_EQ(broken.error().code, ErrorCode::data_corruption);
    EXPECT_NE(broken.error().message.find("truth_items.csv, line "), std::string::npos);
  }
  std::ofstream(path, std::ios::binary | std::ios::trunc) << "a,b\nP1,shoes,x\n";
  EXPECT_FALSE(Truth::load(folder.path()).has_value());
  std::filesystem::remove(path);
  EXPECT_EQ(Truth::load(folder.path()).error().code, ErrorCode::not_found);
}

TEST_F(TruthOfASmallShop, RefusesASummaryThatNoSimulationMade) {
  for (const char* text : {"", "{}", "[1,2", R"({"made_by": "somebody"})",
                           R"({"made_by": "attune simulate", "version": 99})"}) {
    std::ofstream(folder.path() / "truth.json", std::ios::trunc) << text;
    const auto refused = Truth::load(folder.path());
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::data_corruption);
    EXPECT_NE(refused.error().message.find("truth.json"), std::string::npos);
  }
}

}  // namespace
}  // namespace attune::simulate
