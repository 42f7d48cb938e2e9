#include "attune/deliver/mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "attune/base/text.h"
#include "mime_reader.h"
#include "mime_text.h"

namespace attune::deliver {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Mail good() {
  return {.from = {"Tea & Co.", "news@shop.example"},
          .to = {"", "ann@mail.example"},
          .reply_to = {},
          .subject = "Green tea",
          .text = "Hello Ann\n",
          .html = "<p>Hello Ann</p>",
          .message_id = "m1@shop.example",
          .date = {1'795'324'200'000'000},
          .unsubscribe_url = "https://mail.shop.example/u/abc",
          .unsubscribe_address = "",
          .headers = {}};
}

// What a reader makes of encoded words [RFC2047]: the naive way.
std::string decode_words(std::string_view value) {
  std::string out;
  while (true) {
    const std::size_t begin = value.find("=?UTF-8?B?");
    if (begin == std::string_view::npos) return out + std::string(value);
    const std::size_t end = value.find("?=", begin + 10);
    out += trim(value.substr(0, begin));
    out += from_base64_lines(value.substr(begin + 10, end - begin - 10));
    value = trim(value.substr(end + 2));
  }
}

TEST(Mail, HasTheHeadersOfAnEmailInTheirForm) {
  const std::string bytes = write_mail(good()).value();
  const std::string head = bytes.substr(0, bytes.find("\r\n\r\n") + 2);
  EXPECT_TRUE(head.starts_with("Date: Sun, 22 Nov 2026 05:10:00 +0000\r\n")) << head;
  EXPECT_THAT(head, HasSubstr("\r\nFrom: \"Tea & Co.\"\r\n <news@shop.example>\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nTo: ann@mail.example\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nSubject: Green tea\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nMessage-ID: <m1@shop.example>\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nMIME-Version: 1.0\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Type: multipart/alternative;\r\n boundary=\"=_"));
}

TEST(Mail, OffersTheOneClickOfRfc8058) {
  Mail mail = good();
  mail.unsubscribe_address = "leave@shop.example";
  const std::string bytes = write_mail(mail).value();
  EXPECT_THAT(bytes, HasSubstr("\r\nList-Unsubscribe: <https://mail.shop.example/u/abc>,\r\n "
                               "<mailto:leave@shop.example>\r\n"
                               "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
  mail.unsubscribe_url = "http://mail.shop.example/u/abc";
  EXPECT_FALSE(write_mail(mail));
  mail.unsubscribe_url = "";
  EXPECT_THAT(write_mail(mail).value(), Not(HasSubstr("One-Click")));
}

TEST(Mail, RefusesWhatCouldBeginAnotherHeader) {
  const std::string evil = "x\r\nBcc: everybody@mail.example";
  std::vector<Mail> bad(12, good());
  bad[0].subject = evil;
  bad[1].from.name = evil;
  bad[2].to.address = "ann@mail.example\r\nBcc: x@y.example";
  bad[3].reply_to = Mailbox{evil, "a@b.example"};
  bad[4].headers = {{"X-Kind", evil}};
  bad[5].headers = {{"X-Kind: a\r\nBcc", "x"}};
  bad[6].message_id = "m1@shop.example>\r\nBcc: x";
  bad[7].unsubscribe_url = "https://a.example/>\r\nBcc: x";
  bad[8].subject = std::string("a\0b", 3);
  bad[9].subject = "\xff";
  bad[10].headers = {{"bcc", "x@y.example"}};
  bad[11].headers = {{"Content-Type", "text/plain"}};
  for (const Mail& mail : bad) {
    const auto bytes = write_mail(mail);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, ErrorCode::invalid_argument);
  }
}

TEST(Mail, SendsTextAloneWithoutHtml) {
  Mail mail = good();
  mail.html.clear();
  const MimeMessage read = read_mime(write_mail(mail).value());
  EXPECT_EQ(read.type, "text/plain");
  EXPECT_TRUE(read.parts.empty());
}

TEST(PlainAddress, WritesDomainsOfOtherLettersInTheirXnForm) {
  EXPECT_EQ(plain_address("Ann+x@Mail.Example").value(), "Ann+x@mail.example");
  EXPECT_EQ(plain_address("li@例え.jp").value(), "li@xn--r8jz45g.jp");
  EXPECT_EQ(plain_address("a@bücher.example").value(), "a@xn--bcher-kva.example");
  for (const char* bad :
       {"", "@", "a@", "@b", "a b@c.example", "\"a b\"@c.example", "a..b@c.example", ".a@c.example",
        "a.@c.example", "李@c.example", "a@b c.example", "a@c.example\n", "<a@c.example>",
        "a,b@c.example", "a@b@c.example", "a@-b.example", "a@b..c", "a@[127.0.0.1]"}) {
    EXPECT_FALSE(plain_address(bad)) << bad;
  }
}

TEST(IsWebUrl, LetsNothingThroughButHttpAndHttps) {
  for (const char* url :
       {"https://a.example", "http://a.example/x?y=%20#z", "https://a.example:8443/"})
    EXPECT_TRUE(is_web_url(url)) << url;
  for (const char* url :
       {"", "javascript:alert(1)", "//a.example", "https://", "https:///x",
        "https://user@a.example/", "https://a.example/\"", "https://a.example/<",
        "https://a.example/ x", "https://a.example\\@b.example", "HTTPS://a.example/",
        "https://a.example/é", "ftp://a.example", "https://:80/", "https://?x"})
    EXPECT_FALSE(is_web_url(url)) << url;
}

rc::Gen<std::string> any_utf8() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
          "a", "B", " ", "\t", "\n", "\r\n", "\r", "=", ".", "-", "--", "=_", "\"", "<", "é", "茶",
          "😀", "From ", "=?UTF-8?B?", "?=", std::string(90, 'w'), std::string(30, ' '))),
      [](const std::vector<std::string>& parts) {
        std::string all;
        for (const std::string& part : parts) all += part;
        return all;
      });
}

TEST(MailProperty, IsReadBackAsItWasWritten) {
  EXPECT_TRUE(rc::check([] {
    Mail mail = good();
    mail.text = *any_utf8();
    mail.html = "<p>" + *any_utf8();
    mail.subject = *any_utf8();
    std::erase_if(mail.subject, [](char c) { return c == '\r' || c == '\n' || c == '\t'; });
    if (mail.subject.size() > 900) mail.subject = "short";
    const std::string bytes = write_mail(mail).value();
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t end = bytes.find("\r\n", at);
      RC_ASSERT(end != std::string::npos && end - at <= 78);
      at = end + 2;
    }
    RC_ASSERT(std::ranges::none_of(bytes, [](char c) { return c < 0 || c == 0; }));
    const MimeMessage read = read_mime(bytes);
    RC_ASSERT(decode_words(find_header(read.headers, "subject")) ==
                  std::string(trim(mail.subject)) ||
              decode_words(find_header(read.headers, "subject")) == mail.subject);
    RC_ASSERT(read.parts.size() == 2);
    // The line end before a boundary belongs to the boundary; ours is one more than the text's own.
    RC_ASSERT(read.parts[0].body == with_crlf(mail.text) + "\r\n" ||
              read.parts[0].body == with_crlf(mail.text));
    RC_ASSERT(read.parts[1].body == with_crlf(mail.html) + "\r\n" ||
              read.parts[1].body == with_crlf(mail.html));
  }));
}

TEST(QuotedPrintableProperty, IsReadBackAndKeepsItsLinesShort) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = with_crlf(*any_utf8());
    const std::string packed = to_quoted_printable(text);
    RC_ASSERT(from_quoted_printable(packed) == text);
    for (std::size_t at = 0; at < packed.size();) {
      const std::size_t end = packed.find("\r\n", at);
      RC_ASSERT(end != std::string::npos && end - at <= 76);
      const bool blank = end > at && (packed[end - 1] == ' ' || packed[end - 1] == '\t');
      RC_ASSERT(!blank);
      at = end + 2;
    }
  }));
}

}  // namespace
}  // namespace attune::deliver
