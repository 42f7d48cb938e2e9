#include <cmath>

#include <boost/json.hpp>

#include "attune/engine/experiment.h"

namespace attune::engine {
namespace {

namespace json = boost::json;
using measure::Answer;
using measure::ArmMetric;
using measure::Comparison;
using measure::Difference;
using measure::Estimate;
using measure::Experiment;
using measure::MetricResult;

json::object lacking(const measure::TooLittle& lacking) {
  json::object object{{"why", lacking.why}, {"enough", nullptr}};
  if (lacking.enough) object["enough"] = *lacking.enough;
  return {{"too_little", std::move(object)}};
}

json::object of(const Answer<Estimate>& answer) {
  if (!answer) return lacking(answer.error());
  return {{"value", answer->value},
          {"low", answer->low},
          {"high", answer->high},
          {"standard_error", answer->standard_error}};
}

json::value number(double value) {
  return std::isfinite(value) ? json::value(value) : json::value(nullptr);
}

json::object of(const Answer<Difference>& answer) {
  if (!answer) return lacking(answer.error());
  return {{"absolute", of(Answer<Estimate>(answer->absolute))},
          {"relative", of(answer->relative)},
          {"p_value", answer->p_value},
          {"degrees", number(answer->degrees)}};
}

std::string_view name(measure::Verdict verdict) {
  switch (verdict) {
    case measure::Verdict::too_little:
      return "too_little";
    case measure::Verdict::not_told_apart:
      return "not_told_apart";
    case measure::Verdict::higher:
      return "higher";
    case measure::Verdict::lower:
      return "lower";
  }
  return "";
}

json::object of(const Experiment& experiment, const Comparison& comparison) {
  json::object object{{"arm", experiment.arms[comparison.arm].name},
                      {"difference", of(comparison.difference)},
                      {"corrected", nullptr},
                      {"verdict", name(comparison.verdict)},
                      {"detectable", nullptr}};
  if (const auto& corrected = comparison.corrected) {
    json::object interval{{"absolute", of(Answer<Estimate>(corrected->absolute))},
                          {"relative", nullptr},
                          {"p_value", corrected->p_value}};
    if (corrected->relative) interval["relative"] = of(Answer<Estimate>(*corrected->relative));
    object["corrected"] = std::move(interval);
  }
  if (comparison.detectable) object["detectable"] = *comparison.detectable;
  if (!experiment.covariates.empty()) {
    object["unadjusted"] = of(comparison.unadjusted);
    object["narrowing"] = comparison.narrowing;
  }
  return object;
}

json::array of(const Experiment& experiment, std::span<const Comparison> comparisons) {
  json::array list;
  for (const Comparison& comparison : comparisons) list.push_back(of(experiment, comparison));
  return list;
}

json::array of(const Experiment& experiment, std::span<const ArmMetric> arms, bool ratio) {
  json::array list;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    json::object object{{"arm", experiment.arms[a].name},
                        {"customers", arms[a].customers},
                        {"missing", arms[a].missing},
                        {"sum", arms[a].sum}};
    if (ratio) object["denominator_sum"] = arms[a].denominator_sum;
    for (auto& [key, value] : of(arms[a].estimate)) object[key] = std::move(value);
    list.push_back(std::move(object));
  }
  return list;
}

json::object of(const Experiment& experiment, const MetricResult& metric) {
  const bool ratio = metric.kind == measure::MetricKind::ratio;
  json::object object{{"name", metric.name},
                      {"kind", measure::name(metric.kind)},
                      {"arms", of(experiment, metric.arms, ratio)},
                      {"comparisons", of(experiment, metric.comparisons)}};
  if (metric.correlation) object["correlation"] = *metric.correlation;
  if (metric.groups.empty()) return object;
  json::array groups, heterogeneity;
  for (const auto& group : metric.groups) {
    groups.push_back(json::object{{"group", experiment.groups[group.group]},
                                  {"arms", of(experiment, group.arms, ratio)},
                                  {"comparisons", of(experiment, group.comparisons)}});
  }
  for (const auto& one : metric.heterogeneity) {
    heterogeneity.push_back(json::object{{"arm", experiment.arms[one.arm].name},
                                         {"q", one.q},
                                         {"degrees", one.degrees},
                                         {"p_value", one.p_value}});
  }
  object["groups"] = std::move(groups);
  object["heterogeneity"] = std::move(heterogeneity);
  return object;
}

json::value sample_ratio_of(const Experiment& experiment) {
  if (!experiment.sample_ratio) return nullptr;
  const measure::SampleRatio& ratio = *experiment.sample_ratio;
  json::object object{{"chi_square", ratio.chi_square},
                      {"degrees", ratio.degrees},
                      {"p_value", ratio.p_value},
                      {"exact_p_value", nullptr},
                      {"alarm_below", measure::kSampleRatioAlarm},
                      {"alarm", ratio.alarm}};
  if (ratio.exact_p_value) object["exact_p_value"] = *ratio.exact_p_value;
  return object;
}

json::array checks_of(const Experiment& experiment) {
  json::array list;
  for (const measure::Check& check : experiment.checks) {
    json::object object{{"name", check.name},
                        {"alarm_below", check.alarm_below},
                        {"alarm", check.alarm},
                        {"text", check.text}};
    if (check.p_value) {
      object["p_value"] = *check.p_value;
    } else {
      for (auto& [key, value] : lacking(check.p_value.error())) object[key] = std::move(value);
    }
    list.push_back(std::move(object));
  }
  return list;
}

json::array texts(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

}  // namespace

std::string experiment_json(const ExperimentReport& report) {
  const Experiment& experiment = report.result;
  json::array arms, metrics;
  for (const auto& arm : experiment.arms) {
    arms.push_back(
        json::object{{"name", arm.name}, {"customers", arm.customers}, {"expected", arm.expected}});
  }
  for (const MetricResult& metric : experiment.metrics) metrics.push_back(of(experiment, metric));
  json::object object{{"file", report.file},
                      {"rows", report.rows},
                      {"rejected", report.rejected},
                      {"left_out", experiment.left_out},
                      {"level", experiment.level},
                      {"control", experiment.arms[experiment.control].name},
                      {"arms", std::move(arms)},
                      {"sample_ratio", sample_ratio_of(experiment)},
                      {"checks", checks_of(experiment)},
                      {"covariates", texts(experiment.covariates)},
                      {"sequential", nullptr},
                      {"correction", experiment.correction},
                      {"metrics", std::move(metrics)},
                      {"notes", texts(experiment.notes)}};
  if (experiment.planned > 0) {
    object["sequential"] =
        json::object{{"planned", experiment.planned}, {"fraction", experiment.fraction}};
  }
  if (!experiment.groups.empty()) {
    object["by"] = experiment.group_name;
    object["group_correction"] = experiment.group_correction;
  }
  return json::serialize(object);
}

}  // namespace attune::engine
