// Recommendations with reasons. Answers: what should this customer see, what is like this item, and
// why?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/models.h"
#include "attune/engine/taste.h"
#include "attune/engine/workspace.h"
#include "attune/recommend/evaluate.h"
#include "attune/store/tables.h"

namespace attune::engine {

// `name.parameter=value`, as --set gives it: "ials.factors=128", "weights.view=0",
// "profiles.half_life_days=60".
struct Setting {
  std::string scope;
  std::string parameter;
  std::string value;
};
// Errors: invalid_argument showing the form.
Result<Setting> parse_setting(std::string_view text);

struct TrainRequest {
  std::vector<std::string> names;  // empty: the default set
  std::vector<Setting> settings;
  std::uint64_t seed = 1;
  int threads = 0;
  // Called once the stores have been read: from then on the workspace is not touched but for its
  // folder and clock.
  std::function<void()> when_read = {};
  // Called with what was saved, by a service.
  std::function<void(const std::vector<ModelMeta>&)> when_made = {};
  // A new version is compared with the current one on the newest tenth of the events. One that is
  // worse by more than the interval, that learned from less than half as much, or that does not
  // beat a version which was made current by hand, is saved, but not made current, and its meta
  // says so in a warning. Without: it is made current whatever it is, and holds nothing.
  bool keep_worse_aside = false;
};
// What is trained when nothing is named, best first: what serves when no model is named.
std::span<const std::string> default_recommenders();

// What can be told of a request before anything is read. Errors: invalid_argument (recommender,
// scope or parameter that there is not, with the nearest; a value out of its range).
Status check_training(const TrainRequest& request);

// Errors: not_found (recommender or parameter, with the nearest), those of learning; cancelled.
// Models are saved, each whole or not at all, once all are fitted: none of a training that failed.
Result<std::vector<ModelMeta>> train(Workspace& workspace, const TrainRequest& request,
                                     Progress& progress);

struct EvaluateRequest {
  std::vector<std::string> names;  // empty: all that there are
  std::vector<Setting> settings;
  recommend::EvaluateOptions options;
  // Called once the stores have been read: from then on the workspace is not touched.
  std::function<void()> when_read = {};
};
Result<recommend::Leaderboard> evaluate(Workspace& workspace, const EvaluateRequest& request);
std::string to_json(const recommend::Leaderboard& leaderboard);

// Why an item is on the list. `share` is this interaction's part of all that speaks for the item:
// the sum of the positive amounts and a positive base of recommend::Explanation, which is the score
// where nothing speaks against it. 0 to 1, and so are the shares of one item summed.
struct Reason {
  ItemNumber item;  // the customer's own; 0: a reason about the item alone
  std::string item_id;
  std::string item_name;
  double share = 0;
  std::string text;  // one sentence
};

struct RecommendedItem {
  int rank = 0;
  ItemNumber item;
  std::string item_id;
  std::string item_name;
  double score = 0;
  std::vector<Reason> reasons;
};

struct RecommendOptions {
  std::string model;  // empty: the best that is trained
  int k = 10;
  bool include_seen = false;
  bool explain = false;
  std::string where;            // rule over items; empty: all
  std::string language = "en";  // of reasons: en or zh
};

// What a list rests on.
enum class ListBasis : std::uint8_t {
  taste,          // what this customer did
  same_for_all,   // the model gives everybody the same
  nothing_known,  // popular items: nothing is known of the customer that the model can use
  nothing_near,   // popular items: the model sees no evidence for any item that the rule allows
  not_allowed,    // popular items: the customer does not allow personalisation
};
std::string_view name(ListBasis basis);

struct Recommendations {
  std::string model;
  int version = 0;
  ListBasis basis = ListBasis::taste;
  bool personal = true;    // basis is taste
  bool folded_in = false;  // the customer's events since the fit were taken in
  std::vector<RecommendedItem> items;
};

// Answers out of one trained model. Lifetime: the Workspace outlives it. Threads: one thread at a
// time.
class Recommending {
 public:
  // Errors: failed_precondition when no model is trained, naming the command; those of
  // ModelRegistry::load; of the item rule.
  static Result<Recommending> open(Workspace& workspace, const RecommendOptions& options);
  Recommending(Recommending&&) noexcept;
  Recommending& operator=(Recommending&&) noexcept;
  ~Recommending();

  // Errors: not_found when nobody is called so.
  Result<Recommendations> for_customer(std::string_view id);
  Result<Recommendations> for_history(CustomerNumber customer);
  // Errors: not_found (item); failed_precondition (the model knows no similarity of items).
  Result<Recommendations> similar_to(std::string_view item_id);
  // A list for everybody who has one: first those whose history is as it was fitted, in order of
  // rows, then those with events since, merged since or new, by number; rows that hold nothing are
  // left out. As for_customer gives it, but that who was separated since the fit is as fitted. An
  // error of `visit` stops the work and is given back.
  using Visitor =
      std::function<Status(CustomerNumber customer, std::span<const RecommendedItem> items)>;
  Status for_everybody(const Visitor& visit, Progress* progress = nullptr);
  // Everybody's list into a file with the columns customer_id, rank, item_id, item_name, score, and
  // with `explain` reasons: the texts, joined by "; ".
  Result<std::int64_t> write_all(const std::filesystem::path& file, store::TableFormat format,
                                 Progress& progress);

  const Model& model() const;

 private:
  struct Impl;
  explicit Recommending(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
