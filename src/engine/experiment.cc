#include "attune/engine/experiment.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "experiment_columns.h"

namespace attune::engine {
namespace {

Status check_arms(const ExperimentRequest& request, const NameColumn& arm) {
  const std::vector<std::string>& arms = arm.names();
  std::string list;
  for (const std::string& name : arms)
    list += (list.empty() ? "'" : ", '") + attune::quoted(name) + "'";
  if (std::ranges::find(arms, request.control) == arms.end()) {
    return std::unexpected(not_found(
        fmt::format("--control {}: column '{}' never holds it{}; it holds {}",
                    attune::quoted(request.control), attune::quoted(request.arm),
                    did_you_mean(request.control, arms), list.empty() ? "nothing" : list)));
  }
  if (arms.size() < 2) {
    return std::unexpected(failed_precondition(
        fmt::format("column '{}' holds {} only; there is no treatment to compare with it",
                    attune::quoted(request.arm), list)));
  }
  return {};
}

// "VALUE=SHARE" of every arm.
Result<std::vector<double>> shares_of(const ExperimentRequest& request,
                                      const std::vector<std::string>& arms) {
  std::vector<double> shares(request.shares.empty() ? 0 : arms.size(), 0);
  for (const std::string& text : request.shares) {
    const std::size_t at = text.rfind('=');
    const std::string name = text.substr(0, at);
    const std::string number = at == text.npos ? "" : text.substr(at + 1);
    double share = 0;
    const auto [end, failure] =
        std::from_chars(number.data(), number.data() + number.size(), share);
    if (failure != std::errc{} || end != number.data() + number.size() || !(share > 0)) {
      return std::unexpected(invalid_argument(
          fmt::format("--share {}: it has the form ARM=SHARE with a share above 0, such as "
                      "{}=0.1",
                      attune::quoted(text), arms[0])));
    }
    const auto found = std::ranges::find(arms, name);
    if (found == arms.end()) {
      return std::unexpected(
          not_found(fmt::format("--share {}: there is no arm '{}'{}", attune::quoted(text),
                                attune::quoted(name), did_you_mean(name, arms))));
    }
    shares[static_cast<std::size_t>(found - arms.begin())] = share;
  }
  for (std::size_t a = 0; a < shares.size(); ++a) {
    if (shares[a] > 0) continue;
    return std::unexpected(invalid_argument(fmt::format(
        "--share: arm '{}' has none; state a share for each arm", attune::quoted(arms[a]))));
  }
  return shares;
}

}  // namespace

Result<ExperimentReport> analyse_experiment(const ExperimentRequest& request, Progress& progress) {
  if (request.metrics.empty() && request.ratios.empty()) {
    return std::unexpected(
        invalid_argument("say what to compare: --metric COLUMN, or --ratio COLUMN/COLUMN"));
  }
  ATTUNE_ASSIGN_OR_RETURN(ExperimentColumns columns, read_experiment(request, progress));
  columns.arm.sort(request.control);
  if (columns.group) columns.group->sort({});
  ATTUNE_RETURN_IF_ERROR(check_arms(request, columns.arm));
  measure::ExperimentData data;
  data.arms = columns.arm.names();
  data.arm = columns.arm.codes();
  for (const std::string& metric : request.metrics)
    data.metrics.push_back({metric, columns.numbers.at(metric)});
  std::vector<std::string> names;
  for (const auto& [name, values] : columns.numbers) names.push_back(name);
  for (const std::string& ratio : request.ratios) {
    ATTUNE_ASSIGN_OR_RETURN(const RatioColumns two, columns_of_ratio(ratio, names));
    data.metrics.push_back({ratio, columns.numbers.at(two.above), columns.numbers.at(two.below)});
  }
  for (const std::string& covariate : request.covariates)
    data.covariates.push_back({covariate, columns.numbers.at(covariate)});
  ATTUNE_ASSIGN_OR_RETURN(data.shares, shares_of(request, data.arms));
  if (columns.group) {
    data.group_name = request.by;
    data.groups = columns.group->names();
    data.group = columns.group->codes();
  }
  progress.phase("comparing arms", 0, "");
  ExperimentReport report;
  report.file = request.file.filename().string();
  report.rows = columns.rows;
  report.rejected = columns.rejected;
  ATTUNE_ASSIGN_OR_RETURN(report.result, measure::analyse(data, request.options));
  if (columns.rejected > 0) {
    report.result.notes.push_back(
        fmt::format("{} lines are no rows and are left out; the first: {}",
                    with_thousands(columns.rejected), columns.first_rejection));
  }
  return report;
}

Result<measure::Plan> plan_experiment(const ExperimentPlanRequest& request) {
  if (request.rate.has_value() == request.deviation.has_value()) {
    return std::unexpected(invalid_argument(
        "say what the metric is like: --rate R for a share of customers, or --deviation D for a "
        "mean"));
  }
  if (request.effect.has_value() == request.customers.has_value()) {
    return std::unexpected(
        invalid_argument("say what is known: --effect E asks for customers, --customers N asks for "
                         "the effect that they show"));
  }
  measure::Baseline baseline{.mean = request.rate.value_or(0),
                             .deviation = request.deviation.value_or(0),
                             .proportion = request.rate.has_value()};
  return request.effect ? measure::needed_customers(baseline, *request.effect, request.options)
                        : measure::detectable_effect(baseline, *request.customers, request.options);
}

}  // namespace attune::engine
