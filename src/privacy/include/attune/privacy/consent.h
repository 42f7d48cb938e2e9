// What customers allowed, by purpose. Answers: may we?
//
// A change of mind is an event; the ledger keeps every change for proof, and what holds now beside
// it. What holds is a function of the set of changes: the order in which they arrive does not
// matter, nor does a change that arrives twice.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/store/state.h"

namespace attune::privacy {

// What data may be used for. Stored as its number: append only, never renumber.
enum class Purpose : std::uint8_t { analytics, personalisation, email, sms, push, ads, sharing };
inline constexpr int kPurposeCount = 7;

std::string_view name(Purpose purpose);
std::span<const std::string> purpose_names();  // by number
// Any ASCII case, white space around it is dropped. Errors: invalid_argument that lists the
// purposes and names the nearest.
Result<Purpose> parse_purpose(std::string_view text);

// Unknown: the customer never said. What that means is for the shop's settings to tell.
enum class Consent : std::uint8_t { unknown, given, withdrawn };
std::string_view name(Consent consent);

// How a change can be shown to be the customer's own. Each may be empty; UTF-8 of at most
// kEvidenceBytes, what is longer is cut at a character.
struct ConsentEvidence {
  std::string source;   // where it was said: "checkout", "preference centre", "import 2026-11"
  std::string wording;  // version of the text that the customer saw: "newsletter v3"
  std::string proof;    // what shows it: the number of a form or of a confirmed mail; not the
                        // customer's own data, which are sealed with the event
  friend bool operator==(const ConsentEvidence&, const ConsentEvidence&) = default;
};
inline constexpr std::size_t kEvidenceBytes = 256;

struct ConsentChange {
  CustomerNumber customer;
  Purpose purpose = Purpose::personalisation;
  bool given = false;
  Timestamp time;     // when the customer said so
  Sequence sequence;  // of the event that tells it
  ConsentEvidence evidence = {};
  friend bool operator==(const ConsentChange&, const ConsentChange&) = default;
};

// The purposes that a consent_given or consent_withdrawn event is about, ascending, each once:
// "purpose" in its properties, a text or a list of texts. Without properties, or where "purpose" is
// absent or null: personalisation alone (of a consent that is given).
// Errors: invalid_argument for what is no JSON object, a purpose that does not exist, an empty
// list, and "purpose" stated twice.
Result<std::vector<Purpose>> purposes_of(std::string_view properties_json);

// The same of a withdrawal, which nothing may weaken: every purpose where the properties state none
// or cannot be read whole.
std::vector<Purpose> withdrawn_purposes(std::string_view properties_json);

// "source", "wording" and "proof" of such an event's properties; what is absent, null or no text
// stays empty. Errors: invalid_argument for what is no JSON object.
Result<ConsentEvidence> evidence_of(std::string_view properties_json);

// Consent in state.
//
// Invariants: (1) of the changes that arrived under one customer number the latest holds, of equal
// times the one with the higher sequence number; (2) of several numbers merged into one customer
// the latest holds, of equal times withdrawn; (3) a sequence number says one thing of a purpose:
// what arrives again is ignored; (4) what holds and the changes are written in one transaction,
// which is the caller's where one is open.
// Personal data: customer numbers, purposes and times; no identifiers.
// Errors of every member: those of State. After an error inside the caller's transaction, that can
// only be rolled back.
// Threads: one thread at a time (that of its State), which outlives the object.
class ConsentLedger {
 public:
  static Result<ConsentLedger> open(store::State& state);

  // Errors: invalid_argument for a change without customer or sequence number; nothing is written.
  Status apply(std::span<const ConsentChange> changes);

  // Cost: one look-up by key.
  Result<Consent> find(CustomerNumber customer, Purpose purpose);

  // Everybody who ever said something about `purpose`, by rising number; for filling a cache. An
  // error of `visit` stops and is given back. `visit` must not change the ledger.
  using Visitor = std::function<Status(CustomerNumber customer, Consent consent)>;
  Status for_each(Purpose purpose, const Visitor& visit);

  // Every change of the customer in order of time and sequence number, each with the number under
  // which it arrived: for proof and for exports.
  Result<std::vector<ConsentChange>> changes(CustomerNumber customer);

  // What `from` said is `into`'s from now on. Merging twice changes nothing.
  Status merge(CustomerNumber from, CustomerNumber into);
  // Takes merges back: what arrived under the number `customer` is its own again.
  Status separate(CustomerNumber customer);

  // Removes every trace of the customer and of the numbers merged into it. The consent is unknown
  // afterwards, and applying the same events again would bring it back: the caller's suppression
  // list keeps them out.
  Status forget(CustomerNumber customer);

 private:
  explicit ConsentLedger(store::State& state) : state_(&state) {}
  Status move_rows(std::string_view which, CustomerNumber from, CustomerNumber into);

  store::State* state_;
};

}  // namespace attune::privacy
