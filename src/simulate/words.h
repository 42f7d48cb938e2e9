// The vocabulary of a shop in one language: categories, things, brands, names, cities, search
// words, reviews.
// Answers: what would they call it? Brands and people are invented; cities are real.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "attune/simulate/shop_parameters.h"
#include "attune/simulate/taste.h"

namespace attune::simulate {

// What a category is like in any language.
struct CategoryFacts {
  std::string_view key;     // for columns and code
  double share;             // of what is wanted, sum over categories 1
  double price_spread;      // deviation of log price
  double season_amplitude;  // of the yearly wave
  int season_peak_day;      // day of the year
  double extra_quantity;    // chance of one more piece, again and again up to four
};
extern const std::array<CategoryFacts, kCategoryCount> kCategories;

struct CategoryWords {
  std::string_view name;
  double usual_price;  // in the shop's currency, major units
  std::array<std::string_view, 8> nouns;
  std::array<std::string_view, 8> adjectives;
  std::array<std::string_view, 4> brands;
};

struct City {
  std::string_view name;
  double share;
};

struct CampaignDay {
  int month;
  int day;      // 0: the Friday after the fourth Thursday; -1: the Monday after that
  double lift;  // see season.h
  int discount_percent;
};

struct Words {
  std::string_view zone;
  std::string_view currency;
  std::string_view foreign_currency;
  std::int64_t foreign_per_mille;  // foreign minor units for 1000 of the shop's
  std::array<CategoryWords, kCategoryCount> categories;
  std::array<double, 7> weekdays;  // how busy, Monday first, mean 1
  std::span<const CampaignDay> campaigns;
  std::span<const std::string_view> family_names;
  std::array<std::span<const std::string_view>, 2> given_names;  // female, male
  std::span<const City> cities;
  std::string_view blank;                             // between words of a name: " ", or nothing
  std::span<const std::string_view> search_patterns;  // {n} noun, {a} adjective, {b} brand
  // Bad, mixed, good. Each review is an opening, then a close; {n} stands for the thing.
  std::array<std::span<const std::string_view>, 3> review_openings;
  std::array<std::span<const std::string_view>, 3> review_closings;
  std::array<std::string_view, 12> order_headings;
  std::array<std::string_view, 4> channel_names;  // in the order export
  std::string_view mail_domain;
  std::string_view model_suffix;  // {} a number, when all names of a category are taken
};

extern const Words kEnglishWords;
extern const Words kChineseWords;
const Words& words_of(Language language);

struct Item;

// What somebody types who looks for this item; `seed` picks the wording.
std::string search_text(const Words& words, const Item& item, std::uint64_t seed);
// A review that sounds like `rating` (1 to 5).
std::string review_text(const Words& words, const Item& item, int rating, std::uint64_t seed);
// Replaces every `what` in `text`.
void replace_all(std::string& text, std::string_view what, std::string_view with);

}  // namespace attune::simulate
