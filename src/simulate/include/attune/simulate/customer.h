// The customers of a simulated shop as they truly are. Answers: what does this one like, how often,
// until when?
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/random.h"
#include "attune/simulate/shop_parameters.h"
#include "attune/simulate/taste.h"

namespace attune::simulate {

enum class Channel : std::uint8_t { web, app, shop, social };
inline constexpr int kChannelCount = 4;
std::string_view name(Channel channel);

enum class DayPart : std::uint8_t {
  night,
  morning,
  afternoon,
  evening
};  // six hours each, from midnight
inline constexpr int kDayPartCount = 4;
std::string_view name(DayPart part);

// What never changes about a customer. Rates count in the season's days: one is as long as an
// average day is busy.
struct CustomerTraits {
  Tastes tastes;
  bool buys = true;  // false: signs up, looks around, never orders
  bool pays_foreign = false;
  double purchase_rate = 0;  // repeat orders a day while alive
  double dropout = 0;        // chance to be gone after a repeat order; of browsers: after a visit
  double browse_rate = 0;    // sessions a day while alive
  std::array<double, kChannelCount> channels{};   // shares
  std::array<double, kDayPartCount> day_parts{};  // shares
  std::int32_t discovered_day = 0;                // first anonymous visit, if any, is not before
  std::int32_t acquired_day = 0;                  // first order, or sign-up of a browser
};

// Pure function of (parameters, index). Cost: about 2 microseconds.
CustomerTraits make_customer(const ShopParameters& parameters, std::int64_t index);

// Tastes of one person of the population, drawn from `random`.
Tastes draw_tastes(const ShopParameters& parameters, Rng& random);

// What the customer's record says.
struct Persona {
  std::string name;
  std::string_view gender;  // "female", "male"
  int birth_year = 0;
  std::string_view city;
  std::string email;
};
Persona make_persona(const ShopParameters& parameters, std::int64_t index);

std::string customer_id(std::int64_t index);
// The index that customer_id was made of; absent for any other text.
std::optional<std::int64_t> customer_index(std::string_view id);
// The customer's browser or telephone on an online channel, and the anonymous id that it sends.
std::uint64_t device_key(const ShopParameters& parameters, std::int64_t customer, Channel channel);
std::string anonymous_id(std::uint64_t device_key);

}  // namespace attune::simulate
