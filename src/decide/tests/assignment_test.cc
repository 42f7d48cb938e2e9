#include "attune/decide/assignment.h"

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit_log.h"

namespace attune::decide {
namespace {

using ::testing::HasSubstr;

constexpr int kCustomers = 200'000;

Assignment make(double holdout, std::vector<Arm> arms, std::string experiment = "winback",
                std::string salt = "2026") {
  return Assignment::create({std::move(experiment), std::move(salt), holdout, std::move(arms)})
      .value();
}

std::vector<std::uint16_t> groups_of(const Assignment& assignment) {
  std::vector<CustomerNumber> customers;
  for (int i = 1; i <= kCustomers; ++i) customers.push_back({i});
  std::vector<std::uint16_t> groups(customers.size());
  assignment.assign(customers, groups);
  return groups;
}

// Pearson's statistic of counts against probabilities.
double chi_square(const std::map<std::uint16_t, std::int64_t>& counts, const Assignment& assignment,
                  const std::vector<std::uint16_t>& all) {
  double sum = 0, total = 0;
  for (const auto& [group, count] : counts) total += static_cast<double>(count);
  for (const std::uint16_t group : all) {
    const double expected = total * assignment.probability(group);
    const auto found = counts.find(group);
    const double difference =
        (found == counts.end() ? 0. : static_cast<double>(found->second)) - expected;
    sum += difference * difference / expected;
  }
  return sum;
}

TEST(Assignment, FollowsItsSharesForManyExperiments) {
  // 3 degrees of freedom, 100 experiments: the largest statistic stays below the quantile at
  // 1 - 1e-5 / 100 (40.0), their sum within 6 deviations of its mean 300.
  double sum = 0;
  for (int e = 0; e < 100; ++e) {
    const auto assignment =
        make(.1, {{"a", 1}, {"b", 2}, {"c", 3}}, "experiment " + std::to_string(e));
    std::map<std::uint16_t, std::int64_t> counts;
    for (int i = 1; i <= 20'000; ++i) ++counts[assignment.assign({i})];
    const double statistic = chi_square(counts, assignment, {0, 1, 2, kHeldOut});
    EXPECT_LT(statistic, 40.0) << e;
    sum += statistic;
  }
  EXPECT_NEAR(sum, 300, 6 * std::sqrt(2 * 300));
}

TEST(Assignment, IsIndependentBetweenExperimentsAndOfTheHoldout) {
  const auto first = groups_of(make(.5, {{"a", 1}, {"b", 1}}, "one"));
  for (const auto& other : {make(.5, {{"a", 1}, {"b", 1}}, "two"),
                            make(.5, {{"a", 1}, {"b", 1}}, "one", "another salt")}) {
    const auto second = groups_of(other);
    std::map<std::pair<std::uint16_t, std::uint16_t>, std::int64_t> counts;
    for (std::size_t i = 0; i < first.size(); ++i) ++counts[{first[i], second[i]}];
    double statistic = 0;
    for (const std::uint16_t a : {std::uint16_t{0}, std::uint16_t{1}, kHeldOut}) {
      for (const std::uint16_t b : {std::uint16_t{0}, std::uint16_t{1}, kHeldOut}) {
        const double expected =
            kCustomers * (a == kHeldOut ? .5 : .25) * (b == kHeldOut ? .5 : .25);
        const double difference = static_cast<double>(counts[{a, b}]) - expected;
        statistic += difference * difference / expected;
      }
    }
    EXPECT_LT(statistic, 42.7);  // 8 degrees of freedom, quantile at 1 - 1e-6
  }
}

TEST(Assignment, StaysWithTheSameKeyWhateverTheOrderOfArms) {
  const auto before = groups_of(make(.2, {{"a", 1}, {"b", 2}, {"c", 3}}));
  EXPECT_EQ(before, groups_of(make(.2, {{"a", 1}, {"b", 2}, {"c", 3}})));
  EXPECT_EQ(before, groups_of(make(.2, {{"a", 10}, {"b", 20}, {"c", 30}})));
  const auto turned = groups_of(make(.2, {{"c", 3}, {"a", 1}, {"b", 2}}));
  const std::map<std::uint16_t, std::uint16_t> names{{0, 1}, {1, 2}, {2, 0}, {kHeldOut, kHeldOut}};
  for (std::size_t i = 0; i < before.size(); ++i) ASSERT_EQ(turned[i], names.at(before[i]));
}

// Groups as of the first version: a change of the hash would move every running campaign's
// customers.
TEST(AssignmentGolden, GivesTheGroupsOfTheFirstVersion) {
  const auto assignment = make(.25, {{"a", 1}, {"b", 1}, {"c", 2}});
  std::string groups;
  for (int i = 1; i <= 40; ++i) {
    const std::uint16_t group = assignment.assign({i});
    groups += group == kHeldOut ? '-' : static_cast<char>('a' + group);
  }
  EXPECT_EQ(groups, "cacbacccbb--cca-cbcc-cbc-acbbacacac-ccac");
}

TEST(Assignment, MovesNobodyBetweenArmsWhenTheHoldoutChanges) {
  const auto small = groups_of(make(.1, {{"a", 1}, {"b", 1}}));
  const auto large = groups_of(make(.3, {{"a", 1}, {"b", 1}}));
  std::int64_t joined = 0;
  for (std::size_t i = 0; i < small.size(); ++i) {
    if (small[i] == large[i]) continue;
    ASSERT_EQ(large[i], kHeldOut) << "only into the holdout";
    ++joined;
  }
  EXPECT_NEAR(static_cast<double>(joined), .2 * kCustomers, 5 * std::sqrt(.16 * kCustomers));
}

TEST(Assignment, MovesCustomersOnlyIntoAnArmThatGrows) {
  const auto before = groups_of(make(.1, {{"a", 1}, {"b", 1}, {"c", 2}}));
  const auto after = groups_of(make(.1, {{"a", 1}, {"b", 3}, {"c", 2}}));
  const auto added = groups_of(make(.1, {{"a", 1}, {"b", 1}, {"c", 2}, {"d", 1}}));
  std::map<std::uint16_t, std::int64_t> moved;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] != after[i]) {
      ASSERT_EQ(after[i], 1);
      ++moved[before[i]];
    }
    if (before[i] != added[i]) {
      ASSERT_EQ(added[i], 3);
    }
  }
  // From 1/4 to 1/2 of nine tenths, out of the others in proportion 1 : 2.
  EXPECT_NEAR(static_cast<double>(moved[0] + moved[2]), .9 * .25 * kCustomers, 1'000);
  EXPECT_NEAR(static_cast<double>(moved[2]) / static_cast<double>(moved[0]), 2, .1);
}

TEST(Assignment, HoldsOutEverybodyOrNobodyAtTheEnds) {
  for (const std::uint16_t group : groups_of(make(0, {}))) ASSERT_EQ(group, 0);
  for (const std::uint16_t group : groups_of(make(1, {}))) ASSERT_EQ(group, kHeldOut);
}

TEST(Assignment, StatesProbabilitiesThatAddUpToOne) {
  const auto assignment = make(.1, {{"a", 1}, {"b", 2}});
  EXPECT_DOUBLE_EQ(assignment.probability(kHeldOut), .1);
  EXPECT_DOUBLE_EQ(assignment.probability(0), .3);
  EXPECT_DOUBLE_EQ(assignment.probability(1), .6);
  EXPECT_DOUBLE_EQ(assignment.share(1), 2 / 3.);
}

TEST(Assignment, RefusesWhatIsNoExperiment) {
  const auto refused = [](AssignmentSpec spec) {
    const auto made = Assignment::create(std::move(spec));
    EXPECT_FALSE(made);
    return made ? "" : made.error().message;
  };
  EXPECT_THAT(refused({"", "", 0, {}}), HasSubstr("needs a key"));
  EXPECT_THAT(refused({"x", "", 1.5, {}}), HasSubstr("holds out 1.5"));
  EXPECT_THAT(refused({"x", "", std::nan(""), {}}), HasSubstr("a share is 0 to 1"));
  EXPECT_THAT(refused({"x", "", 0, {{"a", 0}}}), HasSubstr("weight 0"));
  EXPECT_THAT(refused({"x", "", 0, {{"a", INFINITY}}}), HasSubstr("weight inf"));
  EXPECT_THAT(refused({"x", "", 0, {{"a", 1}, {"a", 1}}}), HasSubstr("two arms named 'a'"));
  EXPECT_THAT(refused({"x", "", 0, std::vector<Arm>(65)}), HasSubstr("65 arms"));
}

TEST(LogOfUnit, EqualsTheLibrarysLogarithm) {
  for (double x = 1; x > 1e-300; x *= .9371) {
    EXPECT_NEAR(log_of_unit(x), std::log(x), 4e-16 * std::max(1e-3, std::fabs(std::log(x)))) << x;
  }
  EXPECT_EQ(log_of_unit(1), 0);
  EXPECT_NEAR(log_of_unit(1 - 0x1p-53), -0x1p-53, 1e-30);
}

}  // namespace
}  // namespace attune::decide
