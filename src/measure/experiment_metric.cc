#include <algorithm>
#include <cmath>

#include "attune/measure/covariates.h"
#include "attune/measure/multiplicity.h"
#include "attune/measure/sequential.h"
#include "distributions.h"
#include "experiment_parts.h"
#include "influence.h"

namespace attune::measure {
namespace {

// The power at which `detectable` is stated.
constexpr double kPower = .8;

// The rows of one metric that have a value, arm by arm in the order of rows.
struct UsedRows {
  std::vector<std::int32_t> arm;
  std::vector<std::size_t> row;  // in the data
  std::vector<std::vector<double>> values;
  std::vector<std::vector<double>> denominators;
};

UsedRows rows_of(const ExperimentData& data, const MetricColumn& metric,
                 std::optional<std::int32_t> group, std::vector<ArmMetric>& arms) {
  UsedRows used;
  used.values.resize(arms.size());
  used.denominators.resize(arms.size());
  for (std::size_t i = 0; i < data.arm.size(); ++i) {
    if (data.arm[i] < 0 || (group && data.group[i] != *group)) continue;
    const auto a = static_cast<std::size_t>(data.arm[i]);
    const double below = metric.denominators.empty() ? 1 : metric.denominators[i];
    if (std::isnan(metric.values[i]) || std::isnan(below)) {
      ++arms[a].missing;
      continue;
    }
    ++arms[a].customers;
    arms[a].sum += metric.values[i];
    used.arm.push_back(data.arm[i]);
    used.row.push_back(i);
    used.values[a].push_back(metric.values[i]);
    if (metric.denominators.empty()) continue;
    arms[a].denominator_sum += below;
    used.denominators[a].push_back(below);
  }
  return used;
}

ArmEstimate estimate_of(MetricKind kind, const UsedRows& used, std::size_t arm) {
  const std::vector<double>& values = used.values[arm];
  switch (kind) {
    case MetricKind::mean:
      return mean_of(values);
    case MetricKind::ratio:
      return ratio_of(values, used.denominators[arm]);
    case MetricKind::proportion:
      break;
  }
  return proportion_of(std::ranges::count(values, 1.), std::ssize(values));
}

// Covariates of the used rows: a missing value becomes the mean of the others, and where there is
// one, a column marks such rows.
std::vector<std::vector<double>> covariates_of(const ExperimentData& data, const UsedRows& used) {
  std::vector<std::vector<double>> columns;
  for (const CovariateColumn& covariate : data.covariates) {
    std::vector<double> values, missing;
    double sum = 0, count = 0;
    for (const std::size_t row : used.row) {
      const double value = covariate.values[row];
      values.push_back(value);
      missing.push_back(std::isnan(value) ? 1 : 0);
      if (std::isnan(value)) continue;
      sum += value;
      ++count;
    }
    const double mean = count > 0 ? sum / count : 0;
    for (double& value : values) value = std::isnan(value) ? mean : value;
    const bool any = count < static_cast<double>(values.size());
    columns.push_back(std::move(values));
    if (any) columns.push_back(std::move(missing));
  }
  return columns;
}

// Every used row's influence, in the order of rows.
std::vector<double> influences_of(MetricKind kind, const UsedRows& used) {
  std::vector<std::vector<double>> by_arm;
  for (std::size_t a = 0; a < used.values.size(); ++a)
    by_arm.push_back(influences(kind, used.values[a], used.denominators[a]));
  std::vector<std::size_t> next(by_arm.size(), 0);
  std::vector<double> all;
  all.reserve(used.arm.size());
  for (const std::int32_t arm : used.arm) {
    const auto a = static_cast<std::size_t>(arm);
    all.push_back(by_arm[a][next[a]++]);
  }
  return all;
}

struct Adjusted {
  std::vector<ArmEstimate> arms;
  double shared_variance = 0;
  double correlation = 0;
};

// The arms' estimates with what the covariates explain taken out. Absent where nothing can be
// fitted: no covariates, no influence, or fewer rows than unknowns.
std::optional<Adjusted> adjust(const ExperimentData& data, const UsedRows& used, MetricKind kind,
                               const std::vector<ArmEstimate>& arms) {
  if (data.covariates.empty()) return std::nullopt;
  if (std::ranges::any_of(arms, [](const ArmEstimate& a) { return !std::isfinite(a.value); }))
    return std::nullopt;
  const std::vector<std::vector<double>> columns = covariates_of(data, used);
  const std::vector<std::span<const double>> views(columns.begin(), columns.end());
  const std::vector<double> influence = influences_of(kind, used);
  const CovariateFit fit = fit_covariates(used.arm, arms.size(), influence, views);
  const auto left = static_cast<double>(used.arm.size()) - static_cast<double>(arms.size());
  const auto rank = static_cast<double>(fit.rank);
  if (fit.rank == 0 || left - rank <= 0) return std::nullopt;
  const std::vector<double> rest = adjusted_influences(fit, used.arm, influence, views);
  Adjusted result{arms, fit.shared_variance, fit.correlation};
  for (std::size_t a = 0; a < arms.size(); ++a) {
    std::vector<double> own;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      if (static_cast<std::size_t>(used.arm[i]) == a) own.push_back(rest[i]);
    }
    ArmEstimate& arm = result.arms[a];
    if (arm.kind == MetricKind::proportion) arm.kind = MetricKind::mean;
    arm.value -= adjustment_of(fit, a);
    set_moments(arm, own);
    arm.variance *= left / (left - rank);
  }
  return result;
}

double multiple_at(const Look& look, double level, double degrees) {
  return look.sequential ? sequence_multiple(look.fraction, level)
                         : two_sided_multiple(level, degrees);
}

void look_at(Answer<Difference>& difference, const Look& look) {
  if (!difference || !look.sequential) return;
  *difference = with_multiple(*difference, sequence_multiple(look.fraction, look.level));
  const Estimate& absolute = difference->absolute;
  difference->p_value =
      absolute.value == 0
          ? 1
          : sequence_p_value(absolute.value / absolute.standard_error, look.fraction, look.level);
}

std::optional<double> least_degrees(std::span<const Comparison* const> family) {
  std::optional<double> least;
  for (const Comparison* each : family)
    least = std::min(least.value_or(each->difference->degrees), each->difference->degrees);
  return least;
}

// `multiples`: of each comparison of the family.
void set_corrected(std::span<Comparison* const> family, std::span<const double> multiples) {
  std::vector<double> p;
  for (const Comparison* each : family) p.push_back(each->difference->p_value);
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < family.size(); ++i) {
    const Difference wide = with_multiple(*family[i]->difference, multiples[i]);
    Corrected corrected{.absolute = wide.absolute, .p_value = adjusted[i]};
    if (wide.relative) corrected.relative = *wide.relative;
    family[i]->corrected = corrected;
  }
}

}  // namespace

MetricAnswer answer_metric(const ExperimentData& data, const MetricColumn& metric, MetricKind kind,
                           std::optional<std::int32_t> group, const Look& look) {
  MetricAnswer answer;
  answer.arms.resize(data.arms.size());
  const UsedRows used = rows_of(data, metric, group, answer.arms);
  std::vector<ArmEstimate> arms;
  for (std::size_t a = 0; a < data.arms.size(); ++a) {
    arms.push_back(estimate_of(kind, used, a));
    answer.arms[a].estimate = interval_of(arms.back(), look.level);
  }
  const std::optional<Adjusted> adjusted = adjust(data, used, kind, arms);
  if (adjusted) answer.correlation = adjusted->correlation;
  const std::vector<ArmEstimate>& best = adjusted ? adjusted->arms : arms;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    if (a == data.control) continue;
    Comparison comparison;
    comparison.arm = a;
    comparison.unadjusted = compare(arms[a], arms[data.control], {.level = look.level});
    comparison.difference = comparison.unadjusted;
    if (adjusted) {
      comparison.difference =
          compare(best[a], best[data.control],
                  {.level = look.level, .shared_variance = adjusted->shared_variance});
    }
    look_at(comparison.unadjusted, look);
    look_at(comparison.difference, look);
    double part = 0;
    if (comparison.difference && comparison.unadjusted) {
      const ArmEstimate& control = best[data.control];
      const double error = comparison.difference->absolute.standard_error;
      const double raw = comparison.unadjusted->absolute.standard_error;
      part = error > 0
                 ? std::sqrt(control.variance / static_cast<double>(control.customers)) / error
                 : 0;
      comparison.narrowing = raw > 0 ? error / raw : 1;
    }
    answer.control_part.push_back(part);
    answer.comparisons.push_back(std::move(comparison));
  }
  return answer;
}

void correct_treatments(MetricAnswer& answer, const Look& look) {
  if (answer.comparisons.size() < 2) return;
  std::vector<Comparison*> family;
  std::vector<double> parts;
  for (std::size_t i = 0; i < answer.comparisons.size(); ++i) {
    if (!answer.comparisons[i].difference) continue;
    family.push_back(&answer.comparisons[i]);
    parts.push_back(answer.control_part[i]);
  }
  const std::optional<double> degrees = least_degrees(family);
  if (!degrees) return;
  const double multiple =
      look.sequential
          ? sequence_multiple(look.fraction, bonferroni_level(look.level, family.size()))
          : dunnett_multiple(parts, *degrees, look.level);
  set_corrected(family, std::vector<double>(family.size(), multiple));
}

void correct_groups(std::span<MetricAnswer> groups, const Look& look) {
  std::vector<Comparison*> family;
  for (MetricAnswer& answer : groups) {
    for (Comparison& comparison : answer.comparisons) {
      if (comparison.difference) family.push_back(&comparison);
    }
  }
  const double level = bonferroni_level(look.level, family.size());
  std::vector<double> multiples;
  for (const Comparison* each : family)
    multiples.push_back(multiple_at(look, level, each->difference->degrees));
  set_corrected(family, multiples);
}

void conclude(std::span<Comparison> comparisons, const Look& look) {
  for (Comparison& comparison : comparisons) {
    if (!comparison.difference) continue;
    const Estimate& absolute = comparison.difference->absolute;
    double low = absolute.low, high = absolute.high;
    double multiple = multiple_at(look, look.level, comparison.difference->degrees);
    if (comparison.corrected) {
      low = comparison.corrected->absolute.low;
      high = comparison.corrected->absolute.high;
      if (absolute.standard_error > 0) multiple = (high - low) / 2 / absolute.standard_error;
    }
    comparison.verdict = low > 0    ? Verdict::higher
                         : high < 0 ? Verdict::lower
                                    : Verdict::not_told_apart;
    comparison.detectable = (multiple + normal_quantile(kPower)) * absolute.standard_error;
  }
}

std::vector<Heterogeneity> heterogeneity_of(std::span<const MetricAnswer> groups) {
  std::vector<Heterogeneity> all;
  if (groups.empty()) return all;
  for (std::size_t c = 0; c < groups[0].comparisons.size(); ++c) {
    double weights = 0, weighted = 0, squares = 0;
    std::int64_t count = 0;
    for (const MetricAnswer& group : groups) {
      const auto& difference = group.comparisons[c].difference;
      if (!difference || !(difference->absolute.standard_error > 0)) continue;
      const Estimate& effect = difference->absolute;
      const double weight = 1 / (effect.standard_error * effect.standard_error);
      weights += weight;
      weighted += weight * effect.value;
      squares += weight * effect.value * effect.value;
      ++count;
    }
    if (count < 2) continue;
    Heterogeneity one{.arm = groups[0].comparisons[c].arm, .degrees = count - 1};
    one.q = std::max(0., squares - weighted * weighted / weights);
    one.p_value = chi_square_tail(one.q, static_cast<double>(one.degrees));
    all.push_back(one);
  }
  return all;
}

}  // namespace attune::measure
