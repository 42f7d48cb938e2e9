// Comparison of recommenders on held-out interactions. Answers: which one, how good, how sure, and
// at what cost in time?
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/learn/bootstrap.h"
#include "attune/learn/splits.h"
#include "attune/recommend/interactions.h"

namespace attune::recommend {

// One entrant: a name of make_recommender with the parameters that differ from the defaults.
struct Entrant {
  std::string recommender;
  std::vector<std::pair<std::string, std::string>> parameters = {};
  std::string label = {};  // shown in the leaderboard; empty: the name
};

enum class Candidates : std::uint8_t {
  // Every item of the catalogue but those of the customer's train row.
  full,
  // Each test item among `sampled_negatives` drawn uniformly from the items that the customer never
  // met; a tie counts against the recommender. Never comparable with full ranking
  // [KricheneRendle2020]: metric names then begin with "sampled_".
  sampled,
};

struct EvaluateOptions {
  learn::SplitOptions split = {};
  std::vector<std::uint64_t> seeds = {1};  // of split and fit, one run each
  std::vector<int> k = {10};
  Candidates candidates = Candidates::full;
  int sampled_negatives = 100;
  bool diversity = true;  // costs k^2 / 2 sparse products a customer
  learn::BootstrapOptions bootstrap = {};
  int threads = 0;
  Progress* progress = nullptr;
};

// Metrics by name: "precision@10", "recall@10", "ndcg@10", "map@10", "mrr@10", "hit_rate@10" (per
// customer, with bootstrap intervals over customers and seeds), "coverage@10", "novelty@10",
// "diversity@10", "gini_exposure@10" (over all lists: low and high are the smallest and largest of
// the seeds). Definitions: learn/ranking_metrics.h.
struct LeaderboardRow {
  std::string recommender;                                           // the label
  std::string algorithm;                                             // the name of make_recommender
  std::vector<std::pair<std::string, std::string>> parameters = {};  // all of them, as fitted
  std::map<std::string, learn::Interval> metrics = {};
  // The first row's value minus this row's, paired over the same draws; per-customer metrics only.
  std::map<std::string, learn::Interval> behind_best = {};
  double fit_seconds = 0;        // mean over seeds, wall
  double recommend_seconds = 0;  // mean over seeds, wall, lists of all tested customers
  std::vector<std::string> warnings = {};
};

struct Leaderboard {
  std::string split;       // "random", "leave-one-out", "time"
  std::string candidates;  // "full", "sampled-100"
  std::string sorted_by;   // "ndcg@10": the first k
  std::int32_t customers = 0;
  std::int32_t items = 0;
  std::int64_t train_pairs = 0;       // of the first seed
  std::int64_t test_pairs = 0;        // of the first seed
  std::int64_t customers_tested = 0;  // of the first seed: those with train and test items
  std::vector<std::uint64_t> seeds;
  std::vector<int> k;
  std::vector<LeaderboardRow> rows;  // best first
};

// Splits once per seed, fits every entrant on train, ranks, scores. Customers without train items
// are left out of the test.
// Errors: those of the split and of the entrants (named in the context), invalid_argument (no
// entrants, seeds or k; two entrants of one label), cancelled.
// Determinism: everything but the seconds.
Result<Leaderboard> evaluate(const InteractionLog& log, const std::vector<Entrant>& entrants,
                             const EvaluateOptions& options);

}  // namespace attune::recommend
