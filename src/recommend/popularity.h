// Recommenders that ask what everybody likes. Answers: what goes well, and what goes well lately?
#pragma once

#include "parameterised.h"

namespace attune::recommend {

enum class PopularityMeasure : std::uint8_t {
  customers,  // each customer counts once an item
  weight,     // summed weights
};

struct PopularityParameters {
  PopularityMeasure measure = PopularityMeasure::customers;
};

// score(item) = customers who met it, or their summed weights. Items that nobody met have no score.
class Popularity final : public Parameterised<PopularityParameters> {
 public:
  Popularity();
  std::string_view name() const override { return "popularity"; }
  Capabilities capabilities() const override { return {.explains = true}; }

 protected:
  Result<FitReport> fit_model(const FitOptions& options) override;
  void score_all(const HistoryView& history, std::span<float> scores) const override;
  Explanation explain_score(const HistoryView& history, std::int32_t item) const override;
  void write_model(math::ByteWriter& out) const override;
  Status read_model(math::ByteReader& in) override;

 private:
  std::vector<float> scores_;
};

struct TrendingParameters {
  PopularityMeasure measure = PopularityMeasure::customers;
  double half_life_days = 14;
};

// score(item) = sum over customers of (1 or weight) * 2^-(age / half-life), where age runs from a
// customer's last meeting with the item to the latest interaction of all. Without times every age
// is 0, and the fit warns.
class Trending final : public Parameterised<TrendingParameters> {
 public:
  Trending();
  std::string_view name() const override { return "trending"; }
  Capabilities capabilities() const override { return {.explains = true, .uses_times = true}; }

 protected:
  Result<FitReport> fit_model(const FitOptions& options) override;
  void score_all(const HistoryView& history, std::span<float> scores) const override;
  Explanation explain_score(const HistoryView& history, std::int32_t item) const override;
  void write_model(math::ByteWriter& out) const override;
  Status read_model(math::ByteReader& in) override;

 private:
  std::vector<float> scores_;
};

}  // namespace attune::recommend
