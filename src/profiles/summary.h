// Sums of a state that both a profile and the shop's statistics read. Private to profiles.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "attune/profiles/accumulator.h"
#include "attune/profiles/rfm.h"

namespace attune::profiles {

// `days`: purchase_days, not empty. A purchase that lies ahead has recency 0.
RfmValues rfm_values(const ProfileState& state, std::span<const std::int32_t> days,
                     std::int64_t as_of_day);

// What refunds took back: stated amounts, and of each order that was refunded whole what they left
// of its value, never more than all of it. Cost: O(r log n) for r refunded of n orders.
std::int64_t refund_total(const ProfileState& state);

// What their orders came to, less refund_total.
std::int64_t monetary_total(const ProfileState& state);

// Geometric mean of unit prices, rounded; absent without prices.
std::optional<std::int64_t> typical_price(const ProfileState& state);

}  // namespace attune::profiles
