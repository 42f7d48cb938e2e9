#include "attune/recommend/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/learn/ranking_metrics.h"
#include "attune/math/parallel.h"
#include "attune/recommend/recommender.h"

namespace attune::recommend {
namespace {

using learn::CatalogueScores;
using learn::ListScores;
using learn::Split;
using math::Matrix;

struct ListMetric {
  const char* name;
  double ListScores::* value;
};
constexpr ListMetric kListMetrics[] = {{"precision", &ListScores::precision},
                                       {"recall", &ListScores::recall},
                                       {"ndcg", &ListScores::ndcg},
                                       {"map", &ListScores::map},
                                       {"mrr", &ListScores::mrr},
                                       {"hit_rate", &ListScores::hit_rate}};

struct CatalogueMetric {
  const char* name;
  double (CatalogueScores::*value)() const;
};
constexpr CatalogueMetric kCatalogueMetrics[] = {
    {"coverage", &CatalogueScores::coverage},
    {"novelty", &CatalogueScores::novelty},
    {"diversity", &CatalogueScores::diversity},
    {"gini_exposure", &CatalogueScores::gini_exposure}};

constexpr double kNotTested = std::numeric_limits<double>::quiet_NaN();

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Everything measured of one entrant.
struct Record {
  Entrant entrant;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::map<std::string, Matrix> per_customer;                // (seeds, customers)
  std::map<std::string, std::vector<double>> per_catalogue;  // per seed
  double fit_seconds = 0;
  double recommend_seconds = 0;
  std::vector<std::string> warnings;
};

// One seed's split, ready to be asked.
struct Round {
  std::size_t seed_place = 0;
  std::uint64_t seed = 0;
  Split split;
  Interactions train;
  std::vector<std::int32_t> tested;
};

class Evaluation {
 public:
  Evaluation(const InteractionLog& log, const EvaluateOptions& options)
      : log_(log), options_(options) {}

  Result<Leaderboard> run(const std::vector<Entrant>& entrants);

 private:
  Status check(const std::vector<Entrant>& entrants) const;
  Result<Round> start_round(std::size_t seed_place);
  Status measure(const Round& round, Record& record);
  Status rank_catalogue(const Round& round, const Recommender& recommender, Record& record);
  Status rank_samples(const Round& round, const Recommender& recommender, Record& record);
  void note(const Round& round, Record& record, int k, std::int32_t customer,
            const ListScores& scores) const;
  void describe_catalogue(const Round& round, const std::vector<std::vector<std::int32_t>>& lists,
                          Record& record) const;
  std::string metric_name(const char* metric, int k) const;
  void prepare(Record& record) const;
  std::vector<LeaderboardRow> rows(std::vector<Record>& records) const;

  const InteractionLog& log_;
  const EvaluateOptions& options_;
  Leaderboard board_;
};

std::string Evaluation::metric_name(const char* metric, int k) const {
  return fmt::format("{}{}@{}", options_.candidates == Candidates::sampled ? "sampled_" : "",
                     metric, k);
}

Status Evaluation::check(const std::vector<Entrant>& entrants) const {
  if (entrants.empty() || options_.seeds.empty() || options_.k.empty()) {
    return std::unexpected(
        invalid_argument("an evaluation needs at least one recommender, one seed and one k"));
  }
  for (const int k : options_.k) {
    if (k < 1 || k > math::TopK::kMaxK)
      return std::unexpected(
          invalid_argument(fmt::format("k is {}; lists hold 1 to {} items", k, math::TopK::kMaxK)));
  }
  if (options_.candidates == Candidates::sampled && options_.sampled_negatives < 1) {
    return std::unexpected(invalid_argument("sampled ranking needs at least one negative"));
  }
  std::set<std::string> labels;
  for (const Entrant& entrant : entrants) {
    const std::string& label = entrant.label.empty() ? entrant.recommender : entrant.label;
    if (!labels.insert(label).second) {
      return std::unexpected(invalid_argument(
          fmt::format("two recommenders are called '{}'; label them apart", label)));
    }
  }
  return {};
}

Result<Round> Evaluation::start_round(std::size_t seed_place) {
  Round round{.seed_place = seed_place,
              .seed = options_.seeds[seed_place],
              .split = {},
              .train = {},
              .tested = {}};
  ATTUNE_ASSIGN_OR_RETURN(round.split, learn::split_interactions(log_, options_.split, round.seed));
  round.train = Interactions::from_matrix(round.split.train);
  for (std::int32_t c = 0; c < log_.customers; ++c) {
    if (round.split.train.row_size(c) > 0 && round.split.test.row_size(c) > 0)
      round.tested.push_back(c);
  }
  if (round.tested.empty()) {
    return std::unexpected(
        failed_precondition("no customer has both items to learn from and items to test on"));
  }
  if (seed_place == 0) {
    board_.train_pairs = round.split.train.entries();
    board_.test_pairs = round.split.test.entries();
    board_.customers_tested = static_cast<std::int64_t>(round.tested.size());
  }
  return round;
}

void Evaluation::prepare(Record& record) const {
  const auto seeds = static_cast<std::int64_t>(options_.seeds.size());
  for (const int k : options_.k) {
    for (const ListMetric& metric : kListMetrics) {
      record.per_customer[metric_name(metric.name, k)] = Matrix(seeds, log_.customers, kNotTested);
    }
  }
}

void Evaluation::note(const Round& round, Record& record, int k, std::int32_t customer,
                      const ListScores& scores) const {
  for (const ListMetric& metric : kListMetrics) {
    record.per_customer.at(metric_name(metric.name, k))(static_cast<std::int64_t>(round.seed_place),
                                                        customer) = scores.*metric.value;
  }
}

Status Evaluation::measure(const Round& round, Record& record) {
  ATTUNE_ASSIGN_OR_RETURN(const auto recommender, make_recommender(record.entrant.recommender));
  for (const auto& [name, value] : record.entrant.parameters) {
    ATTUNE_RETURN_IF_ERROR(recommender->set_parameter(name, value));
  }
  record.parameters = recommender->parameters();
  const auto runs = static_cast<double>(options_.seeds.size());
  const auto start = std::chrono::steady_clock::now();
  ATTUNE_ASSIGN_OR_RETURN(
      const FitReport report,
      recommender->fit(round.train, {round.seed, options_.threads, options_.progress}));
  record.fit_seconds += seconds_since(start) / runs;
  for (const std::string& warning : report.warnings) {
    if (std::ranges::find(record.warnings, warning) == record.warnings.end())
      record.warnings.push_back(warning);
  }
  return options_.candidates == Candidates::full ? rank_catalogue(round, *recommender, record)
                                                 : rank_samples(round, *recommender, record);
}

Status Evaluation::rank_catalogue(const Round& round, const Recommender& recommender,
                                  Record& record) {
  BatchOptions batch{
      .list = {.k = std::ranges::max(options_.k), .include_seen = false, .filter = {}},
      .customers = round.tested,
      .threads = options_.threads,
      .progress = options_.progress};
  std::vector<std::vector<std::int32_t>> lists;
  lists.reserve(round.tested.size());
  const auto start = std::chrono::steady_clock::now();
  ATTUNE_RETURN_IF_ERROR(recommender.recommend_all(
      batch, [&](std::int32_t, std::span<const ScoredIndex> list) -> Status {
        lists.emplace_back(list.size());
        std::ranges::transform(list, lists.back().begin(), &ScoredIndex::index);
        return {};
      }));
  record.recommend_seconds += seconds_since(start) / static_cast<double>(options_.seeds.size());
  for (const int k : options_.k) {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      const std::int32_t customer = round.tested[i];
      note(round, record, k, customer,
           learn::score_list(lists[i], round.split.test.columns_of(customer), k));
    }
  }
  describe_catalogue(round, lists, record);
  return {};
}

void Evaluation::describe_catalogue(const Round& round,
                                    const std::vector<std::vector<std::int32_t>>& lists,
                                    Record& record) const {
  constexpr std::int64_t kBlock = 512;
  for (const int k : options_.k) {
    CatalogueScores total(round.train.by_item(), k);
    std::vector<CatalogueScores> partial((lists.size() + kBlock - 1) / kBlock, total.empty_copy());
    math::parallel_for(static_cast<std::int64_t>(lists.size()), kBlock, options_.threads,
                       [&](std::int64_t begin, std::int64_t end, int) {
                         for (std::int64_t i = begin; i < end; ++i) {
                           partial[static_cast<std::size_t>(begin / kBlock)].add(
                               lists[static_cast<std::size_t>(i)], options_.diversity);
                         }
                       });
    for (const CatalogueScores& part : partial) total.merge(part);
    for (const CatalogueMetric& metric : kCatalogueMetrics) {
      if (!options_.diversity && std::string_view(metric.name) == "diversity") continue;
      record.per_catalogue[metric_name(metric.name, k)].push_back((total.*metric.value)());
    }
  }
}

// Items drawn uniformly without replacement among those that the customer never met.
std::vector<std::int32_t> draw_negatives(const Round& round, std::int32_t customer, int wanted) {
  const math::CsrMatrix &train = round.split.train, &test = round.split.test;
  Rng rng(round.seed, "sampled negatives", static_cast<std::uint64_t>(customer));
  const std::int64_t free = train.columns() - train.row_size(customer) - test.row_size(customer);
  const auto count = static_cast<std::size_t>(std::min<std::int64_t>(wanted, free));
  std::set<std::int32_t> drawn;
  std::vector<std::int32_t> items;
  while (items.size() < count) {
    const auto item =
        static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(train.columns())));
    if (train.contains(customer, item) || test.contains(customer, item) ||
        !drawn.insert(item).second)
      continue;
    items.push_back(item);
  }
  return items;
}

// 1 + the candidates that score at least as much: a tie counts against the recommender.
std::int64_t rank_of(float score, std::span<const float> others) {
  const auto value = [](float s) {
    return std::isnan(s) ? -std::numeric_limits<float>::infinity() : s;
  };
  return 1 +
         std::ranges::count_if(others, [&](float other) { return value(other) >= value(score); });
}

Status Evaluation::rank_samples(const Round& round, const Recommender& recommender,
                                Record& record) {
  const auto count = static_cast<std::int64_t>(round.tested.size());
  std::vector<std::vector<std::int64_t>> ranks(round.tested.size());
  std::vector<Status> failures(round.tested.size());
  const auto start = std::chrono::steady_clock::now();
  math::parallel_for(count, 8, options_.threads, [&](std::int64_t begin, std::int64_t end, int) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const auto relevant = round.split.test.columns_of(round.tested[i]);
      std::vector<std::int32_t> candidates(relevant.begin(), relevant.end());
      const auto negatives = draw_negatives(round, round.tested[i], options_.sampled_negatives);
      candidates.insert(candidates.end(), negatives.begin(), negatives.end());
      const auto scores = recommender.score(Query::row(round.tested[i]), candidates);
      if (!scores) {
        failures[i] = std::unexpected(scores.error());
        continue;
      }
      const auto others = std::span(*scores).subspan(relevant.size());
      for (std::size_t r = 0; r < relevant.size(); ++r)
        ranks[i].push_back(rank_of((*scores)[r], others));
    }
  });
  record.recommend_seconds += seconds_since(start) / static_cast<double>(options_.seeds.size());
  for (Status& failure : failures) ATTUNE_RETURN_IF_ERROR(failure);
  for (const int k : options_.k) {
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      ListScores mean;
      for (const std::int64_t rank : ranks[i]) {
        const ListScores one = learn::score_rank(rank, k);
        for (const ListMetric& metric : kListMetrics) {
          mean.*metric.value += one.*metric.value / static_cast<double>(ranks[i].size());
        }
      }
      note(round, record, k, round.tested[i], mean);
    }
  }
  return {};
}

learn::Interval over_seeds(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return {sum / static_cast<double>(values.size()), std::ranges::min(values),
          std::ranges::max(values)};
}

std::vector<LeaderboardRow> Evaluation::rows(std::vector<Record>& records) const {
  const auto sort_value = [&](const Record& record) {
    double sum = 0, count = 0;
    for (const double cell : record.per_customer.at(board_.sorted_by).data()) {
      if (std::isnan(cell)) continue;
      sum += cell;
      ++count;
    }
    return sum / count;
  };
  std::ranges::stable_sort(records, std::greater<>{}, sort_value);
  std::vector<LeaderboardRow> rows;
  for (Record& record : records) {
    LeaderboardRow row{.recommender = record.entrant.label.empty() ? record.entrant.recommender
                                                                   : record.entrant.label,
                       .algorithm = record.entrant.recommender,
                       .parameters = record.parameters,
                       .metrics = {},
                       .behind_best = {},
                       .fit_seconds = record.fit_seconds,
                       .recommend_seconds = record.recommend_seconds,
                       .warnings = record.warnings};
    for (const auto& [name, values] : record.per_catalogue) row.metrics[name] = over_seeds(values);
    rows.push_back(std::move(row));
  }
  for (const auto& [name, first] : records.front().per_customer) {
    std::vector<const Matrix*> series;
    for (const Record& record : records) series.push_back(&record.per_customer.at(name));
    learn::BootstrapOptions bootstrap = options_.bootstrap;
    bootstrap.threads = options_.threads;
    const learn::PairedBootstrap intervals(series, bootstrap);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].metrics[name] = intervals.interval(i);
      rows[i].behind_best[name] = intervals.difference(0, i);
    }
  }
  return rows;
}

Result<Leaderboard> Evaluation::run(const std::vector<Entrant>& entrants) {
  ATTUNE_RETURN_IF_ERROR(check(entrants));
  board_.split = learn::name_of(options_.split.kind);
  board_.candidates = options_.candidates == Candidates::full
                          ? "full"
                          : fmt::format("sampled-{}", options_.sampled_negatives);
  board_.sorted_by = metric_name("ndcg", options_.k.front());
  board_.customers = log_.customers;
  board_.items = log_.items;
  board_.seeds = options_.seeds;
  board_.k = options_.k;
  std::vector<Record> records;
  for (const Entrant& entrant : entrants) {
    records.emplace_back();
    records.back().entrant = entrant;
    prepare(records.back());
  }
  for (std::size_t seed_place = 0; seed_place < options_.seeds.size(); ++seed_place) {
    ATTUNE_ASSIGN_OR_RETURN(const Round round, start_round(seed_place));
    for (Record& record : records) {
      const Status status = measure(round, record);
      if (!status) {
        return std::unexpected(
            status.error().within(fmt::format("evaluating {}", record.entrant.recommender)));
      }
    }
  }
  board_.rows = rows(records);
  return board_;
}

}  // namespace

Result<Leaderboard> evaluate(const InteractionLog& log, const std::vector<Entrant>& entrants,
                             const EvaluateOptions& options) {
  return Evaluation(log, options).run(entrants);
}

}  // namespace attune::recommend
