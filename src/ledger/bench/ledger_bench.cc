// What reserving and settling takes, by the number of customers in a batch.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <stdlib.h>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "attune/ledger/budget_ledger.h"

namespace attune::ledger {
namespace {

void reserve_and_settle(benchmark::State& run) {
  const std::int64_t n = run.range(0);
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < n; ++i) ids.push_back(fmt::format("01M8RGR080{:016}", i));
  std::vector<Claim> claims;
  std::vector<Settlement> settlements;
  for (const std::string& id : ids) {
    claims.push_back({id, {7, 1}});
    settlements.push_back({id, {6, 1}});
  }
  for (auto _ : run) {
    run.PauseTiming();
    char pattern[] = "/tmp/attune-ledger-bench-XXXXXX";
    const std::filesystem::path folder = ::mkdtemp(pattern);
    {
      std::optional<store::State> state(store::State::open(folder / "state.sqlite").value());
      auto ledger = BudgetLedger::open(*state).value();
      (void)ledger.open_budget("open", "b", {}, {1'000'000'000, 10'000'000}, {});
      run.ResumeTiming();
      (void)ledger.reserve_many("b", claims, {}, {});
      if (run.range(1) != 0) (void)ledger.settle_many(settlements, {});
      run.PauseTiming();
      if (!ledger.check() || ledger.check()->reservations != n)
        run.SkipWithError("the ledger does not balance");
    }
    std::filesystem::remove_all(folder);
    run.ResumeTiming();
  }
  run.counters["each"] =
      benchmark::Counter(static_cast<double>(n), benchmark::Counter::kIsIterationInvariantRate |
                                                     benchmark::Counter::kInvert);
}
BENCHMARK(reserve_and_settle)
    ->ArgNames({"customers", "settle"})
    ->ArgsProduct({{1'000, 100'000, 1'000'000}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
}  // namespace attune::ledger
