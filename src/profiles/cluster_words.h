// Clusters in words. Private to profiles.
#pragma once

#include <array>
#include <span>

#include "attune/profiles/clusters.h"

namespace attune::profiles {

// Sets name and description of every cluster from the features that lie at least 0.3 standard
// deviations off, the largest three first; `all` are the means of all customers.
void describe_clusters(std::span<ClusterSummary> clusters,
                       const std::array<double, kClusterFeatureCount>& all);

}  // namespace attune::profiles
