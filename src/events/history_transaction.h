// Inside events: several statements of the history that hold together or not at all.
#pragma once

#include "attune/base/error.h"
#include "attune/store/history.h"

namespace attune::events {

// Runs `body` in a transaction of `connection`. Errors: those of `body` and of the history.
Status in_transaction(store::History& connection, auto body) {
  ATTUNE_RETURN_IF_ERROR(connection.begin());
  Status step = body();
  if (step) step = connection.commit();
  if (!step && connection.in_transaction()) (void)connection.rollback();
  return step;
}

}  // namespace attune::events
