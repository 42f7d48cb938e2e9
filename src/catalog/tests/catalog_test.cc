#include "attune/catalog/catalog.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "attune/rules/rule.h"

namespace attune::catalog {
namespace {

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/attune-catalog-XXXXXX";
    folder_ = ::mkdtemp(name);
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
    catalog_.emplace(Catalog::open(*state_).value());
  }
  void TearDown() override {
    catalog_.reset();
    state_.reset();
    std::filesystem::remove_all(folder_);
  }
  ItemNumber admit(std::string_view id, std::int64_t born) {
    const Sequence sequence{born};
    return catalog_->admit(std::span(&id, 1), std::span(&sequence, 1)).value()[0];
  }
  void state(ItemNumber item, std::string_view field, std::string_view value, std::int64_t time,
             std::int64_t sequence) {
    const ItemFact fact{item, field, value, Timestamp{time}, Sequence{sequence}};
    ASSERT_TRUE(catalog_->add_facts(std::span(&fact, 1)));
  }
  void mention(ItemNumber item, std::string_view field, std::string_view value,
               std::int64_t count) {
    const ItemMention m{item, field, value, count};
    ASSERT_TRUE(catalog_->add_mentions(std::span(&m, 1)));
  }
  Item item_at(ItemNumber item, std::int64_t time) {
    const Item found = *catalog_->snapshot(Timestamp{time})->find(item);
    const auto alone = catalog_->item(found.id, Timestamp{time});
    EXPECT_TRUE(alone && *alone);
    EXPECT_EQ((*alone)->name, found.name);
    EXPECT_EQ((*alone)->categories, found.categories);
    EXPECT_EQ((*alone)->price_minor, found.price_minor);
    return found;
  }

  std::filesystem::path folder_;
  std::optional<store::State> state_;
  std::optional<Catalog> catalog_;
};

TEST_F(CatalogTest, NumbersAnItemByTheEventThatFirstNamedIt) {
  EXPECT_EQ(admit("85123A", 7).value, 7);
  EXPECT_EQ(admit("85123A", 99).value, 7);
  EXPECT_EQ(catalog_->find("85123A").value()->value, 7);
  EXPECT_FALSE(catalog_->find("nothing").value().has_value());
  EXPECT_FALSE(catalog_->item("nothing", Timestamp{9}).value().has_value());
}

TEST_F(CatalogTest, TakesTheMostFrequentMentionAndTheSmallerTextOnTies) {
  const ItemNumber item = admit("a", 1);
  mention(item, "name", "damages?", 1);
  mention(item, "name", "WHITE LANTERN", 2);
  mention(item, "name", "WHITE LANTERN", 3);
  EXPECT_EQ(item_at(item, 0).name, "WHITE LANTERN");
  mention(item, "name", "AAA", 5);
  EXPECT_EQ(item_at(item, 0).name, "AAA");
}

TEST_F(CatalogTest, ReadsFactsAsOfATimeWhateverTheOrderTheyCameIn) {
  const ItemNumber item = admit("a", 1);
  mention(item, "price", "1", 100);
  state(item, "price", "300", 30, 12);
  state(item, "price", "100", 10, 11);
  state(item, "price", "200", 20, 13);
  state(item, "price", "250", 20, 14);  // the same moment, told later
  EXPECT_EQ(item_at(item, 5).price_minor, 1);
  EXPECT_EQ(item_at(item, 10).price_minor, 100);
  EXPECT_EQ(item_at(item, 29).price_minor, 250);
  EXPECT_EQ(item_at(item, 1000).price_minor, 300);
}

TEST_F(CatalogTest, KeepsSeveralValuesOfOneEventTogether) {
  const ItemNumber item = admit("a", 1);
  state(item, "category", "shoes", 10, 5);
  state(item, "category", "sale", 10, 5);
  state(item, "category", "old", 1, 4);
  EXPECT_EQ(item_at(item, 10).categories, (std::vector<std::string>{"sale", "shoes"}));
  EXPECT_EQ(item_at(item, 9).categories, (std::vector<std::string>{"old"}));
}

TEST_F(CatalogTest, FingerprintsTasteOfTheItemsKnownSoFar) {
  const ItemNumber first = admit("a", 1);
  state(first, "category", "鞋", 1, 1);
  const std::uint64_t before = catalog_->snapshot(Timestamp{9})->taste_fingerprint(first);
  const ItemNumber second = admit("b", 2);
  state(second, "category", "包", 1, 2);
  EXPECT_EQ(catalog_->snapshot(Timestamp{9})->taste_fingerprint(first), before);
  state(first, "category", "帽", 5, 3);
  EXPECT_NE(catalog_->snapshot(Timestamp{9})->taste_fingerprint(first), before);
}

TEST_F(CatalogTest, AnswersRulesAboutItems) {
  const ItemNumber item = admit("a", 1);
  state(item, "category", "shoes", 1, 1);
  state(item, "price", "4999", 1, 1);
  state(item, "colour", "red", 1, 1);
  const Item found = item_at(item, 2);
  const auto holds = [&](const char* text) {
    const auto rule = rules::Rule::parse(text, item_schema());
    EXPECT_TRUE(rule) << rule.error().message;
    return rule && rule->matches(*item_fields(found), Timestamp{2});
  };
  EXPECT_TRUE(holds("price_cents < 5000 and category contains \"shoes\""));
  EXPECT_TRUE(holds("has(\"colour\", \"red\") and brand is missing"));
  EXPECT_FALSE(holds("stock > 0"));
  EXPECT_FALSE(rules::Rule::parse("prise_cents < 3", item_schema()));
}

}  // namespace
}  // namespace attune::catalog
