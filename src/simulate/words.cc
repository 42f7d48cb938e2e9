#include "words.h"

#include "attune/base/random.h"
#include "attune/base/text.h"
#include "attune/simulate/assortment.h"

namespace attune::simulate {
namespace {

std::string_view pick(std::span<const std::string_view> texts, Rng& random) {
  return texts[random.below(texts.size())];
}

}  // namespace

const std::array<CategoryFacts, kCategoryCount> kCategories = {{
    {"shoes", .10, .45, .05, 270, .00},
    {"clothing", .14, .50, .20, 310, .06},
    {"electronics", .11, .60, .10, 330, .02},
    {"home", .11, .50, .08, 300, .08},
    {"beauty", .10, .45, .05, 330, .12},
    {"toys", .07, .50, .30, 345, .06},
    {"books", .08, .35, .12, 340, .08},
    {"sports", .07, .55, .25, 170, .02},
    {"groceries", .09, .35, .08, 350, .35},
    {"pets", .05, .50, .00, 1, .20},
    {"baby", .04, .50, .00, 1, .15},
    {"stationery", .04, .40, .25, 245, .25},
}};

const Words& words_of(Language language) {
  return language == Language::zh ? kChineseWords : kEnglishWords;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

std::string search_text(const Words& words, const Item& item, std::uint64_t seed) {
  Rng random(seed, "search words");
  std::string text(pick(words.search_patterns, random));
  replace_all(text, "{n}", ascii_lower(item.noun));
  replace_all(text, "{a}", ascii_lower(item.adjective));
  replace_all(text, "{b}", ascii_lower(item.brand));
  return text;
}

std::string review_text(const Words& words, const Item& item, int rating, std::uint64_t seed) {
  Rng random(seed, "review words");
  const std::size_t mood = rating <= 2 ? 0 : rating == 3 ? 1 : 2;
  std::string text(pick(words.review_openings[mood], random));
  text += words.blank;
  text += pick(words.review_closings[mood], random);
  replace_all(text, "{n}", ascii_lower(item.noun));
  return text;
}

}  // namespace attune::simulate
