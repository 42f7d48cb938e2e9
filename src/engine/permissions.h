// Inside the engine: what events tell of consent, objections and who is whom, brought to state.
// Answers: whom may we write to, and how often was each person written to, now that these events
// are known?
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "attune/engage/contact_store.h"
#include "attune/events/identity.h"
#include "attune/events/staged_facts.h"
#include "attune/privacy/consent.h"
#include "attune/privacy/objection.h"
#include "attune/privacy/suppression.h"

namespace attune::engine {

// Consents with their evidence, the suppression list and contacts, beside the identities.
//
// Invariants: (1) a withdrawal or an objection is never lost for being unclear: what cannot be read
// counts for every purpose, while a consent that cannot be read counts for nothing; (2) what holds
// follows from the events in the order of the journal, whatever they were applied together with,
// where whoever applies ends a group between objections and later traits or merges
// (`ends_group`); (3) all is part of the caller's transaction.
// An address is suppressed as the event states it, else as the customer's trait `email` says. One
// that was suppressed for an unsubscribe is taken off when its customer consents to e-mail at that
// time or later.
// Lifetime: everything given outlives it. Threads: as State.
class Permissions {
 public:
  static Result<Permissions> open(store::State& state, store::Vault& vault,
                                  events::Identity& identity, privacy::ConsentLedger& consent);

  // After `people` were admitted. Row r stands for sequence number first + r. `now`: what is dated
  // later was said now, so that no word outlives those that follow it.
  Status apply(const events::StagedFacts& facts, const events::Identity::Numbers& people,
               Sequence first, Timestamp now);
  // The merges of `customer` were taken back.
  Status separate(CustomerNumber customer);
  // Whether `more` may not be applied together with `gathered`, which come before.
  static bool ends_group(const events::StagedFacts& gathered, const events::StagedFacts& more);

 private:
  struct Objected {
    CustomerNumber customer;
    Timestamp time;
    privacy::Objection objection;
  };
  Permissions(store::Vault& vault, events::Identity& identity, privacy::ConsentLedger& consent,
              privacy::SuppressionList list, engage::ContactStore contacts)
      : vault_(&vault),
        identity_(&identity),
        consent_(&consent),
        list_(list),
        contacts_(std::move(contacts)) {}
  Status apply_merges(const events::Identity::Numbers& people,
                      std::span<const privacy::ConsentChange> changes);
  Status carry_suppression(CustomerNumber from, CustomerNumber into);
  Status suppress(std::span<const Objected> objected);
  Status take_off(std::span<const privacy::ConsentChange> changes);
  Result<std::string> address_of(CustomerNumber customer);

  store::Vault* vault_;
  events::Identity* identity_;
  privacy::ConsentLedger* consent_;
  privacy::SuppressionList list_;
  engage::ContactStore contacts_;
};

}  // namespace attune::engine
