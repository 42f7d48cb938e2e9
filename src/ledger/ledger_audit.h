// BudgetLedger::check. Private to ledger.
#pragma once

#include "attune/ledger/budget_ledger.h"

namespace attune::ledger {

Result<LedgerCheck> audit(store::State& state);

}  // namespace attune::ledger
