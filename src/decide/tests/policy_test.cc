#include "attune/decide/policy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "softmax.h"

namespace attune::decide {
namespace {

using ::testing::HasSubstr;

std::vector<Candidate> with_scores(const std::vector<double>& scores) {
  std::vector<Candidate> shortlist;
  for (std::size_t i = 0; i < scores.size(); ++i)
    shortlist.push_back({{static_cast<std::int64_t>(100 + i)}, scores[i]});
  return shortlist;
}

std::vector<Candidate> falling(std::size_t n) {
  std::vector<double> scores(n);
  for (std::size_t i = 0; i < n; ++i) scores[i] = 3 - .07 * static_cast<double>(i * i % 40 + i);
  std::ranges::sort(scores, std::greater());
  return with_scores(scores);
}

PolicySpec spec_of(std::string_view text) { return parse_policy(text).value(); }

std::vector<std::size_t> list_of(const std::vector<Choice>& chosen) {
  std::vector<std::size_t> list;
  for (const Choice& choice : chosen) list.push_back(choice.candidate);
  return list;
}

double product_of(const std::vector<Choice>& chosen) {
  double product = 1;
  for (const Choice& choice : chosen) product *= choice.probability;
  return product;
}

// Reference: each position's probability by the definition, in long double and with the logarithm
// of the sum of those left.
std::vector<long double> reference(const std::vector<Candidate>& shortlist,
                                   const std::vector<std::size_t>& list, const PolicySpec& spec) {
  const auto n = static_cast<long double>(shortlist.size());
  long double mean = 0, variance = 0;
  for (const Candidate& c : shortlist) mean += c.score / n;
  for (const Candidate& c : shortlist) variance += (c.score - mean) * (c.score - mean) / n;
  std::vector<std::size_t> left(shortlist.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  std::vector<long double> probabilities;
  for (const std::size_t shown : list) {
    if (spec.kind == PolicyKind::plackett_luce) {
      const auto power = [&](std::size_t i) {
        return (shortlist[i].score - mean) / std::sqrt(variance) / spec.temperature;
      };
      const long double top = power(left[0]);
      long double sum = 0;
      for (const std::size_t i : left) sum += std::exp(power(i) - top);
      probabilities.push_back(std::exp(power(shown) - top) / sum);
    } else {
      const long double epsilon = spec.kind == PolicyKind::epsilon ? spec.epsilon : 0;
      probabilities.push_back((shown == left[0] ? 1 - epsilon : 0) +
                              epsilon / static_cast<long double>(left.size()));
    }
    std::erase(left, shown);
  }
  return probabilities;
}

double reference_product(const std::vector<Candidate>& shortlist,
                         const std::vector<std::size_t>& list, const PolicySpec& spec) {
  long double product = 1;
  for (const long double p : reference(shortlist, list, spec)) product *= p;
  return static_cast<double>(product);
}

// Every ordered list of `slots` of `n`.
std::vector<std::vector<std::size_t>> all_lists(std::size_t n, std::size_t slots) {
  if (slots == 0) return {{}};
  std::vector<std::vector<std::size_t>> lists;
  for (const auto& front : all_lists(n, slots - 1)) {
    for (std::size_t i = 0; i < n; ++i) {
      if (std::ranges::find(front, i) != front.end()) continue;
      lists.push_back(front);
      lists.back().push_back(i);
    }
  }
  return lists;
}

class EveryPolicy : public ::testing::TestWithParam<std::string_view> {
 protected:
  PolicySpec spec_ = spec_of(GetParam());
};

TEST_P(EveryPolicy, StatesTheProbabilityOfEveryListAndDrawsItAsOften) {
  constexpr int kSeeds = 200'000;
  const auto shortlist = with_scores({2.5, 2.0, .3, -1});
  std::map<std::vector<std::size_t>, int> counts;
  std::map<std::vector<std::size_t>, double> stated;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto chosen = choose(shortlist, 3, spec_, seed);
    const auto list = list_of(chosen);
    ++counts[list];
    const auto [at, fresh] = stated.emplace(list, product_of(chosen));
    ASSERT_EQ(at->second, product_of(chosen));
  }
  double sum = 0, chi_square = 0;
  int cells = 0;
  for (const auto& list : all_lists(4, 3)) {
    const double expected = reference_product(shortlist, list, spec_);
    sum += expected;
    if (stated.contains(list)) {
      EXPECT_NEAR(stated[list], expected, 1e-14);
    }
    const double mean = kSeeds * expected;
    EXPECT_LE(std::abs(counts[list] - mean), 4 * std::sqrt(mean * (1 - expected)) + 1e-9);
    if (mean > 5) {
      chi_square += (counts[list] - mean) * (counts[list] - mean) / mean;
      ++cells;
    }
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_LE(chi_square, cells - 1 + 4 * std::sqrt(2.0 * cells));
}

TEST_P(EveryPolicy, StatesTheProbabilitiesOfTheDefinitionDownALongList) {
  const auto shortlist = falling(100);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto chosen = choose(shortlist, 100, spec_, seed);
    auto list = list_of(chosen);
    const auto expected = reference(shortlist, list, spec_);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      ASSERT_GT(chosen[i].probability, 0);
      ASSERT_LE(chosen[i].probability, 1);
      ASSERT_NEAR(static_cast<double>(chosen[i].probability / expected[i]), 1, 1e-11) << i;
    }
    std::ranges::sort(list);
    for (std::size_t i = 0; i < list.size(); ++i) ASSERT_EQ(list[i], i);
  }
}

TEST_P(EveryPolicy, GivesTheFrontOfALongerListForFewerSlots) {
  const auto shortlist = falling(30);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto longer = choose(shortlist, 30, spec_, seed);
    const auto shorter = choose(shortlist, 7, spec_, seed);
    EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
    EXPECT_EQ(choose(shortlist, 30, spec_, seed), longer);
  }
}

TEST_P(EveryPolicy, ShowsWhatThereIsWhenThereAreFewCandidates) {
  EXPECT_TRUE(choose({}, 5, spec_, 1).empty());
  EXPECT_TRUE(first_place_probabilities({}, spec_).empty());
  EXPECT_TRUE(choose(falling(5), 0, spec_, 1).empty());
  EXPECT_EQ(choose(falling(5), 9, spec_, 1).size(), 5u);
  const std::vector<Choice> one{{0, 1}};
  EXPECT_EQ(choose(falling(1), 3, spec_, 1), one);
}

TEST_P(EveryPolicy, GivesNoChanceBeyondItsShortlist) {
  spec_.shortlist = 3;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    for (const Choice& choice : choose(falling(20), 5, spec_, seed))
      EXPECT_LT(choice.candidate, 3u);
  }
  EXPECT_EQ(choose(falling(20), 5, spec_, 1).size(), 3u);
  EXPECT_EQ(choose(falling(20), 5, spec_, 1), choose(falling(3), 5, spec_, 1))
      << "what lies beyond does not matter";
  const auto first = first_place_probabilities(falling(20), spec_);
  EXPECT_EQ(first.size(), 20u);
  EXPECT_EQ(first[3], 0);
}

TEST_P(EveryPolicy, FirstPlaceProbabilitiesAreThoseOfTheFirstChoice) {
  const auto shortlist = falling(12);
  const auto first = first_place_probabilities(shortlist, spec_);
  EXPECT_NEAR(std::accumulate(first.begin(), first.end(), 0.0), 1, 1e-12);
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Choice choice = choose(shortlist, 1, spec_, seed).at(0);
    EXPECT_EQ(choice.probability, first[choice.candidate]);
  }
}

INSTANTIATE_TEST_SUITE_P(Choose, EveryPolicy,
                         ::testing::Values("ranking", "epsilon:0", "epsilon:0.1", "epsilon:1",
                                           "plackett-luce:0.01", "plackett-luce:0.5",
                                           "plackett-luce:1", "plackett-luce:100"));

// The bits are those of two compilers, with and without fused multiply-add to be had.
TEST(Choose, GivesTheSameListAndProbabilitiesOnEveryMachine) {
  const auto shortlist = falling(10);
  EXPECT_EQ(list_of(choose(shortlist, 6, spec_of("ranking"), 7)),
            (std::vector<std::size_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(list_of(choose(shortlist, 6, spec_of("epsilon:0.5"), 7)),
            (std::vector<std::size_t>{0, 1, 2, 3, 4, 8}));
  EXPECT_EQ(choose(shortlist, 6, spec_of("plackett-luce:0.5"), 7),
            (std::vector<Choice>{{1, 0x1.1a416ae087e27p-2},
                                 {2, 0x1.a8cac2f9cce14p-3},
                                 {3, 0x1.2423bc168b4f3p-3},
                                 {5, 0x1.12402e919677p-4},
                                 {0, 0x1.a03835c7fc94bp-1},
                                 {4, 0x1.68525ccee2a67p-1}}));
}

TEST(Choose, IsUniformByPlackettAndLuceWhereScoresAreEqual) {
  for (const double score : {0.0, .1, -7.0, 1e308, 5e-324}) {
    const auto first = first_place_probabilities(with_scores({score, score, score, score}),
                                                 spec_of("plackett-luce:0.01"));
    EXPECT_THAT(first, ::testing::Each(.25)) << score;
  }
}

TEST(Choose, DoesNotMindTheUnitOfScores) {
  const auto spec = spec_of("plackett-luce");
  const auto usual = first_place_probabilities(with_scores({3, 2, 1, -1}), spec);
  for (const double unit : {1e-300, .125, 1024.0, 5e307}) {
    const auto other =
        first_place_probabilities(with_scores({3 * unit, 2 * unit, 1 * unit, -1 * unit}), spec);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(other[i], usual[i], 1e-14) << unit;
  }
}

TEST(Choose, ReadsAScoreThatIsNotFiniteAsTheLowest) {
  const auto spec = spec_of("plackett-luce");
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto expected = first_place_probabilities(with_scores({3, 1, 1, 1}), spec);
  EXPECT_EQ(first_place_probabilities(with_scores({3, 1, kNan, kInfinity}), spec), expected);
  EXPECT_THAT(first_place_probabilities(with_scores({kNan, -kInfinity}), spec),
              ::testing::Each(.5));
}

TEST(Choose, NeverShowsWhatItGivesNoChance) {
  std::vector<double> scores(100, 0.0);  // deviations of about 10 at temperature .01
  scores[0] = 1;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto chosen = choose(with_scores(scores), 3, spec_of("plackett-luce:0.01"), seed);
    ASSERT_EQ(chosen[0].candidate, 0u);
    ASSERT_NEAR(chosen[1].probability, 1.0 / 99, 1e-15);
    ASSERT_NEAR(chosen[2].probability, 1.0 / 98, 1e-15);
  }
}

TEST(ExpOfNegative, IsWithinTwoUnitsInTheLastPlace) {
  for (double x = 0; x > -700; x -= .0137) {
    ASSERT_NEAR(static_cast<double>(exp_of_negative(x) / std::exp(static_cast<long double>(x))), 1,
                4.5e-16)
        << x;
  }
  EXPECT_EQ(exp_of_negative(0), 1);
  EXPECT_EQ(exp_of_negative(-701), 0);
  EXPECT_EQ(exp_of_negative(-std::numeric_limits<double>::infinity()), 0);
}

TEST(ParsePolicy, ReadsWhatPrintPolicyWrites) {
  for (const std::string_view text : {"ranking", "epsilon:0.1", "epsilon:0", "epsilon:1",
                                      "plackett-luce:0.5", "plackett-luce:100"}) {
    EXPECT_EQ(print_policy(spec_of(text)), text);
    EXPECT_EQ(spec_of(print_policy(spec_of(text))), spec_of(text));
  }
  EXPECT_EQ(spec_of(" epsilon "), (PolicySpec{.kind = PolicyKind::epsilon}));
  EXPECT_EQ(spec_of("plackett-luce").temperature, 1);
}

TEST(ParsePolicy, NamesWhatIsAllowed) {
  for (const std::string_view text :
       {"", "rankings", "ranking:1", "epsilon:", "epsilon:x", "epsilon:1.01", "epsilon:-0.1",
        "epsilon:nan", "epsilon:0.1 2", "plackett-luce:0", "plackett-luce:inf",
        "plackett-luce:0.001", "plackett-luce:0.5:0.5", "Ranking"}) {
    const auto refused = parse_policy(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(refused.error().message, HasSubstr("epsilon:E with E from 0 to 1"));
  }
}

}  // namespace
}  // namespace attune::decide
