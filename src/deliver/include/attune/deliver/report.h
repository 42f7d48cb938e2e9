// What mail servers send back. Answers: which message bounced, was late or annoyed somebody?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"

namespace attune::deliver {

enum class ReportKind : std::uint8_t {
  bounced,     // could not be delivered, for good
  delayed,     // not yet; the server goes on trying
  delivered,   // "delivered", "relayed" and "expanded"
  complained,  // somebody called it spam
};
std::string_view name(ReportKind kind);

// One recipient of one report. Personal data: the recipient and what the server said.
struct MailReport {
  ReportKind kind = ReportKind::bounced;
  std::string message_key;    // of our outbox; empty where the report names no message of ours
  std::string recipient;      // without "rfc822;"; empty where it is not told
  std::string status;         // of [RFC3463]: "5.1.1"; empty where it is not told
  std::string diagnostic;     // what the server said
  std::string feedback_type;  // of a complaint: "abuse", "fraud", …
  // The address itself does not work (5.1.x, 5.2.1, or a 5xx of [RFC5321] without a finer status):
  // send there no more. A full box or a refused content is no reason to.
  bool address_is_dead = false;
  friend bool operator==(const MailReport&, const MailReport&) = default;
};

// Reads a delivery status notification of [RFC3464] or an abuse report of [RFC5965], from bytes
// that nobody vouches for: line ends of any kind, at most 4 MiB, at most 100 recipients.
// Errors: invalid_argument for what is neither ("out of office" replies and mails of people are
// not), or holds no recipient and no complaint.
// Source: [RFC3462], [RFC3463], [RFC3464], [RFC5965].
Result<std::vector<MailReport>> read_mail_report(std::string_view bytes);

}  // namespace attune::deliver
