// Fit and list times over sizes, on interactions with a long-tailed catalogue.
#include <benchmark/benchmark.h>

#include <cmath>

#include "attune/base/random.h"
#include "attune/recommend/recommender.h"

namespace {

using namespace attune;
using namespace attune::recommend;

// `customers` with 20 items each of customers / 4 items; an item's share falls with its number.
Interactions make_interactions(std::int64_t customers) {
  const auto items = static_cast<std::int32_t>(customers / 4);
  InteractionLog log{.customers = static_cast<std::int32_t>(customers), .items = items};
  for (std::int32_t c = 0; c < log.customers; ++c) {
    Rng rng(1, "bench", static_cast<std::uint64_t>(c));
    for (int n = 0; n < 20; ++n) {
      const double u = rng.uniform();
      log.events.push_back({c, static_cast<std::int32_t>(u * u * items), 1, {}});
    }
  }
  return Interactions::from_log(log).value();
}

void fit(benchmark::State& state, const char* name) {
  const Interactions interactions = make_interactions(state.range(0));
  (void)interactions.by_item();
  for (auto _ : state) {
    auto recommender = make_recommender(name).value();
    if (!recommender->fit(interactions, {.threads = 1})) state.SkipWithError("the fit failed");
  }
  state.counters["pairs"] = static_cast<double>(interactions.pairs());
}

void recommend_everyone(benchmark::State& state, const char* name) {
  const Interactions interactions = make_interactions(state.range(0));
  auto recommender = make_recommender(name).value();
  if (!recommender->fit(interactions, {.threads = 1})) state.SkipWithError("the fit failed");
  BatchOptions options;
  options.threads = 1;
  for (auto _ : state) {
    std::int64_t listed = 0;
    const Status status = recommender->recommend_all(
        options, [&](std::int32_t, std::span<const ScoredIndex> list) -> Status {
          listed += static_cast<std::int64_t>(list.size());
          return {};
        });
    if (!status || listed == 0) state.SkipWithError("no lists");
  }
  state.SetItemsProcessed(state.iterations() * interactions.customers());
}

BENCHMARK_CAPTURE(fit, item_knn, "item_knn")->Arg(1000)->Arg(4000)->Arg(16000);
BENCHMARK_CAPTURE(fit, ials, "ials")->Arg(1000)->Arg(4000)->Arg(16000);
BENCHMARK_CAPTURE(recommend_everyone, item_knn, "item_knn")->Arg(1000)->Arg(4000)->Arg(16000);
BENCHMARK_CAPTURE(recommend_everyone, user_knn, "user_knn")->Arg(1000)->Arg(4000)->Arg(16000);
BENCHMARK_CAPTURE(recommend_everyone, ials, "ials")->Arg(1000)->Arg(4000)->Arg(16000);

}  // namespace
