#include "attune/profiles/accumulator.h"

#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "attune/base/hash.h"
#include "attune/base/text.h"
#include "sample_events.h"

namespace attune::profiles {
namespace {

using events::EventType;
using testing::OwnedEvent;

// Replaces every floating number by that of `other` where the two agree to 1e-9 relative; what is
// left has to be equal to the last bit.
void take_close(double& mine, double other) {
  if (std::abs(mine - other) <= 1e-9 * std::max({std::abs(mine), std::abs(other), 1e-300})) {
    mine = other;
  }
}

void take_close(std::vector<TermState>& mine, const std::vector<TermState>& other) {
  for (std::size_t i = 0; i < std::min(mine.size(), other.size()); ++i) {
    take_close(mine[i].interest, other[i].interest);
  }
}

bool same(ProfileState a, const ProfileState& b) {
  take_close(a.engagement, b.engagement);
  take_close(a.log_price_sum, b.log_price_sum);
  take_close(a.categories, b.categories);
  take_close(a.brands, b.brands);
  return a == b;
}

void shuffle(std::vector<OwnedEvent>& events, std::uint64_t seed) {
  Rng(seed, "shuffle").shuffle(std::span<OwnedEvent>(events));
}

TEST(ProfileAccumulatorProperty, AnyOrderOfFoldingGivesTheSameState) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const int count = *rc::gen::inRange(0, 400);
    std::vector<OwnedEvent> history = testing::random_history(seed, count);
    const ProfileAccumulator in_order = testing::folded(history);
    shuffle(history, seed + 1);
    RC_ASSERT(same(testing::folded(history).state(), in_order.state()));
  });
  EXPECT_TRUE(holds);
}

TEST(ProfileAccumulatorProperty, MergingAnySplitEqualsFoldingTheUnion) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const int count = *rc::gen::inRange(0, 400);
    const auto parts = static_cast<std::size_t>(*rc::gen::inRange(1, 6));
    std::vector<OwnedEvent> history = testing::random_history(seed, count);
    const ProfileAccumulator whole = testing::folded(history);
    shuffle(history, seed + 1);
    std::vector<ProfileAccumulator> split(parts);
    Rng rng(seed, "split");
    for (const OwnedEvent& event : history) {
      split[rng.below(parts)].fold(event.view(), FoldRules());
    }
    ProfileAccumulator merged;
    while (!split.empty()) {
      const std::size_t next = rng.below(split.size());
      RC_ASSERT(merged.merge(split[next]).has_value());
      split.erase(split.begin() + static_cast<std::ptrdiff_t>(next));
    }
    RC_ASSERT(same(merged.state(), whole.state()));
  });
  EXPECT_TRUE(holds);
}

TEST(ProfileAccumulatorProperty, BytesGiveBackTheSameState) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const int count = *rc::gen::inRange(0, 300);
    const ProfileAccumulator profile = testing::folded(testing::random_history(seed, count));
    const auto back = ProfileAccumulator::parse(profile.serialise(), profile.serialise_searches());
    RC_ASSERT(back.has_value());
    RC_ASSERT(back->state() == profile.state());
  });
  EXPECT_TRUE(holds);
}

// The caps hold what sorting the whole history and cutting would.
TEST(ProfileAccumulatorProperty, CappedListsEqualSortingEverything) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    std::vector<OwnedEvent> history = testing::random_history(seed, 1700);
    std::map<std::int64_t, std::tuple<Timestamp, std::int64_t>> latest;
    std::map<std::pair<std::int32_t, EventType>, std::uint64_t> counts;
    std::set<std::int32_t> days;
    for (const OwnedEvent& owned : history) {
      const ProfileEvent& e = owned.event;
      if ((e.marks & bit(events::Mark::bot)) != 0) continue;
      ++counts[{e.day, e.type}];
      days.insert(e.day);
      if (!e.item || !is_activity(e.type) || e.type == EventType::refund) continue;
      auto& touch = latest[e.item.value];
      touch = std::max(touch, std::tuple(e.time, e.sequence));
    }
    std::vector<std::tuple<Timestamp, std::int64_t, std::int64_t>> items;
    for (const auto& [item, touch] : latest) {
      items.emplace_back(std::get<0>(touch), std::get<1>(touch), item);
    }
    std::ranges::sort(items, std::greater<>());
    items.resize(std::min(items.size(), kRecentItems));
    RC_CLASSIFY(days.size() > kDaysKept, "cut");
    while (days.size() > kDaysKept) days.erase(days.begin());
    std::erase_if(counts, [&](auto& entry) { return !days.contains(entry.first.first); });

    shuffle(history, seed + 1);
    const std::vector<OwnedEvent> tail(history.begin() + 800, history.end());
    history.resize(800);
    ProfileAccumulator merged = testing::folded(history);
    RC_ASSERT(merged.merge(testing::folded(tail)).has_value());
    const ProfileState& state = merged.state();
    std::vector<std::tuple<Timestamp, std::int64_t, std::int64_t>> kept_items;
    for (const RecentItem& r : state.recent_items) {
      kept_items.emplace_back(r.time, r.sequence, r.item.value);
    }
    RC_ASSERT(kept_items == items);
    std::map<std::pair<std::int32_t, EventType>, std::uint64_t> kept;
    for (const DayCount& d : state.days) kept[{d.day, d.type}] = d.count;
    RC_ASSERT(kept == counts);
    RC_ASSERT(kept.size() == state.days.size());
  });
  EXPECT_TRUE(holds);
}

TEST(ProfileAccumulatorProperty, InterestEqualsTheSumOverAllEvents) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const std::vector<OwnedEvent> history = testing::random_history(seed, 200);
    BehaviourWeights weights;
    weights.half_life_days = 11.5;
    const FoldRules rules(weights);
    const ProfileState state = testing::folded(history, rules).state();
    const double half_life = static_cast<double>(state.half_life_micros);
    std::map<std::int64_t, double> expected;
    for (const OwnedEvent& owned : history) {
      const ProfileEvent& e = owned.event;
      if ((e.marks & bit(events::Mark::bot)) != 0 || !is_activity(e.type)) continue;
      const double half_lives = static_cast<double>(e.time.micros) / half_life;
      for (const TermId c : owned.categories) {
        expected[c.value] += rules.weight(e.type) / static_cast<double>(owned.categories.size()) *
                             std::exp2(half_lives - static_cast<double>(state.reference));
      }
    }
    RC_ASSERT(state.categories.size() == expected.size());
    for (const TermState& term : state.categories) {
      const double sum = expected.at(term.term.value);
      RC_ASSERT(std::abs(term.interest - sum) <= 1e-9 * sum);
    }
  });
  EXPECT_TRUE(holds);
}

TEST(ProfileAccumulator, CountsLinesOfOneOrderOnce) {
  const auto profile = testing::folded({testing::purchase(1, testing::at(2020, 5, 4, 10), 250, 77),
                                        testing::purchase(2, testing::at(2020, 5, 4, 9), 100, 77),
                                        testing::purchase(3, testing::at(2020, 5, 4, 9), 1)});
  const ProfileState& s = profile.state();
  ASSERT_EQ(s.orders.size(), 2u);
  const auto order = std::ranges::find(s.orders, std::uint64_t{77}, &OrderState::key);
  ASSERT_NE(order, s.orders.end());
  EXPECT_EQ(order->time, testing::at(2020, 5, 4, 9));
  EXPECT_EQ(order->value_minor, 350);
  EXPECT_EQ(order->lines, 2u);
  EXPECT_EQ(s.gross_minor, 351);
}

TEST(ProfileAccumulator, CountsTwoEventsWithoutOrderAsTwoOrders) {
  const auto profile = testing::folded({testing::purchase(1, testing::at(2020, 5, 4), 250),
                                        testing::purchase(2, testing::at(2020, 5, 4), 250)});
  EXPECT_EQ(profile.state().orders.size(), 2u);
}

TEST(ProfileAccumulator, LeavesBotEventsOut) {
  OwnedEvent bot = testing::purchase(1, testing::at(2020, 5, 4), 250);
  bot.event.marks = bit(events::Mark::bot);
  const ProfileState s = testing::folded({bot}).state();
  EXPECT_EQ(s.bot_events, 1u);
  EXPECT_TRUE(s.orders.empty());
  EXPECT_FALSE(s.first_seen.has_value());
}

TEST(ProfileAccumulator, TakesPriceTimesQuantityWhereTheValueIsMissing) {
  OwnedEvent line = testing::purchase(1, testing::at(2020, 5, 4), 0);
  line.event.value_minor.reset();
  line.event.price_minor = 255;
  line.event.quantity = 6;
  EXPECT_EQ(testing::folded({line}).state().gross_minor, 1530);
}

TEST(ProfileAccumulator, PassesOverTimesOutsideTheCalendar) {
  OwnedEvent late = testing::purchase(1, testing::at(2020, 5, 4), 250);
  late.event.time = {std::numeric_limits<std::int64_t>::max()};
  EXPECT_TRUE(testing::folded({late}).state().orders.empty());
  late.event.time = {std::numeric_limits<std::int64_t>::min()};
  EXPECT_TRUE(testing::folded({late}).state().orders.empty());
}

TEST(ProfileAccumulator, CutsLongSearchWordsAtACharacter) {
  OwnedEvent search = testing::simple(1, testing::at(2020, 5, 4), EventType::search);
  for (int i = 0; i < 40; ++i) search.text += "鞋";
  const ProfileState s = testing::folded({search}).state();
  ASSERT_EQ(s.recent_searches.size(), 1u);
  EXPECT_EQ(s.recent_searches[0].words.size(), 78u);
  EXPECT_FALSE(first_invalid_utf8(s.recent_searches[0].words).has_value());
}

TEST(ProfileAccumulator, AnEventFarAheadDoesNotForgetThePast) {
  std::vector<OwnedEvent> history;
  for (int day = 1; day <= 28; ++day) {
    history.push_back(testing::simple(day, testing::at(2020, 2, day), EventType::view, day));
  }
  history.push_back(testing::simple(99, testing::at(2099, 1, 1), EventType::view, 1));
  EXPECT_EQ(testing::folded(history).state().days.size(), 29u);
}

TEST(ProfileAccumulator, RefusesToMergeDifferentHalfLives) {
  BehaviourWeights weights;
  weights.half_life_days = 7;
  ProfileAccumulator a = testing::folded({testing::purchase(1, testing::at(2020, 5, 4), 1)});
  const ProfileAccumulator b =
      testing::folded({testing::purchase(2, testing::at(2020, 5, 4), 1)}, FoldRules(weights));
  const Status refused = a.merge(b);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("30 and 7 days"));
  EXPECT_EQ(a.state().gross_minor, 1);
}

TEST(ProfileAccumulator, KeepsWhatRefundsSayOfAnOrderTogether) {
  const Timestamp day = testing::at(2020, 5, 4);
  OwnedEvent stated = testing::simple(1, day, EventType::refund, 3);
  stated.event.order = 77;
  stated.event.value_minor = 30;
  OwnedEvent unpriced = testing::simple(2, day, EventType::refund, 3);  // of an item: of no help
  unpriced.event.order = 78;
  const ProfileState s =
      testing::folded({stated, unpriced, testing::whole_refund(3, day, 77),
                       testing::whole_refund(4, day, 77), testing::whole_refund(5, day, 0)})
          .state();
  EXPECT_EQ(s.refunded, (std::vector<RefundedOrder>{{77, 30, true}}));
  EXPECT_EQ(s.refund_minor, 30);
}

TEST(ProfileAccumulator, ReadsTheBytesOfTheFormerVersion) {
  const auto profile =
      testing::folded({testing::purchase(1, testing::at(2020, 5, 4), 250, 77),
                       testing::simple(2, testing::at(2020, 5, 5), EventType::view, 9)});
  std::string blob = profile.serialise();
  blob.resize(blob.size() - 5);  // the number of refunded orders, none, and the checksum
  blob[1] = 1;
  const auto sum = static_cast<std::uint32_t>(hash64(blob, 1));
  for (int shift = 0; shift < 32; shift += 8) blob.push_back(static_cast<char>(sum >> shift));
  const auto parsed = ProfileAccumulator::parse(blob);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->state(), profile.state());
}

TEST(ProfileAccumulator, RefusesEveryBlobWithOneByteChangedOrCutAway) {
  const ProfileAccumulator profile = testing::folded(testing::random_history(5, 60));
  const std::string blob = profile.serialise();
  for (std::size_t i = 0; i < blob.size(); ++i) {
    std::string damaged = blob;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    const auto parsed = ProfileAccumulator::parse(damaged);
    ASSERT_FALSE(parsed.has_value()) << "byte " << i;
    EXPECT_EQ(parsed.error().code, ErrorCode::data_corruption);
    EXPECT_FALSE(ProfileAccumulator::parse(blob.substr(0, i)).has_value());
  }
  const auto longer = ProfileAccumulator::parse(blob + '\0');
  ASSERT_FALSE(longer.has_value());
  EXPECT_THAT(longer.error().message, ::testing::HasSubstr("rebuild"));
}

TEST(ProfileAccumulator, RefusesSearchWordsThatAreNotItsOwnBytes) {
  const ProfileAccumulator profile = testing::folded({});
  EXPECT_FALSE(ProfileAccumulator::parse(profile.serialise(), "words").has_value());
  EXPECT_FALSE(ProfileAccumulator::parse(profile.serialise(), profile.serialise()).has_value());
}

}  // namespace
}  // namespace attune::profiles
