// Inside the engine: hands over what the outbox holds, without holding the stores meanwhile.
// Answers: who sends, through which server, and who is asked straight before?
#pragma once

#include <functional>
#include <memory>

#include "attune/engine/campaigns.h"

namespace attune::engine {

// Runs work on the stores, alone.
using WithStores = std::function<Status(const std::function<Status(Workspace&)>&)>;

// Reads settings, password, secrets and templates once: make a new one for each burst of messages.
// What it sent is told by Campaigns::settle_outbox. A way out (mail, webhooks) that the settings
// lack is a trouble of run_once where messages wait for it, and holds up no other.
// Invariant: one at a time for a data folder. Threads: one thread at a time.
class CampaignSender {
 public:
  // Lifetime: `workspace` outlives it; what it does with the stores it does inside `with_stores`,
  // which the caller does not hold. Errors: unavailable while another one sends; those of
  // the settings where no way out is open, of Sender and of the stores.
  // `without`: for the tests that show what a check keeps away.
  static Result<CampaignSender> open(Workspace& workspace, WithStores with_stores, Timestamp now,
                                     std::optional<SendingCheck> without = std::nullopt);
  CampaignSender(CampaignSender&&) noexcept;
  ~CampaignSender();

  // One round, of at most 200 messages. Errors: as Sender::run_once.
  Result<SendResult> run_once(Timestamp now);

 private:
  struct Impl;
  explicit CampaignSender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
