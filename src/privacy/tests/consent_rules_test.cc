#include "attune/privacy/consent_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attune::privacy {
namespace {

using ::testing::HasSubstr;

TEST(Allows, NeverUsesWhatWasWithdrawn) {
  EXPECT_TRUE(allows(Consent::given, ConsentMode::opt_in));
  EXPECT_TRUE(allows(Consent::given, ConsentMode::opt_out));
  EXPECT_FALSE(allows(Consent::unknown, ConsentMode::opt_in));
  EXPECT_TRUE(allows(Consent::unknown, ConsentMode::opt_out));
  EXPECT_FALSE(allows(Consent::withdrawn, ConsentMode::opt_in));
  EXPECT_FALSE(allows(Consent::withdrawn, ConsentMode::opt_out));
}

TEST(ConsentRules, AskFirstUnlessTheShopSaysOtherwise) {
  const ConsentRules rules;
  for (const Purpose purpose :
       {Purpose::email, Purpose::sms, Purpose::push, Purpose::ads, Purpose::sharing}) {
    EXPECT_EQ(rules.mode("US", purpose), ConsentMode::opt_in);
    EXPECT_EQ(rules.mode("", purpose), ConsentMode::opt_in);
  }
  EXPECT_EQ(rules.mode("", Purpose::analytics), ConsentMode::opt_out);
  EXPECT_EQ(rules.mode("", Purpose::personalisation), ConsentMode::opt_out);
}

TEST(ConsentRules, TakeTheLongestRegionThatCovers) {
  const auto rules = ConsentRules::create({parse_consent_rule("email=opt-out").value(),
                                           parse_consent_rule("us:email=opt-out").value(),
                                           parse_consent_rule("US-CA:email=opt-in").value(),
                                           parse_consent_rule("DE:email = opt-in").value()})
                         .value();
  EXPECT_EQ(rules.mode("US-CA", Purpose::email), ConsentMode::opt_in);
  EXPECT_EQ(rules.mode(" us-ca ", Purpose::email), ConsentMode::opt_in);
  EXPECT_EQ(rules.mode("US-NY", Purpose::email), ConsentMode::opt_out);
  EXPECT_EQ(rules.mode("USX", Purpose::email), ConsentMode::opt_out) << "by the rule of everywhere";
  EXPECT_EQ(rules.mode("DE", Purpose::email), ConsentMode::opt_in);
  EXPECT_EQ(rules.mode("FR", Purpose::email), ConsentMode::opt_out);
  EXPECT_EQ(rules.mode("US", Purpose::sms), ConsentMode::opt_in);
}

TEST(ConsentRules, ReadWhatTheyPrint) {
  for (const std::string_view text : {"email=opt-out", "US-CA:sharing=opt-out", "DE:push=opt-in"})
    EXPECT_EQ(print_rule(parse_consent_rule(text).value()), text);
}

TEST(ConsentRules, RefuseWhatIsNone) {
  const auto complaint = [](std::string_view text) {
    const auto parsed = parse_consent_rule(text);
    EXPECT_FALSE(parsed) << text;
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_THAT(complaint("email"), HasSubstr("has no '='"));
  EXPECT_THAT(complaint("emial=opt-in"), HasSubstr("did you mean 'email'?"));
  EXPECT_THAT(complaint("email=maybe"), HasSubstr("neither opt-in nor opt-out"));
  EXPECT_THAT(complaint(":email=opt-in"), HasSubstr("no region"));
  EXPECT_THAT(complaint("U S:email=opt-in"), HasSubstr("no region"));
  const ConsentRule one{"US", Purpose::email, ConsentMode::opt_in};
  ConsentRule other = one;
  other.region = "us";
  other.mode = ConsentMode::opt_out;
  EXPECT_THAT(ConsentRules::create({one, other}).error().message, HasSubstr("is the second"));
}

}  // namespace
}  // namespace attune::privacy
