#include "attune/profiles/context.h"

#include <algorithm>
#include <cmath>

#include "attune/base/error.h"
#include "summary.h"

namespace attune::profiles {

std::optional<PriceBounds> PriceBounds::from_prices(std::vector<std::int64_t> prices_minor) {
  std::erase_if(prices_minor, [](std::int64_t price) { return price <= 0; });
  if (prices_minor.empty()) return std::nullopt;
  std::ranges::sort(prices_minor);
  const std::size_t n = prices_minor.size();
  return PriceBounds{prices_minor[(n + 2) / 3 - 1], prices_minor[(2 * n + 2) / 3 - 1]};
}

PriceBand PriceBounds::band(std::int64_t price_minor) const {
  if (price_minor <= low_max) return PriceBand::low;
  return price_minor > middle_max ? PriceBand::high : PriceBand::middle;
}

std::vector<std::int32_t> purchase_days(const ProfileState& state, const TimeZone& zone) {
  std::vector<std::int32_t> days;
  days.reserve(state.orders.size());
  for (const OrderState& order : state.orders) {
    days.push_back(static_cast<std::int32_t>(zone.day_number(order.time)));
  }
  std::ranges::sort(days);
  days.erase(std::ranges::unique(days).begin(), days.end());
  return days;
}

double median_gap(std::span<const std::int32_t> ascending_days) {
  ATTUNE_CHECK(ascending_days.size() >= 2, "a gap lies between two days");
  std::vector<std::int32_t> gaps;
  gaps.reserve(ascending_days.size() - 1);
  for (std::size_t i = 1; i < ascending_days.size(); ++i) {
    gaps.push_back(ascending_days[i] - ascending_days[i - 1]);
  }
  const std::size_t middle = gaps.size() / 2;
  std::ranges::nth_element(gaps, gaps.begin() + static_cast<std::ptrdiff_t>(middle));
  const double upper = gaps[middle];
  if (gaps.size() % 2 == 1) return upper;
  const double lower =
      *std::max_element(gaps.begin(), gaps.begin() + static_cast<std::ptrdiff_t>(middle));
  return (lower + upper) / 2;
}

void ShopStatistics::add(const ProfileState& state) {
  ++customers_;
  const std::vector<std::int32_t> days = purchase_days(state, zone_);
  if (days.empty()) return;
  buyers_.push_back(rfm_values(state, days, zone_.day_number(as_of_)));
  if (days.size() >= 2) gaps_.push_back(median_gap(days));
  if (const auto price = typical_price(state)) typical_prices_.push_back(*price);
}

void ShopStatistics::merge(const ShopStatistics& other) {
  customers_ += other.customers_;
  buyers_.insert(buyers_.end(), other.buyers_.begin(), other.buyers_.end());
  gaps_.insert(gaps_.end(), other.gaps_.begin(), other.gaps_.end());
  typical_prices_.insert(typical_prices_.end(), other.typical_prices_.begin(),
                         other.typical_prices_.end());
}

ShopContext ShopStatistics::finish(const RfmParameters& rfm, const LifecycleParameters& lifecycle,
                                   std::span<const std::int64_t> item_prices_minor) const {
  ShopContext context;
  context.as_of = as_of_;
  context.zone = zone_;
  context.rfm_parameters = rfm;
  context.lifecycle_parameters = lifecycle;
  context.rfm = RfmScale(buyers_, rfm);
  context.prices = PriceBounds::from_prices({item_prices_minor.begin(), item_prices_minor.end()});
  if (!context.prices) context.prices = PriceBounds::from_prices(typical_prices_);
  if (!gaps_.empty()) {
    std::vector<double> gaps = gaps_;
    std::ranges::sort(gaps);
    const std::size_t middle = gaps.size() / 2;
    context.shop_gap_days =
        gaps.size() % 2 == 1 ? gaps[middle] : (gaps[middle - 1] + gaps[middle]) / 2;
  }
  return context;
}

}  // namespace attune::profiles
