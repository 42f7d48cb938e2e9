// Groups of customers that nobody named beforehand. Answers: which kinds of customers are there,
// and what sets each apart?
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/parameters.h"
#include "attune/base/progress.h"
#include "attune/profiles/profile.h"

namespace attune::profiles {

enum class ClusterStart : std::uint8_t { plus_plus, random };

struct ClusterParameters {
  int k = 5;
  ClusterStart start = ClusterStart::plus_plus;
  int restarts = 10;  // the best objective of so many starts is kept
  int iterations_max = 100;
  int seed = 1;
  bool buyers_only = true;  // leave out customers without a purchase

  static const ParameterTable<ClusterParameters>& table();
};

// What customers are compared by. Columns of a feature row; amounts and counts are taken as ln(1 +
// x), and every column is then standardised (mean 0, deviation 1) over the customers clustered; a
// column without spread is 0, and what lies more than 3 deviations off counts as 3.
enum class ClusterFeature : std::uint8_t {
  recency_days,
  frequency,
  monetary_cents,
  average_basket_cents,
  inter_purchase_days,  // mean; of one-time buyers the time since: the least that it can be
  average_basket_lines,
  items_bought,  // distinct
  typical_price_cents,
  refund_share,   // at most 1
  evening_share,  // of activity from 18 o'clock
  weekend_share,
};
inline constexpr std::size_t kClusterFeatureCount = 11;
std::string_view name(ClusterFeature feature);

// Before scaling and logarithm. Missing values are 0.
std::array<double, kClusterFeatureCount> cluster_features(const Profile& profile);

struct ClusterSummary {
  std::int64_t size = 0;
  double share = 0;
  std::array<double, kClusterFeatureCount> means{};  // of the features as they are (no logarithm)
  std::array<double, kClusterFeatureCount> deviations{};  // centre, in scaled features
  std::int64_t monetary_cents = 0;                        // of all members
  // Simplified silhouette [HruschkaEtAl2004, after Rousseeuw1987], -1 to 1: mean of (b - a) /
  // max(a, b), with the distances to the own centre (a) and to the nearest other one (b).
  double separation = 0;
  std::string name;         // two or three words: "frequent, big baskets"
  std::string description;  // a sentence made from the largest differences
};

struct Clustering {
  std::vector<ClusterSummary> clusters;   // by money of all members, largest first
  std::vector<CustomerNumber> customers;  // clustered, in the order given
  std::vector<std::int32_t> assignments;  // index in clusters, beside customers
  double objective = 0;   // J: sum of squared distances to the own centre, in scaled features
  double separation = 0;  // mean over customers
  int iterations = 0;     // of the start that was kept
  bool converged = false;
  std::vector<std::string> scaling;  // what was done to each feature, in words
};

// Errors: invalid_argument when k exceeds the number of customers (both are named) or a parameter
// is out of range; cancelled.
// Determinism: parameters and profiles decide, whatever the thread count.
Result<Clustering> cluster_customers(std::span<const Profile> profiles,
                                     const ClusterParameters& parameters, Progress& progress);

std::string to_json(const Clustering& clustering, bool with_assignments = false);

}  // namespace attune::profiles
