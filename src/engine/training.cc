// Fitting, comparing: from interactions to saved models and leaderboards.
#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/engine/recommendations.h"
#include "model_comparison.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

constexpr std::string_view kWeightsScope = "weights";

// The scopes that --set may name here.
Status check_scopes(const std::vector<Setting>& settings, const std::vector<std::string>& names) {
  std::vector<std::string> scopes(names);
  scopes.emplace_back(kWeightsScope);
  for (const Setting& setting : settings) {
    if (std::ranges::find(scopes, setting.scope) == scopes.end()) {
      return std::unexpected(not_found(fmt::format(
          "--set {}.{}: '{}' is not among {}{}", setting.scope, setting.parameter, setting.scope,
          fmt::join(scopes, ", "), did_you_mean(setting.scope, scopes))));
    }
  }
  return {};
}

Result<InteractionWeights> weights_of(const std::vector<Setting>& settings) {
  InteractionWeights weights;
  for (const Setting& setting : settings) {
    if (setting.scope == kWeightsScope) {
      ATTUNE_RETURN_IF_ERROR(
          InteractionWeights::table().set(weights, setting.parameter, setting.value));
    }
  }
  return weights;
}

Result<std::unique_ptr<recommend::Recommender>> make_with(const std::string& name,
                                                          const std::vector<Setting>& settings) {
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<recommend::Recommender> recommender,
                          recommend::make_recommender(name));
  for (const Setting& setting : settings) {
    if (setting.scope == name)
      ATTUNE_RETURN_IF_ERROR(recommender->set_parameter(setting.parameter, setting.value));
  }
  return recommender;
}

// Fits, and says how it went.
Result<ModelMeta> fit(recommend::Recommender& recommender,
                      const recommend::Interactions& interactions, const TrainRequest& request,
                      Progress& progress) {
  const auto begun = std::chrono::steady_clock::now();
  recommend::FitOptions options;
  options.seed = request.seed;
  options.threads = request.threads;
  options.progress = &progress;
  auto fitted = recommender.fit(interactions, options);
  if (!fitted)
    return std::unexpected(fitted.error().within(fmt::format("training {}", recommender.name())));
  ModelMeta meta;
  meta.name = recommender.name();
  meta.seed = request.seed;
  meta.customers = interactions.customers();
  meta.items = interactions.items();
  meta.pairs = interactions.pairs();
  meta.fit_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  meta.converged = fitted->converged;
  meta.iterations = fitted->iterations;
  meta.objective = fitted->objective;
  meta.parameters = recommender.parameters();
  meta.warnings = fitted->warnings;
  return meta;
}

}  // namespace

Result<Setting> parse_setting(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::size_t equals = text.find('=');
  if (dot == text.npos || equals == text.npos || dot == 0 || equals < dot + 2) {
    return std::unexpected(invalid_argument(fmt::format(
        "--set {}: write NAME.PARAMETER=VALUE, such as ials.factors=128 or weights.view=0",
        attune::quoted(text))));
  }
  return Setting{std::string(trim(text.substr(0, dot))),
                 std::string(trim(text.substr(dot + 1, equals - dot - 1))),
                 std::string(trim(text.substr(equals + 1)))};
}

std::span<const std::string> default_recommenders() {
  static const std::vector<std::string> names{"ials", "item_knn", "popularity"};
  return names;
}

namespace {

Result<std::vector<std::unique_ptr<recommend::Recommender>>> make_all(const TrainRequest& request) {
  std::vector<std::string> names = request.names;
  if (names.empty()) names.assign(default_recommenders().begin(), default_recommenders().end());
  ATTUNE_RETURN_IF_ERROR(check_scopes(request.settings, names));
  std::vector<std::unique_ptr<recommend::Recommender>> recommenders;
  for (const std::string& name : names) {
    ATTUNE_ASSIGN_OR_RETURN(auto recommender, make_with(name, request.settings));
    recommenders.push_back(std::move(recommender));
  }
  return recommenders;
}

}  // namespace

Status check_training(const TrainRequest& request) {
  const auto made = make_all(request);
  const auto weights = weights_of(request.settings);
  if (made && weights) return {};
  Error wrong = made ? weights.error() : made.error();
  wrong.code = ErrorCode::invalid_argument;
  return std::unexpected(std::move(wrong));
}

Result<std::vector<ModelMeta>> train(Workspace& workspace, const TrainRequest& request,
                                     Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const auto recommenders, make_all(request));
  ATTUNE_ASSIGN_OR_RETURN(const InteractionWeights weights, weights_of(request.settings));
  progress.phase("reading interactions", 0, "");
  ATTUNE_ASSIGN_OR_RETURN(const TasteData data, read_taste(workspace, weights));
  if (request.when_read) request.when_read();
  ATTUNE_ASSIGN_OR_RETURN(const recommend::Interactions interactions,
                          recommend::Interactions::from_log(data.log));
  ModelRegistry registry(workspace.folder().models());
  ATTUNE_ASSIGN_OR_RETURN(const int removed, registry.remove_leftovers());
  (void)removed;
  // Saved together at the end: a training that is cancelled leaves every model as it was.
  std::vector<std::pair<ModelMeta, bool>> fitted_ones;  // and whether it may serve
  for (const auto& recommender : recommenders) {
    ATTUNE_ASSIGN_OR_RETURN(ModelMeta meta, fit(*recommender, interactions, request, progress));
    meta.trained_at = workspace.now();
    meta.cursor = data.cursor;
    meta.weights = weights;
    std::string aside;
    if (request.keep_worse_aside) {
      ATTUNE_ASSIGN_OR_RETURN(
          aside, reason_to_keep_aside(registry, {meta, data}, request.threads, progress));
      if (!aside.empty()) meta.warnings.push_back(aside);
    }
    fitted_ones.push_back({std::move(meta), aside.empty()});
  }
  if (progress.cancelled()) return std::unexpected(cancelled("the training was cancelled"));
  std::vector<ModelMeta> saved;
  for (std::size_t i = 0; i < recommenders.size(); ++i) {
    auto& [meta, make_current] = fitted_ones[i];
    ATTUNE_ASSIGN_OR_RETURN(ModelMeta written,
                            registry.save(*recommenders[i], data, std::move(meta), make_current));
    saved.push_back(std::move(written));
  }
  return saved;
}

Result<recommend::Leaderboard> evaluate(Workspace& workspace, const EvaluateRequest& request) {
  ATTUNE_ASSIGN_OR_RETURN(const InteractionWeights weights, weights_of(request.settings));
  ATTUNE_ASSIGN_OR_RETURN(const TasteData data, read_taste(workspace, weights));
  std::vector<std::string> names = request.names;
  if (names.empty()) {
    names.assign(recommend::recommender_names().begin(), recommend::recommender_names().end());
    // Its time grows with the cube of the catalogue: above this, it is asked for by name.
    constexpr std::int32_t kEaseItems = 10'000;
    if (data.log.items > kEaseItems) std::erase(names, "ease");
  }
  ATTUNE_RETURN_IF_ERROR(check_scopes(request.settings, names));
  std::vector<recommend::Entrant> entrants;
  for (const std::string& name : names) {
    ATTUNE_ASSIGN_OR_RETURN(const auto checked, make_with(name, request.settings));
    recommend::Entrant entrant;
    entrant.recommender = checked->name();
    for (const Setting& setting : request.settings) {
      if (setting.scope == name) entrant.parameters.emplace_back(setting.parameter, setting.value);
    }
    entrants.push_back(std::move(entrant));
  }
  if (request.when_read) request.when_read();
  return recommend::evaluate(data.log, entrants, request.options);
}

std::string to_json(const recommend::Leaderboard& board) {
  json::array rows;
  for (const recommend::LeaderboardRow& row : board.rows) {
    json::object entry{{"recommender", row.recommender}, {"algorithm", row.algorithm}};
    const auto intervals = [&](const std::map<std::string, learn::Interval>& metrics) {
      json::object all;
      for (const auto& [name, interval] : metrics) {
        all[name] =
            json::object{{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
      }
      return all;
    };
    for (auto& field : intervals(row.metrics)) entry[field.key()] = field.value();
    entry["fit_seconds"] = row.fit_seconds;
    entry["recommend_seconds"] = row.recommend_seconds;
    entry["behind_best"] = intervals(row.behind_best);
    json::object parameters;
    for (const auto& [name, value] : row.parameters) parameters[name] = value;
    entry["parameters"] = parameters;
    entry["warnings"] = json::array(row.warnings.begin(), row.warnings.end());
    rows.push_back(std::move(entry));
  }
  return json::serialize(
      json::object{{"split", board.split},
                   {"candidates", board.candidates},
                   {"sorted_by", board.sorted_by},
                   {"customers", board.customers},
                   {"items", board.items},
                   {"train_pairs", board.train_pairs},
                   {"test_pairs", board.test_pairs},
                   {"customers_tested", board.customers_tested},
                   {"seeds", json::array(board.seeds.begin(), board.seeds.end())},
                   {"k", json::array(board.k.begin(), board.k.end())},
                   {"leaderboard", rows}});
}

}  // namespace attune::engine
