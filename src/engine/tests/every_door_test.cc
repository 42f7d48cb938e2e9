// Not one message, offer or personal list against consent, caps, quiet hours or budget, through any
// door; and with any one gate taken out the referee sees it. ATTUNE_EVERY_DOOR_DECISIONS says how
// many decisions (claims/decide/never-without-consent: a million).
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "every_door_world.h"

namespace attune::engine {
namespace {

class EveryDoorProperty : public Shop {
 protected:
  static constexpr int kFew = 150;  // customers of a world

  EveryDoorWorld world(std::uint64_t seed, int customers, TakenOut without = {}) {
    return EveryDoorWorld(root_ / fmt::format("world{}", ++worlds_), seed, customers, without);
  }
  // Whether the referee sees it within some rounds of some worlds.
  void expect_seen(const TakenOut& without, const std::string& what) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      EveryDoorWorld one(root_ / fmt::format("world{}", ++worlds_), seed, kFew, without);
      for (int round = 0; round < 40; ++round) {
        one.round();
        if (!one.complaints().empty()) return;
      }
      one.close();
      if (!one.complaints().empty()) return;
    }
    ADD_FAILURE() << "nobody missed " << what;
  }
  int worlds_ = 0;
};

TEST_F(EveryDoorProperty, BreakNoRule) {
  const char* told = std::getenv("ATTUNE_EVERY_DOOR_DECISIONS");
  const std::int64_t wanted = told == nullptr ? 3'000 : std::atoll(told);
  const int customers = wanted > 100'000 ? 2'000 : kFew;
  EveryDoorWorld::Seen all;
  for (std::uint64_t seed = 1; all.decisions() < wanted; ++seed) {
    EveryDoorWorld one(root_ / fmt::format("world{}", ++worlds_), seed, customers, {});
    const std::int64_t share =
        std::min<std::int64_t>(wanted - all.decisions(), std::max<std::int64_t>(wanted / 4, 700));
    while (one.seen().decisions() < share && one.complaints().empty()) one.round();
    one.close();
    ASSERT_TRUE(one.complaints().empty()) << "seed " << seed << ": " << one.complaints().front();
    const EveryDoorWorld::Seen& seen = one.seen();
    all.runs += seen.runs;
    all.offers += seen.offers;
    all.hand_overs += seen.hand_overs;
    all.recommendations += seen.recommendations;
    all.sent_by_runs += seen.sent_by_runs;
    all.offered += seen.offered;
    all.mails += seen.mails;
    all.webhooks += seen.webhooks;
    all.held_back += seen.held_back;
  }
  EXPECT_GT(all.mails, 20);
  EXPECT_GT(all.webhooks, 20);
  EXPECT_GT(all.offered, 4);
  EXPECT_GT(all.recommendations, 40);
  std::printf(
      "%lld decisions: %lld by runs (%lld sent), %lld by offers (%lld offered), %lld at the "
      "hand-over (%lld mails, %lld webhooks, %lld held back), %lld recommendations\n",
      static_cast<long long>(all.decisions()), static_cast<long long>(all.runs),
      static_cast<long long>(all.sent_by_runs), static_cast<long long>(all.offers),
      static_cast<long long>(all.offered), static_cast<long long>(all.hand_overs),
      static_cast<long long>(all.mails), static_cast<long long>(all.webhooks),
      static_cast<long long>(all.held_back), static_cast<long long>(all.recommendations));
}

class WithoutAGate : public EveryDoorProperty, public ::testing::WithParamInterface<int> {};
TEST_P(WithoutAGate, OfTheDecisionIsSeen) {
  expect_seen({.gate = static_cast<decide::Gate>(GetParam())},
              decide::gate_names()[static_cast<std::size_t>(GetParam())]);
}
INSTANTIATE_TEST_SUITE_P(EveryDoorProperty, WithoutAGate, ::testing::Range(0, decide::kGateCount));

class WithoutACheck : public EveryDoorProperty, public ::testing::WithParamInterface<int> {};
TEST_P(WithoutACheck, OfTheHandOverIsSeen) {
  expect_seen({.check = static_cast<SendingCheck>(GetParam())},
              "check " + std::to_string(GetParam()));
}
INSTANTIATE_TEST_SUITE_P(EveryDoorProperty, WithoutACheck, ::testing::Range(0, kSendingCheckCount));

TEST_F(EveryDoorProperty, WithoutTheConsentOfRecommendationsIsSeen) {
  expect_seen({.personalisation = true}, "consent to personalisation");
}

}  // namespace
}  // namespace attune::engine
