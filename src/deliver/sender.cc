#include "attune/deliver/sender.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::deliver {
namespace {

using Verdict = GateAnswer::Verdict;

constexpr std::int64_t kRetryAfterMaxSeconds = 86'400;

// What one try came to, in words that are the same for mail and webhooks.
struct Try {
  MessageState state = MessageState::sent;  // queued: go again
  int code = 0;
  std::string detail;
  bool counts = true;              // as one of the message's tries
  std::int64_t wait_at_least = 0;  // microseconds; the peer's own wish
  bool provider_trouble = false;
  bool ends_turn = false;  // who gave no answer may give none to the next either
};

Try judge(const Result<net::SmtpOutcome>& handed) {
  if (!handed) return {.state = MessageState::failed, .detail = handed.error().message};
  const net::SmtpOutcome& outcome = *handed;
  Try result{.code = outcome.code,
             .detail = outcome.reply.empty() ? outcome.problem : outcome.reply};
  switch (outcome.hand_over) {
    case net::HandOver::accepted:
      result.state = MessageState::sent;
      return result;
    case net::HandOver::unknown:
      result.state = MessageState::unknown;
      result.detail = outcome.problem;
      return result;
    case net::HandOver::refused_permanently:
      // A sender that is refused says nothing about this customer.
      result.state =
          outcome.stage == net::SmtpStage::sender ? MessageState::queued : MessageState::refused;
      return result;
    case net::HandOver::refused_for_now:
      result.state = MessageState::queued;
      result.provider_trouble = outcome.code == 421;  // it closes down
      return result;
    case net::HandOver::not_sent:
      break;
  }
  result.state = MessageState::queued;
  result.detail = outcome.problem;
  result.provider_trouble = outcome.stage < net::SmtpStage::sender;
  result.counts = !result.provider_trouble;
  return result;
}

std::int64_t retry_after(const net::HttpAnswer& answer) {
  const auto text = answer.header("retry-after");
  std::int64_t seconds = 0;
  if (!text) return 0;
  // A date instead of seconds is not honoured: our own wait holds.
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (problem != std::errc() || end != text->data() + text->size() || seconds < 0) return 0;
  return std::min(seconds, kRetryAfterMaxSeconds) * kMicrosPerSecond;
}

Try judge(const Result<net::HttpAnswer>& posted) {
  if (!posted) {
    const bool final = posted.error().code == ErrorCode::invalid_argument ||
                       posted.error().code == ErrorCode::permission_denied;
    return {.state = final ? MessageState::failed : MessageState::queued,
            .detail = posted.error().message,
            .ends_turn = !final};
  }
  Try result{.code = posted->status, .detail = fmt::format("HTTP status {}", posted->status)};
  if (posted->status >= 200 && posted->status < 300) {
    result.state = MessageState::sent;
  } else if (posted->status == 410) {
    result.state = MessageState::failed;
    result.detail += ": the endpoint is gone for good";
  } else {
    result.state = MessageState::queued;
    result.wait_at_least = retry_after(*posted);
  }
  return result;
}

Status check(const SenderOptions& options) {
  if (!options.hooks.gate) {
    return std::unexpected(invalid_argument("a sender needs a gate to ask before each message"));
  }
  if (!options.mail.empty() && !options.hooks.write_letter) {
    return std::unexpected(invalid_argument("a sender of e-mail needs what writes letters"));
  }
  std::set<std::string> names;
  const auto add = [&](const std::string& name, bool works) -> Status {
    if (works && names.insert(name).second) return {};
    return std::unexpected(invalid_argument(
        works ? fmt::format("the provider '{}' is named twice", attune::quoted(name))
              : fmt::format("the provider '{}' has nothing to send with", attune::quoted(name))));
  };
  for (const MailProvider& one : options.mail)
    ATTUNE_RETURN_IF_ERROR(add(one.name, static_cast<bool>(one.hand_over)));
  for (const WebhookProvider& one : options.webhooks)
    ATTUNE_RETURN_IF_ERROR(add(one.name, one.post && !one.secrets.empty()));
  return {};
}

}  // namespace

std::function<Result<GateAnswer>(const Message&, Timestamp)> consent_gate(
    std::function<Result<bool>(CustomerNumber, privacy::Purpose)> may_send) {
  return [ask = std::move(may_send)](const Message& message, Timestamp) -> Result<GateAnswer> {
    ATTUNE_ASSIGN_OR_RETURN(const bool may, ask(message.customer, message.purpose));
    if (may) return GateAnswer{};
    return GateAnswer{.verdict = Verdict::withhold,
                      .reason = fmt::format("no consent for {}", name(message.purpose))};
  };
}

struct Sender::Impl {
  // One way out: a mail server or an endpoint.
  struct Lane {
    std::string name;
    Channel channel;
    net::RetryPolicy retry;
    TokenBucket bucket;
    // Makes what is sent, before it is marked; then sends it. An error of the first is the
    // message's.
    std::function<Result<std::function<Try()>>(const Message&, Timestamp)> prepare;
    Timestamp paused_until{};
    int troubles = 0;
  };

  SenderOptions options;
  std::optional<store::State> state;
  std::optional<Outbox> outbox;
  std::vector<Lane> lanes;
  std::int64_t unknown_at_start = 0;
  std::optional<Outbox::Settlement> pending;  // handed over, and not written down yet

  void add_lanes();
  Status flush();
  Status run_lane(Lane& lane, Timestamp now, SenderRun& run);
  Result<bool> send_one(Lane& lane, const Outbox::Due& due, Timestamp now, SenderRun& run);
  Result<Try> ask_and_send(const std::function<Try()>& send, const Message& message, Timestamp now,
                           Timestamp& later);
  Outbox::Settlement settlement(Lane& lane, const Outbox::Due& due, Try tried, Timestamp now);
  void count(MessageState state, SenderRun& run);
};

void Sender::Impl::add_lanes() {
  for (const MailProvider& provider : options.mail) {
    lanes.push_back(
        {provider.name, Channel::email, provider.retry, TokenBucket(provider.rate),
         [this, &provider](const Message& message, Timestamp now) -> Result<std::function<Try()>> {
           ATTUNE_ASSIGN_OR_RETURN(auto letter, options.hooks.write_letter(message, now));
           return [&provider, letter = std::move(letter)] {
             return judge(provider.hand_over({letter.from, letter.to, letter.bytes}));
           };
         }});
  }
  for (const WebhookProvider& provider : options.webhooks) {
    lanes.push_back(
        {provider.name, Channel::webhook, provider.retry, TokenBucket(provider.rate),
         [&provider](const Message& message, Timestamp now) -> Result<std::function<Try()>> {
           ATTUNE_ASSIGN_OR_RETURN(
               auto headers, webhook_headers(provider.secrets, message.key, now, message.body));
           headers.emplace_back("Content-Type", "application/json");
           net::HttpRequest request{"POST", provider.url, std::move(headers), message.body};
           return
               [&provider, request = std::move(request)] { return judge(provider.post(request)); };
         }});
  }
}

Status Sender::Impl::flush() {
  if (!pending) return {};
  ATTUNE_RETURN_IF_ERROR(outbox->settle_and_mark(&*pending, 0, pending->now));
  pending.reset();
  return {};
}

void Sender::Impl::count(MessageState what, SenderRun& run) {
  switch (what) {
    case MessageState::sent:
      ++run.sent;
      break;
    case MessageState::refused:
      ++run.refused;
      break;
    case MessageState::failed:
      ++run.failed;
      break;
    case MessageState::unknown:
      ++run.unknown;
      break;
    case MessageState::withheld:
      ++run.withheld;
      break;
    case MessageState::queued:
    case MessageState::sending:
      ++run.postponed;
      break;
  }
}

Outbox::Settlement Sender::Impl::settlement(Lane& lane, const Outbox::Due& due, Try tried,
                                            Timestamp now) {
  Outbox::Settlement settled{.row = due.row,
                             .customer = due.message.customer,
                             .state = tried.state,
                             .attempts = due.attempts + (tried.counts ? 1 : 0),
                             .due = due.message.due,
                             .now = now,
                             .code = tried.code,
                             .detail = std::move(tried.detail)};
  if (tried.provider_trouble) {
    const net::RetryPolicy forever{.attempts_max = 1 << 30,
                                   .first_seconds = lane.retry.first_seconds,
                                   .factor = lane.retry.factor,
                                   .longest_seconds = lane.retry.longest_seconds};
    lane.troubles = std::min(lane.troubles + 1, 1000);
    lane.paused_until = {now.micros +
                         *net::retry_delay(forever, lane.troubles, options.seed, lane.name)};
  } else if (settled.state == MessageState::sent || settled.state == MessageState::refused) {
    lane.troubles = 0;
  }
  if (settled.state != MessageState::queued || !tried.counts) return settled;
  const auto wait = net::retry_delay(lane.retry, settled.attempts, options.seed, due.message.key);
  if (!wait) {
    settled.state = MessageState::failed;
  } else {
    settled.due = {now.micros + std::max(*wait, tried.wait_at_least)};
  }
  return settled;
}

// The gate's word, and what follows from it. `later` is set where the gate says so.
Result<Try> Sender::Impl::ask_and_send(const std::function<Try()>& send, const Message& message,
                                       Timestamp now, Timestamp& later) {
  ATTUNE_ASSIGN_OR_RETURN(GateAnswer answer, options.hooks.gate(message, now));
  if (answer.verdict == Verdict::send) return send();
  Try kept_back{.detail = std::move(answer.reason), .counts = false};
  const bool too_late = answer.verdict == Verdict::later && message.expires != Timestamp{} &&
                        answer.at > message.expires;
  if (too_late) kept_back.detail = "it would be sent after its time";
  if (answer.verdict == Verdict::withhold || too_late) {
    kept_back.state = MessageState::withheld;
    return kept_back;
  }
  kept_back.state = MessageState::queued;
  later = {std::max(answer.at.micros, now.micros + kMicrosPerSecond)};
  return kept_back;
}

// False: this lane is done for now.
Result<bool> Sender::Impl::send_one(Lane& lane, const Outbox::Due& due, Timestamp now,
                                    SenderRun& run) {
  const Message& message = due.message;
  std::optional<Try> kept_back;
  std::function<Try()> send;
  if (due.problem) {
    const bool forgotten = due.problem->code == ErrorCode::failed_precondition ||
                           due.problem->code == ErrorCode::not_found;
    kept_back = Try{.state = forgotten ? MessageState::withheld : MessageState::failed,
                    .detail = due.problem->message,
                    .counts = false};
  } else if (message.expires != Timestamp{} && now > message.expires) {
    kept_back = Try{.state = MessageState::withheld, .detail = "its time is over", .counts = false};
  } else if (auto prepared = lane.prepare(message, now)) {
    send = std::move(*prepared);
  } else {
    kept_back = Try{.state = MessageState::failed, .detail = prepared.error().message};
  }
  if (kept_back) {
    ATTUNE_RETURN_IF_ERROR(flush());
    pending = settlement(lane, due, std::move(*kept_back), now);
    count(pending->state, run);
    ATTUNE_RETURN_IF_ERROR(flush());
    return true;
  }
  ATTUNE_ASSIGN_OR_RETURN(const bool marked,
                          outbox->settle_and_mark(pending ? &*pending : nullptr, due.row, now));
  pending.reset();
  if (!marked) return true;  // withheld or forgotten meanwhile
  Timestamp later{};
  const Result<Try> tried = ask_and_send(send, message, now, later);
  if (!tried) {
    // Not asked, not sent: it waits as before.
    pending =
        settlement(lane, due, {.state = MessageState::queued, .detail = {}, .counts = false}, now);
    ATTUNE_RETURN_IF_ERROR(flush());
    return std::unexpected(tried.error());
  }
  pending = settlement(lane, due, *tried, now);
  if (later != Timestamp{}) pending->due = later;
  count(pending->state, run);
  if (!tried->provider_trouble && !tried->ends_turn) return true;
  run.troubles.push_back(fmt::format("{}: {}", lane.name, tried->detail));
  return false;
}

Status Sender::Impl::run_lane(Lane& lane, Timestamp now, SenderRun& run) {
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < options.messages_per_run && now >= lane.paused_until; ++i) {
    if (i > 0 && std::chrono::steady_clock::now() - begun >= options.longest_turn) break;
    ATTUNE_ASSIGN_OR_RETURN(const auto due, outbox->next_due(lane.name, lane.channel, now));
    if (!due || !lane.bucket.take(now)) break;
    ATTUNE_ASSIGN_OR_RETURN(const bool more, send_one(lane, *due, now, run));
    if (!more) break;
  }
  ATTUNE_RETURN_IF_ERROR(flush());
  ATTUNE_ASSIGN_OR_RETURN(const auto next, outbox->next_due_time(lane.name, lane.channel));
  if (!next) return {};
  const Timestamp when = std::max({*next, lane.paused_until, lane.bucket.ready_at(now)});
  run.next = run.next ? std::min(*run.next, when) : when;
  return {};
}

Sender::Sender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sender::Sender(Sender&&) noexcept = default;
Sender& Sender::operator=(Sender&&) noexcept = default;
Sender::~Sender() = default;

Result<Sender> Sender::open(SenderOptions options, store::Vault& vault, Timestamp now) {
  ATTUNE_RETURN_IF_ERROR(check(options));
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  ATTUNE_ASSIGN_OR_RETURN(impl->state, store::State::open(impl->options.state_file,
                                                          {.synchronous = store::Synchronous::full,
                                                           .secure_delete = true,
                                                           .cache_bytes = 8 << 20}));
  ATTUNE_ASSIGN_OR_RETURN(impl->outbox, Outbox::open(*impl->state, vault));
  ATTUNE_ASSIGN_OR_RETURN(impl->unknown_at_start, impl->outbox->recover(now));
  impl->add_lanes();
  return Sender(std::move(impl));
}

std::int64_t Sender::unknown_at_start() const { return impl_->unknown_at_start; }

Result<SenderRun> Sender::run_once(Timestamp now) {
  ATTUNE_RETURN_IF_ERROR(impl_->flush());
  SenderRun run;
  for (Impl::Lane& lane : impl_->lanes) ATTUNE_RETURN_IF_ERROR(impl_->run_lane(lane, now, run));
  return run;
}

}  // namespace attune::deliver
