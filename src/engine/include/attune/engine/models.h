// Trained models on disk. Answers: which version of which recommender serves, what was it learned
// from, and how do I get the one before back?
//
// models/<name>/<version>/ holds model.bin, customers and items of its rows and columns (ids.bin)
// and meta.json; models/<name>/current names the version that serves, models/<name>/held the one
// that somebody made current by hand. A version appears whole or
// not at all: it is written beside, synced, and renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/engine/taste.h"
#include "attune/privacy/forgotten_list.h"
#include "attune/recommend/recommender.h"

namespace attune::engine {

struct ModelMeta {
  std::string name;  // of the recommender
  int version = 0;
  Timestamp trained_at;
  Sequence cursor;             // events up to this one were learned from
  Sequence forgotten_through;  // who was forgotten up to here is not in it any more
  std::uint64_t seed = 1;
  std::int64_t customers = 0;
  std::int64_t items = 0;
  std::int64_t pairs = 0;
  double fit_seconds = 0;
  bool converged = true;
  int iterations = 0;
  double objective = 0;
  InteractionWeights weights;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<std::string> warnings;
  bool current = false;
  bool held = false;  // made current by hand: a training takes its place only by beating it
};

// A model that is ready to answer.
struct Model {
  ModelMeta meta;
  std::unique_ptr<recommend::Recommender> recommender;
  std::vector<CustomerNumber> customers;  // row → number
  std::vector<ItemNumber> items;          // column → number

  std::optional<std::int32_t> row(CustomerNumber customer) const;
  std::optional<std::int32_t> column(ItemNumber item) const;
};

// Threads: any; two processes never, the data folder's lock sees to that.
class ModelRegistry {
 public:
  explicit ModelRegistry(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Writes a fitted model as the next version, and makes it current unless told otherwise (the
  // first one always is), which ends what a version was held by. Keeps the last `kVersionsKept`
  // versions and the current one. Errors: resource_exhausted; nothing of the version stays then.
  Result<ModelMeta> save(const recommend::Recommender& recommender, const TasteData& data,
                         ModelMeta meta, bool make_current = true);

  // The current version. Errors: not_found, naming the command that trains and the models there
  // are; data_corruption.
  Result<Model> load(std::string_view name) const;
  // All versions of all models, by name, newest first. Broken ones are left out.
  Result<std::vector<ModelMeta>> list() const;
  // Makes `version` current, and holds it. Errors: not_found naming the versions that are there.
  Status activate(std::string_view name, int version) const;
  // Empties these customers' rows in every version that was learned before they were forgotten. A
  // version that cannot be read any more is removed. What others' scores owe to them stays until
  // the next training. Result: the versions that were written anew ("ials/3").
  Result<std::vector<std::string>> forget(
      std::span<const privacy::ForgottenNumber> customers) const;
  // Removes what a crash left half-written. Result: folders removed.
  Result<int> remove_leftovers() const;

  static constexpr int kVersionsKept = 3;

 private:
  Result<Model> read_version(const std::filesystem::path& folder) const;

  std::filesystem::path folder_;
};

}  // namespace attune::engine
