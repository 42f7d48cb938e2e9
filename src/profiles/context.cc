#include "attune/profiles/context.h"

#include <algorithm>
#include <cmath>

#include "attune/base/error.h"

namespace attune::profiles {

std::optional<PriceBounds> PriceBounds::from_prices(std::span<const std::int64_t> prices_minor) {
  ValueCounts counts(prices_minor);
  return from_counts(counts);
}

std::optional<PriceBounds> PriceBounds::from_counts(ValueCounts& prices_minor) {
  const std::int64_t free = prices_minor.below(1);
  const std::int64_t n = prices_minor.total() - free;
  if (n == 0) return std::nullopt;
  return PriceBounds{prices_minor.at(free + (n + 2) / 3 - 1),
                     prices_minor.at(free + (2 * n + 2) / 3 - 1)};
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

}  // namespace attune::profiles
