// Inside the module: one metric of an experiment, over all rows or over those of a group.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "attune/measure/experiment.h"

namespace attune::measure {

// How intervals are made, for all metrics alike.
struct Look {
  double level = kLevel;
  bool sequential = false;
  double fraction = 1;
};

struct MetricAnswer {
  std::vector<ArmMetric> arms;
  std::vector<Comparison> comparisons;  // uncorrected
  // Standard error of the control over that of the difference, one a comparison.
  std::vector<double> control_part;
  std::optional<double> correlation;
};

// `group`: only its rows; absent: all that are in an arm.
MetricAnswer answer_metric(const ExperimentData& data, const MetricColumn& metric, MetricKind kind,
                           std::optional<std::int32_t> group, const Look& look);

// One metric's treatments against each other: Dunnett, or for sequences Bonferroni; Holm.
void correct_treatments(MetricAnswer& answer, const Look& look);
// Groups times treatments: Bonferroni and Holm.
void correct_groups(std::span<MetricAnswer> groups, const Look& look);
// Sets what a reader acts on; after correcting.
void conclude(std::span<Comparison> comparisons, const Look& look);

std::vector<Heterogeneity> heterogeneity_of(std::span<const MetricAnswer> groups);

}  // namespace attune::measure
