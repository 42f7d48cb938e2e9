#include "attune/deliver/mail_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mime_reader.h"
#include "sender_fixture.h"

namespace attune::deliver {
namespace {

using namespace testing;
using ::testing::HasSubstr;

const LinkSigner& signer() {
  static const LinkSigner one = LinkSigner::open(std::string(32, 'k')).value();
  return one;
}

MailSettings settings() {
  return {.from = {"Tea", "news@shop.example"},
          .reply_to = {},
          .envelope_from = "",
          .links_base = "https://mail.shop.example",
          .unsubscribe_address = ""};
}

Template parse(std::string_view source, TemplateKind kind) {
  return Template::parse(source, kind, "offer").value();
}

MailTemplate offer() {
  return {parse("For {{ name }}", TemplateKind::header),
          parse("{{#items}}{{ title }} {{/items}}{{ \"https://shop.example/sale\" | link }} {{ "
                "unsubscribe_url }}",
                TemplateKind::text),
          parse("<body>{{ name }}</body>", TemplateKind::html)};
}

std::string token_behind(const std::string& text, std::string_view path) {
  const std::size_t at = text.find(path) + path.size();
  return text.substr(
      at, text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                                 at) -
              at);
}

TEST(MailWriter, WritesALetterWhoseLinksLeadBack) {
  const MailWriter writer = MailWriter::open(settings(), signer()).value();
  const WrittenMail written = writer.write(mail("m1", 7), offer(), kNow).value();
  EXPECT_EQ(written.subject, "For Ann");
  EXPECT_THAT(written.text, HasSubstr("Tea 茶 https://mail.shop.example/c/"));
  EXPECT_EQ(written.letter.from, "news@shop.example");
  EXPECT_EQ(written.letter.to, "ann@mail.example");
  const Link click = signer().read(token_behind(written.text, "/c/")).value();
  EXPECT_EQ(click.url, "https://shop.example/sale");
  EXPECT_EQ(click.message, "m1");
  const Link leave = signer().read(token_behind(written.text, "/u/")).value();
  EXPECT_EQ(leave.kind, LinkKind::unsubscribe);
  EXPECT_EQ(leave.customer, CustomerNumber{7});
  const Link open = signer().read(token_behind(written.html, "/o/")).value();
  EXPECT_EQ(open.kind, LinkKind::open);
  EXPECT_TRUE(written.html.ends_with("alt=\"\"></body>"));
  const MimeMessage read = read_mime(written.letter.bytes);
  EXPECT_EQ(message_key(find_header(read.headers, "message-id")), "m1");
  EXPECT_THAT(find_header(read.headers, "list-unsubscribe"),
              HasSubstr(token_behind(written.text, "/u/")));
}

TEST(MailWriter, LeavesAddressesAsTheyAreWhereNothingIsCounted) {
  MailSettings plain = settings();
  plain.count_clicks = false;
  plain.count_opens = false;
  const WrittenMail written =
      MailWriter::open(plain, signer())->write(mail("m1"), offer(), kNow).value();
  EXPECT_THAT(written.text, HasSubstr("https://shop.example/sale "));
  EXPECT_EQ(written.html, "<body>Ann</body>");
}

TEST(MailWriter, WritesNothingWhereAFieldIsMissing) {
  const MailWriter writer = MailWriter::open(settings(), signer()).value();
  Message message = mail("m1");
  message.fields.texts.erase("name");
  EXPECT_THAT(writer.write(message, offer(), kNow).error().message,
              HasSubstr("offer, line 1, column 5: the field 'name'"));
}

TEST(MailWriter, RefusesSettingsThatCannotWork) {
  for (const char* base :
       {"", "http://mail.shop.example", "https://mail.shop.example/", "mail.shop.example"}) {
    MailSettings bad = settings();
    bad.links_base = base;
    EXPECT_FALSE(MailWriter::open(bad, signer())) << base;
  }
  MailSettings bad = settings();
  bad.from.address = "nobody";
  EXPECT_FALSE(MailWriter::open(bad, signer()));
}

TEST(Fields, AreReadBackFromTheirBytes) {
  const Fields fields = mail("m1").fields;
  ByteWriter writer;
  write(writer, fields);
  ByteReader reader(writer.bytes());
  EXPECT_EQ(read_fields(reader).value(), fields);
  for (std::size_t size = 0; size < writer.bytes().size(); ++size) {
    ByteReader cut(std::string_view(writer.bytes()).substr(0, size));
    EXPECT_FALSE(read_fields(cut)) << size;
  }
}

}  // namespace
}  // namespace attune::deliver
