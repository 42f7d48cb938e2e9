#include "attune/deliver/report.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::deliver {
namespace {

// After the example of [RFC3464] appendix E.
constexpr std::string_view kBounce =
    "From: postmaster@mx.example\r\n"
    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
    "\tboundary=\"B/x\"\r\n"
    "\r\n"
    "preamble\r\n"
    "--B/x\r\n"
    "\r\n"
    "Your mail could not be delivered.\r\n"
    "--B/x\r\n"
    "content-type: message/delivery-status\r\n"
    "\r\n"
    "Reporting-MTA: dns; mx.example\r\n"
    "Original-Envelope-Id: QQ314159\r\n"
    "\r\n"
    "Original-Recipient: rfc822;ann@mail.example\r\n"
    "Final-Recipient: rfc822; ann@inner.mail.example\r\n"
    "Action: failed\r\n"
    "Status: 5.1.1 (no such box)\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1\r\n"
    "  User unknown\r\n"
    "\r\n"
    "Final-Recipient: rfc822;bob@mail.example\r\n"
    "Action: delayed\r\n"
    "Status: 4.2.2\r\n"
    "\r\n"
    "--B/x\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "From: news@shop.example\r\n"
    "Message-ID: <01ABC-x_9@shop.example>\r\n"
    "\r\n"
    "body\r\n"
    "--B/x--\r\n";

// After the example of [RFC5965] appendix B.
constexpr std::string_view kComplaint =
    "Content-Type: multipart/report; report-type=feedback-report; boundary=part\n"
    "\n"
    "--part\n"
    "Content-Type: text/plain\n"
    "\n"
    "This is an abuse report.\n"
    "--part\n"
    "Content-Type: message/feedback-report\n"
    "\n"
    "Feedback-Type: abuse\n"
    "User-Agent: SomeGenerator/1.0\n"
    "Original-Rcpt-To: <ann@mail.example>\n"
    "--part\n"
    "Content-Type: text/rfc822-headers\n"
    "\n"
    "Message-ID: <m7@shop.example>\n"
    "--part--\n";

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out(text);
  out.replace(out.find(what), what.size(), with);
  return out;
}

TEST(MailReport, ReadsADeliveryStatusForEachRecipient) {
  const auto reports = read_mail_report(kBounce).value();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].kind, ReportKind::bounced);
  EXPECT_EQ(reports[0].message_key, "01ABC-x_9");
  EXPECT_EQ(reports[0].recipient, "ann@mail.example");
  EXPECT_EQ(reports[0].status, "5.1.1");
  EXPECT_EQ(reports[0].diagnostic, "550 5.1.1 User unknown");
  EXPECT_TRUE(reports[0].address_is_dead);
  EXPECT_EQ(reports[1].kind, ReportKind::delayed);
  EXPECT_EQ(reports[1].recipient, "bob@mail.example");
  EXPECT_FALSE(reports[1].address_is_dead);
}

TEST(MailReport, ReadsAComplaint) {
  const auto reports = read_mail_report(kComplaint).value();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].kind, ReportKind::complained);
  EXPECT_EQ(reports[0].message_key, "m7");
  EXPECT_EQ(reports[0].recipient, "ann@mail.example");
  EXPECT_EQ(reports[0].feedback_type, "abuse");
}

TEST(MailReport, ReadsAnEncodedStatusInsideOfAnotherPart) {
  const std::string nested =
      "Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n"
      "Content-Type: multipart/report; boundary=inner\r\n\r\n--inner\r\n"
      "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
      "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7YUBiLmV4YW1wbGUNCkFjdGlvbjogZmFpbGVkDQpTdGF0dXM6IDUuMi4yDQo="
      "\r\n"
      "--inner--\r\n--outer--\r\n";
  const auto reports = read_mail_report(nested).value();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].recipient, "a@b.example");
  EXPECT_EQ(reports[0].status, "5.2.2");
  EXPECT_FALSE(reports[0].address_is_dead);  // the box is full
  EXPECT_EQ(reports[0].message_key, "");
}

TEST(MailReport, TellsDeadAddressesFromOtherTrouble) {
  const std::pair<const char*, bool> cases[] = {{"5.1.1", true},  {"5.1.10", true},
                                                {"5.2.1", true},  {"5.2.2", false},
                                                {"5.7.1", false}, {"5.4.1", false}};
  for (const auto& [status, dead] : cases)
    EXPECT_EQ(read_mail_report(replaced(kBounce, "5.1.1 (no such box)", status))
                  .value()[0]
                  .address_is_dead,
              dead)
        << status;
  EXPECT_TRUE(read_mail_report(replaced(kBounce, "5.1.1 (no such box)", "5.0.0"))
                  .value()[0]
                  .address_is_dead);
  EXPECT_EQ(
      read_mail_report(replaced(kBounce, "Action: failed", "Action: delivered")).value()[0].kind,
      ReportKind::delivered);
}

TEST(MailReport, RefusesMailThatIsNoReport) {
  for (const std::string& text : std::vector<std::string>{
           "", "\r\n", "hello", "Subject: out of office\r\n\r\nI am away until Monday.\r\n",
           replaced(kComplaint, "Feedback-Type: abuse", "Feedback-Type: not-spam"),
           replaced(kComplaint, "Feedback-Type: abuse", "X: y"),
           "Content-Type: multipart/report; boundary=x\r\n\r\n--x--\r\n",
           "Content-Type: multipart/report; boundary=\"\r\n\r\n--\r\n",
           std::string(5 << 20, 'x')}) {
    const auto reports = read_mail_report(text);
    ASSERT_FALSE(reports);
    EXPECT_EQ(reports.error().code, ErrorCode::invalid_argument);
  }
}

TEST(MailReport, TakesNoKeyFromAMessageIdThatIsNotOfOurForm) {
  for (const char* id :
       {"<a b@shop.example>", "<@shop.example>", "<no-at>", "<../../x@y>", "<é@y.example>"})
    EXPECT_EQ(
        read_mail_report(replaced(kBounce, "<01ABC-x_9@shop.example>", id)).value()[0].message_key,
        "")
        << id;
}

TEST(MailReport, SurvivesBeingCutAtEveryByte) {
  for (const std::string_view whole : {kBounce, kComplaint}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto reports = read_mail_report(whole.substr(0, size));
      EXPECT_LE(reports ? reports->size() : 0, 2u);
    }
  }
}

TEST(MailReportProperty, SurvivesAnyChangeOfItsBytes) {
  EXPECT_TRUE(rc::check([] {
    std::string text(*rc::gen::element(kBounce, kComplaint));
    for (int i = *rc::gen::inRange(1, 20); i > 0; --i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      text[at] = *rc::gen::arbitrary<char>();
    }
    const auto reports = read_mail_report(text);
    if (reports) RC_ASSERT(!reports->empty() && reports->size() <= 100);
  }));
}

TEST(MailReport, KeepsToItsLimits) {
  std::string many =
      "Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: "
      "message/delivery-status\r\n\r\n";
  for (int i = 0; i < 500; ++i)
    many += "Final-Recipient: rfc822;a@b.example\r\nAction: failed\r\n\r\n";
  EXPECT_EQ(read_mail_report(many + "--x--\r\n").value().size(), 100u);
}

}  // namespace
}  // namespace attune::deliver
