#include "attune/deliver/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attune::deliver {
namespace {

// The example of the Standard Webhooks specification and its libraries [StandardWebhooks2023].
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kSeconds = 1614265330;
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

Timestamp at(std::int64_t seconds) { return {seconds * kMicrosPerSecond}; }

Status verify(std::string_view signature, std::string_view timestamp = "1614265330",
              Timestamp now = at(kSeconds), std::string_view body = kBody) {
  const WebhookSecret secret = WebhookSecret::parse(kSecret).value();
  return verify_webhook(std::span(&secret, 1), {kId, timestamp, signature, body}, now);
}

TEST(WebhookSignature, IsThePublishedOne) {
  EXPECT_EQ(webhook_signature(WebhookSecret::parse(kSecret).value(), kId, kSeconds, kBody),
            kSignature);
  EXPECT_EQ(WebhookSecret::parse(kSecret)->text(), kSecret);
}

TEST(WebhookSignature, IsMadeWithEverySecretWhileOneReplacesAnother) {
  const std::vector<WebhookSecret> secrets{WebhookSecret::make(),
                                           WebhookSecret::parse(kSecret).value()};
  const WebhookHeaders headers = webhook_headers(secrets, kId, at(kSeconds), kBody).value();
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[1].second, "1614265330");
  EXPECT_TRUE(headers[2].second.ends_with(std::string(" ") + std::string(kSignature)));
  EXPECT_TRUE(verify(headers[2].second));
  for (const WebhookSecret& one : secrets)
    EXPECT_TRUE(verify_webhook(std::span(&one, 1), {kId, "1614265330", headers[2].second, kBody},
                               at(kSeconds)));
}

TEST(VerifyWebhook, RefusesWhatWasAltered) {
  EXPECT_TRUE(verify(kSignature));
  EXPECT_EQ(verify(kSignature, "1614265331").error().code, ErrorCode::permission_denied);
  EXPECT_EQ(verify(kSignature, "1614265330", at(kSeconds), "{}").error().code,
            ErrorCode::permission_denied);
  for (std::size_t i = 0; i < kSignature.size(); ++i) {
    std::string other(kSignature);
    other[i] = other[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(verify(other)) << i;
    EXPECT_FALSE(verify(kSignature.substr(0, i))) << i;
  }
}

TEST(VerifyWebhook, HoldsTheToleranceOnBothSides) {
  for (const std::int64_t off : {-300, 300})
    EXPECT_TRUE(verify(kSignature, "1614265330", at(kSeconds + off)));
  for (const std::int64_t off : {-301, 301})
    EXPECT_EQ(verify(kSignature, "1614265330", at(kSeconds + off)).error().code,
              ErrorCode::permission_denied);
}

TEST(VerifyWebhook, CallsMalformedHeadersWhatTheyAre) {
  for (const char* timestamp :
       {"", "x", "1614265330x", "-5", "99999999999999999999", " 1614265330", "1614265330.0"})
    EXPECT_EQ(verify(kSignature, timestamp).error().code, ErrorCode::invalid_argument) << timestamp;
  EXPECT_EQ(verify("").error().code, ErrorCode::invalid_argument);
}

TEST(WebhookSecret, HasItsFormAndIsNotQuotedInErrors) {
  for (const char* text :
       {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) {
    const auto secret = WebhookSecret::parse(text);
    ASSERT_FALSE(secret) << text;
    EXPECT_EQ(secret.error().message.find("MfKQ"), std::string::npos);
  }
  EXPECT_TRUE(WebhookSecret::parse(WebhookSecret::make().text()));
  EXPECT_NE(WebhookSecret::make().text(), WebhookSecret::make().text());
}

TEST(WebhookHeaders, RefusesIdsThatCouldMixWithTheSignedText) {
  const std::vector<WebhookSecret> secrets{WebhookSecret::make()};
  for (const char* id : {"", "a.b", "a b", "a\nb", "é"})
    EXPECT_FALSE(webhook_headers(secrets, id, at(1), "")) << id;
  EXPECT_FALSE(webhook_headers({}, "a", at(1), ""));
}

}  // namespace
}  // namespace attune::deliver
