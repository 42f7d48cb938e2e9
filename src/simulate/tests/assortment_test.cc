#include "attune/simulate/assortment.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "attune/base/text.h"
#include "attune/simulate/customer.h"
#include "deviations.h"
#include "season.h"
#include "words.h"

namespace attune::simulate {
namespace {

TEST(Assortment, GivesEveryItemANameOfItsOwnInItsLanguage) {
  for (const Language language : {Language::en, Language::zh}) {
    ShopParameters parameters;
    parameters.language = language;
    parameters.items = 5'000;  // more than the words alone can name
    std::set<std::string> names, ids;
    for (const Item& item : make_assortment(parameters)) {
      names.insert(item.name);
      ids.insert(item.id);
      EXPECT_EQ(normalise_text(item.name), item.name);
      const bool has_chinese = item.noun.front() < 0 || item.noun.back() < 0;
      EXPECT_EQ(has_chinese, language == Language::zh) << item.name;
    }
    EXPECT_EQ(names.size(), 5'000u);
    EXPECT_EQ(ids.size(), 5'000u);
  }
}

TEST(Assortment, FollowsZipfInPopularityAndTheSharesInCategories) {
  ShopParameters parameters;
  parameters.items = 1'000;
  std::vector<double> popularity;
  std::map<int, double> members;
  for (const Item& item : make_assortment(parameters)) {
    popularity.push_back(item.popularity);
    ++members[item.category];
  }
  std::ranges::sort(popularity, std::ranges::greater{});
  for (std::size_t rank = 1; rank < popularity.size(); ++rank) {
    const double ratio = std::pow(1.0 + static_cast<double>(rank), -parameters.popularity_exponent);
    EXPECT_NEAR(popularity[rank] / popularity[0], ratio, 1e-12);
  }
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    EXPECT_NEAR(members[static_cast<int>(c)], 1'000 * kCategories[c].share, 1.01);
  }
}

TEST(Assortment, HasSomethingOfEveryCategoryOnTheFirstDayOfTheSmallestShop) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ShopParameters parameters;
    parameters.items = kMinimumItems;
    parameters.seed = seed;
    std::set<int> on_offer;
    for (const Item& item : make_assortment(parameters)) {
      if (popularity_on(item, 0) > 0) on_offer.insert(item.category);
    }
    EXPECT_EQ(on_offer.size(), std::size_t{kCategoryCount});
  }
}

TEST(Words, AreValidTextAndNothingIsBlank) {
  for (const Language language : {Language::en, Language::zh}) {
    const Words& words = words_of(language);
    double cities = 0, weekdays = 0;
    for (const City& city : words.cities) cities += city.share;
    for (const double day : words.weekdays) weekdays += day;
    EXPECT_NEAR(cities, 1, 1e-9);
    EXPECT_NEAR(weekdays, 7, .02);
    for (const CategoryWords& category : words.categories) {
      for (const auto& list : {std::span<const std::string_view>(category.nouns),
                               std::span<const std::string_view>(category.adjectives),
                               std::span<const std::string_view>(category.brands)}) {
        EXPECT_EQ(std::set(list.begin(), list.end()).size(), list.size()) << category.name;
        for (const std::string_view word : list) {
          EXPECT_FALSE(word.empty());
          EXPECT_EQ(first_invalid_utf8(word), std::nullopt);
          EXPECT_EQ(word.find(','), std::string_view::npos);
        }
      }
    }
  }
  double shares = 0;
  for (const CategoryFacts& category : kCategories) shares += category.share;
  EXPECT_NEAR(shares, 1, 1e-9);
}

// Dirichlet: mean m, variance m (1 - m) / (concentration + 1).
TEST(Customer, LikesCategoriesByTheirSharesOnAverage) {
  ShopParameters parameters;
  constexpr int kCount = 4'000;
  std::array<double, kCategoryCount> sums{};
  for (int i = 0; i < kCount; ++i) {
    const CustomerTraits traits = make_customer(parameters, i);
    double total = 0;
    for (std::size_t c = 0; c < kCategoryCount; ++c) {
      sums[c] += static_cast<double>(traits.tastes.categories[c]);
      total += static_cast<double>(traits.tastes.categories[c]);
    }
    EXPECT_NEAR(total, 1, 1e-5);
    EXPECT_LE(traits.discovered_day, traits.acquired_day);
    EXPECT_LT(traits.acquired_day, parameters.days);
  }
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    const double mean = kCategories[c].share;
    const double variance = mean * (1 - mean) / (parameters.taste_concentration + 1);
    EXPECT_NEAR(sums[c] / kCount, mean, kDeviations * std::sqrt(variance / kCount));
  }
}

TEST(Customer, IsTheSameWhoeverElseIsThere) {
  ShopParameters few, many;
  many.customers = 1'000'000;
  EXPECT_EQ(make_customer(few, 17).tastes.style, make_customer(many, 17).tastes.style);
  EXPECT_EQ(make_persona(few, 17).name, make_persona(many, 17).name);
}

TEST(Season, RunsItsClocksAtOneADayOnAverage) {
  for (const Language language : {Language::en, Language::zh}) {
    ShopParameters parameters;
    parameters.language = language;
    const Season season = Season::create(parameters, words_of(language)).value();
    const auto days = static_cast<double>(parameters.days);
    EXPECT_NEAR(season.purchase_clock(parameters.days, kUsualPriceSensitivity), days, 1e-9);
    EXPECT_NEAR(season.visit_clock(parameters.days), days, 1e-9);
    for (std::int64_t day = 0; day < parameters.days; ++day) {
      EXPECT_GT(season.purchase_clock(day + 1, 0), season.purchase_clock(day, 0));
    }
  }
}

TEST(Season, KnowsTheCampaignDays) {
  const auto discount = [](Language language, int year, int month, int day) {
    ShopParameters parameters;
    parameters.language = language;
    parameters.start_date = year * 10'000 + 101;
    parameters.days = 366;
    const Season season = Season::create(parameters, words_of(language)).value();
    return season.discount_percent(days_from_civil(year, month, day) - days_from_civil(year, 1, 1));
  };
  EXPECT_EQ(discount(Language::en, 2025, 11, 28), 25);  // Black Friday
  EXPECT_EQ(discount(Language::en, 2024, 11, 29), 25);
  EXPECT_EQ(discount(Language::en, 2018, 11, 23), 25);
  EXPECT_EQ(discount(Language::en, 2025, 12, 1), 20);  // the Monday after
  EXPECT_EQ(discount(Language::en, 2025, 11, 21), 0);
  EXPECT_EQ(discount(Language::zh, 2025, 11, 11), 30);
  EXPECT_EQ(discount(Language::zh, 2025, 6, 18), 20);
}

}  // namespace
}  // namespace attune::simulate
