// A new model beside the one that serves. Answers: may it take the other's place?
#pragma once

#include <string>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/models.h"
#include "attune/engine/taste.h"

namespace attune::engine {

// What a recommender was fitted with and from just now.
struct NewModel {
  const ModelMeta& meta;
  const TasteData& data;
};

// Why the new model should not take the place of the current version of its name, as one sentence;
// empty: it may.
//
// Both are asked for lists at the end of the older nine tenths of `data`, and scored by NDCG@10 on
// the newest tenth. The new one's parameters are fitted to the older nine tenths for that. Of the
// current version it is the model itself where it was trained before the newest tenth began, asked
// with the histories of then; else its parameters, fitted likewise. Kept aside is a new model
// (1) of less than half of the current one's interactions, where both weigh events alike;
// (2) whose score lies below the current one's by more than the interval of the difference;
// (3) whose score does not lie above it by more than that, where the current version is held.
// Without enough data to compare, only (1) and (3) count.
// Cost: one or two fits more, and lists of at most 5,000 customers. Errors: cancelled.
// Determinism: by the seed of `meta`.
Result<std::string> reason_to_keep_aside(const ModelRegistry& registry, const NewModel& made,
                                         int threads, Progress& progress);

}  // namespace attune::engine
