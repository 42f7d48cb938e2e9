// What a profile is read against: the moment, the calendar, and the other customers. Answers:
// compared with whom?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "attune/base/parameters.h"
#include "attune/base/time.h"
#include "attune/profiles/profile.h"
#include "attune/profiles/rfm.h"
#include "attune/profiles/value_counts.h"

namespace attune::profiles {

// Bounds of the price bands. An amount is low if <= low_max, high if > middle_max, else middle.
struct PriceBounds {
  std::int64_t low_max = 0;
  std::int64_t middle_max = 0;

  // The 1/3 and 2/3 quantiles (the ceil(q n)-th smallest) of the prices above 0; absent without
  // any.
  static std::optional<PriceBounds> from_prices(std::span<const std::int64_t> prices_minor);
  static std::optional<PriceBounds> from_counts(ValueCounts& prices_minor);
  PriceBand band(std::int64_t price_minor) const;
};

// Everything that describe() needs beside the customer. Copy it freely; threads: const use.
struct ShopContext {
  Timestamp as_of;
  TimeZone zone = TimeZone::utc();
  RfmParameters rfm_parameters;
  LifecycleParameters lifecycle_parameters;
  std::optional<PriceBounds> prices;  // of the shop's items, else of its customers' typical prices
  RfmScale rfm;                       // no buyers: no scores
  std::optional<double> shop_gap_days;  // median over customers of their median inter-purchase time
};

// The distinct days of the shop's calendar with an order, ascending, and what follows from them.
std::vector<std::int32_t> purchase_days(const ProfileState& state, const TimeZone& zone);
double median_gap(std::span<const std::int32_t>
                      ascending_days);  // at least two days; the mean of the middle two if even

}  // namespace attune::profiles
