#include "attune/learn/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/base/error.h"
#include "attune/base/random.h"
#include "attune/math/parallel.h"

namespace attune::learn {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// How often each of n things is drawn in n draws with replacement.
std::vector<float> multiplicities(Rng& rng, std::int64_t n) {
  std::vector<float> times(static_cast<std::size_t>(n), 0);
  for (std::int64_t i = 0; i < n; ++i) ++times[rng.below(static_cast<std::uint64_t>(n))];
  return times;
}

// Mean of the cells, each counted as often as its seed times its customer were drawn.
double weighted_mean(const math::Matrix& cells, std::span<const float> seeds,
                     std::span<const float> customers) {
  double sum = 0, weight = 0;
  for (std::int64_t s = 0; s < cells.rows(); ++s) {
    if (seeds[static_cast<std::size_t>(s)] == 0) continue;
    const auto row = cells.row(s);
    double row_sum = 0, row_weight = 0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (std::isnan(row[c])) continue;
      row_sum += customers[c] * row[c];
      row_weight += customers[c];
    }
    sum += seeds[static_cast<std::size_t>(s)] * row_sum;
    weight += seeds[static_cast<std::size_t>(s)] * row_weight;
  }
  return weight == 0 ? kNone : sum / weight;
}

// Quantile by linear interpolation between order statistics; `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

PairedBootstrap::PairedBootstrap(std::vector<const math::Matrix*> series,
                                 const BootstrapOptions& options)
    : confidence_(options.confidence), draws_(series.size()) {
  if (series.empty()) return;
  const std::int64_t seeds = series.front()->rows(), customers = series.front()->columns();
  const std::vector<float> once_seeds(static_cast<std::size_t>(seeds), 1),
      once(static_cast<std::size_t>(customers), 1);
  for (std::size_t i = 0; i < series.size(); ++i) {
    ATTUNE_CHECK(series[i]->rows() == seeds && series[i]->columns() == customers,
                 "series of one shape");
    means_.push_back(weighted_mean(*series[i], once_seeds, once));
    draws_[i].assign(static_cast<std::size_t>(std::max(options.draws, 0)), kNone);
  }
  math::parallel_for(options.draws, 4, options.threads,
                     [&](std::int64_t begin, std::int64_t end, int) {
                       for (std::int64_t draw = begin; draw < end; ++draw) {
                         Rng rng(options.seed, "bootstrap", static_cast<std::uint64_t>(draw));
                         const auto seed_times = multiplicities(rng, seeds);
                         const auto customer_times = multiplicities(rng, customers);
                         for (std::size_t i = 0; i < series.size(); ++i) {
                           draws_[i][static_cast<std::size_t>(draw)] =
                               weighted_mean(*series[i], seed_times, customer_times);
                         }
                       }
                     });
}

Interval PairedBootstrap::interval(std::size_t series) const {
  return summarise(means_[series], draws_[series]);
}

Interval PairedBootstrap::difference(std::size_t a, std::size_t b) const {
  std::vector<double> draws(draws_[a].size());
  std::ranges::transform(draws_[a], draws_[b], draws.begin(), std::minus<>{});
  return summarise(means_[a] - means_[b], std::move(draws));
}

Interval PairedBootstrap::summarise(double mean, std::vector<double> draws) const {
  std::erase_if(draws, [](double d) { return std::isnan(d); });
  if (draws.empty()) return {mean, mean, mean};
  std::ranges::sort(draws);
  const double tail = (1 - confidence_) / 2;
  return {mean, quantile(draws, tail), quantile(draws, 1 - tail)};
}

}  // namespace attune::learn
