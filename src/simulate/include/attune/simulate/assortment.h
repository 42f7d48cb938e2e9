// The items of a simulated shop. Answers: what is on offer, at which price, and how well known is
// it?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/simulate/shop_parameters.h"
#include "attune/simulate/taste.h"

namespace attune::simulate {

struct Item {
  std::string id;
  std::string name;       // as a shelf would call it, in the shop's language
  std::string_view noun;  // the kind of thing, for search words and reviews
  std::string_view adjective;
  std::string_view brand;
  std::int16_t category = 0;
  std::int32_t launch_day = 0;   // day of the window; negative: on offer before it began
  std::int64_t price_minor = 0;  // in the shop's currency
  double log_price_ratio = 0;    // see `affinity`
  double popularity = 0;         // Zipf weight, mean 1
  double quality = 0;            // standard deviations from the usual; moves ratings and refunds
  Style style{};
};

// The items in the order of their numbers. Pure function of the parameters.
// Determinism: item i depends on (seed, i) and, for its popularity, on the number of items.
std::vector<Item> make_assortment(const ShopParameters& parameters);

// How popular the item is on a day: 0 before its launch, then its Zipf weight, with the boost of a
// novelty that fades in two weeks for items launched inside the window.
double popularity_on(const Item& item, std::int64_t day);

}  // namespace attune::simulate
