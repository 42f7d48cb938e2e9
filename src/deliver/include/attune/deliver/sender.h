// Takes what is due out of the outbox and hands it over. Answers: who gets their message now, and
// what became of it?
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/deliver/outbox.h"
#include "attune/deliver/token_bucket.h"
#include "attune/deliver/webhook.h"
#include "attune/net/http_client.h"
#include "attune/net/retry.h"
#include "attune/net/smtp_client.h"

namespace attune::deliver {

// What the engine says about one message, asked straight before it is handed over.
struct GateAnswer {
  enum class Verdict : std::uint8_t { send, later, withhold } verdict = Verdict::send;
  Timestamp at{};      // later: not before
  std::string reason;  // withhold: shown to people
};

// A mail as it is handed over: envelope, and bytes with lines ended by CRLF.
struct Letter {
  std::string from;
  std::string to;
  std::string bytes;
};

struct SenderHooks {
  // Consent, suppression, quiet hours, state of the campaign. Required. An error ends the run:
  // nothing is sent that could not be asked about.
  std::function<Result<GateAnswer>(const Message&, Timestamp now)> gate;
  // Makes the mail; an error is the message's failure, told as its detail. Required for e-mail.
  std::function<Result<Letter>(const Message&, Timestamp now)> write_letter;
};

// A gate that asks for consent alone.
std::function<Result<GateAnswer>(const Message&, Timestamp)> consent_gate(
    std::function<Result<bool>(CustomerNumber, privacy::Purpose)> may_send);

struct MailProvider {
  std::string name;
  std::function<Result<net::SmtpOutcome>(const net::SmtpMessage&)> hand_over;
  Rate rate;
  net::RetryPolicy retry;
};

struct WebhookProvider {
  std::string name;
  std::string url;
  std::vector<WebhookSecret> secrets;
  std::function<Result<net::HttpAnswer>(const net::HttpRequest&)> post;
  Rate rate;
  net::RetryPolicy retry{
      .attempts_max = 12, .first_seconds = 5, .factor = 4, .longest_seconds = 36'000};
};

struct SenderOptions {
  std::filesystem::path state_file;  // a connection of its own is opened to it
  std::vector<MailProvider> mail;
  std::vector<WebhookProvider> webhooks;
  SenderHooks hooks;
  std::uint64_t seed = 0;      // of the jitter
  int messages_per_run = 200;  // of each provider
  // Of a provider in one run, but for the message that it ends in: a slow one holds up no other.
  std::chrono::milliseconds longest_turn{2000};
};

// What one run did.
struct SenderRun {
  int sent = 0;
  int refused = 0;
  int failed = 0;
  int unknown = 0;
  int withheld = 0;
  int postponed = 0;                  // go again: not taken this time, or not yet allowed
  std::optional<Timestamp> next;      // when to run again; absent: nothing is queued
  std::vector<std::string> troubles;  // providers that do not work, for people
};

// The one way out.
//
// Invariants: (1) before an e-mail is handed over its state `sending` is on disk: committed by a
// connection with synchronous FULL; (2) what is found `sending` when a Sender opens becomes
// `unknown` (e-mail) or goes again under the same key (webhooks); so an e-mail is handed over at
// most once unless the server is known not to have taken it, and a webhook at least once unless it
// is given up; (3) the gate is asked after (1), straight before the hand-over; (4) one commit a
// message: it holds what became of the one before.
// What a refusal means: about the recipient or the message, 5xx ends it and 4xx tries again by
// `retry`; trouble of the provider itself (no connection, no login) pauses the provider and costs
// no message a try. Of webhooks: 2xx is taken; 410 and an inner address end it; all else goes
// again, and after the last try the message is a dead letter (`failed`). An endpoint that gives no
// answer has had its turn of this run.
// Threads: one thread at a time. One Sender a data folder.
class Sender {
 public:
  // Errors: those of State::open; invalid_argument (a provider named twice or without its function,
  // no gate).
  static Result<Sender> open(SenderOptions options, store::Vault& vault, Timestamp now);
  Sender(Sender&&) noexcept;
  Sender& operator=(Sender&&) noexcept;
  ~Sender();

  // E-mails that became unknown when this was opened.
  std::int64_t unknown_at_start() const;

  // Errors: of state, vault or gate. What was handed over before is settled by the next run.
  Result<SenderRun> run_once(Timestamp now);

 private:
  struct Impl;
  explicit Sender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::deliver
