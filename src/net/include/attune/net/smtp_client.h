// Handing mail to a server. Answers: did the server take this message, and if that cannot be known,
// is that said?
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::net {

enum class SmtpSecurity : std::uint8_t {
  none,      // plain text: for a relay on the same machine
  starttls,  // plain, then TLS before anything else is said; refused where the server offers none
  tls,       // TLS from the first byte (smtps)
};

struct SmtpOptions {
  std::string host;
  int port = 587;
  SmtpSecurity security = SmtpSecurity::starttls;
  std::string user;  // empty: no login
  std::string password;
  std::string helo_name;  // what we call ourselves; empty: the machine's name
  int connect_ms = 10'000;
  int total_ms = 120'000;  // for one message, from the connection to the answer
  int messages_per_connection = 100;
  bool allow_inner_addresses = false;  // see address.h
  bool allow_plain_login = false;      // a password without TLS
  std::string ca_file;                 // certificates to trust instead of the system's
};

// What became of one message at the server.
//
// `unknown` is the one that must not be repeated: the whole message was given away, and the
// connection ended before the answer came. Everything else may: the server did not take it.
enum class HandOver : std::uint8_t {
  accepted,             // the server answered 2xx to the whole message: it is its now
  refused_permanently,  // 5xx
  refused_for_now,      // 4xx
  not_sent,             // failed before the end of the message was given away
  unknown,
};
std::string_view name(HandOver hand_over);

// How far the conversation came.
enum class SmtpStage : std::uint8_t {
  connect,
  greeting,  // EHLO, STARTTLS
  login,
  sender,     // MAIL FROM
  recipient,  // RCPT TO
  data,       // DATA, and the message itself
  answer,     // the end of the message was given away
};
std::string_view name(SmtpStage stage);

struct SmtpOutcome {
  HandOver hand_over = HandOver::not_sent;
  SmtpStage stage = SmtpStage::connect;
  int code = 0;         // the server's last answer; 0: none
  std::string reply;    // its text; may hold the recipient's address
  std::string problem;  // what went wrong, for people; empty when accepted
};

struct SmtpMessage {
  std::string from;  // envelope: bare addresses, ASCII; `from` may be empty (no bounces)
  std::string to;
  std::string_view bytes;  // headers and body, lines ended by CRLF, at most 998 bytes each
};

// One server, one connection at a time, kept open between messages.
//
// Invariants: (1) no connection to an inner address unless allowed; (2) a message whose outcome is
// not `accepted` or `unknown` was not taken by the server, however the connection ended; (3) send
// never repeats a message by itself; (4) nothing in a message or an address can end the message or
// begin a command.
// Threads: one thread at a time.
class SmtpClient {
 public:
  // Errors: invalid_argument (host, port, a password without TLS unless allowed).
  static Result<SmtpClient> open(SmtpOptions options);
  SmtpClient(SmtpClient&&) noexcept;
  SmtpClient& operator=(SmtpClient&&) noexcept;
  ~SmtpClient();

  // Errors: invalid_argument only, before anything is said to the server: repeating will not help.
  Result<SmtpOutcome> send(const SmtpMessage& message);

 private:
  struct Impl;
  explicit SmtpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::net
