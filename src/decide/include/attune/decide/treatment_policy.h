// Which of a campaign's treatments a customer gets. Answers: what do we send this one, and with
// which chance would we have sent it?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/decide/assignment.h"

namespace attune::decide {

enum class TreatmentRule : std::uint8_t {
  shares,  // the arm that the customer is assigned to
  top,     // the treatment with the best score
};

struct TreatmentPolicy {
  TreatmentRule rule = TreatmentRule::shares;
  double explore = 0;  // 0 to 1: with this chance any treatment instead, each as likely
  friend bool operator==(const TreatmentPolicy&, const TreatmentPolicy&) = default;
};

// "shares", "top", "shares:0.1", "top:0.1". Errors: invalid_argument that names the policies, or
// the range of the number.
Result<TreatmentPolicy> parse_treatment_policy(std::string_view text);
// The text that parses to the same policy.
std::string print_policy(const TreatmentPolicy& policy);

inline constexpr std::uint16_t kNoTreatment = 0xFFFF;

struct TreatmentChoice {
  std::uint16_t treatment = kNoTreatment;
  // That a customer who is not held out gets this treatment, over the hash of the assignment and
  // the chance of exploring.
  double probability = 0;
  friend bool operator==(const TreatmentChoice&, const TreatmentChoice&) = default;
};

// One treatment for one customer.
//   shares  the arm `group`, with explore = e the arm with 1 - e and any of k with e / k each: a
//           treatment's probability is (1 - e) share + e / k. The arm is sticky, exploring is drawn
//           for each decision.
//   top     the highest score with 1 - e + e / k, any other with e / k.
// `group` is an arm, not kHeldOut; the assignment's arms are the treatments for shares, and not
// looked at for top.
// Shapes: scores (k) for top, at least one; not looked at for shares. Missing values: a score that
// is not finite counts as lower than all; equal ones go to the first.
// Determinism: the same arguments give the same choice on every machine.
// Source: epsilon-greedy [SuttonBarto2018, sect. 2.2].
TreatmentChoice choose_treatment(const TreatmentPolicy& policy, const Assignment& assignment,
                                 std::uint16_t group, std::span<const double> scores,
                                 std::uint64_t seed);

// The seed of one customer's decision in a run.
std::uint64_t decision_seed(std::uint64_t run_seed, CustomerNumber customer);

}  // namespace attune::decide
