#include "ials.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/math/kernels.h"
#include "attune/math/principal_axes.h"
#include "attune/math/ranked_rows.h"
#include "attune/math/solve.h"
#include "fit_loop.h"
#include "ials_solver.h"
#include "ials_sweep.h"

namespace attune::recommend {
namespace {

using math::MatrixF;

const ParameterTable<IalsParameters>& ials_table() {
  static const auto table = [] {
    using P = IalsParameters;
    ParameterTable<P> t;
    t.integer("factors", &P::factors, 1, 4096, "", "length of a customer's and an item's vector");
    t.integer("iterations", &P::iterations, 1, 10'000, "",
              "sweeps over customers and items, at most");
    t.real("alpha", &P::alpha, 0, 1e6, "",
           "weight of a pair without interaction, where an interaction weighs 1; 0: chosen from "
           "the density");
    t.real("regularisation", &P::regularisation, 0, 1e6, "", "pulls vectors towards 0");
    t.real("regularisation_exponent", &P::regularisation_exponent, 0, 2, "",
           "1: grows with the row's interactions, 0: the same for all");
    t.real("init_deviation", &P::init_deviation, 0, 100, "",
           "deviation of a first vector's length");
    t.choice("weights", &P::weights, {"binary", "linear", "log"},
             "how an interaction's weight counts");
    t.choice("solver", &P::solver, {"cholesky", "conjugate_gradient", "subspace"},
             "how a row is improved: exactly, by a few steps, or exactly in blocks of factors");
    t.integer("conjugate_gradient_steps", &P::conjugate_gradient_steps, 1, 1000, "",
              "steps a row and sweep");
    t.integer("subspace", &P::subspace, 1, 4096, "factors",
              "size of a block, rounded up to a multiple of 16");
    t.real("tolerance", &P::tolerance, 0, 1, "",
           "stops once the objective falls by a smaller share; 0: never before `iterations`");
    return t;
  }();
  return table;
}

// One stream a row: the start does not depend on other rows.
MatrixF random_vectors(std::int64_t rows, const IalsParameters& parameters,
                       const FitOptions& options, std::string_view purpose) {
  MatrixF vectors(rows, parameters.factors);
  const double deviation =
      parameters.init_deviation / std::sqrt(static_cast<double>(parameters.factors));
  math::parallel_for(rows, 256, options.threads, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      Rng rng(options.seed, purpose, static_cast<std::uint64_t>(r));
      for (float& value : vectors.row(r)) value = static_cast<float>(deviation * rng.normal());
    }
  });
  return vectors;
}

double alpha_for(const Interactions& interactions) {
  const double all = static_cast<double>(interactions.customers()) * interactions.items();
  return std::min(1.0, Ials::kAlphaPerDensity * static_cast<double>(interactions.pairs()) / all);
}

// Best first by cosine with `query`; rows of length 0 and row `except` are left out.
std::vector<ScoredIndex> nearest_vectors(const MatrixF& vectors, std::span<const float> query,
                                         std::int64_t except, int k, const ItemFilter& filter) {
  auto top = math::TopK::create(k);
  const float length = std::sqrt(math::dot(query, query));
  if (!top || !(length > 0)) return {};
  for (std::int64_t r = 0; r < vectors.rows(); ++r) {
    const auto index = static_cast<std::int32_t>(r);
    const bool refused =
        r == except || (!filter.allowed.empty() && !filter.allowed[static_cast<std::size_t>(r)]) ||
        (filter.accepts && !filter.accepts(index));
    const float squares = math::dot(vectors.row(r), vectors.row(r));
    if (refused || !(squares > 0)) continue;
    const ScoredIndex entry{math::dot(vectors.row(r), query) / (length * std::sqrt(squares)),
                            index};
    top->offer(std::span(&entry, 1));
  }
  return top->best();
}

MatrixF transposed(const MatrixF& m) {
  MatrixF result(m.columns(), m.rows());
  for (std::int64_t i = 0; i < m.rows(); ++i) {
    for (std::int64_t j = 0; j < m.columns(); ++j) result(j, i) = m(i, j);
  }
  return result;
}

// Alternating sweeps over one data set.
class Fit {
 public:
  Fit(const Interactions& interactions, const IalsParameters& parameters,
      const IalsConfidence& confidence, const FitOptions& options)
      : interactions_(interactions),
        parameters_(parameters),
        options_(options),
        by_customer_(interactions.by_customer(), parameters, confidence, interactions.items(),
                     options.threads),
        by_item_(interactions.by_item(), parameters, confidence, interactions.customers(),
                 options.threads),
        customers_(interactions.customers(), math::padded_columns(parameters.factors)),
        items_(
            pad_columns(random_vectors(interactions.items(), parameters, options, "ials items"))) {}

  // One iteration: customers, then items.
  Status iterate() {
    face(items_, customers_, by_customer_);
    ATTUNE_RETURN_IF_ERROR(by_customer_.improve(seen(items_), customers_, options_));
    face(customers_, items_, by_item_);
    return by_item_.improve(seen(customers_), items_, options_);
  }

  // The last half sweep: invariant (1) of Ials. Then the axes are those of the start again, so that
  // vectors do not depend on what turned them.
  Status finish() {
    face(items_, customers_, by_customer_);
    ATTUNE_RETURN_IF_ERROR(by_customer_.finish(seen(items_), customers_, options_));
    if (turned_.rows() == 0) return {};
    const MatrixF back = transposed(turned_);
    math::turn(items_, back, options_.threads);
    math::turn(customers_, back, options_.threads);
    return {};
  }

  // What is minimised, per interaction, after iterate(). The sum over all pairs is the product of
  // the two Gramians.
  double objective() const {
    const MatrixF items = math::gramian(items_, options_.threads);
    double all_pairs = 0;
    for (std::size_t i = 0; i < items.data().size(); ++i)
      all_pairs += double{items.data()[i]} * gramian_.data()[i];
    const double ridges = by_customer_.objective(items_, customers_, true, options_.threads) +
                          by_item_.objective(customers_, items_, false, options_.threads);
    return (parameters_.alpha * all_pairs + ridges) / static_cast<double>(interactions_.pairs());
  }

  MatrixF take_customers() { return cut_columns(std::move(customers_), parameters_.factors); }
  MatrixF take_items() { return cut_columns(std::move(items_), parameters_.factors); }

 private:
  OtherSide seen(const MatrixF& vectors) const { return {vectors, gramian_, along_axes_}; }

  // Makes `seen` ready for a half sweep that improves the other side: its Gramian, and where that
  // pays both sides turned to its principal axes.
  void face(MatrixF& seen, MatrixF& improved, const IalsSweep& sweep) {
    gramian_ = math::gramian(seen, options_.threads);
    along_axes_ = sweep.worth_turning(seen.rows());
    if (!along_axes_) return;
    const math::PrincipalAxes found = math::principal_axes(gramian_, parameters_.factors);
    math::turn(seen, found.axes, options_.threads);
    sweep.turn_starts(improved, found.axes, options_.threads);
    if (turned_.rows() == 0)
      turned_ = found.axes;
    else
      math::turn(turned_, found.axes, options_.threads);
    std::ranges::fill(gramian_.data(), 0.0f);
    for (std::int64_t j = 0; j < gramian_.rows(); ++j)
      gramian_(j, j) = found.strengths[static_cast<std::size_t>(j)];
  }

  const Interactions& interactions_;
  const IalsParameters& parameters_;
  const FitOptions& options_;
  IalsSweep by_customer_, by_item_;
  MatrixF customers_, items_;
  MatrixF gramian_;          // of the side that is seen
  bool along_axes_ = false;  // gramian_ is a diagonal
  MatrixF turned_;           // from the axes of the start to those of now; none: the same
};

}  // namespace

Ials::Ials() : Parameterised(ials_table()) {}

Result<FitReport> Ials::fit_model(const FitOptions& options) {
  effective_ = settings();
  IalsParameters& p = effective_;
  if (p.alpha == 0) p.alpha = alpha_for(interactions());
  confidence_ = IalsConfidence(p.weights, interactions().by_customer());
  Fit fit(interactions(), p, confidence_, options);
  FitReport report{.converged = false, .iterations = 0, .objective = 0, .warnings = {}};
  if (options.progress) options.progress->phase("fitting ials", p.iterations + 1, "sweeps");
  double fall = 1, before = 0;
  while (report.iterations < p.iterations && (p.tolerance == 0 || fall > p.tolerance)) {
    ATTUNE_RETURN_IF_ERROR(fit.iterate());
    ++report.iterations;
    // The objective costs as much as a step: it is worked out where somebody asks for it.
    if (p.tolerance > 0 || report.iterations >= p.iterations - 1) {
      report.objective = fit.objective();
      fall = before == 0 ? 1 : (before - report.objective) / report.objective;
      before = report.objective;
    }
    if (options.progress) options.progress->advance(report.iterations);
  }
  ATTUNE_RETURN_IF_ERROR(fit.finish());
  customers_ = fit.take_customers();
  items_ = fit.take_items();
  if (options.progress) options.progress->advance(p.iterations + 1);
  prepare_items(options.threads);
  report.converged = fall <= std::max(p.tolerance, 1e-3);
  if (!std::isfinite(report.objective)) {
    return std::unexpected(
        failed_precondition("the vectors grew beyond all bounds; raise regularisation, or let "
                            "weights be log or binary"));
  }
  if (!report.converged) {
    report.warnings.push_back(fmt::format(
        "the last of {} iterations still lowered the objective by {:.2g} %; more may help",
        p.iterations, 100 * fall));
  }
  return report;
}

std::vector<std::uint8_t> Ials::met_items() const {
  std::vector<std::uint8_t> met(static_cast<std::size_t>(items_.rows()));
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(met.size()); ++i)
    met[static_cast<std::size_t>(i)] = interactions().by_item().row_size(i) > 0;
  return met;
}

void Ials::prepare_items(int threads) {
  item_gramian_ = math::gramian(items_, threads);
  quantised_items_ = math::QuantisedRows(items_, met_items());
}

IalsSystem Ials::system() const { return {items_, item_gramian_, effective_, confidence_}; }

std::vector<float> Ials::vector_of(const HistoryView& history) const {
  if (history.customer >= 0) {
    const auto row = customers_.row(history.customer);
    return {row.begin(), row.end()};
  }
  std::vector<float> vector(static_cast<std::size_t>(items_.columns()), 0);
  IalsSystem::Scratch scratch;
  system().solve(history.items, history.weights, IalsSolver::cholesky, scratch, vector);
  return vector;
}

void Ials::score_all(const HistoryView& history, std::span<float> scores) const {
  if (history.items.empty()) return;
  math::dot_rows(items_.data(), vector_of(history), scores);
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(scores.size()); ++i) {
    if (interactions().by_item().row_size(i) == 0)
      scores[static_cast<std::size_t>(i)] = std::nanf("");
  }
}

std::vector<ScoredIndex> Ials::find_best(const HistoryView& history, const ListOptions& options,
                                         std::vector<float>&) const {
  if (history.items.empty()) return {};
  math::RowFilter filter{.allowed = options.filter.allowed, .accepts = options.filter.accepts};
  if (!options.include_seen) filter.left_out = history.items;
  return quantised_items_.best(items_, vector_of(history), options.k, filter);
}

Recommender::BlockLists Ials::prepare_blocks(const BatchOptions& options) const {
  static_assert(kBlock <= math::RankedRows::kBlock);
  auto ranked = std::make_shared<const math::RankedRows>(items_, met_items(), options.every_score);
  return [this, ranked, list = options.list](std::span<const HistoryView> histories,
                                             std::span<std::vector<ScoredIndex>> lists) {
    std::vector<math::RowQuery> queries;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < histories.size(); ++i) {
      const HistoryView& history = histories[i];
      lists[i].clear();
      if (history.items.empty()) continue;  // nothing to go by
      queries.push_back(
          {.x = customers_.row(history.customer),
           .left_out = list.include_seen ? std::span<const std::int32_t>{} : history.items});
      places.push_back(i);
    }
    std::vector<std::vector<ScoredIndex>> found(queries.size());
    ranked->best(queries, list.k, {.allowed = list.filter.allowed, .accepts = list.filter.accepts},
                 found);
    for (std::size_t i = 0; i < places.size(); ++i) lists[places[i]] = std::move(found[i]);
  };
}

void Ials::score_some(const HistoryView& history, std::span<const std::int32_t> items,
                      std::span<float> scores) const {
  if (history.items.empty()) return;
  const std::vector<float> vector = vector_of(history);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (interactions().by_item().row_size(items[i]) > 0)
      scores[i] = math::dot(items_.row(items[i]), vector);
  }
}

std::vector<ScoredIndex> Ials::find_similar_items(std::int32_t item, int k,
                                                  const ItemFilter& filter) const {
  return nearest_vectors(items_, items_.row(item), item, k, filter);
}

std::vector<ScoredIndex> Ials::find_similar_customers(const HistoryView& history, int k) const {
  return nearest_vectors(customers_, vector_of(history), history.self, k, {});
}

Explanation Ials::explain_score(const HistoryView& history, std::int32_t item) const {
  Explanation explanation;
  if (history.items.empty()) return explanation;
  IalsSystem::Scratch scratch;
  system().build(history.items, history.weights, scratch);
  std::vector<float> influence(items_.row(item).begin(), items_.row(item).end());
  const bool solved = math::solve_cholesky(scratch.system, influence);
  for (std::size_t j = 0; j < history.items.size(); ++j) {
    const double amount =
        solved ? double{scratch.confidence[j]} * math::dot(items_.row(history.items[j]), influence)
               : 0;
    explanation.contributions.push_back({history.items[j], history.weights[j], amount});
  }
  return explanation;
}

void Ials::drop_customer(std::int32_t customer) {
  std::ranges::fill(customers_.row(customer), 0.0f);
}

void Ials::write_model(math::ByteWriter& out) const {
  out.value(effective_.alpha);
  out.value(confidence_.scale());
  out.matrix(customers_);
  out.matrix(items_);
}

Status Ials::read_model(math::ByteReader& in) {
  effective_ = settings();
  ATTUNE_ASSIGN_OR_RETURN(effective_.alpha, in.value<double>());
  ATTUNE_ASSIGN_OR_RETURN(const float scale, in.value<float>());
  if (!(effective_.alpha >= 0) || !std::isfinite(effective_.alpha) || !(scale > 0) ||
      !std::isfinite(scale)) {
    return std::unexpected(data_corruption("the weights of interactions are no positive numbers"));
  }
  confidence_ = IalsConfidence(effective_.weights, scale);
  ATTUNE_ASSIGN_OR_RETURN(customers_, in.matrix_f());
  ATTUNE_ASSIGN_OR_RETURN(items_, in.matrix_f());
  const bool fits =
      customers_.rows() == interactions().customers() && items_.rows() == interactions().items() &&
      customers_.columns() == settings().factors && items_.columns() == settings().factors;
  if (!fits)
    return std::unexpected(
        data_corruption("the vectors are not those of these customers, items and factors"));
  prepare_items(1);
  return {};
}

}  // namespace attune::recommend
