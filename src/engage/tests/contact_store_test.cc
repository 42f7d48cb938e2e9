#include "attune/engage/contact_store.h"

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "state_folder.h"

namespace attune::engage {
namespace {

using ::testing::ElementsAre;

CustomerContact contact(std::int64_t customer, std::int64_t time, std::uint32_t campaign = 1,
                        decide::Channel channel = decide::Channel::email) {
  return {{customer}, {{time}, campaign, channel}};
}

class ContactStoreTest : public ::testing::Test {
 protected:
  ContactStore store() { return ContactStore::open(files_.state()).value(); }
  std::vector<std::int64_t> times_of(std::int64_t customer, std::int64_t since = 0) {
    ContactColumns columns;
    const CustomerNumber one{customer};
    EXPECT_TRUE(store().load(std::span(&one, 1), {since}, columns));
    std::vector<std::int64_t> times;
    for (const decide::Contact& each : columns.contacts) times.push_back(each.time.micros);
    return times;
  }
  StateFolder files_;
};

TEST_F(ContactStoreTest, KeepsAContactOnceAndTakesItBack) {
  const std::vector<CustomerContact> contacts{contact(1, 10), contact(1, 20), contact(2, 10)};
  for (int round = 0; round < 2; ++round) ASSERT_TRUE(store().record(contacts));
  files_.reopen();
  EXPECT_THAT(times_of(1), ElementsAre(10, 20));
  EXPECT_THAT(times_of(1, 11), ElementsAre(20));
  ASSERT_TRUE(store().retract(std::span(contacts).first(1)));
  ASSERT_TRUE(store().retract(std::span(contacts).first(1)));
  EXPECT_THAT(times_of(1), ElementsAre(20));
  EXPECT_THAT(times_of(2), ElementsAre(10));
}

TEST_F(ContactStoreTest, PrunesForgetsMergesAndSeparates) {
  ASSERT_TRUE(store().record(std::vector{contact(1, 10), contact(2, 20), contact(3, 30)}));
  ASSERT_TRUE(store().merge({1}, {2}));
  ASSERT_TRUE(store().merge({1}, {2}));
  EXPECT_THAT(times_of(2), ElementsAre(10, 20));
  EXPECT_THAT(times_of(1), ElementsAre());
  ASSERT_TRUE(store().separate({1}));
  EXPECT_THAT(times_of(1), ElementsAre(10));
  EXPECT_THAT(times_of(2), ElementsAre(20));
  EXPECT_EQ(store().prune({20}).value(), 1);
  EXPECT_EQ(store().prune({31}, 1).value(), 1);
  EXPECT_EQ(store().forget({3}).value(), 1);
  EXPECT_EQ(store().forget({3}).value(), 0);
}

TEST_F(ContactStoreTest, RefusesNobodyAndCustomersOutOfOrder) {
  EXPECT_FALSE(store().record(std::vector{contact(1, 1), contact(0, 1)}));
  EXPECT_THAT(times_of(1), ElementsAre());
  ContactColumns columns;
  EXPECT_FALSE(store().load(std::vector<CustomerNumber>{{2}, {1}}, {0}, columns));
  EXPECT_FALSE(store().load(std::vector<CustomerNumber>{{2}, {2}}, {0}, columns));
  ASSERT_TRUE(store().load({}, {0}, columns));
  EXPECT_THAT(columns.offsets, ElementsAre(0));
}

// Reference: every contact looked at for every customer; few and many customers take other ways.
TEST_F(ContactStoreTest, LoadsWhatALookAtEveryContactFinds) {
  Rng random(4);
  std::vector<CustomerContact> all;
  std::set<std::pair<std::int64_t, std::int64_t>> taken;
  for (int i = 0; i < 6'000; ++i) {
    const auto one = contact(1 + static_cast<std::int64_t>(random.below(2'000)),
                             static_cast<std::int64_t>(random.below(1'000)), 5,
                             static_cast<decide::Channel>(random.below(6)));
    if (taken.emplace(one.customer.value, one.contact.time.micros).second) all.push_back(one);
  }
  ASSERT_TRUE(store().record(all));
  for (const int share : {1, 9}) {
    std::vector<CustomerNumber> customers;
    for (int i = 1; i <= 2'100; ++i)
      if (random.chance(share * .1)) customers.push_back({i});
    ContactColumns columns;
    ASSERT_TRUE(store().load(customers, {300}, columns));
    ASSERT_EQ(columns.offsets.size(), customers.size() + 1);
    for (std::size_t i = 0; i < customers.size(); ++i) {
      std::vector<decide::Contact> expected;
      for (const CustomerContact& one : all) {
        if (one.customer == customers[i] && one.contact.time.micros >= 300)
          expected.push_back(one.contact);
      }
      std::ranges::sort(expected);
      const std::vector<decide::Contact> found(
          columns.contacts.begin() + static_cast<std::ptrdiff_t>(columns.offsets[i]),
          columns.contacts.begin() + static_cast<std::ptrdiff_t>(columns.offsets[i + 1]));
      ASSERT_EQ(found, expected) << customers[i].value;
    }
  }
}

TEST_F(ContactStoreTest, ReportsRowsThatNobodyWrote) {
  ASSERT_TRUE(store().record(std::vector{contact(1, 10)}));
  ASSERT_TRUE(files_.state().execute("UPDATE contacts SET channel = 99"));
  ContactColumns columns;
  const auto loaded = store().load(std::vector<CustomerNumber>{{1}}, {0}, columns);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::data_corruption);
}

}  // namespace
}  // namespace attune::engage
