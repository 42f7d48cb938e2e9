// Inside the engine: campaigns of a running service. Answers: who lets them run when their time has
// come, and hands over what they decided?
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "attune/base/error.h"
#include "campaign_sender.h"

namespace attune::engine {

using WithCustomers = std::function<Status(const std::function<Status(Workspace&, Customers&)>&)>;

// A thread that looks every second. The stores are held for one chunk of a run and for the
// questions about one message at a time, and not while a server is spoken to.
// What goes wrong with one campaign holds up no other; it is tried again a minute later.
// Lifetime: `workspace` and what the functions reach outlive it. Threads: any.
class CampaignLoop {
 public:
  CampaignLoop(Workspace& workspace, WithStores with_stores, WithCustomers with_customers);
  ~CampaignLoop();  // what is being handed over comes to its end first

  // What is wrong and what helps; empty where nothing is.
  std::string trouble() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
