// Keeps stored profiles up with the history. Answers: which events does a profile lack, and does
// anything it rests on hold no more?
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/workspace.h"
#include "attune/profiles/profile_store.h"
#include "vocabulary.h"

namespace attune::engine {

// Folds history into the profile store. Lifetime: everything passed in outlives it.
class ProfileFolding {
 public:
  ProfileFolding(Workspace& workspace, profiles::ProfileStore& store, ShopVocabulary& vocabulary,
                 const catalog::CatalogSnapshot& catalog)
      : workspace_(workspace), store_(store), vocabulary_(vocabulary), catalog_(catalog) {}

  // Errors: cancelled (what was folded stays, with its cursor); invalid_argument when amounts come
  // in several currencies and no reporting currency is set.
  // `people`: customers were merged or separated since the last call; the first call reads anyway.
  Status catch_up(bool people, Progress& progress);

  // Everybody's profile as it stood at `moment`: folded from the events up to it, in memory, and
  // written nowhere. Call catch_up first. Who is whom, and who is a bot, is taken as known today.
  // Errors: cancelled. Cost: one scan of those events, about 1.5 KB a customer.
  using Profiles = std::map<CustomerNumber, profiles::ProfileAccumulator>;
  Result<Profiles> fold_until(Timestamp moment, Progress& progress);

  static Status migrate(store::State& state);
  // Lets go of the merges that were followed for these customers, so that nobody is folded anew for
  // their sake.
  static Status forget(store::State& state, std::span<const CustomerNumber> customers);

 private:
  using Sink = std::function<Status(CustomerNumber, const profiles::ProfileEvent&)>;
  struct ItemTerms {
    std::vector<profiles::TermId> categories;
    profiles::TermId brand;
  };

  Status prepare(bool people);
  Result<std::string> basis(
      Sequence cursor);  // fingerprint of what folded profiles rest on, besides their events
  Status read_events(std::string_view condition, Progress* progress, const Sink& sink);
  Status fold_new(Progress& progress);
  Status follow_merges();
  const ItemTerms& terms_of(ItemNumber item);

  Workspace& workspace_;
  profiles::ProfileStore& store_;
  ShopVocabulary& vocabulary_;
  const catalog::CatalogSnapshot& catalog_;
  bool prepared_ = false;
  events::MergeMap merges_;
  std::map<std::int16_t, profiles::TermId> channels_;
  std::optional<std::int16_t> currency_code_;  // of the reporting currency
  bool one_currency_ = true;
  std::unordered_map<ItemNumber, ItemTerms> terms_;
};

}  // namespace attune::engine
