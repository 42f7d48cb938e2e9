// Clusters in words. Answers: what is this kind of customer called, and what sets it apart?
#pragma once

#include <span>
#include <string>
#include <vector>

#include "attune/profiles/clusters.h"

namespace attune::profiles {

struct ClusterWords {
  std::string name;         // as ClusterSummary
  std::string description;  // as ClusterSummary
};

// Of each cluster, from the features that lie at least 0.3 standard deviations off, the largest
// three first, compared with the mean of all customers clustered. In English or Chinese; no two
// clusters get one name.
std::vector<ClusterWords> put_into_words(std::span<const ClusterSummary> clusters, bool chinese);

}  // namespace attune::profiles
