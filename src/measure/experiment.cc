#include "attune/measure/experiment.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "experiment_parts.h"

namespace attune::measure {
namespace {

// Differing shares of missing values below this p value are no chance.
constexpr double kMissingAlarm = .001;

Status check_values(std::string_view kind, const std::string& name, std::span<const double> values,
                    std::size_t rows) {
  if (values.size() != rows) {
    return std::unexpected(invalid_argument(fmt::format(
        "{} '{}' has {} values for {} rows", kind, attune::quoted(name), values.size(), rows)));
  }
  const auto found = std::ranges::find_if(values, [](double v) { return std::isinf(v); });
  if (found == values.end()) return {};
  return std::unexpected(
      invalid_argument(fmt::format("{} '{}' is infinite in row {}; leave such a value out", kind,
                                   attune::quoted(name), found - values.begin())));
}

Status check_indices(std::string_view what, std::span<const std::int32_t> indices, std::size_t rows,
                     std::size_t count) {
  if (indices.size() != rows) {
    return std::unexpected(invalid_argument(
        fmt::format("there are {} {} indices for {} rows", indices.size(), what, rows)));
  }
  for (std::size_t i = 0; i < rows; ++i) {
    if (indices[i] >= -1 && indices[i] < static_cast<std::int64_t>(count)) continue;
    return std::unexpected(invalid_argument(
        fmt::format("row {} is in {} {}, but there are {}", i, what, indices[i], count)));
  }
  return {};
}

Status check_shape(const ExperimentData& data, const AnalyseOptions& options) {
  const std::size_t rows = data.arm.size();
  if (data.arms.size() < 2)
    return std::unexpected(invalid_argument("an experiment needs a control and a treatment"));
  if (data.control >= data.arms.size())
    return std::unexpected(invalid_argument("the control is none of the arms"));
  if (data.metrics.empty())
    return std::unexpected(invalid_argument("an experiment needs a metric"));
  if (!(options.level >= .5 && options.level < 1)) {
    return std::unexpected(invalid_argument(
        fmt::format("level is {}; it has to be from .5 to below 1, such as .95", options.level)));
  }
  if (options.planned < 0)
    return std::unexpected(invalid_argument("planned customers cannot be below 0"));
  if (!data.shares.empty() && data.shares.size() != data.arms.size()) {
    return std::unexpected(invalid_argument(
        fmt::format("there are {} shares for {} arms", data.shares.size(), data.arms.size())));
  }
  for (const double share : data.shares) {
    if (!(share > 0) || !std::isfinite(share))
      return std::unexpected(invalid_argument("a planned share has to be above 0"));
  }
  ATTUNE_RETURN_IF_ERROR(check_indices("arm", data.arm, rows, data.arms.size()));
  if (!data.groups.empty())
    ATTUNE_RETURN_IF_ERROR(check_indices("group", data.group, rows, data.groups.size()));
  for (const MetricColumn& metric : data.metrics) {
    ATTUNE_RETURN_IF_ERROR(check_values("metric", metric.name, metric.values, rows));
    if (!metric.denominators.empty())
      ATTUNE_RETURN_IF_ERROR(
          check_values("the denominator of", metric.name, metric.denominators, rows));
  }
  for (const CovariateColumn& covariate : data.covariates)
    ATTUNE_RETURN_IF_ERROR(check_values("covariate", covariate.name, covariate.values, rows));
  return {};
}

Result<MetricKind> kind_of(const ExperimentData& data, const MetricColumn& metric) {
  if (!metric.denominators.empty()) {
    if (!metric.kind || *metric.kind == MetricKind::ratio) return MetricKind::ratio;
    return std::unexpected(invalid_argument(fmt::format(
        "metric '{}' has denominators, so it is a ratio", attune::quoted(metric.name))));
  }
  if (metric.kind == MetricKind::ratio) {
    return std::unexpected(invalid_argument(
        fmt::format("metric '{}' is a ratio without denominators", attune::quoted(metric.name))));
  }
  if (metric.kind == MetricKind::mean) return MetricKind::mean;
  for (std::size_t i = 0; i < data.arm.size(); ++i) {
    const double value = metric.values[i];
    if (data.arm[i] < 0 || std::isnan(value) || value == 0 || value == 1) continue;
    if (!metric.kind) return MetricKind::mean;
    return std::unexpected(
        invalid_argument(fmt::format("metric '{}' is a proportion, but row {} holds {}; its values "
                                     "are 0 and 1",
                                     attune::quoted(metric.name), i, value)));
  }
  return MetricKind::proportion;
}

void add_sample_ratio(Experiment& result, const ExperimentData& data) {
  std::vector<std::int64_t> counts(data.arms.size(), 0);
  for (const std::int32_t arm : data.arm) {
    if (arm < 0)
      ++result.left_out;
    else
      ++counts[static_cast<std::size_t>(arm)];
  }
  const Answer<SampleRatio> ratio = check_sample_ratio(counts, data.shares);
  Check check{.name = "sample_ratio", .alarm_below = kSampleRatioAlarm};
  const double customers = std::reduce(counts.begin(), counts.end(), 0.);
  const double whole = std::reduce(data.shares.begin(), data.shares.end(), 0.);
  for (std::size_t a = 0; a < counts.size(); ++a) {
    const double share =
        data.shares.empty() ? 1 / static_cast<double>(counts.size()) : data.shares[a] / whole;
    result.arms.push_back({data.arms[a], counts[a], customers * share});
  }
  if (ratio) {
    result.sample_ratio = *ratio;
    check.p_value = ratio->exact_p_value.value_or(ratio->p_value);
    check.alarm = ratio->alarm;
    check.text = ratio->alarm ? "the arms do not have the sizes that were planned: do not read the "
                                "differences before it is known why customers are missing"
                              : "the arms have the sizes that were planned";
  } else {
    check.p_value = std::unexpected(ratio.error());
    check.text = "too few customers to tell whether the arms have the sizes that were planned";
  }
  result.checks.push_back(std::move(check));
}

void add_missing_check(Experiment& result, const std::string& metric,
                       std::span<const ArmMetric> arms) {
  std::vector<std::int64_t> missing, rows;
  std::int64_t all = 0;
  for (const ArmMetric& arm : arms) {
    missing.push_back(arm.missing);
    rows.push_back(arm.missing + arm.customers);
    all += arm.missing;
  }
  if (all == 0) return;
  result.notes.push_back(fmt::format("{}: {} rows without a value are left out of this metric",
                                     attune::quoted(metric), with_thousands(all)));
  Check check{.name = "missing:" + metric, .alarm_below = kMissingAlarm};
  const Answer<Independence> same = check_equal_shares(missing, rows);
  if (same) {
    check.p_value = same->p_value;
    check.alarm = same->p_value < kMissingAlarm;
    check.text = check.alarm ? "values are missing more often in one arm than in another: who is "
                               "left is no longer alike, and the difference may come from that"
                             : "values are missing equally often in the arms";
  } else {
    check.p_value = std::unexpected(same.error());
    check.text = "too few missing values to tell whether the arms differ in them";
  }
  result.checks.push_back(std::move(check));
}

MetricResult result_of(const ExperimentData& data, const MetricColumn& metric, MetricKind kind,
                       const Look& look) {
  MetricResult result{.name = metric.name, .kind = kind};
  MetricAnswer whole = answer_metric(data, metric, kind, std::nullopt, look);
  correct_treatments(whole, look);
  conclude(whole.comparisons, look);
  std::vector<MetricAnswer> groups;
  for (std::size_t g = 0; g < data.groups.size(); ++g)
    groups.push_back(answer_metric(data, metric, kind, static_cast<std::int32_t>(g), look));
  correct_groups(groups, look);
  result.heterogeneity = heterogeneity_of(groups);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    conclude(groups[g].comparisons, look);
    result.groups.push_back({g, std::move(groups[g].arms), std::move(groups[g].comparisons)});
  }
  result.arms = std::move(whole.arms);
  result.comparisons = std::move(whole.comparisons);
  result.correlation = whole.correlation;
  return result;
}

void add_notes(Experiment& result, const ExperimentData& data) {
  std::vector<std::string>& notes = result.notes;
  if (result.left_out > 0) {
    notes.push_back(fmt::format("{} rows in no arm are left out", with_thousands(result.left_out)));
  }
  const auto ungrouped = data.groups.empty() ? 0 : std::ranges::count(data.group, std::int32_t{-1});
  if (ungrouped > 0) {
    notes.push_back(fmt::format("{} rows without a {} are in no group", with_thousands(ungrouped),
                                attune::quoted(data.group_name)));
  }
  if (data.metrics.size() > 1) {
    notes.push_back(fmt::format(
        "{} decides; the other metrics explain, and are not corrected for being several",
        attune::quoted(data.metrics[0].name)));
  }
  if (result.planned > 0 && result.fraction > 1) {
    notes.push_back(
        "more customers than planned are here: the intervals hold, and are a little wider than "
        "they could be");
  }
}

void add_corrections(Experiment& result) {
  const std::size_t treatments = result.arms.size() - 1;
  if (treatments > 1) {
    result.correction = fmt::format("{} intervals and Holm p values over {} treatments",
                                    result.planned > 0 ? "Bonferroni" : "Dunnett", treatments);
  }
  if (!result.groups.empty()) {
    result.group_correction =
        treatments > 1 ? "Bonferroni intervals and Holm p values over groups and treatments"
                       : "Bonferroni intervals and Holm p values over groups";
  }
}

}  // namespace

Result<Experiment> analyse(const ExperimentData& data, const AnalyseOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check_shape(data, options));
  Experiment result{.level = options.level, .control = data.control, .planned = options.planned};
  result.group_name = data.group_name;
  result.groups = data.groups;
  for (const CovariateColumn& covariate : data.covariates)
    result.covariates.push_back(covariate.name);
  add_sample_ratio(result, data);
  const auto customers = static_cast<double>(std::ssize(data.arm) - result.left_out);
  if (options.planned > 0)
    result.fraction = std::max(1., customers) / static_cast<double>(options.planned);
  const Look look{options.level, options.planned > 0, result.fraction};
  add_corrections(result);
  add_notes(result, data);
  for (const MetricColumn& metric : data.metrics) {
    ATTUNE_ASSIGN_OR_RETURN(const MetricKind kind, kind_of(data, metric));
    result.metrics.push_back(result_of(data, metric, kind, look));
    const MetricResult& done = result.metrics.back();
    add_missing_check(result, metric.name, done.arms);
    if (!data.covariates.empty() && !done.correlation) {
      result.notes.push_back(fmt::format("{}: the covariates explain nothing, so they are not used",
                                         attune::quoted(metric.name)));
    }
  }
  return result;
}

}  // namespace attune::measure
