#include "attune/decide/eligibility.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::decide {
namespace {

using ::testing::ElementsAre;

// Items 1 to 8: 2 is out of stock, 3 hidden, 4 and 5 shoes (5 with stock 4), 6 has negative stock.
class EligibilityTest : public ::testing::Test {
 protected:
  EligibilityTest() {
    char pattern[] = "/tmp/attune-decide-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
    catalog_.emplace(catalog::Catalog::open(*state_).value());
    for (std::int64_t number = 1; number <= 8; ++number) {
      const std::string id = "item" + std::to_string(number);
      const std::string_view view = id;
      const Sequence born{number};
      EXPECT_TRUE(catalog_->admit(std::span(&view, 1), std::span(&born, 1)));
    }
    state(2, "stock", "0");
    state(3, "hidden", "Yes");
    state(4, "category", "shoes");
    state(5, "category", "shoes");
    state(5, "stock", "4");
    state(6, "stock", "-1");
    state(7, "hidden", "false");
    snapshot_.emplace(catalog_->snapshot({100}).value());
  }
  ~EligibilityTest() override {
    catalog_.reset();
    state_.reset();
    std::filesystem::remove_all(folder_);
  }
  void state(std::int64_t item, std::string_view field, std::string_view value) {
    const catalog::ItemFact fact{{item}, field, value, {10}, {item}};
    ASSERT_TRUE(catalog_->add_facts(std::span(&fact, 1)));
  }
  static rules::Rule rule(std::string_view text) {
    return rules::Rule::parse(text, catalog::item_schema()).value();
  }
  ItemMask mask(const std::vector<ItemNumber>& columns, const rules::Rule* rule = nullptr) const {
    return ItemMask::make(*snapshot_, columns, rule, {100});
  }

  std::filesystem::path folder_;
  std::optional<store::State> state_;
  std::optional<catalog::Catalog> catalog_;
  std::optional<catalog::CatalogSnapshot> snapshot_;
};

std::vector<std::int64_t> items_of(const std::vector<Candidate>& candidates) {
  std::vector<std::int64_t> items;
  for (const Candidate& candidate : candidates) items.push_back(candidate.item.value);
  return items;
}

TEST_F(EligibilityTest, MaskTellsStockHiddenAndUnknownItemsByColumn) {
  const ItemMask all = mask({{8}, {2}, {3}, {4}, {6}, {99}, {7}});
  EXPECT_THAT(all.allowed(), ElementsAre(1, 0, 0, 1, 0, 0, 1));
  EXPECT_EQ(all.reason({2}), Reason::out_of_stock);
  EXPECT_EQ(all.reason({3}), Reason::hidden);
  EXPECT_EQ(all.reason({6}), Reason::out_of_stock);
  EXPECT_EQ(all.reason({99}), Reason::unknown_item);
  EXPECT_EQ(all.reason({1}), Reason::unknown_item) << "no column";
  EXPECT_EQ(all.reason({8}), Reason::none);
  EXPECT_EQ(all.counts().at(Reason::none), 3);
  EXPECT_EQ(all.counts().left_out(), 4);
  EXPECT_THAT(all.counts().notes(),
              ElementsAre("1 item unknown to the catalogue left out", "1 item hidden left out",
                          "2 items out of stock left out"));
}

TEST_F(EligibilityTest, MaskKeepsWhatMeetsTheRule) {
  const rules::Rule shoes = rule("category contains \"shoes\"");
  const ItemMask only_shoes = mask({{1}, {2}, {4}, {5}}, &shoes);
  EXPECT_THAT(only_shoes.allowed(), ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(only_shoes.reason({1}), Reason::outside_rule);
  EXPECT_EQ(only_shoes.reason({2}), Reason::out_of_stock) << "the first reason counts";
  EXPECT_FALSE(only_shoes.depends_on_clock());
  const rules::Rule later = rule("now > date(\"1970-01-02\")");
  const ItemMask timed =
      ItemMask::make(*snapshot_, std::vector<ItemNumber>{{1}}, &later, {2 * kMicrosPerDay});
  EXPECT_TRUE(timed.depends_on_clock());
  EXPECT_THAT(timed.allowed(), ElementsAre(1));
}

TEST_F(EligibilityTest, KeepsTheOrderAndCountsEveryReasonOnce) {
  const ItemMask all = mask({{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}});
  const std::vector<Candidate> candidates{
      {{5}, 9}, {{2}, 8}, {{1}, 7},  {{4}, 6}, {{8}, std::numeric_limits<double>::quiet_NaN()},
      {{7}, 4}, {{3}, 3}, {{77}, 2}, {{1}, 1}};
  const std::vector<ItemNumber> excluded{{4}, {2}, {500}, {4}}, seen{{7}, {4}, {3}};
  const auto eligible = keep_eligible(candidates, all, {excluded, seen}, 100);
  EXPECT_THAT(items_of(eligible.kept), ElementsAre(5, 1, 1));
  EXPECT_THAT(
      eligible.counts.notes(),
      ElementsAre("1 item without a score left out", "1 item unknown to the catalogue left out",
                  "1 item hidden left out", "1 item out of stock left out",
                  "1 item excluded by the request left out", "1 item seen before left out"));
}

TEST_F(EligibilityTest, LooksNoFurtherThanTheLimit) {
  const ItemMask all = mask({{1}, {2}, {4}, {5}, {6}});
  const std::vector<Candidate> candidates{{{2}, 9}, {{1}, 8}, {{4}, 7}, {{6}, 6}, {{5}, 5}};
  const auto two = keep_eligible(candidates, all, {}, 2);
  EXPECT_THAT(items_of(two.kept), ElementsAre(1, 4));
  EXPECT_EQ(two.counts.at(Reason::out_of_stock), 1) << "item 6 would not have been shown anyway";
  EXPECT_TRUE(keep_eligible(candidates, all, {}, 0).kept.empty());
}

// Reference: one look at everything for each candidate.
TEST_F(EligibilityTest, EqualsANaiveFilterForRandomRequests) {
  const ItemMask all = mask({{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}});
  Rng random(20261122);
  const auto some = [&] {
    std::vector<ItemNumber> items(random.below(6));
    for (ItemNumber& item : items) item.value = 1 + static_cast<std::int64_t>(random.below(10));
    return items;
  };
  for (int round = 0; round < 500; ++round) {
    std::vector<Candidate> candidates;
    for (const ItemNumber item : some()) candidates.push_back({item, random.uniform()});
    const std::vector<ItemNumber> excluded = some(), seen = some();
    std::vector<Candidate> expected;
    for (const Candidate& candidate : candidates) {
      if (all.reason(candidate.item) == Reason::none &&
          std::ranges::find(excluded, candidate.item) == excluded.end() &&
          std::ranges::find(seen, candidate.item) == seen.end()) {
        expected.push_back(candidate);
      }
    }
    const auto eligible = keep_eligible(candidates, all, {excluded, seen}, 100);
    ASSERT_EQ(eligible.kept, expected);
    ASSERT_EQ(eligible.counts.left_out() + eligible.counts.at(Reason::none),
              static_cast<std::int64_t>(candidates.size()));
  }
}

}  // namespace
}  // namespace attune::decide
