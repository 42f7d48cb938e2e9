#include "attune/simulate/assortment.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "attune/base/random.h"
#include "words.h"

namespace attune::simulate {
namespace {

constexpr double kLaunchedInside = 0.2;  // of the items, during the first nine tenths of the window
constexpr std::int64_t kNamesPerCategory = 8 * 8 * 4;

// Items by category, by largest remainder of the shares, at least one each.
std::vector<std::int16_t> categories_of(std::int64_t items) {
  std::vector<std::int16_t> all;
  double due = 0;
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    due += kCategories[c].share * static_cast<double>(items);
    const auto upto = std::max<std::int64_t>(std::llround(due), std::ssize(all) + 1);
    const auto count = c + 1 == kCategoryCount ? items : std::min(upto, items);
    all.resize(static_cast<std::size_t>(count), static_cast<std::int16_t>(c));
  }
  return all;
}

// A direction of style that all items of a brand share.
Style brand_style(std::uint64_t seed, std::string_view brand) {
  Rng random(seed, "brand", hash64(brand));
  Style style;
  for (float& component : style) component = static_cast<float>(random.normal());
  return style;
}

// The n-th name of a category, in an order of its own; from `kNamesPerCategory` on with a model
// number.
void give_name(const ShopParameters& parameters, std::int64_t n, Item& item) {
  const Words& words = words_of(parameters.language);
  const auto category = static_cast<std::size_t>(item.category);
  const CategoryWords& own = words.categories[category];
  Rng random(parameters.seed, "names", category);
  const std::uint64_t start = random.below(kNamesPerCategory);
  // 37 is odd: its multiples visit every name before any comes again.
  const auto code =
      static_cast<std::size_t>((start + 37 * static_cast<std::uint64_t>(n)) % kNamesPerCategory);
  item.noun = own.nouns[code % 8];
  item.brand = own.brands[code / 8 % 4];
  item.adjective = own.adjectives[code / 32];
  item.name = fmt::format("{} {}{}{}", item.brand, item.adjective, words.blank, item.noun);
  if (const std::int64_t round = n / kNamesPerCategory; round > 0) {
    item.name += fmt::format(fmt::runtime(words.model_suffix), round + 1);
  }
}

// Prices that shops like: x.99 or x.49 in pounds, whole yuan that end in 9 or 5.
std::int64_t price_point(double price, Language language) {
  if (language == Language::zh) {
    const auto whole = static_cast<std::int64_t>(std::llround(price));
    const std::int64_t pointed = price < 30 ? whole : whole / 10 * 10 + (whole % 10 < 6 ? 5 : 9);
    return std::max<std::int64_t>(pointed, 2) * 100;
  }
  const auto half_pounds = static_cast<std::int64_t>(std::llround(price * 2));
  return std::max<std::int64_t>(half_pounds, 2) * 50 - 1;
}

void draw_item(const ShopParameters& parameters, std::uint64_t number, Item& item) {
  const Words& words = words_of(parameters.language);
  const auto category = static_cast<std::size_t>(item.category);
  Rng random(parameters.seed, "item", number);
  const double log_ratio =
      std::clamp(kCategories[category].price_spread * random.normal(), -1.2, 1.2);
  const double usual = words.categories[category].usual_price;
  item.price_minor = price_point(usual * std::exp(log_ratio), parameters.language);
  item.log_price_ratio = std::log(static_cast<double>(item.price_minor) / 100 / usual);
  item.quality = random.normal();
  const auto days = static_cast<double>(parameters.days);
  item.launch_day = random.chance(kLaunchedInside)
                        ? static_cast<std::int32_t>(random.uniform() * .9 * days)
                        : -1 - static_cast<std::int32_t>(random.exponential(1.0 / 200));
  // Brand and piece share the style; its length makes the liking of a random customer deviate by
  // taste_strength.
  const Style brand = brand_style(parameters.seed, item.brand);
  const double scale = parameters.taste_strength / std::sqrt(static_cast<double>(kStyleCount));
  for (std::size_t k = 0; k < kStyleCount; ++k) {
    item.style[k] =
        static_cast<float>(scale * (.6 * static_cast<double>(brand[k]) + .8 * random.normal()));
  }
}

}  // namespace

std::vector<Item> make_assortment(const ShopParameters& parameters) {
  const auto count = static_cast<std::size_t>(parameters.items);
  std::vector<std::int16_t> categories = categories_of(parameters.items);
  Rng order(parameters.seed, "assortment");
  order.shuffle(std::span(categories));

  std::vector<std::int32_t> rank(count);
  std::iota(rank.begin(), rank.end(), 0);
  order.shuffle(std::span(rank));

  std::vector<Item> items(count);
  std::array<std::int64_t, kCategoryCount> named{};
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Item& item = items[i];
    item.category = categories[i];
    item.id = fmt::format("P{}", 10'001 + i);
    give_name(parameters, named[static_cast<std::size_t>(item.category)]++, item);
    draw_item(parameters, i, item);
    item.popularity = std::pow(1.0 + rank[i], -parameters.popularity_exponent);
    total += item.popularity;
  }
  for (Item& item : items) item.popularity *= static_cast<double>(count) / total;
  // So that every category sells from the first day.
  std::array<bool, kCategoryCount> on_offer{};
  for (Item& item : items) {
    bool& seen = on_offer[static_cast<std::size_t>(item.category)];
    if (!seen) item.launch_day = std::min(item.launch_day, -1);
    seen = true;
  }
  return items;
}

double popularity_on(const Item& item, std::int64_t day) {
  if (day < item.launch_day) return 0;
  if (item.launch_day < 0) return item.popularity;
  return item.popularity * (1 + 2 * std::exp(-static_cast<double>(day - item.launch_day) / 14));
}

}  // namespace attune::simulate
