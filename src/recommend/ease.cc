#include "ease.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/math/kernels.h"
#include "attune/math/solve.h"
#include "fit_loop.h"

namespace attune::recommend {
namespace {

using math::CsrMatrix;
using math::MatrixF;

const ParameterTable<EaseParameters>& ease_table() {
  static const auto table = [] {
    using P = EaseParameters;
    ParameterTable<P> t;
    t.real("regularisation", &P::regularisation, 1e-3, 1e9, "interactions",
           "pulls coefficients towards 0; more for sparse catalogues' noise, less for detail");
    t.choice("weights", &P::weights, {"binary", "linear", "log"},
             "how an interaction's weight counts");
    t.integer("memory_mb", &P::memory_mb, 1, 1e7, "MiB",
              "a fit that would take more is refused: 4 bytes for each pair of items");
    return t;
  }();
  return table;
}

std::int64_t memory_of(std::int64_t items) {
  const std::int64_t padded = (items + 31) / 32 * 32;
  // A catalogue that is no multiple of 32 is swept in a padded copy.
  return 4 * padded * (padded + 300) + (padded == items ? 0 : 4 * items * items);
}

// Row `item` of X'X, up to the diagonal.
void add_products(const CsrMatrix& by_customer, const CsrMatrix& by_item,
                  std::span<const float> confidence, std::span<const float> own, std::int32_t item,
                  std::span<float> row) {
  const auto customers = by_item.columns_of(item);
  for (std::size_t i = 0; i < customers.size(); ++i) {
    const std::int32_t c = customers[i];
    const auto first = static_cast<std::size_t>(by_customer.offsets()[static_cast<std::size_t>(c)]);
    const auto items = by_customer.columns_of(c);
    for (std::size_t j = 0; j < items.size() && items[j] <= item; ++j)
      row[static_cast<std::size_t>(items[j])] += own[i] * confidence[first + j];
  }
}

std::vector<float> all_confidences(const CsrMatrix& rows, const IalsConfidence& confidence) {
  std::vector<float> all(rows.weights().size());
  std::ranges::transform(rows.weights(), all.begin(), confidence);
  return all;
}

}  // namespace

Ease::Ease() : Parameterised(ease_table()) {}

Result<FitReport> Ease::fit_model(const FitOptions& options) {
  const std::int64_t n = interactions().items();
  const std::int64_t bytes = memory_of(n), limit = std::int64_t{settings().memory_mb} << 20;
  if (bytes > limit) {
    return std::unexpected(resource_exhausted(fmt::format(
        "ease keeps a number for each pair of its {} items, {} MiB, and memory_mb allows {}; raise "
        "it where the machine has so much, or take ials or item_knn",
        n, (bytes >> 20) + 1, settings().memory_mb)));
  }
  const std::string phase = fmt::format("fitting ease, {} MiB", (bytes >> 20) + 1);
  const CsrMatrix& by_customer = interactions().by_customer();
  const CsrMatrix& by_item = interactions().by_item();
  confidence_ = IalsConfidence(settings().weights, by_customer);
  const std::vector<float> by_row = all_confidences(by_customer, confidence_),
                           by_column = all_confidences(by_item, confidence_);
  MatrixF work(n, n);
  ATTUNE_RETURN_IF_ERROR(
      for_rows(phase, n, 16, options, [&](std::int64_t begin, std::int64_t end, int) {
        for (auto i = static_cast<std::int32_t>(begin); i < end; ++i) {
          const auto first =
              static_cast<std::size_t>(by_item.offsets()[static_cast<std::size_t>(i)]);
          add_products(by_customer, by_item, by_row,
                       std::span(by_column).subspan(first, by_item.columns_of(i).size()), i,
                       work.row(i));
          work(i, i) += static_cast<float>(settings().regularisation);
        }
      }));
  if (options.progress) options.progress->phase(phase + ": inverting", n, "items");
  const bool inverted =
      math::invert_positive_definite(work, options.threads, [&](std::int64_t done) {
        if (options.progress) options.progress->advance(done);
        return !(options.progress && options.progress->cancelled());
      });
  ATTUNE_RETURN_IF_ERROR(check_cancelled(options.progress));
  if (!inverted) {
    return std::unexpected(failed_precondition(
        "the products of items cannot be inverted in single precision; raise regularisation"));
  }
  std::vector<float> scale(static_cast<std::size_t>(n));
  for (std::int64_t j = 0; j < n; ++j) scale[static_cast<std::size_t>(j)] = -1 / work(j, j);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) work(i, j) *= scale[static_cast<std::size_t>(j)];
    work(i, i) = 0;
  }
  coefficients_ = std::move(work);
  return FitReport{};
}

void Ease::score_all(const HistoryView& history, std::span<float> scores) const {
  if (history.items.empty()) return;
  std::ranges::fill(scores, 0.0f);
  for (std::size_t h = 0; h < history.items.size(); ++h)
    math::axpy(confidence_(history.weights[h]), coefficients_.row(history.items[h]), scores);
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(scores.size()); ++i) {
    if (!met(i)) scores[static_cast<std::size_t>(i)] = std::nanf("");
  }
}

std::vector<ScoredIndex> Ease::find_similar_items(std::int32_t item, int k,
                                                  const ItemFilter& filter) const {
  auto top = math::TopK::create(k);
  if (!top) return {};
  const auto spoken_for = coefficients_.row(item);
  for (std::int32_t i = 0; i < interactions().items(); ++i) {
    const auto place = static_cast<std::size_t>(i);
    if (i == item || !(spoken_for[place] > 0)) continue;
    if (!filter.allowed.empty() && !filter.allowed[place]) continue;
    if (filter.accepts && !filter.accepts(i)) continue;
    const ScoredIndex entry{spoken_for[place], i};
    top->offer(std::span(&entry, 1));
  }
  return top->best();
}

Explanation Ease::explain_score(const HistoryView& history, std::int32_t item) const {
  Explanation explanation;
  for (std::size_t h = 0; h < history.items.size(); ++h) {
    const double amount =
        double{confidence_(history.weights[h])} * coefficients_(history.items[h], item);
    explanation.contributions.push_back({history.items[h], history.weights[h], amount});
  }
  return explanation;
}

void Ease::write_model(math::ByteWriter& out) const {
  out.value(confidence_.scale());
  out.matrix(coefficients_);
}

Status Ease::read_model(math::ByteReader& in) {
  ATTUNE_ASSIGN_OR_RETURN(const float scale, in.value<float>());
  if (!(scale > 0) || !std::isfinite(scale))
    return std::unexpected(data_corruption("the weight of an interaction is no positive number"));
  confidence_ = IalsConfidence(settings().weights, scale);
  ATTUNE_ASSIGN_OR_RETURN(coefficients_, in.matrix_f());
  if (coefficients_.rows() != interactions().items() ||
      coefficients_.columns() != interactions().items())
    return std::unexpected(data_corruption("the coefficients are those of another catalogue"));
  return {};
}

}  // namespace attune::recommend
