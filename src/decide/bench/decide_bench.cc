// Choosing, writing and reading one decision: 20 of 100 candidates.
#include <benchmark/benchmark.h>

#include "attune/decide/decision.h"

namespace attune::decide {
namespace {

std::vector<Candidate> shortlist(std::int64_t n) {
  std::vector<Candidate> candidates;
  for (std::int64_t i = 0; i < n; ++i)
    candidates.push_back({{1000 + i}, 1 / (1 + .37 * static_cast<double>(i))});
  return candidates;
}

void choose_list(benchmark::State& state, std::string_view policy) {
  PolicySpec spec = parse_policy(policy).value();
  spec.shortlist = static_cast<std::size_t>(state.range(0));
  const std::vector<Candidate> candidates = shortlist(state.range(0));
  std::uint64_t seed = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        choose(candidates, static_cast<std::size_t>(state.range(1)), spec, ++seed));
}

Decision sample() {
  Decision decision;
  decision.id = make_id({1'795'324'149'123'456}, 1, 2);
  decision.policy = "plackett-luce:0.5";
  decision.shortlist = shortlist(100);
  decision.chosen = choose(decision.shortlist, 20, parse_policy(decision.policy).value(), 0);
  return decision;
}

void write_decision(benchmark::State& state) {
  const Decision decision = sample();
  for (auto _ : state) benchmark::DoNotOptimize(to_json(decision));
}

void read_decision(benchmark::State& state) {
  const std::string line = to_json(sample());
  for (auto _ : state) benchmark::DoNotOptimize(parse_decision(line));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * line.size()));
}

void replay_decision(benchmark::State& state) {
  const Decision decision = sample();
  for (auto _ : state) benchmark::DoNotOptimize(replay(decision));
}

BENCHMARK_CAPTURE(choose_list, ranking, "ranking")->Args({100, 20});
BENCHMARK_CAPTURE(choose_list, epsilon, "epsilon:0.1")->Args({100, 20});
BENCHMARK_CAPTURE(choose_list, plackett_luce, "plackett-luce:0.5")
    ->Args({20, 4})
    ->Args({100, 20})
    ->Args({500, 100});
BENCHMARK(write_decision);
BENCHMARK(read_decision);
BENCHMARK(replay_decision);

}  // namespace
}  // namespace attune::decide
