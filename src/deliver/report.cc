#include "attune/deliver/report.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/mail_writer.h"
#include "mime_reader.h"

namespace attune::deliver {
namespace {

constexpr std::size_t kBytesMax = 4 << 20;
constexpr std::size_t kRecipientsMax = 100;
constexpr std::size_t kDiagnosticMax = 1000;

// "5.1.1" or "5.1.1 (bad mailbox)"; empty for anything else.
std::string status_code(std::string_view text) {
  text = trim(text);
  const auto end = std::ranges::find_if_not(text, [](char c) { return is_digit(c) || c == '.'; });
  const std::string code(text.begin(), end);
  const bool shaped = code.size() >= 5 && code.size() <= 9 &&
                      (code[0] == '2' || code[0] == '4' || code[0] == '5') && code[1] == '.' &&
                      std::ranges::count(code, '.') == 2 && code.back() != '.' &&
                      code.find("..") == std::string::npos;
  return shaped ? code : std::string();
}

// What stands behind "rfc822;" or "smtp;".
std::string behind_type(std::string_view value) {
  const std::size_t mark = value.find(';');
  return std::string(trim(mark == std::string_view::npos ? value : value.substr(mark + 1)));
}

std::string bare_address(std::string_view value) {
  std::string address = behind_type(value);
  if (address.starts_with('<') && address.ends_with('>') && address.size() > 1) {
    address = address.substr(1, address.size() - 2);
  }
  return address;
}

bool is_dead(std::string_view status, std::string_view diagnostic) {
  if (status.starts_with("5.1.") || status == "5.2.1") return true;
  if (!status.empty() && status != "5.0.0") return false;
  // Some servers tell no finer status than "5.0.0", and say the rest in words.
  return diagnostic.starts_with("550 5.1.") || diagnostic.starts_with("550-5.1.") ||
         diagnostic.starts_with("551") || diagnostic.starts_with("553");
}

std::optional<ReportKind> kind_of_action(std::string_view action) {
  const std::string word = ascii_lower(trim(action));
  if (word.starts_with("failed")) return ReportKind::bounced;
  if (word.starts_with("delayed")) return ReportKind::delayed;
  if (word.starts_with("delivered") || word.starts_with("relayed") ||
      word.starts_with("expanded")) {
    return ReportKind::delivered;
  }
  return std::nullopt;
}

// The Message-ID of the mail that is reported on: in the part that gives it back.
std::string reported_key(const MimeMessage& message) {
  for (const MimePart& part : message.parts) {
    if (part.type != "message/rfc822" && part.type != "text/rfc822-headers" &&
        part.type != "message/global" && part.type != "message/global-headers") {
      continue;
    }
    std::string_view body = part.body;
    const MimeHeaders headers = take_headers(body);
    const std::string key = message_key(find_header(headers, "message-id"));
    if (!key.empty()) return key;
  }
  return {};
}

void read_delivery_status(const MimePart& part, std::string_view key,
                          std::vector<MailReport>& reports) {
  std::string_view rest = part.body;
  while (!rest.empty() && reports.size() < kRecipientsMax) {
    const MimeHeaders fields = take_headers(rest);
    const auto kind = kind_of_action(find_header(fields, "action"));
    if (!kind) continue;  // the fields about the message, or an empty group
    MailReport report;
    report.kind = *kind;
    report.message_key = key;
    const std::string_view original = find_header(fields, "original-recipient");
    report.recipient =
        bare_address(original.empty() ? find_header(fields, "final-recipient") : original);
    report.status = status_code(find_header(fields, "status"));
    report.diagnostic = behind_type(find_header(fields, "diagnostic-code"));
    if (report.diagnostic.size() > kDiagnosticMax) report.diagnostic.resize(kDiagnosticMax);
    report.address_is_dead =
        report.kind == ReportKind::bounced && is_dead(report.status, report.diagnostic);
    reports.push_back(std::move(report));
  }
}

MailReport read_feedback(const MimePart& part, std::string_view key) {
  std::string_view rest = part.body;
  const MimeHeaders fields = take_headers(rest);
  MailReport report;
  report.kind = ReportKind::complained;
  report.message_key = key;
  report.feedback_type = ascii_lower(find_header(fields, "feedback-type"));
  report.recipient = bare_address(find_header(fields, "original-rcpt-to"));
  return report;
}

}  // namespace

std::string_view name(ReportKind kind) {
  constexpr std::string_view kNames[] = {"bounced", "delayed", "delivered", "complained"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<std::vector<MailReport>> read_mail_report(std::string_view bytes) {
  if (bytes.size() > kBytesMax) {
    return std::unexpected(invalid_argument(
        fmt::format("the mail has {} bytes; a report has at most {}", bytes.size(), kBytesMax)));
  }
  const MimeMessage message = read_mime(bytes);
  const std::string key = reported_key(message);
  std::vector<MailReport> reports;
  for (const MimePart& part : message.parts) {
    if (part.type == "message/delivery-status" || part.type == "message/global-delivery-status") {
      read_delivery_status(part, key, reports);
    } else if (part.type == "message/feedback-report") {
      MailReport report = read_feedback(part, key);
      // "not-spam" takes a complaint back; other kinds than complaints exist too.
      if (!report.feedback_type.empty() && report.feedback_type != "not-spam" &&
          reports.size() < kRecipientsMax) {
        reports.push_back(std::move(report));
      }
    }
  }
  if (!reports.empty()) return reports;
  return std::unexpected(invalid_argument(fmt::format(
      "this is no report about delivery (RFC 3464) or abuse (RFC 5965) that names a recipient: its "
      "type is {}",
      message.type.empty() ? "not told" : attune::quoted(message.type))));
}

}  // namespace attune::deliver
