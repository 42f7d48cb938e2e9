// Items as people see them, with why. Answers: what is this column called, and what carried its
// score?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/catalog/catalog.h"
#include "attune/engine/models.h"
#include "attune/engine/recommendations.h"
#include "attune/recommend/recommender.h"

namespace attune::engine {

// How many customers met each item, by column.
std::vector<std::int64_t> count_buyers(const recommend::Interactions& interactions);

// Lifetime: everything given outlives it. Threads: any.
class ReasonWriter {
 public:
  ReasonWriter(const Model& model, const catalog::CatalogSnapshot& catalog,
               std::span<const std::int64_t> buyers, bool chinese)
      : model_(model), catalog_(catalog), buyers_(buyers), chinese_(chinese) {}

  RecommendedItem describe(const recommend::ScoredIndex& entry, int rank) const;
  // At most three, the largest share first; popularity where the recommender explains nothing.
  Result<std::vector<Reason>> reasons(const recommend::Recommender& recommender,
                                      const recommend::Query& query, std::int32_t column) const;

  // Of a list of what is like the item of `column`.
  Reason likeness(std::int32_t column) const;

 private:
  Reason named(std::int32_t column) const;
  Reason because(const recommend::Contribution& contribution, double share) const;
  Reason popularity(std::int32_t column) const;

  const Model& model_;
  const catalog::CatalogSnapshot& catalog_;
  std::span<const std::int64_t> buyers_;
  bool chinese_;
};

}  // namespace attune::engine
