#include "attune/net/smtp_client.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "transfer.h"

namespace attune::net {
namespace {

constexpr std::size_t kLineMax = 998;     // [RFC5322] 2.1.1
constexpr std::size_t kAddressMax = 254;  // what fits into a path of [RFC5321] 4.5.3.1.3

Status check_address(std::string_view address, std::string_view which) {
  const bool plain = std::ranges::all_of(address, [](char c) {
    return c > ' ' && c < 127 && c != '<' && c != '>' && c != '"' && c != ',' && c != '\\';
  });
  const std::size_t at = address.find('@');
  if (plain && address.size() <= kAddressMax && at != std::string_view::npos && at > 0 &&
      at + 1 < address.size() && address.find('@', at + 1) == std::string_view::npos) {
    return {};
  }
  return std::unexpected(invalid_argument(
      fmt::format("the {} '{}' is no plain mail address (name@domain in ASCII; write a domain of "
                  "other letters in its xn-- form)",
                  which, quoted(address))));
}

// Line ends that a server could read otherwise than we do would let a body begin commands.
Status check_message(std::string_view bytes) {
  if (bytes.empty()) return std::unexpected(invalid_argument("the message is empty"));
  std::size_t line = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n') {
      line = 0;
      ++i;
      continue;
    }
    if (c == '\r' || c == '\n' || c == '\0') {
      return std::unexpected(invalid_argument(
          fmt::format("byte {} of the message is a lone {}; lines end with CR LF", i,
                      c == '\r'   ? "CR"
                      : c == '\n' ? "LF"
                                  : "NUL")));
    }
    if (++line > kLineMax) {
      return std::unexpected(invalid_argument(
          fmt::format("the line of the message that holds byte {} is longer than {} bytes; encode "
                      "the part as base64 or quoted-printable",
                      i, kLineMax)));
    }
  }
  if (!bytes.ends_with("\r\n")) {
    return std::unexpected(invalid_argument("the last line of the message has no CR LF"));
  }
  return {};
}

// What we hear and say during one message.
struct Conversation {
  std::string_view bytes;
  std::size_t given = 0;
  bool ended = false;     // the whole message was asked for: its end may be with the server
  bool answered = false;  // a whole answer came after that
  bool leaving = false;   // what we hear answers our good-bye
  SmtpStage stage = SmtpStage::connect;
  int code = 0;  // of the last whole answer
  std::string reply;
  std::string lines;  // of an answer that is not whole yet

  std::size_t read(char* into, std::size_t room) {
    const std::size_t size = std::min(room, bytes.size() - given);
    if (size == 0) {
      ended = true;
      stage = SmtpStage::answer;
      return 0;
    }
    std::memcpy(into, bytes.data() + given, size);
    given += size;
    return size;
  }

  void say(std::string_view command) {
    leaving = command.starts_with("QUIT");
    if (leaving || ended) return;
    if (command.starts_with("MAIL ")) {
      stage = SmtpStage::sender;
    } else if (command.starts_with("RCPT ")) {
      stage = SmtpStage::recipient;
    } else if (command.starts_with("DATA")) {
      stage = SmtpStage::data;
    } else if (command.starts_with("AUTH ")) {
      stage = SmtpStage::login;
    } else if (stage == SmtpStage::connect) {
      stage = SmtpStage::greeting;
    }
  }

  void hear(std::string_view line) {
    if (leaving || answered) return;
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    int number = 0;
    const auto [end, problem] =
        std::from_chars(line.data(), line.data() + std::min<std::size_t>(3, line.size()), number);
    if (problem != std::errc() || end != line.data() + 3) return;
    if (lines.size() < 2000) {
      if (!lines.empty()) lines += ' ';
      lines += line.size() > 4 ? line.substr(4) : std::string_view();
    }
    if (line.size() > 3 && line[3] == '-') return;  // more lines follow
    code = number;
    reply = std::exchange(lines, {});
    if (ended) answered = true;
  }
};

HandOver judge(const Conversation& talk) {
  const int kind = talk.code / 100;
  if (talk.ended) {
    if (!talk.answered) return HandOver::unknown;
    if (kind == 2) return HandOver::accepted;
    if (kind == 4) return HandOver::refused_for_now;
    if (kind == 5) return HandOver::refused_permanently;
    return HandOver::unknown;
  }
  // Before the sender is named an answer is about us, not about the message.
  if (talk.stage < SmtpStage::sender) return HandOver::not_sent;
  if (kind == 4) return HandOver::refused_for_now;
  if (kind == 5) return HandOver::refused_permanently;
  return HandOver::not_sent;
}

}  // namespace

std::string_view name(HandOver hand_over) {
  constexpr std::string_view kNames[] = {"accepted", "refused_permanently", "refused_for_now",
                                         "not_sent", "unknown"};
  return kNames[static_cast<std::size_t>(hand_over)];
}

std::string_view name(SmtpStage stage) {
  constexpr std::string_view kNames[] = {"connect",   "greeting", "login", "sender",
                                         "recipient", "data",     "answer"};
  return kNames[static_cast<std::size_t>(stage)];
}

struct SmtpClient::Impl {
  SmtpOptions options;
  Transfer transfer;
  std::string url;
  int sent_on_connection = 0;
};

SmtpClient::SmtpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SmtpClient::SmtpClient(SmtpClient&&) noexcept = default;
SmtpClient& SmtpClient::operator=(SmtpClient&&) noexcept = default;
SmtpClient::~SmtpClient() = default;

Result<SmtpClient> SmtpClient::open(SmtpOptions options) {
  if (options.host.empty() || options.port < 1 || options.port > 65535) {
    return std::unexpected(invalid_argument(
        fmt::format("'{}' port {} is no mail server; name its host and a port from 1 to 65535",
                    quoted(options.host), options.port)));
  }
  if (!options.user.empty() && options.security == SmtpSecurity::none &&
      !options.allow_plain_login) {
    return std::unexpected(invalid_argument(
        fmt::format("the password for '{}' would travel in plain text; use starttls or tls",
                    quoted(options.host))));
  }
  auto impl = std::make_unique<Impl>();
  const bool bare_ipv6 = options.host.find(':') != std::string::npos && options.host[0] != '[';
  impl->url = fmt::format("{}://{}:{}/{}", options.security == SmtpSecurity::tls ? "smtps" : "smtp",
                          bare_ipv6 ? '[' + options.host + ']' : options.host, options.port,
                          impl->transfer.escape(options.helo_name));
  const UrlParts parts = split_url(impl->url);
  if (!parts.valid || parts.has_login || parts.port != std::to_string(options.port)) {
    return std::unexpected(
        invalid_argument(fmt::format("'{}' is no name of a mail server", quoted(options.host))));
  }
  impl->options = std::move(options);
  return SmtpClient(std::move(impl));
}

Result<SmtpOutcome> SmtpClient::send(const SmtpMessage& message) {
  if (!message.from.empty()) ATTUNE_RETURN_IF_ERROR(check_address(message.from, "sender"));
  ATTUNE_RETURN_IF_ERROR(check_address(message.to, "recipient"));
  ATTUNE_RETURN_IF_ERROR(check_message(message.bytes));
  const SmtpOptions& options = impl_->options;
  Conversation talk{.bytes = message.bytes, .reply = {}, .lines = {}};
  TransferSpec spec;
  spec.mail = true;
  spec.url = impl_->url;
  spec.connect_ms = options.connect_ms;
  spec.total_ms = options.total_ms;
  spec.allow_inner_addresses = options.allow_inner_addresses;
  spec.ca_file = options.ca_file;
  spec.require_tls = options.security != SmtpSecurity::none;
  spec.user = options.user;
  spec.password = options.password;
  spec.from = '<' + message.from + '>';
  spec.to = '<' + message.to + '>';
  spec.fresh_connection = impl_->sent_on_connection >= options.messages_per_connection;
  if (spec.fresh_connection) impl_->sent_on_connection = 0;
  spec.read = [&](char* into, std::size_t room) { return talk.read(into, room); };
  spec.on_command = [&](std::string_view line) { talk.say(line); };
  spec.on_header = [&](std::string_view line) {
    talk.hear(line);
    return true;
  };
  const TransferResult result = impl_->transfer.run(spec);
  ++impl_->sent_on_connection;
  SmtpOutcome outcome;
  outcome.hand_over = judge(talk);
  outcome.stage = talk.stage;
  outcome.code = talk.code;
  outcome.reply = talk.reply;
  if (result.end == TransferEnd::inner_address) {
    outcome.problem = fmt::format(
        "{} leads to the inner address {}; allow inner addresses for a relay of your own",
        options.host, result.problem);
  } else if (outcome.hand_over != HandOver::accepted) {
    outcome.problem =
        fmt::format("{} at stage '{}': {}", options.host, name(talk.stage), result.problem);
  }
  return outcome;
}

}  // namespace attune::net
