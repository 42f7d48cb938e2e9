// Inside the engine: what is asked straight before a campaign's message is handed over. Answers: is
// everything that allowed it still so?
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attune/deliver/outbox.h"
#include "attune/deliver/sender.h"
#include "attune/engage/campaign_store.h"
#include "attune/engage/contact_store.h"
#include "attune/engine/workspace.h"
#include "attune/privacy/suppression.h"
#include "campaign_asking.h"

namespace attune::engine {

// A check of the gate. Tests leave one out to see that it is missed; nothing else does.
enum class SendingCheck : std::uint8_t { campaign, consent, suppression, caps, quiet_hours };
inline constexpr int kSendingCheckCount = 5;

// Asks what may have changed since the decision, in this order:
//   campaign     running, and its start has come (a clock may have been set back); paused: later
//   consent      of the customer and the message's purpose, by the rule of the region
//   suppression  of the customer's id, of the message's address and of the address of today
//   caps         as many were handed over in the period as now is in: later, when the next begins.
//                A decision counts on its own day; a message that waited counts again here.
//   quiet_hours  later, when they end
// Everything is read anew for each message. Lifetime: the workspace outlives it. Threads: as
// Workspace.
class SendingGate {
 public:
  static Result<SendingGate> open(Workspace& workspace,
                                  std::optional<SendingCheck> without = std::nullopt);

  // Errors: those of state; nothing may be sent then.
  Result<deliver::GateAnswer> ask(const deliver::Message& message, Timestamp now);

 private:
  using Answer = std::optional<deliver::GateAnswer>;  // absent: go on
  SendingGate(Workspace& workspace, std::optional<SendingCheck> without)
      : workspace_(&workspace), without_(without) {}
  bool stands(SendingCheck check) const { return without_ != check; }
  Answer ask_campaign(const engage::StoredCampaign& campaign, Timestamp now) const;
  Result<Answer> ask_consent(const deliver::Message& message, CustomerNumber root,
                             const CustomerCard& card);
  Result<Answer> ask_suppression(const deliver::Message& message, CustomerNumber root,
                                 const CustomerCard& card);
  Result<Answer> ask_caps(const deliver::Message& message, CustomerNumber root,
                          const engage::StoredCampaign& campaign, Timestamp now);
  Answer ask_hours(const engage::Campaign& campaign, const CustomerCard& card, Timestamp now) const;
  Result<std::vector<decide::Contact>> heard_lately(const deliver::Message& message,
                                                    CustomerNumber root, Timestamp since);
  Result<std::uint32_t> number_of(const std::string& campaign);

  Workspace* workspace_;
  std::optional<SendingCheck> without_;
  std::unique_ptr<privacy::SuppressionList> suppressions_;
  std::unique_ptr<engage::CampaignStore> campaigns_;
  std::unique_ptr<engage::ContactStore> contacts_;
  std::unique_ptr<deliver::Outbox> outbox_;
  std::map<std::string, std::uint32_t> numbers_;  // of campaigns, which keep them
};

}  // namespace attune::engine
