#include "shop.h"

#include <span>
#include <string>

#include <fmt/format.h>

namespace attune::coverage {
namespace {

constexpr double kConversion = .1;
constexpr double kOrders = 1;   // a customer, in the experiment's window
constexpr double kBasket = 20;  // mean of an order
constexpr double kClickRate = .1;

double sum_of_baskets(Rng& random, std::int64_t orders, double mean) {
  // A sum of gamma variables of one scale is one.
  return orders == 0 ? 0 : random.gamma(2. * static_cast<double>(orders), mean / 2);
}

}  // namespace

Rows draw(Rng& random, std::int64_t customers, const std::vector<double>& shares,
          const std::vector<Treatment>& treatments) {
  Rows rows;
  for (std::int64_t i = 0; i < customers; ++i) {
    const auto arm = static_cast<std::int32_t>(random.categorical(shares));
    const Treatment t = arm == 0 ? Treatment() : treatments[static_cast<std::size_t>(arm) - 1];
    const double liveliness = random.gamma(2, .5);
    const std::int64_t orders = random.poisson(kOrders * liveliness * (1 + t.orders));
    const std::int64_t exposures = 1 + random.poisson(3 * liveliness);
    const double click_rate = random.beta(2, 2 / kClickRate - 2) * (1 + t.clicks);
    std::int64_t clicks = 0;
    for (std::int64_t e = 0; e < exposures; ++e) clicks += random.chance(click_rate) ? 1 : 0;
    rows.arm.push_back(arm);
    rows.converted.push_back(random.chance(kConversion + t.conversion) ? 1 : 0);
    rows.orders.push_back(static_cast<double>(orders));
    rows.revenue.push_back(sum_of_baskets(random, orders, kBasket * (1 + t.basket)));
    rows.exposures.push_back(static_cast<double>(exposures));
    rows.clicks.push_back(static_cast<double>(clicks));
    rows.spent_before.push_back(
        sum_of_baskets(random, random.poisson(3 * kOrders * liveliness), kBasket));
  }
  return rows;
}

double truth(const std::string& metric, const Treatment& t) {
  if (metric == "conversion") return kConversion + t.conversion;
  if (metric == "revenue") return kOrders * (1 + t.orders) * kBasket * (1 + t.basket);
  if (metric == "revenue_per_order") return kBasket * (1 + t.basket);
  return kClickRate * (1 + t.clicks);
}

measure::ExperimentData data_of(const Rows& rows, std::size_t count, std::size_t arms) {
  const auto first = [count](const auto& column) { return std::span(column).first(count); };
  measure::ExperimentData data;
  for (std::size_t a = 0; a < arms; ++a) data.arms.push_back(fmt::format("arm_{}", a));
  data.arm = first(rows.arm);
  data.metrics.push_back({"conversion", first(rows.converted)});
  data.metrics.push_back({"revenue", first(rows.revenue)});
  data.metrics.push_back({"revenue_per_order", first(rows.revenue), first(rows.orders)});
  data.metrics.push_back({"clicks_per_exposure", first(rows.clicks), first(rows.exposures)});
  return data;
}

}  // namespace attune::coverage
