#include "attune/deliver/outbox.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sender_fixture.h"

namespace attune::deliver {
namespace {

using namespace testing;
using ::testing::HasSubstr;

TEST_F(OutboxTest, HoldsAKeyOnce) {
  const std::vector<Message> messages{mail("m1"), mail("m2"), mail("m1")};
  const AddedMessages added = outbox_->add(messages, kNow).value();
  EXPECT_EQ(added.added, 2);
  EXPECT_EQ(added.repeated, 1);
  EXPECT_EQ(add(mail("m2", 9)).repeated, 1);
  EXPECT_EQ(found("m2").customer, CustomerNumber{1});
  EXPECT_EQ(outbox_->counts("spring").value()[0], 2);
  EXPECT_EQ(outbox_->counts("autumn").value()[0], 0);
}

TEST_F(OutboxTest, KeepsAddressesAndFieldsSealed) {
  Message message = mail("m1");
  message.address = "unmistakable@mail.example";
  message.fields.texts["name"] = "Unmistakable";
  add(message);
  state_->checkpoint().value();
  std::ifstream bytes(file(), std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(bytes), {}};
  ASSERT_THAT(all, HasSubstr("spring"));
  EXPECT_EQ(all.find("nmistakable"), std::string::npos);
}

TEST_F(OutboxTest, AddsNothingWhereOneMessageIsWrong) {
  std::vector<Message> bad(7, mail("good"));
  bad[0].key = "";
  bad[1].key = "a b";
  bad[2].key = std::string(65, 'k');
  bad[3].provider = "";
  bad[4].customer = {};
  bad[5].address = "";
  bad[6].campaign = "\xff";
  for (const Message& message : bad) {
    const std::vector<Message> both{mail("fine"), message};
    const auto added = outbox_->add(both, kNow);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::invalid_argument);
    EXPECT_FALSE(outbox_->find("fine").value());
  }
}

TEST_F(OutboxTest, IsPartOfTheCallersTransaction) {
  {
    auto transaction = state_->begin().value();
    add(mail("m1"));
  }  // rolled back
  EXPECT_FALSE(outbox_->find("m1").value());
  auto transaction = state_->begin().value();
  add(mail("m1"));
  ASSERT_TRUE(transaction.commit());
  EXPECT_TRUE(outbox_->find("m1").value());
}

TEST_F(OutboxTest, TakesNoMessageForAForgottenCustomer) {
  ASSERT_TRUE(vault_->destroy(CustomerNumber{5}));
  const std::vector<Message> messages{mail("m1", 5), mail("m2", 6)};
  const AddedMessages added = outbox_->add(messages, kNow).value();
  EXPECT_EQ(added.forgotten, 1);
  EXPECT_EQ(added.added, 1);
}

TEST_F(OutboxTest, ForgetsACustomer) {
  add(mail("m1", 1));
  add(mail("m2", 2));
  EXPECT_EQ(outbox_->forget({1}).value(), 1);
  EXPECT_EQ(outbox_->forget({1}).value(), 0);
  EXPECT_FALSE(outbox_->find("m1").value());
  EXPECT_TRUE(outbox_->find("m2").value());
}

TEST_F(OutboxTest, WithholdsWhatIsQueuedOfACampaign) {
  add(mail("m1"));
  Message other = mail("m2");
  other.campaign = "autumn";
  add(other);
  EXPECT_EQ(outbox_->withhold("spring", "stopped by Ann", after(1)).value(), 1);
  EXPECT_EQ(state_of("m1"), "withheld");
  EXPECT_EQ(found("m1").detail, "stopped by Ann");
  EXPECT_EQ(state_of("m2"), "queued");
  EXPECT_EQ(count("SELECT count(*) FROM outbox WHERE payload IS NULL"), 1);
}

TEST_F(OutboxTest, PrunesOnlyWhatIsSettledAndTold) {
  add(mail("m1"));
  add(mail("m2"));
  ASSERT_TRUE(outbox_->withhold("spring", "x", kNow));
  add(mail("m3"));
  const auto untold = outbox_->untold(1).value();
  ASSERT_EQ(untold.size(), 1u);
  ASSERT_TRUE(outbox_->mark_told(untold));
  EXPECT_EQ(outbox_->prune(kNow).value(), 0);  // not before its change
  EXPECT_EQ(outbox_->prune(after(1)).value(), 1);
  EXPECT_EQ(count("SELECT count(*) FROM outbox"), 2);
}

}  // namespace
}  // namespace attune::deliver
