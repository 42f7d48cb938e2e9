#include "attune/simulate/customer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "season.h"
#include "words.h"

namespace attune::simulate {
namespace {

constexpr std::array<double, kChannelCount> kChannelShares = {.38, .34, .16, .12};
constexpr std::array<double, kDayPartCount> kDayPartShares = {.05, .22, .31, .42};
constexpr std::int64_t kFirstNumber = 100'001;
constexpr double kHabitConcentration = 4;  // of the Dirichlets over channels and day parts

// Dirichlet with mean `shares` (sum 1).
template <std::size_t N>
std::array<double, N> draw_shares(std::span<const double, N> shares, double concentration,
                                  Rng& random) {
  std::array<double, N> drawn{};
  double total = 0;
  for (std::size_t i = 0; i < N; ++i) {
    drawn[i] = random.gamma(std::max(concentration * shares[i], 1e-3), 1) + 1e-12;
    total += drawn[i];
  }
  for (double& share : drawn) share /= total;
  return drawn;
}

// Of a population that grows, faster at first, over the whole window.
std::int32_t draw_acquired_day(std::int64_t days, Rng& random) {
  const double u = random.uniform();
  return static_cast<std::int32_t>(static_cast<double>(days) * u * std::sqrt(u));
}

}  // namespace

std::string_view name(Channel channel) {
  static constexpr std::string_view kNames[] = {"web", "app", "shop", "social"};
  return kNames[static_cast<std::size_t>(channel)];
}

std::string_view name(DayPart part) {
  static constexpr std::string_view kNames[] = {"night", "morning", "afternoon", "evening"};
  return kNames[static_cast<std::size_t>(part)];
}

Tastes draw_tastes(const ShopParameters& parameters, Rng& random) {
  std::array<double, kCategoryCount> shares{};
  for (std::size_t c = 0; c < kCategoryCount; ++c) shares[c] = kCategories[c].share;
  const auto drawn = draw_shares(std::span<const double, kCategoryCount>(shares),
                                 parameters.taste_concentration, random);
  Tastes tastes;
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    tastes.categories[c] = static_cast<float>(drawn[c]);
  }
  for (float& component : tastes.style) component = static_cast<float>(random.normal());
  tastes.price_sensitivity =
      static_cast<float>(std::min(random.gamma(2, kUsualPriceSensitivity / 2), 2.0));
  return tastes;
}

CustomerTraits make_customer(const ShopParameters& parameters, std::int64_t index) {
  Rng random(parameters.seed, "customer", static_cast<std::uint64_t>(index));
  CustomerTraits traits;
  traits.tastes = draw_tastes(parameters, random);
  traits.buys = !random.chance(parameters.browser_share);
  traits.pays_foreign = random.chance(parameters.foreign_share);
  traits.purchase_rate =
      random.gamma(parameters.purchase_shape, 1 / parameters.purchase_scale_days);
  const double dropout = random.beta(parameters.dropout_a, parameters.dropout_b);
  traits.dropout = traits.buys ? dropout : .06;
  const double usual_rate = parameters.purchase_shape / parameters.purchase_scale_days;
  const double keenness = traits.buys ? .4 + .6 * traits.purchase_rate / usual_rate : 1;
  traits.browse_rate = parameters.sessions_per_day * keenness * random.gamma(2, .5);
  traits.channels = draw_shares(std::span(kChannelShares), kHabitConcentration, random);
  traits.day_parts = draw_shares(std::span(kDayPartShares), kHabitConcentration, random);
  traits.acquired_day = draw_acquired_day(parameters.days, random);
  const auto lead = static_cast<std::int32_t>(random.exponential(1.0 / 6));
  traits.discovered_day = std::max(0, traits.acquired_day - lead);
  return traits;
}

Persona make_persona(const ShopParameters& parameters, std::int64_t index) {
  const Words& words = words_of(parameters.language);
  Rng random(parameters.seed, "persona", static_cast<std::uint64_t>(index));
  const std::size_t sex = random.chance(.56) ? 0 : 1;
  const auto& given = words.given_names[sex];
  const std::string_view first = given[random.below(given.size())];
  const std::string_view family = words.family_names[random.below(words.family_names.size())];
  Persona persona;
  persona.name = parameters.language == Language::zh ? fmt::format("{}{}", family, first)
                                                     : fmt::format("{} {}", first, family);
  persona.gender = sex == 0 ? "female" : "male";
  const auto start_year = static_cast<int>(parameters.start_date / 10'000);
  const double age = std::clamp(18 + random.gamma(2.4, 8), 18.0, 88.0);
  persona.birth_year = start_year - static_cast<int>(age);
  double left = random.uniform();
  for (const City& city : words.cities) {
    persona.city = city.name;
    if ((left -= city.share) < 0) break;
  }
  persona.email = fmt::format("{}@{}", customer_id(index), words.mail_domain);
  persona.email[0] = 'c';
  return persona;
}

std::string customer_id(std::int64_t index) { return fmt::format("C{}", kFirstNumber + index); }

std::optional<std::int64_t> customer_index(std::string_view id) {
  std::int64_t number = 0;
  const char* const end = id.data() + id.size();
  if (id.size() < 2 || id[0] != 'C' || id[1] == '0') return std::nullopt;
  const auto [after, failed] = std::from_chars(id.data() + 1, end, number);
  if (failed != std::errc() || after != end || number < kFirstNumber) return std::nullopt;
  return number - kFirstNumber;
}

std::uint64_t device_key(const ShopParameters& parameters, std::int64_t customer, Channel channel) {
  const auto device =
      static_cast<std::uint64_t>(customer) * 4 + static_cast<std::uint64_t>(channel);
  return combine(combine(parameters.seed, hash64("device")), device);
}

std::string anonymous_id(std::uint64_t device_key) { return fmt::format("a{:016x}", device_key); }

}  // namespace attune::simulate
