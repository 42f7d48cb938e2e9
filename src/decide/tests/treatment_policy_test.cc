#include "attune/decide/treatment_policy.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace attune::decide {
namespace {

const Assignment& three() {
  static const Assignment assignment =
      Assignment::create({"x", "", .2, {{"a", .5}, {"b", .3}, {"c", .2}}}).value();
  return assignment;
}

// How often each of three treatments comes out over many customers.
std::vector<double> shares_of(const TreatmentPolicy& policy, std::span<const double> scores,
                              std::vector<double>& stated) {
  std::vector<double> counts(3), total(1);
  stated.assign(3, 0);
  for (int i = 1; i <= 300'000; ++i) {
    const std::uint16_t group = three().assign({i});
    if (group == kHeldOut) continue;
    const auto choice = choose_treatment(policy, three(), group, scores, decision_seed(9, {i}));
    counts[choice.treatment] += 1;
    stated[choice.treatment] = choice.probability;
    total[0] += 1;
  }
  for (double& count : counts) count /= total[0];
  return counts;
}

TEST(TreatmentPolicy, ComesOutAsOftenAsItStates) {
  const std::vector<double> scores{1, 3, 2};
  for (const TreatmentPolicy policy :
       {TreatmentPolicy{TreatmentRule::shares, 0}, TreatmentPolicy{TreatmentRule::shares, .3},
        TreatmentPolicy{TreatmentRule::top, .3}}) {
    std::vector<double> stated;
    const auto found = shares_of(policy, scores, stated);
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(found[i], stated[i], 5 * std::sqrt(.25 / 240'000)) << print_policy(policy) << i;
      sum += stated[i];
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
}

TEST(TreatmentPolicy, StatesExactProbabilities) {
  const std::vector<double> scores{1, 3, 2};
  const auto top = choose_treatment({TreatmentRule::top, 0}, three(), 0, scores, 5);
  EXPECT_EQ(top, (TreatmentChoice{1, 1}));
  const auto share = choose_treatment({TreatmentRule::shares, 0}, three(), 2, {}, 5);
  EXPECT_EQ(share.treatment, 2);
  EXPECT_DOUBLE_EQ(share.probability, .2);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto one = choose_treatment({TreatmentRule::top, .3}, three(), 0, scores, seed);
    EXPECT_DOUBLE_EQ(one.probability, one.treatment == 1 ? .8 : .1);
    const auto other = choose_treatment({TreatmentRule::shares, .3}, three(), 0, {}, seed);
    EXPECT_DOUBLE_EQ(other.probability, .7 * three().share(other.treatment) + .1);
  }
}

TEST(TreatmentPolicy, TakesMissingScoresForTheLowest) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const auto best = [](std::vector<double> scores) {
    return choose_treatment({TreatmentRule::top, 0}, three(), 0, scores, 1).treatment;
  };
  EXPECT_EQ(best({nan, -5, -6}), 1);
  EXPECT_EQ(best({inf, 1, nan}), 1);
  EXPECT_EQ(best({nan, nan, nan}), 0);
  EXPECT_EQ(best({2, 2, 2}), 0);
  EXPECT_EQ(best({7}), 0);
}

TEST(TreatmentPolicy, ReadsWhatItPrints) {
  for (const std::string_view text : {"shares", "top", "shares:0.25", "top:1"})
    EXPECT_EQ(print_policy(parse_treatment_policy(text).value()), text);
  EXPECT_EQ(parse_treatment_policy(" top:0 ").value(), (TreatmentPolicy{TreatmentRule::top, 0}));
  for (const std::string_view wrong :
       {"", "best", "top:", "top:2", "top:-1", "top:nan", "top:0.1x", "shares:0.1:2"})
    EXPECT_FALSE(parse_treatment_policy(wrong)) << wrong;
}

}  // namespace
}  // namespace attune::decide
