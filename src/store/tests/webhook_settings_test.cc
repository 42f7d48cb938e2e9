#include "attune/store/webhook_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/store/data_folder.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;

constexpr const char* kNeeded =
    "[webhook]\nurl = \"https://hooks.shop.example/a\"\nsecret_file = \"webhook.secret\"\n";

TEST(WebhookSettings, AreAbsentWhereThereIsNoSection) {
  EXPECT_EQ(must(parse_webhook_settings("keep_days = 3\n", "attune.toml")), std::nullopt);
  EXPECT_EQ(must(parse_webhook_settings(format_settings({}), "attune.toml")), std::nullopt);
}

TEST(WebhookSettings, KeepTheirDefaultsUnlessTold) {
  const WebhookSettings expected{.url = "https://hooks.shop.example/a",
                                 .secret_file = "webhook.secret",
                                 .inner_network = false,
                                 .per_second = 2.5};
  EXPECT_EQ(must(parse_webhook_settings(std::string(kNeeded) + "per_second = 2.5\n", "a.toml")),
            expected);
}

TEST(WebhookSettings, NameTheLineOfWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"ulr = \"x\"", "attune.toml:4: there is no setting 'webhook.ulr'; did you mean 'url'?"},
      {"per_second = 1e9", "attune.toml:4: webhook.per_second: needs a number from 0 to 10000"},
      {"inner_network = 1", "attune.toml:4: webhook.inner_network: needs true or false"},
  };
  for (const auto& [line, expected] : cases) {
    const std::string text = std::string(kNeeded) + line + "\n";
    EXPECT_THAT(message_of(parse_webhook_settings(text, "attune.toml")), HasSubstr(expected));
    EXPECT_THAT(message_of(parse_settings(text, "attune.toml")), HasSubstr(expected)) << line;
  }
  EXPECT_THAT(message_of(parse_settings("webhook = 3\n", "attune.toml")),
              HasSubstr("attune.toml:1: webhook: needs a section"));
}

TEST(WebhookSettings, NeedAnAddressThatGivesNobodyAwayAndASecret) {
  const auto wrong = [](const std::string& text) {
    return message_of(parse_webhook_settings("[webhook]\n" + text, "attune.toml"));
  };
  EXPECT_THAT(wrong("secret_file = \"s\"\n"), HasSubstr("[webhook] needs url"));
  EXPECT_THAT(wrong("url = \"https://x.example\"\n"), HasSubstr("[webhook] needs secret_file"));
  EXPECT_THAT(wrong("url = \"ftp://x.example\"\nsecret_file = \"s\"\n"), HasSubstr("needs a URL"));
  const std::string plain = "url = \"http://10.0.0.7/a\"\nsecret_file = \"s\"\n";
  EXPECT_THAT(wrong(plain), HasSubstr("https://"));
  EXPECT_TRUE(parse_webhook_settings("[webhook]\n" + plain + "inner_network = true\n", "a.toml"));
}

}  // namespace
}  // namespace attune::store
