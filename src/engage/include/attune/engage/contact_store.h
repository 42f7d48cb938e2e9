// Who was written to, when, by which campaign. Answers, for a million customers in one pass: how
// often did they hear from us lately?
//
// A contact is recorded with the decision to send, in the transaction that makes it durable, so the
// next decision knows of it whatever has been delivered until then. Why rows in state, and neither
// a record a customer nor a query of the history: docs/adr/0015-campaign-gates-in-columns.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attune/base/erasable.h"
#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/decide/frequency_caps.h"
#include "attune/store/state.h"

namespace attune::engage {

struct CustomerContact {
  CustomerNumber customer;
  decide::Contact contact;
  friend bool operator==(const CustomerContact&, const CustomerContact&) = default;
};

// Contacts of several customers, as decide takes them.
// Shapes: offsets (n + 1), the contacts of customer i are contacts[offsets[i] .. offsets[i + 1]).
struct ContactColumns {
  std::vector<std::uint64_t> offsets;
  std::vector<decide::Contact> contacts;
};

// Table contacts of state, with migrations of its own.
// Invariants: (1) a customer has one contact of a campaign at a moment: recording it again changes
// nothing; (2) a call is one transaction, or joins the caller's. Threads: as State, which outlives
// the store.
class ContactStore final : public Erasable {
 public:
  static Result<ContactStore> open(store::State& state);

  // Errors: invalid_argument for a contact of nobody; nothing is written. Cost: 3 µs each, in order
  // of customers.
  Status record(std::span<const CustomerContact> contacts);
  // Takes back what was not sent after all. What is not there is passed over.
  Status retract(std::span<const CustomerContact> contacts);

  // Contacts since `since`. Shapes: customers (n), ascending, each once. Errors: invalid_argument
  // where they are not. Cost: one pass over the rows from the first to the last customer (0.15 µs a
  // row), or a look-up for each where they are few.
  Status load(std::span<const CustomerNumber> customers, Timestamp since, ContactColumns& into);

  // Removes what is older than `before`, at most `limit` rows; how many it were.
  Result<std::int64_t> prune(Timestamp before, std::int64_t limit = 1'000'000);

  // What `from` was sent is `into`'s from now on; merging twice changes nothing.
  Status merge(CustomerNumber from, CustomerNumber into);
  // Takes merges back: what was sent under the number `customer` is its own again.
  Status separate(CustomerNumber customer);

  std::string holder_name() const override { return "contacts"; }
  Result<std::int64_t> forget(CustomerNumber customer) override;

 private:
  explicit ContactStore(store::State& state) : state_(&state) {}
  store::State* state_;
};

}  // namespace attune::engage
