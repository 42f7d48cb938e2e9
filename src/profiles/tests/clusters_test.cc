#include "attune/profiles/clusters.h"

#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "attune/base/random.h"
#include "attune/profiles/cluster_words.h"

namespace attune::profiles {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Two kinds that nobody can take for each other: daily small buyers at noon, rare big ones in the
// evening.
std::vector<Profile> two_kinds(int each) {
  Rng rng(7, "cluster test");
  std::vector<Profile> all;
  for (int i = 0; i < 2 * each; ++i) {
    const bool big = i % 2 == 1;
    Profile p;
    p.customer = {i + 1};
    p.frequency = (big ? 2 : 40) + static_cast<std::int64_t>(rng.below(3));
    p.recency_days = (big ? 200 : 2) + static_cast<std::int64_t>(rng.below(9));
    p.average_basket_cents = (big ? 90000 : 700) + static_cast<std::int64_t>(rng.below(90));
    p.monetary_cents = p.frequency * *p.average_basket_cents;
    p.inter_purchase_days_mean = big ? 120 : 3 + rng.uniform();
    p.day_part_shares[static_cast<std::size_t>(big ? DayPart::evening : DayPart::afternoon)] = 1;
    all.push_back(p);
  }
  Profile looker;
  looker.customer = {9999};
  all.push_back(looker);
  return all;
}

TEST(ClusterCustomers, FindsTwoKindsAndSaysWhatSetsThemApart) {
  const std::vector<Profile> profiles = two_kinds(40);
  ClusterParameters parameters;
  parameters.k = 2;
  NoProgress progress;
  const auto result = cluster_customers(profiles, parameters, progress);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  ASSERT_EQ(result->clusters.size(), 2u);
  ASSERT_EQ(result->customers.size(), 80u);  // buyers alone
  for (std::size_t i = 0; i < 80; ++i) {
    EXPECT_EQ(result->assignments[i], i % 2 == 1 ? 0 : 1);  // the big ones hold most of the money
  }
  EXPECT_EQ(result->clusters[0].size, 40);
  EXPECT_NE(result->clusters[0].name, result->clusters[1].name);
  EXPECT_THAT(result->clusters[1].description, HasSubstr("x"));
  EXPECT_GT(result->separation, .7);
  EXPECT_TRUE(result->converged);
  EXPECT_EQ(result->scaling.size(), kClusterFeatureCount + 1);
  const auto json = boost::json::parse(to_json(*result, true)).as_object();
  EXPECT_EQ(json.at("assignments").as_array().size(), 80u);
  EXPECT_GT(json.at("objective").as_double(), 0);
}

// J by its definition, from means and deviations that a few lines compute.
TEST(ClusterCustomers, ObjectiveEqualsItsDefinition) {
  const std::vector<Profile> profiles = two_kinds(15);
  ClusterParameters parameters;
  parameters.k = 3;
  parameters.start = ClusterStart::random;
  NoProgress progress;
  const auto result = cluster_customers(profiles, parameters, progress);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  const std::size_t n = result->customers.size();
  std::vector<std::vector<double>> rows(n);
  for (std::size_t f = 0; f < kClusterFeatureCount; ++f) {
    double sum = 0, squares = 0;
    std::vector<double> column;
    for (std::size_t i = 0; i < n; ++i) {
      const double x = cluster_features(profiles[i])[f];
      column.push_back(f < 8 ? std::log1p(x) : x);
      sum += column.back();
    }
    for (const double x : column) squares += (x - sum / double(n)) * (x - sum / double(n));
    const double deviation = std::sqrt(squares / double(n));
    for (std::size_t i = 0; i < n; ++i) {
      rows[i].push_back(deviation > 0 ? (column[i] - sum / double(n)) / deviation : 0);
    }
  }
  double objective = 0;
  for (std::int32_t c = 0; c < 3; ++c) {
    std::vector<double> centre(kClusterFeatureCount, 0);
    double size = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (result->assignments[i] != c) continue;
      ++size;
      for (std::size_t f = 0; f < kClusterFeatureCount; ++f) centre[f] += rows[i][f];
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (result->assignments[i] != c) continue;
      for (std::size_t f = 0; f < kClusterFeatureCount; ++f) {
        objective += std::pow(rows[i][f] - centre[f] / size, 2);
      }
    }
  }
  EXPECT_NEAR(result->objective, objective, 1e-6 * objective);
}

TEST(ClusterCustomers, GivesTheSameClustersForTheSameSeed) {
  const std::vector<Profile> profiles = two_kinds(20);
  ClusterParameters parameters;
  parameters.k = 4;
  NoProgress progress;
  const auto a = cluster_customers(profiles, parameters, progress);
  const auto b = cluster_customers(profiles, parameters, progress);
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->assignments, b->assignments);
  EXPECT_EQ(to_json(*a), to_json(*b));
  std::set<std::string> names;
  for (const ClusterSummary& c : a->clusters) names.insert(c.name);
  EXPECT_EQ(names.size(), 4u);
  std::set<std::string> chinese;
  for (const ClusterWords& words : put_into_words(a->clusters, true)) {
    chinese.insert(words.name);
    EXPECT_THAT(words.description, HasSubstr("平均"));
    EXPECT_THAT(words.description, Not(HasSubstr("average")));
  }
  EXPECT_EQ(chinese.size(), 4u);
}

TEST(ClusterCustomers, AnOddCustomerDoesNotGetAClusterOfTheirOwn) {
  std::vector<Profile> profiles = two_kinds(40);
  profiles[0].refund_share = 57;  // gave back what was bought before the data begin
  profiles[0].day_part_shares = {0, 1, 0, 0, 0};
  ClusterParameters parameters;
  parameters.k = 2;
  NoProgress progress;
  const auto result = cluster_customers(profiles, parameters, progress);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->clusters[0].size, 40);
  EXPECT_EQ(result->clusters[1].size, 40);
}

TEST(ClusterCustomers, NamesTheRemedyWhereNobodyHasBought) {
  std::vector<Profile> lookers = two_kinds(5);
  for (Profile& profile : lookers) profile.frequency = 0;
  NoProgress progress;
  ClusterParameters parameters;
  const auto refused = cluster_customers(lookers, parameters, progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("cluster.buyers_only=false"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("cluster.k")));
  parameters.buyers_only = false;
  EXPECT_TRUE(cluster_customers(lookers, parameters, progress).has_value());
}

TEST(ClusterCustomers, RefusesMoreClustersThanBuyers) {
  ClusterParameters parameters;
  parameters.k = 9;
  NoProgress progress;
  const auto refused = cluster_customers(two_kinds(2), parameters, progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("there are 4"));
  EXPECT_THAT(refused.error().message, HasSubstr("cluster.k=4"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("buyers_only")));
  parameters.k = 0;
  EXPECT_FALSE(cluster_customers(two_kinds(2), parameters, progress).has_value());
}

}  // namespace
}  // namespace attune::profiles
