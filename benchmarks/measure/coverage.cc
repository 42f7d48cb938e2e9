// How often the intervals of `measure` hold the truth. Each run draws customers anew from a
// population whose truth is known and asks analyse(); a line for each figure:
//   coverage NAME SHARE     of runs whose interval holds the truth
//   called NAME SHARE       of runs without any effect whose p value is below .05
//   sequential NAME SHARE   of runs without any effect that any of 30 daily looks calls
//   width NAME RATIO        of the sequential interval at the planned end to the fixed one
//   narrowing NAME RATIO    of CUPED's narrowing to sqrt(1 - rho²), rho known
#include <cmath>
#include <cstdio>
#include <map>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "attune/base/random.h"
#include "attune/measure/experiment.h"
#include "shop.h"

namespace attune::coverage {
namespace {

struct Options {
  std::int64_t runs = 2000;
  std::uint64_t seed = 1;
};

// Shares of runs, by name.
class Tally {
 public:
  void count(const std::string& name, bool yes) {
    auto& [all, hits] = counts_[name];
    ++all;
    hits += yes ? 1 : 0;
  }
  void print(const char* kind) const {
    for (const auto& [name, count] : counts_) {
      fmt::print("{} {} {:.4f}\n", kind, name,
                 static_cast<double>(count.second) / static_cast<double>(count.first));
    }
  }

 private:
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> counts_;
};

measure::Experiment analysed(const measure::ExperimentData& data, std::int64_t planned = 0) {
  auto result = measure::analyse(data, {.planned = planned});
  if (!result) {
    fmt::print(stderr, "{}\n", to_string(result.error()));
    std::exit(1);
  }
  return *std::move(result);
}

bool holds(const measure::Estimate& interval, double value) {
  return interval.low <= value && value <= interval.high;
}

void count_coverage(Tally& tally, const std::string& suffix, const measure::Experiment& result,
                    const std::vector<Treatment>& treatments) {
  for (const auto& metric : result.metrics) {
    bool all = true;
    for (const auto& comparison : metric.comparisons) {
      const double control = truth(metric.name, {});
      const double treated = truth(metric.name, treatments[comparison.arm - 1]);
      const std::string name = metric.name + suffix;
      // An interval that is not given covers nothing.
      const auto& difference = comparison.difference;
      all = all && difference && holds(comparison.corrected->absolute, treated - control);
      if (comparison.arm != 1) continue;
      tally.count(name, difference && holds(difference->absolute, treated - control));
      tally.count(name + ".relative", difference && difference->relative &&
                                          holds(*difference->relative, treated / control - 1));
    }
    tally.count(metric.name + suffix + ".both", all);
  }
}

// Two treatments, 30 % held out, with and without a covariate.
void run_effects(const Options& options) {
  const std::vector<double> shares{.3, .35, .35};
  const std::vector<Treatment> treatments{
      {.conversion = .02, .orders = .15, .basket = .05, .clicks = .15},
      {.conversion = -.01, .orders = .05, .basket = -.05, .clicks = 0}};
  Tally tally;
  for (std::int64_t run = 0; run < options.runs; ++run) {
    Rng random(options.seed, "coverage.effects", static_cast<std::uint64_t>(run));
    const Rows rows = draw(random, 5000, shares, treatments);
    measure::ExperimentData data = data_of(rows, rows.arm.size(), 3);
    data.shares = shares;
    count_coverage(tally, "", analysed(data), treatments);
    data.covariates.push_back({"spent_before", rows.spent_before});
    count_coverage(tally, ".cuped", analysed(data), treatments);
  }
  tally.print("coverage");
}

// Nothing is done to anybody.
void run_nothing(const Options& options) {
  Tally tally;
  for (std::int64_t run = 0; run < options.runs; ++run) {
    Rng random(options.seed, "coverage.nothing", static_cast<std::uint64_t>(run));
    const Rows rows = draw(random, 4000, {.5, .5}, {Treatment()});
    measure::ExperimentData data = data_of(rows, rows.arm.size(), 2);
    const measure::Experiment plain = analysed(data);
    for (const auto& metric : plain.metrics) {
      const auto& difference = metric.comparisons[0].difference;
      tally.count(metric.name, difference && difference->p_value < .05);
    }
    data.covariates.push_back({"spent_before", rows.spent_before});
    const measure::Experiment adjusted = analysed(data);
    const auto& revenue = adjusted.metrics[1].comparisons[0].difference;
    tally.count("revenue.cuped", revenue && revenue->p_value < .05);
  }
  tally.print("called");
}

// 100 customers a day for 30 days, looked at every day.
void run_daily(const Options& options) {
  constexpr std::size_t kDays = 30, kDaily = 100;
  Tally tally;
  std::map<std::string, double> widths;
  for (std::int64_t run = 0; run < options.runs; ++run) {
    Rng random(options.seed, "coverage.daily", static_cast<std::uint64_t>(run));
    const Rows rows = draw(random, kDays * kDaily, {.5, .5}, {Treatment()});
    std::map<std::string, bool> called;
    for (std::size_t day = 1; day <= kDays; ++day) {
      const auto data = data_of(rows, day * kDaily, 2);
      const measure::Experiment looked = analysed(data, kDays * kDaily);
      for (const auto& metric : looked.metrics) {
        const auto& difference = metric.comparisons[0].difference;
        called[metric.name] |= difference && !holds(difference->absolute, 0);
      }
      if (day < kDays) continue;
      const measure::Experiment fixed = analysed(data);
      for (std::size_t m = 0; m < looked.metrics.size(); ++m) {
        const auto width = [m](const measure::Experiment& e) {
          const auto& absolute = e.metrics[m].comparisons[0].difference.value().absolute;
          return absolute.high - absolute.low;
        };
        widths[looked.metrics[m].name] +=
            width(looked) / width(fixed) / static_cast<double>(options.runs);
      }
    }
    for (const auto& [name, yes] : called) tally.count(name, yes);
  }
  tally.print("sequential");
  for (const auto& [name, width] : widths) fmt::print("width {} {:.4f}\n", name, width);
}

// Metric and covariate normal with a correlation that is known.
void run_cuped(const Options& options) {
  constexpr std::size_t kCustomers = 1000;
  Tally tally;
  for (const double rho : {.3, .6, .9}) {
    double narrowing = 0;
    const std::string name = fmt::format("rho_{}", rho);
    for (std::int64_t run = 0; run < options.runs; ++run) {
      Rng random(options.seed, "coverage.cuped." + name, static_cast<std::uint64_t>(run));
      std::vector<std::int32_t> arm;
      std::vector<double> before, after;
      for (std::size_t i = 0; i < kCustomers; ++i) {
        arm.push_back(random.chance(.5) ? 1 : 0);
        before.push_back(random.normal());
        after.push_back(rho * before.back() + std::sqrt(1 - rho * rho) * random.normal() +
                        .2 * arm.back());
      }
      measure::ExperimentData data;
      data.arms = {"control", "treatment"};
      data.arm = arm;
      data.metrics = {{"after", after}};
      data.covariates = {{"before", before}};
      const auto result = analysed(data);
      const auto& comparison = result.metrics[0].comparisons[0];
      narrowing += comparison.narrowing / static_cast<double>(options.runs);
      tally.count("normal." + name, holds(comparison.difference.value().absolute, .2));
    }
    fmt::print("narrowing {} {:.4f}\n", name, narrowing / std::sqrt(1 - rho * rho));
  }
  tally.print("coverage");
}

}  // namespace
}  // namespace attune::coverage

int main(int count, char** arguments) {
  using attune::coverage::Options;
  Options options;
  std::string world;
  CLI::App app("How often the intervals of measure hold the truth.", "attune_coverage");
  app.add_option("world", world, "effects, nothing, daily or cuped")
      ->required()
      ->check(CLI::IsMember({"effects", "nothing", "daily", "cuped"}));
  app.add_option("--runs", options.runs, "draws of customers")->capture_default_str();
  app.add_option("--seed", options.seed, "of every draw")->capture_default_str();
  CLI11_PARSE(app, count, arguments);
  const std::map<std::string, void (*)(const Options&)> worlds{
      {"effects", attune::coverage::run_effects},
      {"nothing", attune::coverage::run_nothing},
      {"daily", attune::coverage::run_daily},
      {"cuped", attune::coverage::run_cuped}};
  worlds.at(world)(options);
  return 0;
}
