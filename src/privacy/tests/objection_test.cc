#include "attune/privacy/objection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attune::privacy {
namespace {

using events::EventType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ObjectionOf, WithdrawsWhatTheEventStates) {
  const Objection one =
      objection_of(EventType::unsubscribe, "web", R"({"purpose": ["sms", "email"]})");
  EXPECT_THAT(one.withdrawn, ElementsAre(Purpose::email, Purpose::sms));
  EXPECT_EQ(one.address, SuppressionReason::unsubscribed);
}

TEST(ObjectionOf, WithdrawsThatOfTheChannelWhereNothingIsStated) {
  EXPECT_THAT(objection_of(EventType::unsubscribe, " E-Mail", "").withdrawn,
              ElementsAre(Purpose::email));
  const Objection sms = objection_of(EventType::message_complained, "sms", "{}");
  EXPECT_THAT(sms.withdrawn, ElementsAre(Purpose::sms));
  EXPECT_EQ(sms.address, std::nullopt) << "the address is not what was complained of";
}

TEST(ObjectionOf, CountsForEveryMessageWhereTheChannelIsUnclear) {
  for (const char* channel : {"", "web", "newsletters", "fax"}) {
    EXPECT_THAT(objection_of(EventType::unsubscribe, channel, "").withdrawn,
                ElementsAre(Purpose::email, Purpose::sms, Purpose::push))
        << channel;
  }
}

TEST(ObjectionOf, CountsForEverythingWhereItCannotBeRead) {
  for (const char* text : {"{", "[]", R"({"purpose": "emial"})", R"({"purpose": ["sms", 3]})",
                           R"({"purpose": "sms", "purpose": "push"})", R"({"purpose": []})"}) {
    EXPECT_THAT(objection_of(EventType::unsubscribe, "sms", text).withdrawn, SizeIs(kPurposeCount))
        << text;
  }
}

TEST(ObjectionOf, SuppressesAnAddressThatBouncedForGoodAndWithdrawsNothing) {
  for (const char* text :
       {"", "{}", "{", R"({"status": "5.1.1"})", R"({"status": "5.2.1", "code": 550})",
        R"({"code": 550})", R"({"hard": true, "status": "4.4.1"})", R"({"bounce_type": "Hard"})"}) {
    const Objection one = objection_of(EventType::message_bounced, "email", text);
    EXPECT_EQ(one.address, SuppressionReason::bounced) << text;
    EXPECT_THAT(one.withdrawn, IsEmpty()) << text;
  }
}

TEST(ObjectionOf, LeavesAnAddressThatWorks) {
  for (const char* text :
       {R"({"hard": false})", R"({"bounce_type": "Soft"})", R"({"bounce_type": "transient"})",
        R"({"status": "4.2.2"})", R"({"status": "5.2.2"})", R"({"status": "5.7.1", "code": 550})",
        R"({"code": 451})"}) {
    EXPECT_EQ(objection_of(EventType::message_bounced, "email", text), Objection()) << text;
  }
  EXPECT_EQ(objection_of(EventType::message_bounced, "sms", ""), Objection());
  EXPECT_EQ(objection_of(EventType::purchase, "email", ""), Objection());
}

TEST(ObjectionOf, TakesTheAddressThatTheEventStates) {
  EXPECT_EQ(
      objection_of(EventType::message_bounced, "", R"({"recipient": " Ann@a.example "})").stated,
      "Ann@a.example");
  EXPECT_EQ(objection_of(EventType::message_bounced, "", R"({"email": "hashed"})").stated, "");
}

}  // namespace
}  // namespace attune::privacy
