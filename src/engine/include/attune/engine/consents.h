// What customers allow, stated and shown. Answers: what may we do with this customer's data, since
// when, and how do we know?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/engine/workspace.h"
#include "attune/privacy/consent.h"

namespace attune::engine {

// A change of mind, told by whoever asked the customer.
struct ConsentStatement {
  std::string customer;
  std::vector<std::string> purposes;  // at least one
  bool given = false;
  Timestamp time;
  privacy::ConsentEvidence evidence;
};

// The event of it, on disk and applied when it returns. Errors: invalid_argument naming the purpose
// or what is missing; failed_precondition for a forgotten customer.
Status state_consent(Workspace& workspace, const ConsentStatement& statement);

struct CustomerConsents {
  std::string customer;                         // the id by which the shop knows them
  std::vector<privacy::Consent> now;            // by purpose
  std::vector<privacy::ConsentChange> changes;  // oldest first
};
// Errors: not_found.
Result<CustomerConsents> find_consents(Workspace& workspace, std::string_view customer);
std::string to_json(const CustomerConsents& consents);

// What a mail server sent back, by recipient.
struct MailReportCounts {
  int bounced = 0;
  int delayed = 0;  // nothing is written down of these: the server goes on trying
  int delivered = 0;
  int complained = 0;
  int foreign = 0;  // about no message of ours, or of a customer who was forgotten
  MailReportCounts& operator+=(const MailReportCounts& more);
};
// Reads a bounce or a complaint (deliver::read_mail_report) and writes message_bounced,
// message_delivered or message_complained for the messages that it names, once each. Errors:
// invalid_argument for what is neither.
Result<MailReportCounts> take_mail_report(Workspace& workspace, std::string_view bytes);
std::string to_json(const MailReportCounts& counts);

}  // namespace attune::engine
