// A transaction of one's own, or the caller's where there is one. Private to engage.
#pragma once

#include <optional>
#include <utility>

#include "attune/store/state.h"

namespace attune::engage {

// Joining: commit() does nothing, and an error is for the caller to roll back.
class JoinedTransaction {
 public:
  static Result<JoinedTransaction> begin(store::State& state) {
    JoinedTransaction joined;
    if (state.in_transaction()) return joined;
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction own, state.begin());
    joined.own_.emplace(std::move(own));
    return joined;
  }
  Status commit() { return own_ ? own_->commit() : Status(); }

 private:
  std::optional<store::Transaction> own_;
};

}  // namespace attune::engage
