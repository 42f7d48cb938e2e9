// Gates taken out of an open shop's doors, for the tests that show what each keeps away, and runs
// in small parts. Nothing but tests includes this.
#pragma once

#include "attune/engine/campaigns.h"
#include "attune/engine/serving.h"
#include "sending_gate.h"

namespace attune::engine {

struct GateSeam {
  // Of runs and offers.
  static void take_out(Campaigns& campaigns, decide::Gate gate) { campaigns.without_ = gate; }
  // Of the hand-over, of mails and webhooks.
  static void take_out(Campaigns& campaigns, SendingCheck check) {
    campaigns.sending_without_ = check;
  }
  // Customers a transaction, from 1.
  static void ask_at_once(Campaigns& campaigns, std::int64_t customers) {
    campaigns.chunk_ = customers;
  }
  // Of recommendations: consent to personalisation.
  static void take_out(Serving& serving) { serving.ask_no_consent(); }
};

}  // namespace attune::engine
