// Recommendations out of memory, for a service. Answers: what do we show this customer now, with
// which probability, and why?
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/decide/decision.h"
#include "attune/engine/recommendations.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

// For whom, where, and out of what.
struct ServeRequest {
  std::string customer;              // an id that the shop knows; empty: nobody in particular
  std::string anonymous;             // a device or cookie id
  std::vector<std::string> items;    // what a session or basket holds: stands for, or adds to, what
                                     // the customer did
  std::string similar_to;            // an item: lists what is like it, but nothing that whoever is
                                     // named did already, unless include_seen
  int count = 10;                    // 1 to kCountMax
  std::string where;                 // rule over items; empty: all
  std::vector<std::string> exclude;  // ids of items
  bool include_seen = false;
  bool explain = false;
  std::string surface;             // where it is shown: "home", "basket"
  std::string policy = "ranking";  // of decide::parse_policy
  std::string language = "en";     // of reasons: en or zh
};

struct Served {
  decide::Decision decision;
  CustomerNumber customer;  // 0: nobody that is known
  std::string id;           // by which the customer was found, with its kind
  events::IdKind found_by = events::IdKind::customer;
  std::vector<RecommendedItem> items;
  std::vector<double> probabilities;  // of items, each given those above it
};

// Lists in memory, kept up with the applier.
//
// Consent: who withdrew it for personalisation, or never gave it where the shop asks first, gets
// popular items, whatever the request asks, and nothing of what they did is looked at.
// Threads: recommend and the counts from any thread, beside everything else; the others one at a
// time, by whoever holds the workspace. A swap of model or catalogue loses no request: those under
// way end with what they began with.
class Serving {
 public:
  static constexpr int kCountMax = 100;

  // Loads the model that serves (none is no error: recommend answers failed_precondition until one
  // is trained), the catalogue, identities, consent, and events since the fit.
  static Result<std::unique_ptr<Serving>> open(Workspace& workspace);
  ~Serving();

  // Errors: invalid_argument (count, policy, rule, language, too many items); not_found
  // (similar_to); failed_precondition (no model; similar items of a model that knows none).
  Result<Served> recommend(const ServeRequest& request) const;

  // Takes in what was just applied; the catalogue is read again when items changed, at most once a
  // second, or when `refresh` is called.
  Status take_in(Workspace& workspace, const AppliedEvents& applied);
  Status refresh(Workspace& workspace);
  // Items changed since the catalogue was read, a second ago or more. From any thread.
  bool refresh_due() const;
  // Reads everything anew, after an import or a separation.
  Status reload(Workspace& workspace);
  // Cost: reads what models say of themselves, none of them.
  Result<bool> serves_current_model(Workspace& workspace) const;
  // Serves the registry's current model of the best recommender there is.
  Status swap_model(Workspace& workspace);

  // "ials/3"; empty: none.
  std::string model() const;
  Sequence learned_through() const;
  std::size_t customers() const;                // ids known
  bool knows(std::string_view customer) const;  // by a customer's id
  std::size_t recent_events() const;            // taken in since the fit
  std::size_t items() const;

 private:
  friend struct GateSeam;  // of tests
  struct Impl;
  void ask_no_consent();
  explicit Serving(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
