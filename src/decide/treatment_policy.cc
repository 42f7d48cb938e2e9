#include "attune/decide/treatment_policy.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "attune/base/random.h"
#include "attune/base/text.h"

namespace attune::decide {
namespace {

constexpr std::string_view kAllowed =
    "a policy of treatments is shares or top, or with a share of decisions that explore, from 0 to "
    "1: shares:0.1, top:0.1";

Error refused(std::string_view text, std::string_view why) {
  return invalid_argument(fmt::format("policy '{}' {}; {}", attune::quoted(text), why, kAllowed));
}

std::uint16_t best_of(std::span<const double> scores) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    const bool better =
        std::isfinite(scores[i]) && !(std::isfinite(scores[best]) && scores[i] <= scores[best]);
    if (better) best = i;
  }
  return static_cast<std::uint16_t>(best);
}

}  // namespace

Result<TreatmentPolicy> parse_treatment_policy(std::string_view text) {
  const std::string_view trimmed = trim(text);
  const std::size_t colon = trimmed.find(':');
  const std::string_view rule = trimmed.substr(0, colon);
  TreatmentPolicy policy;
  if (rule == "top") {
    policy.rule = TreatmentRule::top;
  } else if (rule != "shares") {
    return std::unexpected(refused(text, "does not exist"));
  }
  if (colon == trimmed.npos) return policy;
  const std::string_view number = trimmed.substr(colon + 1);
  const char* const last = number.data() + number.size();
  const auto [end, failure] = std::from_chars(number.data(), last, policy.explore);
  if (failure != std::errc{} || end != last)
    return std::unexpected(refused(text, "has no number after the colon"));
  if (!(policy.explore >= 0 && policy.explore <= 1))
    return std::unexpected(refused(text, "has a number out of 0 to 1"));
  return policy;
}

std::string print_policy(const TreatmentPolicy& policy) {
  const std::string_view rule = policy.rule == TreatmentRule::top ? "top" : "shares";
  if (policy.explore == 0) return std::string(rule);
  return fmt::format("{}:{}", rule, policy.explore);
}

TreatmentChoice choose_treatment(const TreatmentPolicy& policy, const Assignment& assignment,
                                 std::uint16_t group, std::span<const double> scores,
                                 std::uint64_t seed) {
  const bool top = policy.rule == TreatmentRule::top;
  const std::size_t arms = assignment.spec().arms.size();
  const std::size_t count = top ? scores.size() : std::max<std::size_t>(arms, 1);
  ATTUNE_CHECK(count > 0 && group != kHeldOut, "a treatment for somebody who may have one");
  const std::uint16_t preferred = top ? best_of(scores) : group;
  TreatmentChoice choice{preferred, 1};
  if (policy.explore > 0) {
    Rng random(seed, "treatment policy");
    if (random.chance(policy.explore))
      choice.treatment = static_cast<std::uint16_t>(random.below(count));
  }
  const double any = policy.explore / static_cast<double>(count);
  const double of_rule =
      top ? (choice.treatment == preferred ? 1.0 : 0.0) : assignment.share(choice.treatment);
  choice.probability = (1 - policy.explore) * of_rule + any;
  return choice;
}

std::uint64_t decision_seed(std::uint64_t run_seed, CustomerNumber customer) {
  return combine(run_seed, static_cast<std::uint64_t>(customer.value));
}

}  // namespace attune::decide
