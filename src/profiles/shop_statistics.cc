#include "attune/profiles/shop_statistics.h"

#include <algorithm>

#include <fmt/format.h>

#include "blob_bytes.h"
#include "summary.h"

namespace attune::profiles {
namespace {

constexpr unsigned char kMagic = 0xA9;
constexpr std::int64_t kMostDays = 8'000'000;  // from 1970, as in the bytes of a profile

}  // namespace

std::optional<BuyerMeasures> buyer_measures(const ProfileState& state, const TimeZone& zone) {
  const std::vector<std::int32_t> days = purchase_days(state, zone);
  if (days.empty()) return std::nullopt;
  BuyerMeasures measures;
  measures.last_day = days.back();
  measures.orders = static_cast<std::int64_t>(state.orders.size());
  measures.monetary_minor = monetary_total(state);
  if (days.size() >= 2)
    measures.half_gap_days = static_cast<std::int64_t>(2 * median_gap(days));  // of whole days
  measures.typical_price_minor = typical_price(state);
  return measures;
}

bool may_change_measures(const ProfileState& fresh) {
  return !fresh.orders.empty() || fresh.refund_minor != 0 || !fresh.refunded.empty();
}

void ShopStatistics::count(const BuyerMeasures& buyer, std::int64_t times) {
  last_days_.add(buyer.last_day, times);
  orders_.add(buyer.orders, times);
  monetary_.add(buyer.monetary_minor, times);
  if (buyer.half_gap_days) half_gaps_.add(*buyer.half_gap_days, times);
  if (buyer.typical_price_minor) typical_prices_.add(*buyer.typical_price_minor, times);
}

void ShopStatistics::add(const ProfileState& state, const TimeZone& zone) {
  if (const auto measures = buyer_measures(state, zone)) add(*measures);
}

void ShopStatistics::merge(const ShopStatistics& other) {
  last_days_.merge(other.last_days_);
  orders_.merge(other.orders_);
  monetary_.merge(other.monetary_);
  half_gaps_.merge(other.half_gaps_);
  typical_prices_.merge(other.typical_prices_);
}

bool ShopStatistics::empty() {
  return std::ranges::all_of(all(), [](ValueCounts* counts) { return counts->empty(); });
}

bool ShopStatistics::holds() {
  return std::ranges::all_of(all(), [](ValueCounts* counts) { return counts->holds(); });
}

ShopContext ShopStatistics::context(Timestamp as_of, const TimeZone& zone, const RfmParameters& rfm,
                                    const LifecycleParameters& lifecycle,
                                    std::span<const std::int64_t> item_prices_minor) {
  ShopContext context;
  context.as_of = as_of;
  context.zone = zone;
  context.rfm_parameters = rfm;
  context.lifecycle_parameters = lifecycle;
  context.rfm = RfmScale(last_days_, zone.day_number(as_of), orders_, monetary_, rfm);
  context.prices = PriceBounds::from_prices(item_prices_minor);
  if (!context.prices) context.prices = PriceBounds::from_counts(typical_prices_);
  if (const std::int64_t gaps = half_gaps_.total(); gaps > 0) {
    const std::int64_t both = half_gaps_.at((gaps - 1) / 2) + half_gaps_.at(gaps / 2);
    context.shop_gap_days = static_cast<double>(both) / 4;
  }
  return context;
}

std::string ShopStatistics::serialise() {
  BlobWriter out(kMagic);
  for (ValueCounts* counts : all()) counts->write(out);
  return out.finish();
}

Result<ShopStatistics> ShopStatistics::parse(std::string_view blob) {
  ShopStatistics statistics;
  BlobReader in(blob);
  in.open(kMagic);
  for (ValueCounts* counts : statistics.all()) counts->read(in);
  in.require(in.at_end(), "damaged: bytes after its end");
  const std::int64_t buyers = statistics.orders_.total();
  in.require(statistics.last_days_.total() == buyers && statistics.monetary_.total() == buyers,
             "damaged: buyers without every measure");
  in.require(statistics.last_days_.lies_between(-kMostDays, kMostDays) &&
                 statistics.half_gaps_.lies_between(0, 4 * kMostDays),
             "damaged: a day out of range");
  if (in.failure() == nullptr) return statistics;
  return std::unexpected(data_corruption(fmt::format(
      "the stored statistics of {} bytes are {}; measure the shop anew from its profiles",
      blob.size(), in.failure())));
}

}  // namespace attune::profiles
