#include "attune/profiles/segments.h"

#include <unistd.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/profiles/context.h"
#include "attune/profiles/segment_store.h"
#include "sample_events.h"

namespace attune::profiles {
namespace {

using ::testing::AllOf;
using testing::at;
using ::testing::HasSubstr;

Segment segment(std::string name, std::string rule) {
  return {std::move(name), std::move(rule), "", at(2020, 1, 1), false};
}

Profile buyer(std::int64_t number, std::int64_t orders, std::int64_t cents, Timestamp as_of) {
  Profile p;
  p.customer = {number};
  p.as_of = as_of;
  p.frequency = orders;
  p.monetary_cents = cents;
  p.last_purchase = at(2020, 5, 1);
  p.recency_days = (as_of.micros - p.last_purchase->micros) / kMicrosPerDay;
  return p;
}

TEST(SegmentSet, ReadyMadeSegmentsCompileAndHaveTheirKindOfCustomers) {
  const auto ready = ready_segments();
  const MemoryVocabulary names;
  const auto set = SegmentSet::compile({ready.begin(), ready.end()}, TimeZone::utc(), names);
  ASSERT_TRUE(set.has_value()) << set.error().message;
  Profile champion = buyer(1, 9, 90000, at(2020, 5, 3));
  champion.rfm = RfmScores{5, 5, 4};
  champion.value_tier = ValueTier::top;
  champion.lifecycle = Lifecycle::active;
  champion.buyer = BuyerKind::frequent;
  std::vector<bool> members;
  set->evaluate(champion, names, members);
  EXPECT_EQ(champion.segments,
            (std::vector<std::string>{"big spenders", "champions", "frequent buyers", "loyal"}));
  Profile looker;
  looker.lifecycle = Lifecycle::browsing;
  set->evaluate(looker, names, members);
  EXPECT_EQ(looker.segments, (std::vector<std::string>{"browsers"}));
}

TEST(SegmentSet, EvaluatesSegmentsAfterThoseTheyAskFor) {
  const MemoryVocabulary names;
  const auto set =
      SegmentSet::compile({segment("a", "in_segment(\"b\") and frequency > 1"),
                           segment("b", "in_segment(\"c\")"), segment("c", "recency_days < 10")},
                          TimeZone::utc(), names);
  ASSERT_TRUE(set.has_value()) << set.error().message;
  Profile p = buyer(1, 2, 5, at(2020, 5, 3));
  std::vector<bool> members;
  set->evaluate(p, names, members);
  EXPECT_EQ(members, (std::vector<bool>{true, true, true}));
  EXPECT_EQ(set->dependence(0), Dependence::clock);
  p.recency_days = 11;
  set->evaluate(p, names, members);
  EXPECT_EQ(members, (std::vector<bool>{false, false, false}));
}

TEST(SegmentSet, NamesTheCircle) {
  const auto set = SegmentSet::compile(
      {segment("a", "in_segment(\"b\")"), segment("b", "not in_segment(\"a\")")}, TimeZone::utc(),
      MemoryVocabulary());
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, AllOf(HasSubstr("circle"), HasSubstr("a -> b -> a")));
}

TEST(SegmentSet, PointsAtThePlaceInTheRuleOfTheSegment) {
  const auto set = SegmentSet::compile(
      {segment("good", "frequency > 1"), segment("typo", "frequency > 1 and monetary_cent > 3")},
      TimeZone::utc(), MemoryVocabulary());
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message,
              AllOf(HasSubstr("typo"), HasSubstr("1:19"), HasSubstr("monetary_cents")));
}

TEST(SegmentSet, RefusesNamesThatCannotBeShown) {
  for (const char* bad : {"", " vip", "v\nip", "\xff\xfe"}) {
    EXPECT_FALSE(
        SegmentSet::compile({segment(bad, "frequency > 1")}, TimeZone::utc(), MemoryVocabulary())
            .has_value());
  }
  EXPECT_FALSE(SegmentSet::compile({segment("x", "frequency > 1"), segment("x", "frequency > 2")},
                                   TimeZone::utc(), MemoryVocabulary())
                   .has_value());
}

TEST(SegmentPreview, CountsAndKeepsTheBestAsExamples) {
  const auto schema = profile_schema(TimeZone::utc()).value();
  const MemoryVocabulary names;
  SegmentPreview preview(ProfileRule::compile("frequency >= 2", schema, names).value(), 2);
  for (const auto& [number, orders, cents] :
       {std::tuple{1, 2, 10}, {2, 1, 99}, {3, 3, 50}, {4, 2, 50}, {5, 2, 20}}) {
    preview.offer(buyer(number, orders, cents, at(2020, 5, 3)), names);
  }
  EXPECT_EQ(preview.customers(), 5);
  EXPECT_EQ(preview.members(), 4);
  EXPECT_EQ(preview.monetary_cents(), 130);
  ASSERT_EQ(preview.examples().size(), 2u);
  EXPECT_EQ(preview.examples()[0].customer.value, 3);
  EXPECT_EQ(preview.examples()[1].customer.value, 4);
}

class SegmentStoreTest : public ::testing::Test {
 protected:
  SegmentStoreTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("attune_segments_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
    store_.emplace(SegmentStore::open(*state_).value());
  }
  ~SegmentStoreTest() override {
    store_.reset();
    state_.reset();
    std::filesystem::remove_all(folder_);
  }

  Status save(const Segment& s, bool replace = false) {
    return store_->save(s, TimeZone::utc(), names_, replace);
  }
  SegmentSet compiled() {
    return SegmentSet::compile(store_->list().value(), TimeZone::utc(), names_).value();
  }
  std::vector<MembershipChange> refresh(std::vector<Profile> profiles, Timestamp now) {
    return store_->refresh(compiled(), names_, profiles, now).value();
  }

  std::filesystem::path folder_;
  std::optional<store::State> state_;
  std::optional<SegmentStore> store_;
  MemoryVocabulary names_;
};

TEST_F(SegmentStoreTest, MembersFollowEventsAndKeepWhenTheyEntered) {
  ASSERT_TRUE(save(segment("repeat", "frequency >= 2")).has_value());
  const Timestamp monday = at(2020, 5, 4), tuesday = at(2020, 5, 5), friday = at(2020, 5, 8);
  EXPECT_EQ(refresh({buyer(1, 2, 5, monday), buyer(2, 1, 5, monday)}, monday).size(), 1u);
  const auto changes = refresh({buyer(1, 3, 5, tuesday), buyer(2, 2, 5, tuesday)}, tuesday);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].segment, "repeat");
  EXPECT_EQ(changes[0].customer.value, 2);
  EXPECT_TRUE(changes[0].entered);
  auto members = store_->members("repeat").value();
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].entered_at, monday);
  EXPECT_EQ(members[1].entered_at, tuesday);
  const auto left = refresh({buyer(1, 1, 5, friday)}, friday);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_FALSE(left[0].entered);
  EXPECT_EQ(store_->count("repeat"), 1);
  EXPECT_EQ(store_->segments_of({2}), (std::vector<std::string>{"repeat"}));
  EXPECT_EQ(store_->members("repeat", CustomerNumber{2})->size(), 0u);
}

TEST_F(SegmentStoreTest, AsksForAFullPassWhenTheDayTurnsOrARuleIsSaved) {
  ASSERT_TRUE(save(segment("repeat", "frequency >= 2")).has_value());
  EXPECT_EQ(store_->full_pass_due(compiled(), 100), true);
  ASSERT_TRUE(store_->full_pass_done(100).has_value());
  EXPECT_EQ(store_->full_pass_due(compiled(), 100), false);
  EXPECT_EQ(store_->full_pass_due(compiled(), 101), false);  // nothing depends on the clock
  ASSERT_TRUE(save(segment("recent", "recency_days < 3")).has_value());
  EXPECT_EQ(store_->full_pass_due(compiled(), 100), true);
  ASSERT_TRUE(store_->full_pass_done(100).has_value());
  EXPECT_EQ(store_->full_pass_due(compiled(), 100), false);
  EXPECT_EQ(store_->full_pass_due(compiled(), 101), true);
}

TEST_F(SegmentStoreTest, MembersLeaveWithTheClock) {
  ASSERT_TRUE(save(segment("recent", "recency_days < 3")).has_value());
  EXPECT_EQ(refresh({buyer(1, 1, 5, at(2020, 5, 3))}, at(2020, 5, 3)).size(), 1u);
  const auto left = refresh({buyer(1, 1, 5, at(2020, 5, 4))}, at(2020, 5, 4));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_FALSE(left[0].entered);
}

TEST_F(SegmentStoreTest, KeepsDefinitionsAcrossReopening) {
  const Segment saved{"vip", "monetary_cents > 100", "much money", at(2020, 1, 2), false};
  ASSERT_TRUE(save(saved).has_value());
  store_.reset();
  state_.reset();
  state_.emplace(store::State::open(folder_ / "state.sqlite").value());
  store_.emplace(SegmentStore::open(*state_).value());
  EXPECT_EQ(store_->find("vip"), saved);
}

TEST_F(SegmentStoreTest, RefusesWhatWouldBreakOthers) {
  ASSERT_TRUE(save(segment("base", "frequency > 1")).has_value());
  ASSERT_TRUE(save(segment("top", "in_segment(\"base\") and monetary_cents > 5")).has_value());
  const Status removed = store_->remove("base");
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error().code, ErrorCode::failed_precondition);
  EXPECT_THAT(removed.error().message, HasSubstr("top"));
  const Status again = save(segment("base", "frequency > 2"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
  EXPECT_TRUE(save(segment("base", "frequency > 2"), true).has_value());
  const Status wrong = save(segment("base", "frequencies > 2"), true);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message, AllOf(HasSubstr("1:1"), HasSubstr("frequency")));
  EXPECT_EQ(store_->find("base")->rule, "frequency > 2");
  const auto missing = store_->members("bas");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("base"));
  EXPECT_TRUE(store_->remove("top").has_value());
  EXPECT_TRUE(store_->remove("base").has_value());
}

TEST_F(SegmentStoreTest, SavesReadyMadeSegmentsOnce) {
  ASSERT_TRUE(save(segment("champions", "frequency > 7")).has_value());
  ASSERT_TRUE(store_->save_ready_made().has_value());
  ASSERT_TRUE(store_->save_ready_made().has_value());
  EXPECT_EQ(store_->list()->size(), ready_segments().size());
  EXPECT_EQ(store_->find("champions")->rule, "frequency > 7");
  EXPECT_TRUE(store_->find("lapsed")->ready_made);
}

TEST_F(SegmentStoreTest, LeavesOutReadyMadeSegmentsThatWereRemoved) {
  ASSERT_TRUE(store_->save_ready_made().has_value());
  ASSERT_TRUE(store_->remove("browsers").has_value());
  ASSERT_TRUE(store_->save_ready_made().has_value());
  EXPECT_EQ(store_->list()->size(), ready_segments().size() - 1);
  EXPECT_EQ(store_->find("browsers").error().code, ErrorCode::not_found);
}

TEST_F(SegmentStoreTest, ForgetsAndMergesCustomers) {
  ASSERT_TRUE(save(segment("repeat", "frequency >= 2")).has_value());
  const Timestamp now = at(2020, 5, 4);
  refresh({buyer(1, 2, 5, now), buyer(2, 2, 5, now), buyer(3, 2, 5, now)}, now);
  EXPECT_EQ(store_->forget({1}), 1);
  EXPECT_EQ(store_->forget({1}), 0);
  EXPECT_TRUE(store_->merge({2}, {3}).has_value());
  EXPECT_EQ(store_->count("repeat"), 1);
}

TEST_F(SegmentStoreTest, WritesNothingOfARefreshInsideARolledBackTransaction) {
  ASSERT_TRUE(save(segment("repeat", "frequency >= 2")).has_value());
  {
    auto transaction = state_->begin();
    ASSERT_TRUE(transaction.has_value());
    EXPECT_EQ(refresh({buyer(1, 2, 5, at(2020, 5, 4))}, at(2020, 5, 4)).size(), 1u);
  }
  EXPECT_EQ(store_->count("repeat"), 0);
}

}  // namespace
}  // namespace attune::profiles
