#include "model_comparison.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/learn/bootstrap.h"
#include "attune/learn/ranking_metrics.h"
#include "attune/learn/splits.h"
#include "attune/math/matrix.h"
#include "attune/recommend/recommender.h"

namespace attune::engine {
namespace {

constexpr double kHeldOut = .1;  // of the events, the newest
constexpr int kListLength = 10;
constexpr std::size_t kTestedMax = 5'000;  // customers, taken at even steps
constexpr double kShrunk = .5;             // of the interactions before: too few to believe

bool configured_alike(const ModelMeta& a, const ModelMeta& b) {
  return a.parameters == b.parameters && a.weights == b.weights && a.seed == b.seed;
}

// The newest tenth, and whom it is asked of.
struct Window {
  learn::Split split;
  recommend::Interactions train;
  std::vector<std::int32_t> tested;
};

std::optional<Window> open_window(const TasteData& data, std::uint64_t seed) {
  learn::SplitOptions options;
  options.kind = learn::SplitKind::time;
  options.test_share = kHeldOut;
  auto split = learn::split_interactions(data.log, options, seed);
  if (!split) return std::nullopt;
  Window window{std::move(*split), {}, {}};
  window.train = recommend::Interactions::from_matrix(window.split.train);
  std::vector<std::int32_t> all;
  for (std::int32_t c = 0; c < data.log.customers; ++c) {
    if (window.split.train.row_size(c) > 0 && window.split.test.row_size(c) > 0) all.push_back(c);
  }
  const std::size_t step = (all.size() + kTestedMax - 1) / kTestedMax;
  for (std::size_t i = 0; i < all.size(); i += step) window.tested.push_back(all[i]);
  if (window.tested.empty()) return std::nullopt;
  return window;
}

class Comparison {
 public:
  Comparison(const Window& window, const TasteData& data, int threads, Progress& progress)
      : window_(window), data_(data), threads_(threads), progress_(progress) {}

  // Of a version's parameters, fitted to what was known when the window began.
  Result<math::Matrix> score_parameters(const ModelMeta& of) const {
    ATTUNE_ASSIGN_OR_RETURN(const auto recommender, recommend::make_recommender(of.name));
    for (const auto& [name, value] : of.parameters)
      ATTUNE_RETURN_IF_ERROR(recommender->set_parameter(name, value));
    ATTUNE_ASSIGN_OR_RETURN(const auto fitted,
                            recommender->fit(window_.train, {of.seed, threads_, &progress_}));
    (void)fitted;
    math::Matrix scores = empty();
    recommend::BatchOptions batch;
    batch.list.k = kListLength;
    batch.customers = window_.tested;
    batch.threads = threads_;
    batch.progress = &progress_;
    std::size_t place = 0;
    ATTUNE_RETURN_IF_ERROR(recommender->recommend_all(
        batch, [&](std::int32_t customer, std::span<const recommend::ScoredIndex> list) -> Status {
          std::vector<std::int32_t> columns(list.size());
          std::ranges::transform(list, columns.begin(), &recommend::ScoredIndex::index);
          scores(0, static_cast<std::int64_t>(place++)) = score(customer, columns);
          return {};
        }));
    return scores;
  }

  // Of a model as it is, asked with what its customers had met when the window began.
  Result<math::Matrix> score_model(const Model& model) const {
    math::Matrix scores = empty();
    for (std::size_t place = 0; place < window_.tested.size(); ++place) {
      if (progress_.cancelled()) return std::unexpected(cancelled("the training was cancelled"));
      const std::int32_t customer = window_.tested[place];
      const std::vector<recommend::HistoryEntry> history = history_of(model, customer);
      const auto self = model.row(data_.customers[static_cast<std::size_t>(customer)]);
      recommend::ListOptions options;
      options.k = kListLength;
      ATTUNE_ASSIGN_OR_RETURN(
          const auto list,
          model.recommender->recommend(recommend::Query::of(history, self.value_or(-1)), options));
      std::vector<std::int32_t> columns;
      for (const recommend::ScoredIndex& item : list) {
        const auto column = data_.column(model.items[static_cast<std::size_t>(item.index)]);
        columns.push_back(column.value_or(-1 - item.index));  // one that nobody can have met
      }
      scores(0, static_cast<std::int64_t>(place)) = score(customer, columns);
    }
    return scores;
  }

 private:
  math::Matrix empty() const {
    return {1, static_cast<std::int64_t>(window_.tested.size()),
            std::numeric_limits<double>::quiet_NaN()};
  }
  double score(std::int32_t customer, std::span<const std::int32_t> list) const {
    return learn::score_list(list, window_.split.test.columns_of(customer), kListLength).ndcg;
  }
  std::vector<recommend::HistoryEntry> history_of(const Model& model, std::int32_t customer) const {
    const auto columns = window_.split.train.columns_of(customer);
    const auto weights = window_.split.train.weights_of(customer);
    const auto times = window_.split.train.times_of(customer);
    std::vector<recommend::HistoryEntry> history;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto column = model.column(data_.items[static_cast<std::size_t>(columns[i])]);
      if (column) history.push_back({*column, weights[i], times[i]});
    }
    return history;
  }

  const Window& window_;
  const TasteData& data_;
  int threads_;
  Progress& progress_;
};

// The current version's score minus the new one's. Absent: there is too little to compare by.
Result<std::optional<learn::Interval>> difference(const ModelRegistry& registry,
                                                  const ModelMeta& current, const NewModel& made,
                                                  int threads, Progress& progress) {
  const std::optional<Window> window = open_window(made.data, made.meta.seed);
  if (!window) return std::nullopt;
  const bool before = current.trained_at <= window->split.cut;
  if (!before && configured_alike(current, made.meta)) return learn::Interval{};
  const Comparison comparison(*window, made.data, threads, progress);
  const auto of_current = [&]() -> Result<math::Matrix> {
    if (!before) return comparison.score_parameters(current);
    ATTUNE_ASSIGN_OR_RETURN(const Model model, registry.load(current.name));
    return comparison.score_model(model);
  };
  const auto old_scores = of_current();
  const auto new_scores = comparison.score_parameters(made.meta);
  for (const auto* scores : {&old_scores, &new_scores}) {
    if (*scores) continue;
    if (scores->error().code == ErrorCode::cancelled) return std::unexpected(scores->error());
    return std::nullopt;
  }
  learn::BootstrapOptions bootstrap;
  bootstrap.threads = threads;
  return learn::PairedBootstrap({&*old_scores, &*new_scores}, bootstrap).difference(0, 1);
}

}  // namespace

Result<std::string> reason_to_keep_aside(const ModelRegistry& registry, const NewModel& made,
                                         int threads, Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<ModelMeta> all, registry.list());
  const auto current = std::ranges::find_if(
      all, [&](const ModelMeta& m) { return m.current && m.name == made.meta.name; });
  if (current == all.end()) return std::string();
  const std::string remedy =
      fmt::format("attune models activate {} VERSION serves it all the same", made.meta.name);
  if (current->weights == made.meta.weights &&
      static_cast<double>(made.meta.pairs) < kShrunk * static_cast<double>(current->pairs)) {
    return fmt::format("kept aside: it learned from {} interactions, version {} from {}; {}",
                       with_thousands(made.meta.pairs), current->version,
                       with_thousands(current->pairs), remedy);
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::optional<learn::Interval> behind,
                          difference(registry, *current, made, threads, progress));
  const std::string measured =
      behind ? fmt::format(
                   "on the newest tenth of the events its ndcg@{} is {:.4f} below that of "
                   "version {} (interval {:.4f} to {:.4f})",
                   kListLength, behind->mean, current->version, behind->low, behind->high)
             : "there are too few events to compare them by";
  if (current->held && !(behind && behind->high < 0)) {
    return fmt::format("kept aside: version {} was made current by hand, and {}; {}",
                       current->version, measured, remedy);
  }
  if (behind && behind->low > 0) return fmt::format("kept aside: {}; {}", measured, remedy);
  return std::string();
}

}  // namespace attune::engine
