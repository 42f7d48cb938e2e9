// What it means that somebody unsubscribed or complained, or that a message bounced. Answers: what
// may we not do any more, and which address takes nothing?
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/events/event.h"
#include "attune/privacy/consent.h"
#include "attune/privacy/suppression.h"

namespace attune::privacy {

// What an event of that kind does. Both may be empty: a full mailbox is no objection.
struct Objection {
  std::vector<Purpose> withdrawn;            // ascending
  std::optional<SuppressionReason> address;  // why the address goes on the suppression list
  std::string stated;  // the address, where the event tells it ("email", "address" or "recipient")
  friend bool operator==(const Objection&, const Objection&) = default;
};

// unsubscribe, message_complained: the purposes that the properties state ("purpose"); where they
// state none, that of the channel; where that is none of email, sms and push, all three; and every
// purpose where the properties cannot be read. The address is suppressed where email is among them.
// message_bounced: says nothing of what the customer wants, so no consent is withdrawn. The address
// is suppressed unless the properties tell that it works: "hard": false, "bounce_type" soft,
// transient or temporary, a "status" of 4.x.x, or of 5.x.x other than 5.1.x and 5.2.1 [RFC3463], or
// a "code" below 500. A bounce over sms or push suppresses nothing.
// Every other type: nothing.
Objection objection_of(events::EventType type, std::string_view channel,
                       std::string_view properties_json);

}  // namespace attune::privacy
