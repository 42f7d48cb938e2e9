// The 20 best of n rows of 64 numbers by product: every row in full, beside the rows that 8 bits
// cannot rule out. The lists are compared before anything is timed.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "attune/base/random.h"
#include "attune/math/kernels.h"
#include "attune/math/quantised_rows.h"

namespace {

using namespace attune;
using namespace attune::math;

constexpr int kListed = 20;
constexpr std::int64_t kQueries = 16;

// Lengths fall with the row, as those of items do from the popular to the rare.
MatrixF make_rows(std::int64_t rows, std::uint64_t seed) {
  MatrixF matrix(rows, 64);
  for (std::int64_t r = 0; r < rows; ++r) {
    Rng rng(seed, "bench", static_cast<std::uint64_t>(r));
    const double length =
        1 / std::sqrt(1 + 50. * static_cast<double>(r) / static_cast<double>(rows));
    for (float& value : matrix.row(r)) value = static_cast<float>(length * rng.normal());
  }
  return matrix;
}

std::vector<ScoredIndex> in_full(const MatrixF& rows, std::span<const float> x,
                                 std::vector<float>& scores) {
  dot_rows(rows.data(), x, scores);
  TopK top = TopK::create(kListed).value();
  top.offer(scores, 0);
  return top.best();
}

struct Case {
  explicit Case(std::int64_t n)
      : rows(make_rows(n, 1)),
        queries(make_rows(kQueries, 2)),
        scores(static_cast<std::size_t>(n)) {}
  MatrixF rows, queries;
  std::vector<float> scores;
};

void every_row(benchmark::State& state) {
  Case bench(state.range(0));
  std::int64_t query = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        in_full(bench.rows, bench.queries.row(query++ % kQueries), bench.scores));
}

void ruled_out(benchmark::State& state) {
  Case bench(state.range(0));
  const QuantisedRows quantised(bench.rows);
  for (std::int64_t q = 0; q < kQueries; ++q) {
    if (quantised.best(bench.rows, bench.queries.row(q), kListed) !=
        in_full(bench.rows, bench.queries.row(q), bench.scores))
      state.SkipWithError("another list");
  }
  std::int64_t query = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        quantised.best(bench.rows, bench.queries.row(query++ % kQueries), kListed));
}

BENCHMARK(every_row)->Arg(5'000)->Arg(50'000)->Arg(500'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(ruled_out)->Arg(5'000)->Arg(50'000)->Arg(500'000)->Unit(benchmark::kMicrosecond);

}  // namespace
