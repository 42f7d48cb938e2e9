#include "attune/store/consent_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/store/data_folder.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;

TEST(ConsentSettings, HaveNoRulesUnlessTold) {
  EXPECT_EQ(must(parse_consent_settings("keep_days = 3\n", "attune.toml")), ConsentSettings());
  EXPECT_EQ(must(parse_consent_settings(format_settings({}), "attune.toml")), ConsentSettings());
}

TEST(ConsentSettings, KeepEachRuleWithItsLine) {
  const auto consent = must(parse_consent_settings(
      "[consent]\nregion = \"land\"\nrules = [\n  \"US:email=opt-out\",\n  \"sms=opt-out\"]\n",
      "attune.toml"));
  EXPECT_EQ(consent.region, "land");
  EXPECT_EQ(consent.rules,
            (std::vector<ConsentSettings::Rule>{{"US:email=opt-out", 4}, {"sms=opt-out", 5}}));
}

TEST(ConsentSettings, NameTheLineOfWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"rule = []", "attune.toml:2: there is no setting 'consent.rule'; did you mean 'rules'?"},
      {"rules = \"US:email=opt-out\"", "attune.toml:2: consent.rules: needs a list of texts"},
      {"rules = [3]", "attune.toml:2: consent.rules: needs a list of texts"},
      {"region = \"\"", "attune.toml:2: consent.region: needs the name of a trait"},
  };
  for (const auto& [line, message] : cases) {
    const std::string text = std::string("[consent]\n") + line + "\n";
    const auto read = parse_settings(text, "attune.toml");
    ASSERT_FALSE(read) << line;
    EXPECT_THAT(read.error().message, HasSubstr(message));
  }
}

}  // namespace
}  // namespace attune::store
