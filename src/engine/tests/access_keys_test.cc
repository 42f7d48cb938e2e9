#include "attune/engine/access_keys.h"

#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "shop.h"

namespace attune::engine {
namespace {

using testing::HasSubstr;
using testing::Not;

class Keys : public Shop {
 protected:
  void SetUp() override {
    Shop::SetUp();
    begin();
  }
  void TearDown() override {
    keys_.reset();
    workspace_.reset();
    Shop::TearDown();
  }
  void begin() {
    keys_.reset();
    workspace_.reset();
    workspace_.emplace(open());
    auto keys = AccessKeys::open(workspace_->state(), workspace_->vault());
    ASSERT_TRUE(keys);
    keys_.emplace(std::move(*keys));
  }
  std::string create(KeyScope scope, std::string_view label = "") {
    auto secret = keys_->create(scope, label, clock_.now());
    EXPECT_TRUE(secret);
    return secret.value_or("");
  }
  static std::string id_of(const std::string& secret) {
    return secret.substr(0, secret.find('_', 3));
  }

  std::optional<Workspace> workspace_;
  std::optional<AccessKeys> keys_;
};

TEST_F(Keys, OpenWhatTheirScopeOpens) {
  const std::string secret = create(KeyScope::read, "shop");
  const auto key = keys_->check(secret);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->id, id_of(secret));
  EXPECT_EQ(key->scope, KeyScope::read);
  EXPECT_EQ(key->label, "shop");
  for (const KeyScope door : {KeyScope::write, KeyScope::read, KeyScope::admin}) {
    EXPECT_TRUE(AccessKeys::opens(KeyScope::admin, door));
    EXPECT_EQ(AccessKeys::opens(KeyScope::read, door), door == KeyScope::read);
    EXPECT_EQ(AccessKeys::opens(KeyScope::write, door), door == KeyScope::write);
    EXPECT_EQ(parse_key_scope(name(door)), door);
  }
  EXPECT_THAT(parse_key_scope("wirte").error().message, HasSubstr("did you mean 'write'"));
}

TEST_F(Keys, AreRefusedWhereASingleCharacterDiffers) {
  const std::string secret = create(KeyScope::admin);
  EXPECT_EQ(secret.size(), 3u + 8 + 1 + 43);
  // The last character carries padding bits; the hash is over the text, so they count too.
  for (std::size_t i = 0; i < secret.size(); ++i) {
    std::string other = secret;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(keys_->check(other)) << i;
    EXPECT_FALSE(keys_->check(secret.substr(0, i))) << i;
  }
  EXPECT_FALSE(keys_->check(secret + "A"));
  EXPECT_FALSE(keys_->check(std::string(100'000, '_')));
  EXPECT_TRUE(keys_->check(secret));
}

TEST_F(Keys, AreNeverTheSameTwice) {
  std::set<std::string> secrets;
  for (int i = 0; i < 200; ++i) secrets.insert(create(KeyScope::write));
  EXPECT_EQ(secrets.size(), 200u);
}

TEST_F(Keys, SurviveARestartAsHashesOnly) {
  const std::string secret = create(KeyScope::admin, "me");
  const std::string gone = create(KeyScope::write);
  ASSERT_TRUE(keys_->revoke(id_of(gone), clock_.now()));
  begin();
  EXPECT_TRUE(keys_->check(secret));
  EXPECT_FALSE(keys_->check(gone));
  const auto list = keys_->list();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2u);
  EXPECT_NE((*list)[0].revoked_at.has_value(), (*list)[1].revoked_at.has_value());
  keys_.reset();
  workspace_.reset();
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder())) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes.find(secret.substr(secret.size() - 43)), std::string::npos) << file.path();
  }
}

TEST_F(Keys, RotateAndKeepTheLastAdminKey) {
  const std::string admin = create(KeyScope::admin, "me");
  const auto refused = keys_->revoke(id_of(admin), clock_.now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::failed_precondition);
  EXPECT_TRUE(keys_->check(admin));
  const auto next = keys_->rotate(id_of(admin), clock_.now());
  ASSERT_TRUE(next);
  EXPECT_FALSE(keys_->check(admin));
  EXPECT_EQ(keys_->check(*next)->label, "me");
  EXPECT_EQ(keys_->rotate(id_of(admin), clock_.now()).error().code, ErrorCode::not_found);
  EXPECT_EQ(keys_->revoke("at_nobody", clock_.now()).error().code, ErrorCode::not_found);
  const std::string second = create(KeyScope::admin);
  EXPECT_TRUE(keys_->revoke(id_of(*next), clock_.now()));
  EXPECT_FALSE(keys_->revoke(id_of(second), clock_.now()));
}

TEST_F(Keys, AreCheckedWhileOthersAreMade) {
  const std::string secret = create(KeyScope::admin);
  std::atomic<bool> stop = false;
  std::atomic<int> missed = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) missed += !keys_->check(secret);
    });
  }
  for (int i = 0; i < 50; ++i) {
    const std::string other = create(KeyScope::write);
    EXPECT_TRUE(keys_->check(other));
    EXPECT_TRUE(keys_->revoke(id_of(other), clock_.now()));
    EXPECT_FALSE(keys_->check(other));
  }
  stop = true;
  readers.clear();
  EXPECT_EQ(missed, 0);
}

}  // namespace
}  // namespace attune::engine
