// Bounces and complaints, as events of the messages that they are about.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/deliver/report.h"
#include "attune/engine/consents.h"
#include "campaign_events.h"

namespace attune::engine {
namespace {

namespace json = boost::json;
using deliver::MailReport;
using deliver::ReportKind;

int& count_of(ReportKind kind, MailReportCounts& counts) {
  switch (kind) {
    case ReportKind::bounced:
      return counts.bounced;
    case ReportKind::delayed:
      return counts.delayed;
    case ReportKind::delivered:
      return counts.delivered;
    case ReportKind::complained:
      break;
  }
  return counts.complained;
}

}  // namespace

MailReportCounts& MailReportCounts::operator+=(const MailReportCounts& more) {
  bounced += more.bounced;
  delayed += more.delayed;
  delivered += more.delivered;
  complained += more.complained;
  foreign += more.foreign;
  return *this;
}

Result<MailReportCounts> take_mail_report(Workspace& workspace, std::string_view bytes) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<MailReport> reports, deliver::read_mail_report(bytes));
  ATTUNE_ASSIGN_OR_RETURN(auto outbox, deliver::Outbox::open(workspace.state(), workspace.vault()));
  MailReportCounts counts;
  for (const MailReport& report : reports) {
    ++count_of(report.kind, counts);
    if (report.kind == ReportKind::delayed) continue;
    ATTUNE_ASSIGN_OR_RETURN(const auto message, outbox.find(report.message_key));
    std::optional<CalledCustomer> customer;
    if (message) {
      ATTUNE_ASSIGN_OR_RETURN(customer, called(workspace, message->customer));
    }
    if (!customer) {
      ++counts.foreign;
      continue;
    }
    CampaignEvents events(message->campaign);
    events.add(report, *message, *customer, workspace.now());
    ATTUNE_ASSIGN_OR_RETURN(const Sequence recorded, workspace.record(events.events()));
    (void)recorded;
  }
  return counts;
}

std::string to_json(const MailReportCounts& counts) {
  return json::serialize(json::object{{"bounced", counts.bounced},
                                      {"delayed", counts.delayed},
                                      {"delivered", counts.delivered},
                                      {"complained", counts.complained},
                                      {"foreign", counts.foreign}});
}

}  // namespace attune::engine
