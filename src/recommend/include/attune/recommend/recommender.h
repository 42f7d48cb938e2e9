// The one interface of everything that recommends. Answers: what would this customer like, what is
// like this, and why?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/parameters.h"
#include "attune/base/progress.h"
#include "attune/math/bytes.h"
#include "attune/math/top_k.h"
#include "attune/recommend/interactions.h"

namespace attune::recommend {

using math::ScoredIndex;

// The score of an item that nothing speaks for: it is never listed.
inline constexpr float kNoEvidence = std::numeric_limits<float>::quiet_NaN();

struct FitOptions {
  std::uint64_t seed = 1;
  int threads = 0;  // 0: one for each processor
  Progress* progress = nullptr;
};

struct FitReport {
  bool converged = true;
  int iterations = 1;
  double objective = 0;  // what the fit minimised, per interaction; 0 where nothing is minimised
  std::vector<std::string> warnings = {};
};

// Which items may be recommended; both conditions hold together.
struct ItemFilter {
  std::span<const std::uint8_t> allowed = {};      // (items) non-zero where allowed; empty: all
  std::function<bool(std::int32_t)> accepts = {};  // empty: all
};

// What a list should be like.
struct ListOptions {
  int k = 10;
  bool include_seen = false;  // true: items of the customer's history may come again
  ItemFilter filter = {};
};

// Whom the list is for: a row of the fit, or a history given (a new customer, or one who changed
// since the fit).
struct Query {
  static Query row(std::int32_t customer) { return {customer, {}}; }
  // Repeated items are summed, non-positive sums left out. `self` is the customer's row in the fit,
  // where there is one: it is never among their own neighbours.
  // Lifetime: the entries must outlive the query.
  static Query of(std::span<const HistoryEntry> history, std::int32_t self = -1) {
    return {-1, history, self};
  }

  std::int32_t customer = -1;
  std::span<const HistoryEntry> history = {};  // used where customer < 0
  std::int32_t self = -1;                      // used where customer < 0
};

// How much of a score one of the customer's own interactions carried.
struct Contribution {
  std::int32_t item = 0;
  float weight = 0;  // of the interaction
  double amount = 0;
};
// Invariant: score == base + sum of the amounts, to float rounding.
struct Explanation {
  std::int32_t item = 0;
  double score = 0;
  double base = 0;  // what no single interaction carried (popularity, say)
  // One for each item of the history, largest amount first, then the lower item.
  std::vector<Contribution> contributions = {};
};

// What a recommender can do besides lists.
struct Capabilities {
  bool similar_items = false;
  bool similar_customers = false;
  bool explains = false;  // contributions add up to the score
  bool personal = false;  // lists differ between customers beyond their seen items
  bool uses_times = false;
};

struct BatchOptions {
  ListOptions list = {};
  std::span<const std::int32_t> customers = {};  // rows, in the order wanted; empty: all
  int threads = 0;
  Progress* progress = nullptr;
  bool every_score = false;  // rule nothing out by bounds; the lists are the same (for measuring)
};

// A recommender: parameters, then fit or load, then any number of questions.
//
// Invariants: (1) lists are sorted by score, ties by the lower item; (2) items without evidence
// (score NaN) are never listed, so a list may be shorter than k; (3) the same interactions,
// parameters and seed give the same lists, whatever the thread count; (4) questions before fit or
// load get failed_precondition.
// Threads: const calls from any thread at once; fit, load, set_parameter and forget_customer by
// one, alone.
// For implementers: see README.md of this module; override the protected part, which gets checked
// arguments only.
class Recommender {
 public:
  virtual ~Recommender() = default;

  virtual std::string_view name() const = 0;
  virtual Capabilities capabilities() const = 0;

  virtual std::span<const ParameterSpec> parameter_specs() const = 0;
  virtual std::vector<std::pair<std::string, std::string>> parameters() const = 0;
  // Errors: not_found with the nearest name, invalid_argument with the range, failed_precondition
  // once fitted: a model keeps the parameters it was fitted with.
  Status set_parameter(std::string_view name, std::string_view text);

  // Learns. Errors: failed_precondition (no interactions), cancelled, those of the algorithm; the
  // model is then as before or unfitted, never half. Keeps a handle to `interactions` (shared, not
  // copied).
  Result<FitReport> fit(const Interactions& interactions, const FitOptions& options = {});
  bool fitted() const { return fitted_; }
  // The interactions of the fit: what "row", "seen" and "history" mean for a customer named by row.
  const Interactions& interactions() const { return interactions_; }

  // Errors: failed_precondition (not fitted), out_of_range (customer or item), invalid_argument (k,
  // mask of another size, a weight that is not finite).
  Result<std::vector<ScoredIndex>> recommend(const Query& query,
                                             const ListOptions& options = {}) const;

  // Lists for many, handed over one by one in the order of customers, from the calling thread.
  // `take` returning an error stops the work and is given back. Cost: memory for a
  // thousand lists at a time, and where lists are made in blocks, for the items' vectors again.
  using TakeList = std::function<Status(std::int32_t customer, std::span<const ScoredIndex> list)>;
  Status recommend_all(const BatchOptions& options, const TakeList& take) const;

  // Scores of given items, in their order: NaN without evidence. Errors: as recommend.
  Result<std::vector<float>> score(const Query& query, std::span<const std::int32_t> items) const;

  // Nearest first, the item or customer itself left out. Errors: as recommend; failed_precondition
  // where capabilities() says no.
  Result<std::vector<ScoredIndex>> similar_items(std::int32_t item,
                                                 const ListOptions& options = {}) const;
  Result<std::vector<ScoredIndex>> similar_customers(const Query& query, int k = 10) const;

  // Why `item` has its score for this customer. Errors: as recommend; failed_precondition where
  // capabilities() says no.
  Result<Explanation> explain(const Query& query, std::int32_t item) const;

  // One file: name, parameters, interactions, model; checksummed, whole or not there. Errors:
  // failed_precondition (not fitted), those of write_checked_file.
  Status save(const std::filesystem::path& path) const;

  // Empties the customer's row in the model: interactions and whatever the model keeps of that
  // customer alone. What others' scores owe to that customer stays until the next fit. Errors:
  // out_of_range, failed_precondition.
  Status forget_customer(std::int32_t customer);

 protected:
  virtual Status assign_parameter(std::string_view name, std::string_view text) = 0;
  // Learns from interactions(), which holds at least one pair.
  virtual Result<FitReport> fit_model(const FitOptions& options) = 0;
  // Writes the score of every item. Shape: scores (items()), NaN on entry; leave NaN where there is
  // no evidence.
  virtual void score_all(const HistoryView& history, std::span<float> scores) const = 0;
  // The list that `options` (checked) ask for: by default every item is scored. Override where the
  // best are found sooner; the list is the same. `scratch` is whatever an earlier call left there.
  virtual std::vector<ScoredIndex> find_best(const HistoryView& history, const ListOptions& options,
                                             std::vector<float>& scratch) const;
  // Makes lists of up to kBlock customers at once, each as find_best would; called from several
  // threads. By default there is none, and lists are made one by one.
  static constexpr std::int64_t kBlock = 192;
  using BlockLists = std::function<void(std::span<const HistoryView> histories,
                                        std::span<std::vector<ScoredIndex>> lists)>;
  virtual BlockLists prepare_blocks(const BatchOptions& options) const;
  // Scores of a few items: by default all are scored and these picked. Override where that is
  // wasteful.
  virtual void score_some(const HistoryView& history, std::span<const std::int32_t> items,
                          std::span<float> scores) const;
  virtual std::vector<ScoredIndex> find_similar_items(std::int32_t item, int k,
                                                      const ItemFilter& filter) const;
  virtual std::vector<ScoredIndex> find_similar_customers(const HistoryView& history, int k) const;
  // Amounts, one for each item of the history, and the base.
  virtual Explanation explain_score(const HistoryView& history, std::int32_t item) const;
  virtual void drop_customer(std::int32_t customer);
  virtual void write_model(math::ByteWriter& out) const = 0;
  // Reads what write_model wrote; interactions() and parameters are set already. Errors:
  // data_corruption, for any bytes.
  virtual Status read_model(math::ByteReader& in) = 0;

 private:
  friend Result<std::unique_ptr<Recommender>> read_recommender(std::string_view payload);

  struct OwnedHistory;
  Result<HistoryView> view(const Query& query, OwnedHistory& storage) const;
  void list_block(const BlockLists& lists_of, const ListOptions& options,
                  std::span<const std::int32_t> customers, std::vector<float>& scratch,
                  std::span<std::vector<ScoredIndex>> lists) const;
  Status check_ready() const;
  Status check_item(std::int32_t item) const;
  Status check_list(const ListOptions& options) const;

  Interactions interactions_;
  bool fitted_ = false;
};

// The names that make_recommender knows, in a fixed order.
std::span<const std::string> recommender_names();
// A recommender with default parameters, not fitted. Errors: not_found, naming the nearest.
Result<std::unique_ptr<Recommender>> make_recommender(std::string_view name);

// Reads what save wrote. Errors: data_corruption on any other bytes ("cut short", "not a
// recommender file"), failed_precondition (written by a newer Attune), not_found,
// permission_denied.
Result<std::unique_ptr<Recommender>> load_recommender(const std::filesystem::path& path);
// The same from the bytes that the file's checksum covers. Errors: data_corruption, for any bytes.
Result<std::unique_ptr<Recommender>> read_recommender(std::string_view payload);

}  // namespace attune::recommend
