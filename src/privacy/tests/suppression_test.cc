#include "attune/privacy/suppression.h"

#include <stdlib.h>

#include <filesystem>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::privacy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SuppressionListTest : public ::testing::Test {
 protected:
  SuppressionListTest() {
    char pattern[] = "/tmp/attune-suppression-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    reopen();
    std::filesystem::create_directory(folder_ / "keys");
    std::filesystem::permissions(folder_ / "keys", std::filesystem::perms::owner_all);
    vault_.emplace(store::Vault::open(folder_ / "keys").value());
  }
  ~SuppressionListTest() override {
    list_.reset();
    state_.reset();
    vault_.reset();
    std::filesystem::remove_all(folder_);
  }
  void reopen() {
    list_.reset();
    state_.reset();
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
    list_.emplace(SuppressionList::open(*state_).value());
  }
  Hash128 key(std::string_view address, std::string_view kind = "email") {
    return suppression_key(*vault_, kind, address);
  }

  std::filesystem::path folder_;
  std::optional<store::State> state_;
  std::optional<store::Vault> vault_;
  std::optional<SuppressionList> list_;
};

TEST_F(SuppressionListTest, KeepsTheFirstReasonOfAnAddress) {
  const Suppression first{key("ann@example.com"), SuppressionReason::complained, {10}};
  ASSERT_TRUE(
      list_->add(std::vector{first, Suppression{first.key, SuppressionReason::bounced, {5}}}));
  reopen();
  EXPECT_EQ(list_->find(first.key).value(), first);
  EXPECT_EQ(list_->find(key("bob@example.com")).value(), std::nullopt);
  EXPECT_EQ(list_->count().value(), 1);
  EXPECT_TRUE(list_->remove(first.key));
  EXPECT_EQ(list_->remove(first.key).error().code, ErrorCode::not_found);
  EXPECT_EQ(list_->count().value(), 0);
}

TEST_F(SuppressionListTest, LetsAnUnsubscribeGiveWayToWhatCannotBeTakenBack) {
  const Hash128 ann = key("ann@example.com");
  const auto add = [&](SuppressionReason reason, std::int64_t at) {
    ASSERT_TRUE(list_->add(std::vector{Suppression{ann, reason, {at}}}));
  };
  add(SuppressionReason::unsubscribed, 10);
  add(SuppressionReason::unsubscribed, 5);
  EXPECT_EQ(list_->find(ann).value()->time, Timestamp{10});
  add(SuppressionReason::unsubscribed, 20);
  EXPECT_EQ(list_->find(ann).value()->time, Timestamp{20});
  add(SuppressionReason::complained, 15);
  add(SuppressionReason::unsubscribed, 30);
  EXPECT_EQ(list_->find(ann).value(), (Suppression{ann, SuppressionReason::complained, {15}}));
}

TEST_F(SuppressionListTest, KnowsAnAddressInAnySpellingAndByItsKind) {
  EXPECT_EQ(key(" Ann@Example.COM "), key("ann@example.com"));
  EXPECT_NE(key("42", "customer"), key("42", "phone"));
  EXPECT_NE(key("A", "customer"), key("a", "customer"));
}

// Reference: a look-up for each.
TEST_F(SuppressionListTest, MarksManyAtOnce) {
  Rng random(1);
  std::vector<Suppression> entries;
  std::vector<Hash128> asked;
  for (int i = 0; i < 500; ++i) {
    asked.push_back({random.next(), random.next()});
    if (random.chance(.3)) entries.push_back({asked.back(), SuppressionReason::manual, {i}});
  }
  ASSERT_TRUE(list_->add(entries));
  const SuppressionSet set = list_->load().value();
  EXPECT_EQ(set.size(), entries.size());
  std::vector<std::uint8_t> found(asked.size());
  set.mark(asked, found);
  for (std::size_t i = 0; i < asked.size(); ++i)
    ASSERT_EQ(found[i] == 1, list_->find(asked[i])->has_value()) << i;
  std::vector<std::uint8_t> kept(1, 1);
  set.mark(std::vector<Hash128>{{1, 2}}, kept);
  EXPECT_THAT(kept, ElementsAre(1)) << "what another key said stays";
}

TEST_F(SuppressionListTest, HoldsNoAddress) {
  ASSERT_TRUE(list_->add(
      std::vector{Suppression{key("ann@example.com"), SuppressionReason::forgotten, {10}}}));
  store::Statement row =
      state_
          ->prepare(
              "SELECT count(*) FROM pragma_table_info('suppressions') WHERE type = 'TEXT' "
              "OR type = 'BLOB'")
          .value();
  ASSERT_TRUE(row.step().value());
  EXPECT_EQ(row.int64(0), 0);
}

TEST(SuppressionReason, HasANameThatReadsBack) {
  for (int i = 0; i < kSuppressionReasonCount; ++i) {
    const auto reason = static_cast<SuppressionReason>(i);
    EXPECT_EQ(parse_suppression_reason(name(reason)).value(), reason);
  }
  EXPECT_THAT(parse_suppression_reason("bounce").error().message,
              HasSubstr("did you mean 'bounced'?"));
}

}  // namespace
}  // namespace attune::privacy
