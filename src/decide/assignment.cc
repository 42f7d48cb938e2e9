#include "attune/decide/assignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "unit_log.h"

namespace attune::decide {
namespace {

// Key of one hash of an experiment. Lengths go in, so that no two lists of parts run into one.
Hash128 key_of(const AssignmentSpec& spec, std::string_view what, std::string_view arm) {
  return hash128(fmt::format("{}:{}{}:{}{}:{}{}", spec.experiment.size(), spec.experiment,
                             spec.salt.size(), spec.salt, what.size(), what, arm));
}

// Uniform in (0, 1), never an end.
double uniform(const Hash128& key, CustomerNumber customer) {
  const std::uint64_t word =
      combine(combine(key.high, static_cast<std::uint64_t>(customer.value)), key.low);
  return (static_cast<double>(word >> 12) + .5) * 0x1p-52;
}

Error refused(const AssignmentSpec& spec, std::string_view why) {
  return invalid_argument(fmt::format("experiment '{}' {}", attune::quoted(spec.experiment), why));
}

Status check(const AssignmentSpec& spec) {
  if (spec.experiment.empty()) {
    return std::unexpected(
        invalid_argument("an experiment needs a key, a text that keeps its groups apart from other "
                         "experiments'"));
  }
  if (!(spec.holdout >= 0 && spec.holdout <= 1)) {
    return std::unexpected(
        refused(spec, fmt::format("holds out {}; a share is 0 to 1", spec.holdout)));
  }
  if (spec.arms.size() > kMaxArms) {
    return std::unexpected(
        refused(spec, fmt::format("has {} arms; at most {}", spec.arms.size(), kMaxArms)));
  }
  for (std::size_t i = 0; i < spec.arms.size(); ++i) {
    const Arm& arm = spec.arms[i];
    if (!(arm.weight > 0) || !std::isfinite(arm.weight)) {
      return std::unexpected(refused(spec, fmt::format("gives arm '{}' the weight {}; above 0",
                                                       attune::quoted(arm.name), arm.weight)));
    }
    if (std::ranges::find(spec.arms.begin(), spec.arms.begin() + static_cast<std::ptrdiff_t>(i),
                          arm.name,
                          &Arm::name) != spec.arms.begin() + static_cast<std::ptrdiff_t>(i)) {
      return std::unexpected(
          refused(spec, fmt::format("has two arms named '{}'", attune::quoted(arm.name))));
    }
  }
  return {};
}

}  // namespace

double log_of_unit(double x) {
  int power = 0;
  double mantissa = std::frexp(x, &power);  // in [1/2, 1)
  if (mantissa < 0.70710678118654752440) {
    mantissa *= 2;
    --power;
  }
  // ln(m) = 2 artanh((m - 1) / (m + 1)), |(m - 1) / (m + 1)| < 0.172: the series ends below 2^-56.
  const double s = (mantissa - 1) / (mantissa + 1), square = s * s;
  double sum = 0;
  for (int n = 23; n >= 3; n -= 2) sum = (sum + 1.0 / n) * square;
  constexpr double kLn2High = 6.93147180369123816490e-01;  // its last 32 bits are 0
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  return power * kLn2High + (power * kLn2Low + 2 * (s + s * sum));
}

Result<Assignment> Assignment::create(AssignmentSpec spec) {
  ATTUNE_RETURN_IF_ERROR(check(spec));
  Assignment made;
  made.holdout_key_ = key_of(spec, "holdout", "");
  double total = 0;
  for (const Arm& arm : spec.arms) {
    made.arm_keys_.push_back(key_of(spec, "arm", arm.name));
    total += arm.weight;
  }
  for (const Arm& arm : spec.arms) made.shares_.push_back(arm.weight / total);
  if (spec.arms.empty()) made.shares_.push_back(1);
  made.spec_ = std::move(spec);
  return made;
}

std::uint16_t Assignment::assign(CustomerNumber customer) const {
  if (uniform(holdout_key_, customer) < spec_.holdout) return kHeldOut;
  if (arm_keys_.size() < 2) return 0;
  std::uint16_t best = 0;
  double smallest = 0;
  for (std::size_t i = 0; i < arm_keys_.size(); ++i) {
    const double value = -log_of_unit(uniform(arm_keys_[i], customer)) / spec_.arms[i].weight;
    if (i > 0 && !(value < smallest)) continue;
    smallest = value;
    best = static_cast<std::uint16_t>(i);
  }
  return best;
}

void Assignment::assign(std::span<const CustomerNumber> customers,
                        std::span<std::uint16_t> groups) const {
  ATTUNE_CHECK(customers.size() == groups.size(), "a group for each customer");
  std::ranges::transform(customers, groups.begin(),
                         [this](CustomerNumber customer) { return assign(customer); });
}

double Assignment::probability(std::uint16_t group) const {
  return group == kHeldOut ? spec_.holdout : (1 - spec_.holdout) * shares_[group];
}

}  // namespace attune::decide
