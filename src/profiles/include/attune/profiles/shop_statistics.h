// How the customers of a shop are spread. Answers: against which numbers is a customer much, often,
// lately or dear, and how do they move when one customer changes?
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/profiles/accumulator.h"
#include "attune/profiles/context.h"
#include "attune/profiles/value_counts.h"

namespace attune::profiles {

// What one buyer adds to the statistics of the shop.
struct BuyerMeasures {
  std::int64_t last_day = 0;  // of the latest purchase, on the shop's calendar
  std::int64_t orders = 0;
  std::int64_t monetary_minor = 0;
  std::optional<std::int64_t> half_gap_days;  // twice the median_gap; needs two purchase days
  std::optional<std::int64_t> typical_price_minor;
  friend bool operator==(const BuyerMeasures&, const BuyerMeasures&) = default;
};

// Absent without an order.
std::optional<BuyerMeasures> buyer_measures(const ProfileState& state, const TimeZone& zone);

// False: folding `fresh` into any state leaves its buyer_measures as they are.
bool may_change_measures(const ProfileState& fresh);

// What ShopContext holds of all customers, as multisets of their measures: customers are added and
// taken out in any order, and statistics merge. Taken-out ones may come before what they are taken
// from, so that statistics also say what changed.
// Cost: 16 bytes for each distinct value of a measure, at most 80 a buyer; context() is linear in
// that.
// Threads: one thread at a time.
class ShopStatistics {
 public:
  void add(const BuyerMeasures& buyer) { count(buyer, 1); }
  void remove(const BuyerMeasures& buyer) { count(buyer, -1); }
  // Adds a customer by what is remembered of them; who never bought adds nothing.
  void add(const ProfileState& state, const TimeZone& zone);
  void merge(const ShopStatistics& other);

  bool empty();
  // Nobody was taken out who was not there: these are the statistics of a set of customers.
  bool holds();

  // `zone` is the one that the measures were taken in; `item_prices_minor`: one price an item, if
  // the catalogue knows them. Contract: holds().
  ShopContext context(Timestamp as_of, const TimeZone& zone, const RfmParameters& rfm,
                      const LifecycleParameters& lifecycle,
                      std::span<const std::int64_t> item_prices_minor = {});

  // Versioned and checked bytes. Errors of parse: data_corruption on any that serialise() did not
  // write.
  std::string serialise();
  static Result<ShopStatistics> parse(std::string_view blob);

 private:
  void count(const BuyerMeasures& buyer, std::int64_t times);
  std::array<ValueCounts*, 5> all() {
    return {&last_days_, &orders_, &monetary_, &half_gaps_, &typical_prices_};
  }

  ValueCounts last_days_, orders_, monetary_, half_gaps_, typical_prices_;
};

}  // namespace attune::profiles
