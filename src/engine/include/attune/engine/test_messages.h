// Messages of a campaign to people of the shop, to look at before it starts. Answers: what will
// customers read?
//
// They go beside the outbox and its gate (docs/adr/0021): to addresses that an operator names, at
// most kTestAddressesMax at once, marked as tests in subject and header. Nothing of them is
// counted, logged, capped or paid; their links work and tell nobody anything.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/engage/campaign.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

inline constexpr std::size_t kTestAddressesMax = 20;

struct TestRequest {
  std::vector<std::string> to =
      {};                      // addresses; of a campaign by webhook: none, its receiver takes it
  std::string as = {};         // a customer whose fields are filled in; empty: made-up ones
  std::string treatment = {};  // empty: each
};

struct TestOutcome {
  std::string treatment;
  std::string to;  // the address, or the receiver's
  bool sent = false;
  std::string detail;  // what the server said
};

// Written letters, ready to be handed over. Threads: one at a time.
class TestMessages {
 public:
  // Errors: invalid_argument (no address, too many, one that is none, an unknown treatment); those
  // of settings and templates; failed_precondition (a channel that sends nothing, an address on the
  // suppression list, a customer who does not consent to the campaign's purpose); not_found (`as`).
  static Result<TestMessages> prepare(Workspace& workspace, const engage::Campaign& campaign,
                                      const TestRequest& request);
  // Hands over, one after the other; needs no stores.
  std::vector<TestOutcome> send();

 private:
  struct Prepared {
    TestOutcome outcome;
    std::function<void(TestOutcome&)> hand_over;
  };
  std::vector<Prepared> messages_;
  friend class TestWriter;
};

std::string to_json(const std::vector<TestOutcome>& outcomes);

}  // namespace attune::engine
