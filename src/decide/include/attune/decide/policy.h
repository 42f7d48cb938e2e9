// How a list is chosen from scored candidates, and how probable it was. Answers: what do we show
// now, and with which chance would we have shown it?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"

namespace attune::decide {

struct Candidate {
  ItemNumber item;
  double score = 0;  // finite; higher is better, in whatever unit the model has
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

enum class PolicyKind : std::uint8_t { ranking, epsilon, plackett_luce };

struct PolicySpec {
  PolicyKind kind = PolicyKind::ranking;
  double epsilon = .1;          // of epsilon: 0 to 1
  double temperature = 1;       // of plackett_luce: kMinTemperature to kMaxTemperature
  std::size_t shortlist = 100;  // so many of the candidates are considered; the rest has no chance
  friend bool operator==(const PolicySpec&, const PolicySpec&) = default;
};

inline constexpr double kMinTemperature = .01;
inline constexpr double kMaxTemperature = 100;

// "ranking", "epsilon", "epsilon:0.1", "plackett-luce", "plackett-luce:0.5"; without a number the
// default. Errors: invalid_argument that names the policies, or the range of the number.
Result<PolicySpec> parse_policy(std::string_view text);
// The text that parses to the same kind and number. `shortlist` is not part of it.
std::string print_policy(const PolicySpec& spec);

struct Choice {
  std::size_t candidate = 0;  // index into the shortlist
  // That the policy puts this candidate at this position, given the positions above as drawn: the
  // product over a list is the probability of the list.
  double probability = 1;
  friend bool operator==(const Choice&, const Choice&) = default;
};

// Chooses an ordered list without repetition, position by position:
//   ranking        the best left (the first of those left in `shortlist`).
//   epsilon        with 1 - epsilon the best left; with epsilon one of all left, each as likely.
//   plackett_luce  among those left proportional to exp(score / temperature), with scores
//                  standardised over the shortlist to mean 0 and deviation 1: so a temperature
//                  means the same for every model. Candidates whose weight is below 1e-280 of the
//                  best one's may have probability 0.
// `spec` lies in its ranges (parse_policy sees to that; anything else is a programmer error).
// Shapes: shortlist (n), sorted best first; the list has min(slots, n, spec.shortlist) choices.
// Missing values: a score that is not finite counts as the lowest finite one. Equal scores (and
// n = 1) make plackett_luce uniform.
// Cost: O(slots * n), 20 of 100 in microseconds. Determinism: the same arguments give the same list
// and the same probabilities on every machine (only operations that IEEE 754 fixes are used); a
// list of fewer slots is the front of a longer one.
// Source: [Luce1959] (choice axiom), [Plackett1975] (rankings, eq. 3).
std::vector<Choice> choose(std::span<const Candidate> shortlist, std::size_t slots,
                           const PolicySpec& spec, std::uint64_t seed);

// Probability of each candidate to be shown first. Shapes: shortlist and the result (n), sum 1.
std::vector<double> first_place_probabilities(std::span<const Candidate> shortlist,
                                              const PolicySpec& spec);

}  // namespace attune::decide
