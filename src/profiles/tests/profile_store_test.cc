#include "attune/profiles/profile_store.h"

#include <unistd.h>

#include <bit>
#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "attune/base/hash.h"
#include "sample_events.h"

namespace attune::profiles {
namespace {

using testing::OwnedEvent;

class ProfileStoreTest : public ::testing::Test {
 protected:
  ProfileStoreTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("attune_profiles_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "keys");
    std::filesystem::permissions(folder_ / "keys", std::filesystem::perms::owner_all);
    vault_.emplace(store::Vault::open(folder_ / "keys").value());
    reopen();
  }
  ~ProfileStoreTest() override {
    store_.reset();
    state_.reset();
    vault_.reset();
    std::filesystem::remove_all(folder_);
  }

  void reopen(const FoldRules& rules = FoldRules()) {
    store_.reset();
    state_.reset();
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
    store_.emplace(ProfileStore::open(*state_, &*vault_, rules, TimeZone::utc()).value());
  }
  void add(std::int64_t customer, const ProfileAccumulator& profile, Place place = Place::settled) {
    const std::pair<CustomerNumber, const ProfileAccumulator*> one{{customer}, &profile};
    ASSERT_TRUE(store_->add(std::span(&one, 1), place).has_value());
  }
  ProfileState stored(std::int64_t customer) {
    return store_->find({customer}).value().value_or(ProfileAccumulator()).state();
  }

  std::filesystem::path folder_;
  std::optional<store::Vault> vault_;
  std::optional<store::State> state_;
  std::optional<ProfileStore> store_;
};

TEST_F(ProfileStoreTest, GivesBackWhatWasSavedWithSealedSearchWords) {
  const CustomerNumber seven{7};
  ASSERT_TRUE(vault_->create_keys(std::span(&seven, 1)).has_value());
  const auto profile = testing::folded(testing::random_history(3, 200));
  ASSERT_FALSE(profile.state().recent_searches.empty());
  add(7, profile);
  reopen();
  EXPECT_EQ(stored(7), profile.state());
  EXPECT_EQ(store_->count(), 1);
  // The words stand nowhere in the file.
  auto row = state_->prepare("SELECT blob, searches FROM profile_blobs").value();
  ASSERT_TRUE(row.step().value());
  EXPECT_EQ(row.blob(0).find("words"), std::string_view::npos);
  EXPECT_EQ(row.blob(1).find("words"), std::string_view::npos);
}

// More than one block, of which some profiles have sealed words; the same as one by one, in order.
TEST_F(ProfileStoreTest, GivesManyAtOnceAsOneByOne) {
  constexpr std::int64_t kMany = 4'500;
  const auto profile = testing::folded(testing::random_history(3, 20));
  std::vector<CustomerNumber> keyed;
  for (std::int64_t i = 3; i <= kMany; i += 3) keyed.push_back({i});
  ASSERT_TRUE(vault_->create_keys(keyed).has_value());
  std::vector<std::pair<CustomerNumber, const ProfileAccumulator*>> all;
  for (std::int64_t i = 1; i <= kMany; ++i) all.emplace_back(CustomerNumber{i}, &profile);
  ASSERT_TRUE(store_->add(all, Place::settled).has_value());
  std::int64_t next = 2;  // of 2 to kMany - 1
  const auto visit = [&](std::span<const StoredProfile> block) -> Status {
    for (const StoredProfile& one : block) {
      EXPECT_EQ(one.customer.value, next++);
      if (next % 50 == 0) {
        EXPECT_EQ(one.accumulator.state(), stored(one.customer.value));
      }
    }
    return {};
  };
  ASSERT_TRUE(store_->for_each_block({2}, {kMany - 1}, visit).has_value());
  EXPECT_EQ(next, kMany);
  ASSERT_TRUE(state_->run("UPDATE profile_blobs SET blob = x'00' WHERE customer = 4100"));
  const Status broken = store_->for_each_block({1}, {kMany}, [](auto) { return Status(); });
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code, ErrorCode::data_corruption);
  EXPECT_THAT(to_string(broken.error()), ::testing::HasSubstr("customer 4100"));
}

TEST_F(ProfileStoreTest, KeepsNoSearchWordsWithoutAKey) {
  const auto profile = testing::folded(testing::random_history(3, 200));
  add(8, profile);
  EXPECT_TRUE(stored(8).recent_searches.empty());
  EXPECT_EQ(stored(8).orders, profile.state().orders);
}

TEST_F(ProfileStoreTest, NamesTheCustomerOfADamagedProfile) {
  add(9, testing::folded(testing::random_history(3, 20)));
  ASSERT_TRUE(state_->run("UPDATE profile_blobs SET blob = ?", store::Blob{"broken"}).has_value());
  const auto found = store_->find({9});
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::data_corruption);
  EXPECT_THAT(to_string(found.error()), ::testing::HasSubstr("customer 9"));
}

TEST_F(ProfileStoreTest, MergeEqualsFoldingBothHistories) {
  std::vector<OwnedEvent> history = testing::random_history(11, 90);
  const std::vector<OwnedEvent> first(history.begin(), history.begin() + 40);
  const std::vector<OwnedEvent> second(history.begin() + 40, history.end());
  add(1, testing::folded(first));
  add(2, testing::folded(second));
  ASSERT_TRUE(store_->merge({2}, {1}).has_value());
  EXPECT_FALSE(store_->find({2})->has_value());
  EXPECT_EQ(stored(1).orders, testing::folded(history).state().orders);
  ASSERT_TRUE(store_->merge({2}, {1}).has_value());  // nothing left to merge
  EXPECT_EQ(stored(1).orders, testing::folded(history).state().orders);
}

TEST_F(ProfileStoreTest, RebuildTakesAMergeApart) {
  const std::vector<OwnedEvent> history = testing::random_history(12, 60);
  add(1, testing::folded(history));  // the merged one
  add(3, testing::folded(history));
  const std::vector<CustomerNumber> apart{{1}, {2}, {4}};
  const Status done = store_->rebuild(apart, [&](const ProfileStore::Sink& sink) -> Status {
    for (const OwnedEvent& e : history) sink({1 + e.event.sequence % 3}, e.view());
    return {};
  });
  ASSERT_TRUE(done.has_value());
  for (const std::int64_t customer : {1, 2}) {
    std::vector<OwnedEvent> own;
    for (const OwnedEvent& e : history) {
      if (1 + e.event.sequence % 3 == customer) own.push_back(e);
    }
    EXPECT_EQ(stored(customer).orders, testing::folded(own).state().orders);
    EXPECT_EQ(stored(customer).days, testing::folded(own).state().days);
  }
  EXPECT_EQ(stored(3).orders, testing::folded(history).state().orders);  // was not asked for
  EXPECT_FALSE(store_->find({4})->has_value());                          // has no events
}

TEST_F(ProfileStoreTest, AsksForARebuildOfWhatAnEarlierProgramStored) {
  const FoldRules rules;
  std::uint64_t former = combine(1, static_cast<std::uint64_t>(rules.half_life_micros()));
  for (int type = 0; type < events::kEventTypeCount; ++type) {
    former = combine(
        former, std::bit_cast<std::uint64_t>(rules.weight(static_cast<events::EventType>(type))));
  }
  EXPECT_FALSE(store_->needs_rebuild().value());
  ASSERT_TRUE(
      state_->run("UPDATE profile_rules SET fingerprint = ?", std::bit_cast<std::int64_t>(former))
          .has_value());
  reopen();
  EXPECT_TRUE(store_->needs_rebuild().value());
  ASSERT_TRUE(store_->clear().has_value());
  EXPECT_FALSE(store_->needs_rebuild().value());
}

TEST_F(ProfileStoreTest, AFailedReplayChangesNothing) {
  add(1, testing::folded(testing::random_history(12, 60)));
  const ProfileState before = stored(1);
  const CustomerNumber one{1};
  const Status failed = store_->rebuild(std::span(&one, 1), [](const auto&) -> Status {
    return std::unexpected(cancelled("stopped"));
  });
  EXPECT_FALSE(failed.has_value());
  EXPECT_EQ(stored(1), before);
}

TEST_F(ProfileStoreTest, AsksForARebuildWhenTheWeightsChange) {
  EXPECT_EQ(store_->needs_rebuild(), false);
  add(1, testing::folded(testing::random_history(12, 6)));
  BehaviourWeights weights;
  weights.view = 2;
  reopen(FoldRules(weights));
  EXPECT_EQ(store_->needs_rebuild(), true);
  ASSERT_TRUE(store_->clear().has_value());
  EXPECT_EQ(store_->needs_rebuild(), false);
  EXPECT_EQ(store_->count(), 0);
}

TEST_F(ProfileStoreTest, ForgettingTwiceIsNoError) {
  add(1, testing::folded(testing::random_history(12, 6)));
  EXPECT_EQ(store_->forget({1}), 1);
  EXPECT_EQ(store_->forget({1}), 0);
  EXPECT_FALSE(store_->find({1})->has_value());
}

// Crashes at any moment: what is stored is what folding up to the cursor gives, and catching up
// from there gives the whole.
TEST_F(ProfileStoreTest, WorkingSetCatchesUpToTheSameProfilesWhereverItWasStopped) {
  const std::vector<OwnedEvent> history = testing::random_history(21, 300);
  const auto owner = [](const OwnedEvent& e) {
    return CustomerNumber{1 + static_cast<std::int64_t>(e.event.sequence * 7 % 13)};
  };
  std::map<CustomerNumber, ProfileAccumulator> whole;
  for (const OwnedEvent& e : history) whole[owner(e)].fold(e.view(), FoldRules());
  Rng rng(4, "stops");
  for (int stops = 0; stops < 12; ++stops) {
    ProfileWorkingSet set(*store_, stops % 2 == 0 ? Place::settled : Place::apart);
    const std::size_t until = stops == 11 ? history.size() : rng.below(history.size());
    for (std::size_t i = 0; i < until; ++i) {  // offers old events again: they are passed over
      ASSERT_TRUE(set.fold(owner(history[i]), history[i].view()).has_value());
      if (rng.chance(.05) && set.size() > 0) {
        ASSERT_TRUE(set.flush({history[i].event.sequence}).has_value());
      }
    }
    if (stops == 11) {
      ASSERT_TRUE(set.flush({history.back().event.sequence}).has_value());
    }
    reopen();  // what was not flushed is lost
  }
  for (const auto& [customer, profile] : whole) {
    EXPECT_EQ(stored(customer.value).orders, profile.state().orders);
    EXPECT_EQ(stored(customer.value).days, profile.state().days);
    EXPECT_EQ(stored(customer.value).type_counts, profile.state().type_counts);
  }
  EXPECT_EQ(store_->cursor()->value, 300);
}

TEST_F(ProfileStoreTest, SpillsInsideATransactionAlone) {
  ProfileWorkingSet set(*store_);
  const OwnedEvent first = testing::purchase(1, testing::at(2021, 1, 1), 5);
  const OwnedEvent second = testing::purchase(2, testing::at(2021, 1, 2), 5);
  ASSERT_TRUE(set.fold({5}, first.view()).has_value());
  EXPECT_EQ(set.spill().error().code, ErrorCode::failed_precondition);
  auto transaction = state_->begin();
  ASSERT_TRUE(set.spill().has_value());
  EXPECT_EQ(set.size(), 0u);
  ASSERT_TRUE(set.fold({5}, second.view()).has_value());
  ASSERT_TRUE(set.flush({2}).has_value());
  ASSERT_TRUE(transaction->commit().has_value());
  EXPECT_EQ(stored(5).orders.size(), 2u);
  EXPECT_EQ(store_->cursor()->value, 2);
}

// As bytes, which hold every measure of everybody.
std::string bytes_of(ShopStatistics statistics) { return statistics.serialise(); }

class ProfilesApart : public ProfileStoreTest {
 protected:
  static CustomerNumber owner(const OwnedEvent& e) {
    return CustomerNumber{1 + static_cast<std::int64_t>(e.event.sequence * 7 % 13)};
  }
  void fold(std::span<const OwnedEvent> events, Place place) {
    ProfileWorkingSet set(*store_, place);
    for (const OwnedEvent& e : events) ASSERT_TRUE(set.fold(owner(e), e.view()).has_value());
    ASSERT_TRUE(set.flush({events.back().event.sequence}).has_value());
  }
  // Everybody as if the events had been folded in one go, each one way of reading like the other.
  void expect_folded(std::span<const OwnedEvent> events) {
    std::map<CustomerNumber, ProfileAccumulator> whole;
    for (const OwnedEvent& e : events) whole[owner(e)].fold(e.view(), FoldRules());
    ShopStatistics measured;
    std::map<CustomerNumber, ProfileState> one_by_one, in_blocks;
    for (const auto& [customer, profile] : whole) {
      measured.add(profile.state(), TimeZone::utc());
      const ProfileState found = stored(customer.value);
      EXPECT_EQ(found.orders, profile.state().orders);
      EXPECT_EQ(found.refunded, profile.state().refunded);
      EXPECT_EQ(found.days, profile.state().days);
      EXPECT_EQ(found.recent_items, profile.state().recent_items);
      EXPECT_NEAR(found.engagement, profile.state().engagement, 1e-9 * profile.state().engagement);
    }
    EXPECT_EQ(store_->count().value(), std::ssize(whole));
    ASSERT_TRUE(store_->for_each([&](const StoredProfile& one) -> Status {
      one_by_one[one.customer] = one.accumulator.state();
      return {};
    }));
    const auto block = [&](std::span<const StoredProfile> profiles) -> Status {
      for (const StoredProfile& one : profiles) in_blocks[one.customer] = one.accumulator.state();
      return {};
    };
    ASSERT_TRUE(store_->for_each_block({1}, {99}, block));
    EXPECT_EQ(std::ssize(one_by_one), std::ssize(whole));
    EXPECT_EQ(one_by_one, in_blocks);
    for (const auto& [customer, state] : one_by_one) EXPECT_EQ(state, stored(customer.value));
    EXPECT_EQ(bytes_of(store_->statistics().value()), bytes_of(measured));
  }
};

TEST_F(ProfilesApart, AreReadWithThoseTheyBelongToWhateverWasSettled) {
  const std::vector<OwnedEvent> history = testing::random_history(31, 600);
  Rng rng(5, "flushes");
  std::int64_t most_apart = 0;
  for (std::size_t from = 0; from < history.size();) {
    const std::size_t until = std::min(history.size(), from + 1 + rng.below(40));
    const Place place = rng.chance(.8) ? Place::apart : Place::settled;
    fold(std::span(history).subspan(from, until - from), place);
    expect_folded(std::span(history).first(until));
    most_apart = std::max(most_apart, store_->count_apart().value());
    if (rng.chance(.3)) reopen();
    from = until;
  }
  EXPECT_GT(most_apart, 3);
}

// One event after another: what lies apart is settled as it passes an eighth of what is.
TEST_F(ProfilesApart, AreSettledWhenTheirEventsPassAnEighth) {
  const std::vector<OwnedEvent> history = testing::random_history(32, 800);
  fold(std::span(history).first(400), Place::settled);
  int emptied = 0;
  std::int64_t before = 0;
  for (std::size_t i = 400; i < history.size(); ++i) {
    fold(std::span(history).subspan(i, 1), Place::apart);
    const std::int64_t apart = store_->count_apart().value();
    if (apart < before) ++emptied;
    before = apart;
  }
  EXPECT_GE(emptied, 4);  // 400 to 800 by eighths: six times
  EXPECT_LE(emptied, 7);
  expect_folded(history);
}

// More than one flush settles: the rest waits for the next ones, and nothing is settled twice.
TEST_F(ProfilesApart, AreSettledBitByBit) {
  const auto event = [](std::int64_t sequence) {
    return testing::purchase(sequence, testing::at(2021, 1, 1), sequence);
  };
  constexpr std::int64_t kMany = 4'500;
  std::int64_t sequence = 0;
  {
    ProfileWorkingSet set(*store_, Place::apart);
    auto transaction = state_->begin();
    for (std::int64_t i = 1; i <= kMany; ++i) {
      ASSERT_TRUE(set.fold({i}, event(++sequence).view()));
      if (i == 1'000) ASSERT_TRUE(set.spill());
    }
    ASSERT_TRUE(set.flush({sequence}));
    ASSERT_TRUE(transaction->commit());
  }
  std::vector<std::int64_t> apart;
  for (int flushes = 0; flushes < 4; ++flushes) {
    ProfileWorkingSet set(*store_, Place::apart);
    ASSERT_TRUE(set.fold({kMany + 1}, event(++sequence).view()));
    ASSERT_TRUE(set.flush({sequence}));
    apart.push_back(store_->count_apart().value());
    EXPECT_EQ(store_->count().value(), kMany + 1);
  }
  EXPECT_EQ(apart, (std::vector<std::int64_t>{2'501, 501, 1, 1}));
  for (std::int64_t i = 1; i <= kMany; ++i) ASSERT_EQ(stored(i).orders.size(), 1u) << i;
  EXPECT_EQ(stored(kMany + 1).orders.size(), 4u);
  EXPECT_EQ(bytes_of(store_->statistics().value()), [&] {
    ShopStatistics measured;
    EXPECT_TRUE(store_->for_each([&](const StoredProfile& one) -> Status {
      measured.add(one.accumulator.state(), TimeZone::utc());
      return {};
    }));
    return measured.serialise();
  }());
}

TEST_F(ProfilesApart, AreFoldedAnewEvenWhenTheyCannotBeRead) {
  const std::vector<OwnedEvent> history = testing::random_history(36, 100);
  fold(history, Place::settled);
  ASSERT_TRUE(state_->run("UPDATE profile_blobs SET blob = x'00' WHERE customer = 4"));
  const CustomerNumber four{4};
  ASSERT_TRUE(store_->rebuild(std::span(&four, 1), [&](const ProfileStore::Sink& sink) -> Status {
    for (const OwnedEvent& e : history) sink(owner(e), e.view());
    return {};
  }));
  expect_folded(history);
}

TEST_F(ProfilesApart, JoinTheWholeWhenCustomersMergeOrAreForgotten) {
  const std::vector<OwnedEvent> history = testing::random_history(33, 300);
  fold(std::span(history).first(150), Place::settled);
  fold(std::span(history).subspan(150), Place::apart);
  ASSERT_TRUE(store_->merge({2}, {1}).has_value());
  ProfileAccumulator both;
  for (const OwnedEvent& e : history) {
    if (owner(e).value <= 2) both.fold(e.view(), FoldRules());
  }
  EXPECT_EQ(stored(1).orders, both.state().orders);
  EXPECT_EQ(stored(1).type_counts, both.state().type_counts);
  EXPECT_FALSE(store_->find({2})->has_value());
  EXPECT_EQ(store_->forget({3}), 1);
  EXPECT_FALSE(store_->find({3})->has_value());
  EXPECT_EQ(store_->forget({3}), 0);
  ShopStatistics measured;
  ASSERT_TRUE(store_->for_each([&](const StoredProfile& left) -> Status {
    measured.add(left.accumulator.state(), TimeZone::utc());
    return {};
  }));
  EXPECT_EQ(bytes_of(store_->statistics().value()), bytes_of(measured));
}

TEST_F(ProfilesApart, AreMeasuredAnewWhereTheStatisticsCannotBe) {
  const std::vector<OwnedEvent> history = testing::random_history(34, 300);
  fold(history, Place::settled);
  const auto expected = bytes_of(store_->statistics().value());
  ShopStatistics nobody, one;
  one.remove({});
  const std::string taken = one.serialise();
  const auto spoil = [&](std::string_view counts) {
    ASSERT_TRUE(state_->run("UPDATE profile_statistics SET counts = ?", store::Blob{counts}));
    EXPECT_EQ(bytes_of(store_->statistics().value()), expected);
  };
  spoil("broken");
  spoil(taken);  // somebody was taken out who was not there
  ASSERT_TRUE(state_->run("DELETE FROM profile_statistics"));  // as an earlier program left them
  const OwnedEvent more = testing::purchase(301, testing::at(2021, 1, 1), 5);
  fold(std::span(&more, 1), Place::apart);
  ShopStatistics measured;
  ASSERT_TRUE(store_->for_each([&](const StoredProfile& all) -> Status {
    measured.add(all.accumulator.state(), TimeZone::utc());
    return {};
  }));
  EXPECT_EQ(bytes_of(store_->statistics().value()), bytes_of(measured));
}

// A damaged profile can be forgotten all the same; what the others add is measured anew.
TEST_F(ProfilesApart, AreForgottenEvenWhenTheyCannotBeRead) {
  fold(testing::random_history(35, 200), Place::settled);
  ASSERT_TRUE(state_->run("UPDATE profile_blobs SET blob = x'00' WHERE customer = 4"));
  EXPECT_EQ(store_->forget({4}), 1);
  ShopStatistics measured;
  ASSERT_TRUE(store_->for_each([&](const StoredProfile& all) -> Status {
    measured.add(all.accumulator.state(), TimeZone::utc());
    return {};
  }));
  EXPECT_EQ(bytes_of(store_->statistics().value()), bytes_of(measured));
}

}  // namespace
}  // namespace attune::profiles
