#include "attune/decide/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/base/text.h"
#include "softmax.h"

namespace attune::decide {
namespace {

constexpr std::string_view kAllowed =
    "a policy is ranking, epsilon:E with E from 0 to 1 (epsilon:0.1), or plackett-luce:T with a "
    "temperature T from 0.01 to 100 (plackett-luce:0.5)";

// A kind with its one number.
struct PolicyForm {
  std::string_view name;
  PolicyKind kind;
  double PolicySpec::* number;  // null: none
  double minimum;
  double maximum;
};
constexpr std::array<PolicyForm, 3> kForms{{
    {"ranking", PolicyKind::ranking, nullptr, 0, 0},
    {"epsilon", PolicyKind::epsilon, &PolicySpec::epsilon, 0, 1},
    {"plackett-luce", PolicyKind::plackett_luce, &PolicySpec::temperature, kMinTemperature,
     kMaxTemperature},
}};

Error refused(std::string_view text, std::string_view why) {
  return invalid_argument(fmt::format("policy '{}' {}; {}", attune::quoted(text), why, kAllowed));
}

const PolicyForm& form_of(const PolicySpec& spec) {
  const PolicyForm& form = kForms[static_cast<std::size_t>(spec.kind)];
  ATTUNE_CHECK(form.number == nullptr ||
                   (spec.*form.number >= form.minimum && spec.*form.number <= form.maximum),
               "a policy with its number out of range; parse_policy refuses it");
  return form;
}

std::vector<Choice> rank(std::size_t slots) {
  std::vector<Choice> chosen(slots);
  for (std::size_t i = 0; i < slots; ++i) chosen[i].candidate = i;
  return chosen;
}

// Probability of one of `left` candidates in the epsilon policy.
double epsilon_probability(bool best, std::size_t left, double epsilon) {
  if (left == 1) return 1;
  const double share = epsilon / static_cast<double>(left);
  return best ? 1 - epsilon + share : share;
}

std::vector<Choice> explore(std::size_t count, std::size_t slots, double epsilon, Rng& random) {
  std::vector<std::size_t> left(count);
  std::iota(left.begin(), left.end(), std::size_t{0});
  std::vector<Choice> chosen;
  chosen.reserve(slots);
  while (chosen.size() < slots) {
    const std::size_t at =
        random.chance(epsilon) ? static_cast<std::size_t>(random.below(left.size())) : 0;
    chosen.push_back({left[at], epsilon_probability(at == 0, left.size(), epsilon)});
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return chosen;
}

std::vector<Choice> draw(std::span<const Candidate> shortlist, std::size_t slots,
                         double temperature, Rng& random) {
  SoftmaxWeights weights(shortlist, temperature);
  std::vector<Choice> chosen;
  chosen.reserve(slots);
  while (chosen.size() < slots) {
    const std::size_t at = weights.at(random.uniform() * weights.total());
    chosen.push_back({weights.candidate(at), weights.weight(at) / weights.total()});
    weights.remove(at);
  }
  return chosen;
}

std::span<const Candidate> considered(std::span<const Candidate> shortlist,
                                      const PolicySpec& spec) {
  return shortlist.first(std::min(shortlist.size(), spec.shortlist));
}

}  // namespace

Result<PolicySpec> parse_policy(std::string_view text) {
  const std::string_view trimmed = trim(text);
  const std::size_t colon = trimmed.find(':');
  const auto form = std::ranges::find(kForms, trimmed.substr(0, colon), &PolicyForm::name);
  if (form == kForms.end()) return std::unexpected(refused(text, "does not exist"));
  PolicySpec spec;
  spec.kind = form->kind;
  if (colon == trimmed.npos) return spec;
  if (form->number == nullptr) return std::unexpected(refused(text, "takes no number"));
  const std::string_view number = trimmed.substr(colon + 1);
  double value = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (failure != std::errc{} || end != number.data() + number.size()) {
    return std::unexpected(refused(text, "has no number after the colon"));
  }
  if (!(value >= form->minimum && value <= form->maximum)) {
    return std::unexpected(
        refused(text, fmt::format("has a number out of {} to {}", form->minimum, form->maximum)));
  }
  spec.*form->number = value;
  return spec;
}

std::string print_policy(const PolicySpec& spec) {
  const PolicyForm& form = form_of(spec);
  if (form.number == nullptr) return std::string(form.name);
  return fmt::format("{}:{}", form.name, spec.*form.number);
}

std::vector<Choice> choose(std::span<const Candidate> shortlist, std::size_t slots,
                           const PolicySpec& spec, std::uint64_t seed) {
  const std::span<const Candidate> candidates = considered(shortlist, spec);
  slots = std::min(slots, candidates.size());
  Rng random(seed, "decide policy");
  switch (form_of(spec).kind) {
    case PolicyKind::epsilon:
      return explore(candidates.size(), slots, spec.epsilon, random);
    case PolicyKind::plackett_luce:
      return draw(candidates, slots, spec.temperature, random);
    case PolicyKind::ranking:
      break;
  }
  return rank(slots);
}

std::vector<double> first_place_probabilities(std::span<const Candidate> shortlist,
                                              const PolicySpec& spec) {
  const std::span<const Candidate> candidates = considered(shortlist, spec);
  std::vector<double> probabilities(shortlist.size(), 0.0);
  if (candidates.empty()) return probabilities;
  switch (form_of(spec).kind) {
    case PolicyKind::epsilon:
      for (std::size_t i = 0; i < candidates.size(); ++i)
        probabilities[i] = epsilon_probability(i == 0, candidates.size(), spec.epsilon);
      break;
    case PolicyKind::plackett_luce: {
      const SoftmaxWeights weights(candidates, spec.temperature);
      for (std::size_t i = 0; i < candidates.size(); ++i)
        probabilities[i] = weights.weight(i) / weights.total();
      break;
    }
    case PolicyKind::ranking:
      probabilities[0] = 1;
      break;
  }
  return probabilities;
}

}  // namespace attune::decide
