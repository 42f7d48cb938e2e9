#include "attune/store/mail_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/store/data_folder.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;

constexpr const char* kNeeded =
    "host = \"smtp.shop.example\"\nfrom = \"Shop <news@shop.example>\"\n"
    "links = \"https://mail.shop.example\"\n";

TEST(MailSettings, AreAbsentWhereThereIsNoSection) {
  EXPECT_EQ(must(parse_mail_settings("keep_days = 3\n", "attune.toml")), std::nullopt);
  EXPECT_EQ(must(parse_mail_settings(format_settings({}), "attune.toml")), std::nullopt);
}

TEST(MailSettings, KeepTheirDefaultsUnlessTold) {
  const auto mail = must(parse_mail_settings(
      std::string("keep_days = 3\n[mail]\n") + kNeeded + "port = 25\nper_second = 2.5\n",
      "attune.toml"));
  MailSettings expected;
  expected.host = "smtp.shop.example";
  expected.from = "Shop <news@shop.example>";
  expected.links = "https://mail.shop.example";
  expected.port = 25;
  expected.per_second = 2.5;
  EXPECT_EQ(mail, expected);
}

TEST(MailSettings, NameTheLineOfWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"prot = 25", "attune.toml:5: there is no setting 'mail.prot'; did you mean 'port'?"},
      {"port = 0", "attune.toml:5: mail.port: needs a whole number from 1 to 65535"},
      {"security = \"ssl\"", "attune.toml:5: mail.security: there is no security 'ssl'"},
      {"per_second = -1", "attune.toml:5: mail.per_second"},
      {"inner_network = \"yes\"", "attune.toml:5: mail.inner_network: needs true or false"},
      {"user = \"news\"", "password_file"},
  };
  for (const auto& [line, expected] : cases) {
    const std::string text = std::string("[mail]\n") + kNeeded + line + "\n";
    EXPECT_THAT(message_of(parse_mail_settings(text, "attune.toml")), HasSubstr(expected)) << line;
    EXPECT_THAT(message_of(parse_settings(text, "attune.toml")), HasSubstr(expected)) << line;
  }
}

TEST(MailSettings, NeedAServerASenderAndAnAddressForLinks) {
  for (const char* missing : {"host", "from", "links"}) {
    std::string text = std::string("[mail]\n") + kNeeded;
    text.insert(text.find(missing), "# ");
    EXPECT_THAT(message_of(parse_mail_settings(text, "attune.toml")),
                HasSubstr(std::string("attune.toml:1: [mail] needs ") + missing));
  }
  EXPECT_THAT(message_of(parse_mail_settings("mail = 3\n", "attune.toml")),
              HasSubstr("attune.toml:1: mail: needs a section"));
}

}  // namespace
}  // namespace attune::store
