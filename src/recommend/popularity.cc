#include "popularity.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::recommend {
namespace {

const std::vector<std::string> kMeasures = {"customers", "weight"};

const ParameterTable<PopularityParameters>& popularity_table() {
  static const auto table = [] {
    ParameterTable<PopularityParameters> t;
    t.choice("measure", &PopularityParameters::measure, kMeasures, "what is counted");
    return t;
  }();
  return table;
}

const ParameterTable<TrendingParameters>& trending_table() {
  static const auto table = [] {
    ParameterTable<TrendingParameters> t;
    t.choice("measure", &TrendingParameters::measure, kMeasures, "what is counted");
    t.real("half_life_days", &TrendingParameters::half_life_days, 0.01, 36'500, "days",
           "age at which an interaction counts half");
    return t;
  }();
  return table;
}

// Sum over the customers of each item of amount(weight, time); no evidence where nobody met it.
template <class Amount>
std::vector<float> sum_by_item(const math::CsrMatrix& rows, Amount amount) {
  std::vector<double> sums(static_cast<std::size_t>(rows.columns()), 0);
  std::vector<std::uint8_t> met(sums.size(), 0);
  for (std::size_t e = 0; e < rows.weights().size(); ++e) {
    const auto item = static_cast<std::size_t>(rows.column_indices()[e]);
    sums[item] += amount(rows.weights()[e], rows.has_times() ? rows.times()[e] : Timestamp{});
    met[item] = 1;
  }
  std::vector<float> scores(sums.size(), kNoEvidence);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (met[i]) scores[i] = static_cast<float>(sums[i]);
  }
  return scores;
}

Explanation all_base(float score) {
  Explanation explanation;
  explanation.base = score;
  return explanation;
}

}  // namespace

Popularity::Popularity() : Parameterised(popularity_table()) {}

Result<FitReport> Popularity::fit_model(const FitOptions&) {
  const bool count = settings().measure == PopularityMeasure::customers;
  scores_ = sum_by_item(interactions().by_customer(),
                        [count](float weight, Timestamp) { return count ? 1.0 : weight; });
  return FitReport{};
}

void Popularity::score_all(const HistoryView&, std::span<float> scores) const {
  std::ranges::copy(scores_, scores.begin());
}

Explanation Popularity::explain_score(const HistoryView&, std::int32_t item) const {
  return all_base(scores_[static_cast<std::size_t>(item)]);
}

void Popularity::write_model(math::ByteWriter& out) const {
  out.array(std::span<const float>(scores_));
}

Status Popularity::read_model(math::ByteReader& in) {
  ATTUNE_ASSIGN_OR_RETURN(scores_, in.array<float>(interactions().items()));
  return {};
}

Trending::Trending() : Parameterised(trending_table()) {}

Result<FitReport> Trending::fit_model(const FitOptions&) {
  const bool count = settings().measure == PopularityMeasure::customers;
  const double half_life = settings().half_life_days * static_cast<double>(kMicrosPerDay);
  const std::int64_t now = interactions().latest().micros;
  const math::CsrMatrix& rows = interactions().by_customer();
  scores_ = sum_by_item(rows, [&](float weight, Timestamp time) {
    const double age =
        rows.has_times() ? static_cast<double>(now) - static_cast<double>(time.micros) : 0;
    return (count ? 1.0 : weight) * std::exp2(-age / half_life);
  });
  FitReport report;
  const auto times = rows.times();
  if (std::ranges::all_of(times, [&](Timestamp t) { return t.micros == now; })) {
    report.warnings.push_back(
        "the interactions carry no times, or one only: trending equals popularity");
  }
  return report;
}

void Trending::score_all(const HistoryView&, std::span<float> scores) const {
  std::ranges::copy(scores_, scores.begin());
}

Explanation Trending::explain_score(const HistoryView&, std::int32_t item) const {
  return all_base(scores_[static_cast<std::size_t>(item)]);
}

void Trending::write_model(math::ByteWriter& out) const {
  out.array(std::span<const float>(scores_));
}

Status Trending::read_model(math::ByteReader& in) {
  ATTUNE_ASSIGN_OR_RETURN(scores_, in.array<float>(interactions().items()));
  return {};
}

}  // namespace attune::recommend
