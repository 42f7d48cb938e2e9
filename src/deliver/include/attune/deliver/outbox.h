// What waits to be sent, what was, and what nobody knows. Answers: which messages are where, and
// does none go twice?
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/erasable.h"
#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/deliver/fields.h"
#include "attune/privacy/consent.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::deliver {

// Stored as their numbers: append only, never renumber.
enum class Channel : std::uint8_t { email, webhook };
std::string_view name(Channel channel);

enum class MessageState : std::uint8_t {
  queued,    // to be sent when it is due
  sending,   // durable before the message is handed over
  sent,      // the server took it
  refused,   // the server refused it for good
  failed,    // given up: no try left, or it cannot be made; of webhooks: a dead letter
  unknown,   // handed over, the answer is lost: may have arrived, is not sent again
  withheld,  // not sent: no consent any more, too late, campaign stopped
};
inline constexpr int kMessageStateCount = 7;
std::string_view name(MessageState state);

struct Message {
  std::string key;  // names the message everywhere: 1 to 64 of A-Z a-z 0-9 '-' '_'
  Channel channel = Channel::email;
  std::string provider;     // which mail server or webhook endpoint
  CustomerNumber customer;  // 0, of webhooks alone: about no customer, and kept unsealed
  privacy::Purpose purpose = privacy::Purpose::email;
  std::string campaign;
  std::string treatment;
  std::string content;  // which template; of webhooks: the event's type
  Timestamp due;
  Timestamp expires{};  // not sent after; 0: never
  // Sealed at rest under the customer's key, and dropped once the message is settled.
  std::string address;
  Fields fields;
  std::string body;  // of a webhook
  friend bool operator==(const Message&, const Message&) = default;
};

// A message without what is sealed, and where it stands.
struct MessageStatus {
  std::string key;
  Channel channel = Channel::email;
  std::string provider;
  CustomerNumber customer;
  privacy::Purpose purpose = privacy::Purpose::email;
  std::string campaign;
  std::string treatment;
  MessageState state = MessageState::queued;
  int attempts = 0;
  Timestamp due;
  Timestamp created;
  Timestamp changed;
  int code = 0;        // the server's last answer
  std::string detail;  // what was said about it; empty where the customer is forgotten
};

struct AddedMessages {
  int added = 0;
  int repeated = 0;   // the key is there already: left as it is
  int forgotten = 0;  // the customer's key is destroyed
};

// The outbox in state.
//
// Invariants: (1) a key is in the outbox once, whatever became of it, until `prune`; (2) states go
// queued → sending → sent | refused | failed | unknown | withheld, back to queued only from sending
// where the server is known not to have it (webhooks: always), and by `requeue`; an e-mail that is
// `unknown` never goes back; (3) addresses, fields and bodies are sealed, and gone once settled
// (of dead letters: kept for `requeue`).
// Transactions: each call is one; inside the caller's own it is part of that.
// Errors of every member: those of State and Vault.
// Threads: one thread at a time (that of its State). The engine and the Sender have one each.
class Outbox final : public Erasable {
 public:
  static Result<Outbox> open(store::State& state, store::Vault& vault);

  // Errors: invalid_argument that names key and field; nothing is written.
  Result<AddedMessages> add(std::span<const Message> messages, Timestamp now);

  Result<std::optional<MessageStatus>> find(std::string_view key);
  // Newest change first.
  Result<std::vector<MessageStatus>> list(MessageState state, int limit);
  // By state; of all campaigns where `campaign` is empty.
  Result<std::array<std::int64_t, kMessageStateCount>> counts(std::string_view campaign = {});

  // Whether anything is queued, due or not, or was left in the middle; of one channel where named.
  Result<bool> has_work(std::optional<Channel> channel = std::nullopt);

  // What was handed over to a customer since a moment, and may have arrived: sending, sent,
  // unknown.
  struct HandedOver {
    std::string campaign;
    Channel channel = Channel::email;
    Timestamp time;
  };
  Result<std::vector<HandedOver>> handed_over(CustomerNumber customer, Timestamp since,
                                              std::string_view except_key);

  // Settled messages that nobody wrote down yet, oldest change first: the engine makes events of
  // them, and says so after those are durable. Told again after a crash in between: use the key and
  // the state as the event's id.
  Result<std::vector<MessageStatus>> untold(int limit);
  Status mark_told(std::span<const MessageStatus> messages);

  // What of a campaign is still queued becomes withheld. Result: how many.
  Result<std::int64_t> withhold(std::string_view campaign, std::string_view reason, Timestamp now);

  // A dead letter goes again, under the same key. Errors: not_found; failed_precondition for an
  // e-mail, or in another state.
  Status requeue(std::string_view key, Timestamp now);

  // Drops settled and told messages that did not change since `before`. Result: how many.
  Result<std::int64_t> prune(Timestamp before);

  // Keys of what is queued for a customer.
  Result<std::vector<std::string>> waiting_for(CustomerNumber customer);
  std::string holder_name() const override { return "outbox"; }
  Result<std::int64_t> forget(CustomerNumber customer) override;

 private:
  friend class Sender;
  // What became of a try.
  struct Settlement {
    std::int64_t row = 0;
    CustomerNumber customer;
    MessageState state = MessageState::queued;
    int attempts = 0;
    Timestamp due;
    Timestamp now;
    int code = 0;
    std::string detail;
  };
  struct Due {
    std::int64_t row = 0;
    int attempts = 0;
    Message message;
    std::optional<Error> problem;  // why what is sealed cannot be opened
  };

  Outbox(store::State& state, store::Vault& vault) : state_(&state), vault_(&vault) {}
  Result<std::string> sealed_payload(const Message& message);
  Result<std::string> sealed_detail(CustomerNumber customer, std::string_view detail);
  Result<bool> insert(const Message& message, Timestamp now);
  Result<std::vector<MessageStatus>> read_statuses(store::Statement& statement);
  // The next that is due at this provider.
  Result<std::optional<Due>> next_due(std::string_view provider, Channel channel, Timestamp now);
  Result<std::optional<Timestamp>> next_due_time(std::string_view provider, Channel channel);
  // In one transaction: settles what was tried, and marks `row` as sending. False: `row` is no
  // longer queued.
  Result<bool> settle_and_mark(const Settlement* settled, std::int64_t row, Timestamp now);
  Status settle(const Settlement& settled);
  // What a process that ended left behind. Result: how many e-mails became unknown.
  Result<std::int64_t> recover(Timestamp now);

  store::State* state_;
  store::Vault* vault_;
};

}  // namespace attune::deliver
