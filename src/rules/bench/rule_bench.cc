// Rules a second over a table of customers, one thread. The answers are checked against plain C++
// before anything is timed.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "attune/base/random.h"
#include "attune/rules/rule.h"

namespace attune::rules {
namespace {

struct Row {
  double monetary;
  double recency;
  std::string country;
  std::string stage;
  Timestamp last_purchase;
};

class RowSource final : public FieldSource {
 public:
  std::optional<double> number(std::size_t field) const override {
    return field == 0 ? row->monetary : row->recency;
  }
  std::optional<std::string_view> text(std::size_t field) const override {
    return field == 2 ? row->country : row->stage;
  }
  std::optional<Timestamp> time(std::size_t) const override { return row->last_purchase; }
  const Row* row = nullptr;
};

const Timestamp kNow = utc_from_civil({.year = 2011, .month = 7, .day = 1});

std::vector<Row> make_rows(std::size_t count) {
  Rng random(7, "rule_bench");
  const std::string countries[] = {"UK", "法国", "Germany", "United States of America"};
  const std::string stages[] = {"new", "active", "at risk", "lapsed"};
  std::vector<Row> rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows.push_back({random.uniform() * 100'000,
                    random.uniform() * 365,
                    countries[random.below(4)],
                    stages[random.below(4)],
                    {kNow.micros - static_cast<std::int64_t>(random.below(400)) * kMicrosPerDay}});
  }
  return rows;
}

Schema make_schema() {
  return Schema::create({{"monetary_cents", Type::number, ""},
                         {"recency_days", Type::number, ""},
                         {"country", Type::text, ""},
                         {"stage", Type::text, ""},
                         {"last_purchase", Type::time, ""}})
      .value();
}

void run(benchmark::State& state, const char* text, const std::function<bool(const Row&)>& plain) {
  const Rule rule = Rule::parse(text, make_schema()).value();
  const std::vector<Row> rows = make_rows(static_cast<std::size_t>(state.range(0)));
  RowSource source;
  for (const Row& row : rows) {
    source.row = &row;
    if (rule.matches(source, kNow) != plain(row)) std::abort();
  }
  std::int64_t held = 0;
  for (auto _ : state) {
    for (const Row& row : rows) {
      source.row = &row;
      held += rule.matches(source, kNow);
    }
    benchmark::DoNotOptimize(held);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.size()));
}

void one_comparison(benchmark::State& state) {
  run(state, "monetary_cents > 50000", [](const Row& r) { return r.monetary > 50000; });
}
void two_comparisons(benchmark::State& state) {
  run(state, "monetary_cents > 50000 and recency_days < 30",
      [](const Row& r) { return r.monetary > 50000 && r.recency < 30; });
}
void text_and_list(benchmark::State& state) {
  run(state, "stage == \"at risk\" or not (country in [\"UK\", \"法国\"])", [](const Row& r) {
    return r.stage == "at risk" || !(r.country == "UK" || r.country == "法国");
  });
}
void clock_and_arithmetic(benchmark::State& state) {
  run(state, "last_purchase > days_ago(30) and monetary_cents / (recency_days + 1) > 500",
      [](const Row& r) {
        return r.last_purchase.micros > kNow.micros - 30 * kMicrosPerDay &&
               r.monetary / (r.recency + 1) > 500;
      });
}
void parsing(benchmark::State& state) {
  const Schema schema = make_schema();
  for (auto _ : state) {
    benchmark::DoNotOptimize(Rule::parse("monetary_cents > 50000 and recency_days < 30", schema));
  }
}

BENCHMARK(one_comparison)->Arg(1'000)->Arg(30'000)->Arg(1'000'000);
BENCHMARK(two_comparisons)->Arg(1'000)->Arg(30'000)->Arg(1'000'000);
BENCHMARK(text_and_list)->Arg(1'000)->Arg(30'000)->Arg(1'000'000);
BENCHMARK(clock_and_arithmetic)->Arg(1'000)->Arg(30'000)->Arg(1'000'000);
BENCHMARK(parsing);

}  // namespace
}  // namespace attune::rules

BENCHMARK_MAIN();
