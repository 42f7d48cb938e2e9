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

namespace attune::profiles {

// Bounds of the price bands. An amount is low if <= low_max, high if > middle_max, else middle.
struct PriceBounds {
  std::int64_t low_max = 0;
  std::int64_t middle_max = 0;

  // The 1/3 and 2/3 quantiles (the ceil(q n)-th smallest) of the prices above 0; absent without
  // any.
  static std::optional<PriceBounds> from_prices(std::vector<std::int64_t> prices_minor);
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

// Collects what ShopContext holds from all customers, in any order; collectors of several threads
// merge.
// Cost: about 40 bytes a buyer; finish() sorts.
class ShopStatistics {
 public:
  ShopStatistics(Timestamp as_of, TimeZone zone) : as_of_(as_of), zone_(std::move(zone)) {}

  void add(const ProfileState& state);
  void merge(const ShopStatistics& other);
  std::int64_t customers() const { return customers_; }

  // `item_prices_minor`: one price an item, if the catalogue knows them.
  ShopContext finish(const RfmParameters& rfm, const LifecycleParameters& lifecycle,
                     std::span<const std::int64_t> item_prices_minor = {}) const;

 private:
  Timestamp as_of_;
  TimeZone zone_;
  std::int64_t customers_ = 0;
  std::vector<RfmValues> buyers_;
  std::vector<double> gaps_;
  std::vector<std::int64_t> typical_prices_;
};

// The distinct days of the shop's calendar with an order, ascending, and what follows from them.
std::vector<std::int32_t> purchase_days(const ProfileState& state, const TimeZone& zone);
double median_gap(std::span<const std::int32_t>
                      ascending_days);  // at least two days; the mean of the middle two if even

}  // namespace attune::profiles
