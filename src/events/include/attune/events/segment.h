// Bodies as Segment's libraries send them. Answers: which events does this call tell of, and what
// is wrong with the messages that tell of none?
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "attune/events/event.h"

namespace attune::events {

enum class SegmentCall : std::uint8_t { identify, track, page, screen, group, alias, batch };
std::string_view name(SegmentCall call);

// Whose word it is. Anybody reads the key of a page or an app out of it, so what only the shop can
// know is no event when it comes from there.
enum class SegmentSpeaker : std::uint8_t { page, shop };

struct SegmentOptions {
  Currency currency;               // of amounts that name none
  std::string source = "segment";  // of every event
  std::size_t max_event_bytes = 32 << 10;
  std::size_t max_batch_bytes = 500 << 10;
  std::size_t max_id_bytes = 512;  // of customer, anonymous, item, order, session and message ids
  std::size_t max_batch_messages = 2500;
  // Whether an id is that of a customer known already; absent: none is. Asked of an alias's
  // previousId.
  std::function<bool(std::string_view)> is_customer = {};
};

// One message that could not become events.
struct SegmentProblem {
  std::size_t index = 0;  // within the batch; 0 for a single call
  // missing_id, missing_type, unknown_type, ignored_type, bad_time, bad_number, bad_text,
  // wrong_type, unknown_currency, two_currencies, duplicate_key, too_long, too_large,
  // reserved_type. "ignored_type" is a standard name that tells nothing Attune keeps ("Order
  // Updated"): nothing is wrong with it.
  std::string reason;
  std::string field;    // where in the JSON: "batch[3].properties.price"
  std::string message;  // what and remedy, in one line
  std::string raw;      // the message as it came; cut at max_event_bytes when it is too_large
  std::string_view ignored = {};  // of an ignored_type: the name as lists have it; never ends
  // What the batch said for its messages, as a JSON object of "sentAt" and "context"; empty: there
  // was nothing. A context of more than 2 KB is left out.
  std::string around = {};
};

// Events of one body. Views live until the next read of the reader that made them, or its end.
// Invariant: every message gave at least one event, or exactly one problem.
struct SegmentBatch {
  std::vector<Event> events;
  std::vector<SegmentProblem> problems;
  std::size_t messages = 0;
  std::string write_key;  // the body's "writeKey", if it has one
  std::string fault;      // where a body that was refused whole is wrong: "batch", "body"
};

// Reads bodies of POST /v1/identify, track, page, screen, group, alias and batch.
//
// Which type. identify, group: identify (a group's id becomes the trait "group_id"). alias: alias,
// previousId as `anonymous`. page, screen: view, of an item where properties name one. track: its
// event name, one of Attune's types, of Segment's e-commerce names, of GA4's, or of the synonyms
// that imports know; case, blanks, '_' and '-' make no difference.
//
// How many. A track about items gives one event for each element of properties.products (or items);
// where there are several, their event ids are "messageId#0", "#1", …, and their `properties` the
// whole object with that one element left in the list. All else gives one event, with the message's
// id and with `properties` as they came; a page's name and category are put among them.
//
// When. A message's own sentAt and context come before the batch's. The stated time is
// originalTimestamp, else timestamp; with sentAt the device's clock is put right: received_at -
// (sentAt - stated). Where both timestamp and originalTimestamp are stated, timestamp is somebody's
// answer already and taken as it is; so is a time without sentAt. A clock more than 24 hours off
// (|received_at - sentAt|) is not believed, and nothing happens later than it is received: both
// give received_at, as does a message that states no time. Times are ISO 8601 (UTC where no zone is
// named, and marked so) or numbers: below 1e11 seconds, below 1e14 milliseconds, else microseconds
// since 1970.
//
// Whose. userId, anonymousId; numbers count as text. A message needs one of them. Texts are cleaned
// as imports clean them (trimmed, NFC, no control characters).
//
// Whose word. From a page, what only the shop can know is a problem, "reserved_type": item_changed,
// customer_changed, decision, assignment, message_sent, message_delivered, message_bounced,
// message_complained, coupon_issued, coupon_expired, points_earned, points_spent, risk_flag, and
// consent_given of a userId or of email, sms, push or sharing (of an anonymousId alone, for
// analytics, personalisation or ads, it is the visitor's own word); and an alias of a customer who
// is known already. Withdrawals and unsubscribes count whoever says them.
//
// What it was worth. Of a line: price and quantity, and their product for purchases and refunds.
// Where no line of these has a price: its share, by quantity, of revenue, else total, else value,
// exact to the minor unit in sum and marked value_divided (where all lines are in the order's
// currency). Beside prices an order's sum, discount, shipping and tax change nothing.
// Without a list of products: revenue, else total, else value, else price times quantity. A
// purchase of a quantity below zero is a refund; amounts of refunds are positive.
//
// Of the context: page.url, sessionId, the library's name (the channel) and traits of an identify
// have fields; campaign and page.referrer are put among the properties of tracks, pages and
// screens, as "context", unless they have one. Nothing else of it is kept.
//
// Channel. The message's channel ("browser" is web, "mobile" app, "server" none), else app for
// screens and mobile libraries, web for browser libraries, else none.
//
// Threads: one reader a thread. Memory: about 20 times the largest body.
class SegmentReader {
 public:
  explicit SegmentReader(SegmentOptions options);
  ~SegmentReader();
  SegmentReader(SegmentReader&&) noexcept;
  SegmentReader& operator=(SegmentReader&&) noexcept;

  // Replaces what `out` holds. Errors: invalid_argument naming the place, when the whole body is
  // refused: not JSON, not an object, not UTF-8, nested deeper than 32 levels, larger than the
  // limits, a known key twice at its top, "batch" missing or no array. `out` is empty
  // then, but for `fault`.
  Status read(SegmentCall call, std::string_view body, Timestamp received_at, SegmentBatch& out,
              SegmentSpeaker speaker = SegmentSpeaker::shop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attune::events
