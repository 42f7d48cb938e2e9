// Random worlds against decide_campaign: consent comes and goes, clocks jump, campaigns take turns.
// A referee that knows nothing of the gates' code looks at every decision; with any one gate taken
// out it has to complain.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/decide/campaign_gates.h"
#include "gate_seam.h"

namespace attune::decide {
namespace {

using privacy::Consent;
using privacy::ConsentMode;

constexpr std::size_t kCustomers = 200;
constexpr std::array kZoneNames{"Europe/Berlin", "America/New_York", "Asia/Shanghai",
                                "Australia/Lord_Howe"};

struct Sent {
  std::size_t customer;
  std::size_t campaign;
  Timestamp time;
};

// A campaign as the referee knows it, beside the plan that the gates get.
struct Offer {
  CampaignPlan plan;
  BudgetLeft budget;  // at the beginning
  BudgetLeft left;
  std::int64_t spent = 0;
  std::int64_t messages = 0;
};

// What is so, told by the simplest means.
struct Truth {
  std::vector<std::vector<bool>> said;  // every change of consent, in order
  std::vector<bool> suppressed, opt_out_region, in_audience, reachable;
  std::vector<std::size_t> zone;
  std::vector<Sent> sent;
  std::map<std::pair<std::size_t, std::size_t>, bool>
      held_out;  // first seen, by campaign, customer
};

class World {
 public:
  World(std::uint64_t seed, std::optional<Gate> without)
      : random_(seed, "gates"), without_(without) {
    for (const char* const name : kZoneNames) zones_.push_back(TimeZone::find(name).value());
    truth_.said.resize(kCustomers);
    for (std::size_t i = 0; i < kCustomers; ++i) {
      truth_.suppressed.push_back(random_.chance(.03));
      truth_.opt_out_region.push_back(random_.chance(.2));
      truth_.in_audience.push_back(random_.chance(.9));
      truth_.reachable.push_back(random_.chance(.95));
      truth_.zone.push_back(random_.below(zones_.size()));
      if (random_.chance(.8)) truth_.said[i].push_back(true);
    }
    for (std::size_t c = 0; c < 4; ++c) offers_.push_back(make_offer(c));
  }

  void round() {
    for (std::size_t i = 0; i < kCustomers; ++i) {
      if (random_.chance(.02)) truth_.said[i].push_back(random_.chance(.5));
      if (random_.chance(.002)) truth_.suppressed[i] = !truth_.suppressed[i];
      if (random_.chance(.01)) truth_.in_audience[i] = !truth_.in_audience[i];
    }
    move_clock();
    decide(random_.below(offers_.size()));
  }

  std::int64_t decisions() const { return decisions_; }
  std::int64_t messages() const { return static_cast<std::int64_t>(truth_.sent.size()); }
  const std::vector<std::string>& complaints() const { return complaints_; }
  const GateCounts& counts() const { return counts_; }

 private:
  Offer make_offer(std::size_t c) {
    const bool top = c % 2 == 1;
    AssignmentSpec spec{fmt::format("campaign {}", c), "salt", .1 * static_cast<double>(c), {}};
    if (!top) spec.arms = {{"a", .3}, {"b", .7}};
    Offer offer{{.campaign = spec.experiment,
                 .number = static_cast<std::uint32_t>(c + 1),
                 .version = 1,
                 .channel = static_cast<Channel>(c % 3),
                 .begin = now_,
                 .end = {now_.micros + 300 * kMicrosPerDay},
                 .assignment = Assignment::create(spec).value(),
                 .treatments = {"a", "b"},
                 .cost_minor = {1, 3},
                 .currency = {},
                 .policy = {top ? TreatmentRule::top : TreatmentRule::shares, .1},
                 .caps = {{CapScope::campaign, CapPeriod::month, 3},
                          {CapScope::channel, CapPeriod::week, 2},
                          {CapScope::all, CapPeriod::day, 1}},
                 .quiet_hours = QuietHours{21 * 60, 8 * 60 + 30},
                 .zone = zones_[0]},
                {},
                {},
                0,
                0};
    if (c != 0) offer.budget.money_minor = 250;
    if (c != 1) offer.budget.messages = 150;
    offer.left = offer.budget;
    return offer;
  }

  void move_clock() {
    if (random_.chance(.1)) {  // set back or forward, by up to two months
      now_.micros += (static_cast<std::int64_t>(random_.below(120)) - 60) * kMicrosPerDay;
    } else {
      now_.micros += static_cast<std::int64_t>(random_.below(30 * 60)) * kMicrosPerMinute;
    }
    now_.micros += static_cast<std::int64_t>(random_.below(kMicrosPerMinute));
  }

  void decide(std::size_t c) {
    Offer& offer = offers_[c];
    std::vector<CustomerNumber> customers;
    std::vector<Consent> consent;
    std::vector<ConsentMode> modes;
    std::vector<std::uint8_t> suppressed;
    std::vector<Eligibility> eligibility;
    std::vector<std::uint64_t> offsets{0};
    std::vector<Contact> contacts;
    std::vector<std::uint16_t> zones;
    std::vector<double> scores;
    for (std::size_t i = 0; i < kCustomers; ++i) {
      customers.push_back({static_cast<std::int64_t>(i + 1)});
      const auto& said = truth_.said[i];
      consent.push_back(said.empty()  ? Consent::unknown
                        : said.back() ? Consent::given
                                      : Consent::withdrawn);
      modes.push_back(truth_.opt_out_region[i] ? ConsentMode::opt_out : ConsentMode::opt_in);
      suppressed.push_back(truth_.suppressed[i] ? 1 : 0);
      eligibility.push_back(!truth_.in_audience[i] ? Eligibility::outside_audience
                            : !truth_.reachable[i] ? Eligibility::unreachable
                                                   : Eligibility::eligible);
      for (const Sent& one : truth_.sent) {
        if (one.customer == i)
          contacts.push_back(
              {one.time, offers_[one.campaign].plan.number, offers_[one.campaign].plan.channel});
      }
      offsets.push_back(contacts.size());
      zones.push_back(static_cast<std::uint16_t>(truth_.zone[i]));
      if (offer.plan.policy.rule == TreatmentRule::top) {
        scores.push_back(random_.uniform());
        scores.push_back(random_.uniform());
      }
    }
    const CampaignInputs inputs{.customers = customers,
                                .consent = consent,
                                .modes = modes,
                                .suppressed = suppressed,
                                .eligibility = eligibility,
                                .contact_offsets = offsets,
                                .contacts = contacts,
                                .zones = zones,
                                .zone_list = zones_,
                                .scores = scores,
                                .budget = offer.left,
                                .run_seed = random_.next(),
                                .now = now_};
    const auto decided = decide_campaign_without(without_, offer.plan, inputs, outcomes_);
    ASSERT_TRUE(decided) << decided.error().message;
    counts_ += outcomes_.counts;
    judge(c);
    offer.left = outcomes_.left;
  }

  void complain(std::size_t i, std::string_view what) {
    complaints_.push_back(
        fmt::format("customer {} at {}: {} ({})", i, format_iso(now_), what,
                    stop_reason_names()[static_cast<std::size_t>(outcomes_.reasons[i])]));
  }

  // Each decision in the order of customers, and what it does.
  void judge(std::size_t c) {
    Offer& offer = offers_[c];
    for (std::size_t i = 0; i < kCustomers; ++i) {
      ++decisions_;
      const std::string_view expected = first_no(c, i);
      const bool sent = outcomes_.reasons[i] == StopReason::none;
      if (sent && !expected.empty()) complain(i, fmt::format("sent against {}", expected));
      if (!sent && !without_) {
        const auto gate = gate_of(outcomes_.reasons[i]);
        if (gate_names()[static_cast<std::size_t>(*gate)] != expected)
          complain(i, fmt::format("stopped, should be: '{}'", expected));
      }
      if (!sent) continue;
      const std::int64_t cost = outcomes_.choices[i].treatment == 0 ? 1 : 3;
      offer.spent += cost;
      offer.messages += 1;
      if (offer.budget.money_minor && offer.spent > *offer.budget.money_minor)
        complain(i, "money overspent");
      if (offer.budget.messages && offer.messages > *offer.budget.messages)
        complain(i, "messages overspent");
      truth_.sent.push_back({i, c, now_});
    }
  }

  // The gate that should stop the customer; empty: none.
  std::string_view first_no(std::size_t c, std::size_t i) {
    const Offer& offer = offers_[c];
    const auto& said = truth_.said[i];
    const bool may = said.empty() ? truth_.opt_out_region[i] : said.back();
    if (!may || truth_.suppressed[i]) return "consent";
    if (now_ < offer.plan.begin || now_ >= offer.plan.end) return "eligibility";
    if (!truth_.in_audience[i] || !truth_.reachable[i]) return "eligibility";
    const bool held = outcomes_.groups[i] == kHeldOut;
    const auto [first, fresh] = truth_.held_out.emplace(std::pair(c, i), held);
    if (first->second != held) return "assignment";  // it moved
    if (held) return "assignment";
    if (too_many(c, i)) return "caps";
    const CivilTime local = zones_[truth_.zone[i]].to_civil(now_);
    if (local.hour >= 21 || local.hour < 8 || (local.hour == 8 && local.minute < 30))
      return "quiet_hours";
    if (offer.budget.money_minor && *offer.budget.money_minor - offer.spent < 3) return "budget";
    if (offer.budget.messages && *offer.budget.messages == offer.messages) return "budget";
    return {};
  }

  // Counted by the names of the periods that messages lie in, or come after.
  bool too_many(std::size_t c, std::size_t i) {
    const CivilTime today = zones_[0].to_civil(now_);
    const std::int64_t day = days_from_civil(today.year, today.month, today.day);
    int of_campaign = 0, of_channel = 0, of_all = 0;
    for (const Sent& one : truth_.sent) {
      if (one.customer != i) continue;
      const CivilTime then = zones_[0].to_civil(one.time);
      const std::int64_t that = days_from_civil(then.year, then.month, then.day);
      // Weeks since Monday, 29 December 1969.
      const bool week = (that + 3 + 7'000'000) / 7 >= (day + 3 + 7'000'000) / 7;
      const bool month = then.year * 12 + then.month >= today.year * 12 + today.month;
      of_campaign += month && one.campaign == c ? 1 : 0;
      of_channel += week && one.campaign % 3 == c % 3 ? 1 : 0;
      of_all += that >= day ? 1 : 0;
    }
    return of_campaign >= 3 || of_channel >= 2 || of_all >= 1;
  }

  Rng random_;
  std::optional<Gate> without_;
  std::vector<TimeZone> zones_;
  Truth truth_;
  std::vector<Offer> offers_;
  Timestamp now_ = utc_from_civil({2026, 3, 1, 10, 0, 0, 0});
  CampaignOutcomes outcomes_;
  GateCounts counts_;
  std::int64_t decisions_ = 0;
  std::vector<std::string> complaints_;
};

// 10 worlds of 50 rounds with 200 customers each.
TEST(CampaignGatesProperty, BreakNoRuleInAHundredThousandDecisions) {
  std::int64_t decisions = 0, messages = 0;
  GateCounts counts;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    World world(seed, std::nullopt);
    for (int round = 0; round < 50; ++round) world.round();
    EXPECT_TRUE(world.complaints().empty()) << world.complaints().front();
    decisions += world.decisions();
    messages += world.messages();
    counts += world.counts();
  }
  EXPECT_EQ(decisions, 100'000);
  EXPECT_EQ(counts.customers(), decisions);
  EXPECT_EQ(counts.passed(), messages);
  EXPECT_GT(messages, 3'000);
  for (int reason = 0; reason < kStopReasonCount; ++reason) {
    EXPECT_GT(counts.at(static_cast<StopReason>(reason)), 100)
        << "never saw " << stop_reason_names()[static_cast<std::size_t>(reason)];
  }
}

class WithoutAGateProperty : public ::testing::TestWithParam<int> {};

// The referee is no decoration: with any one gate taken out it sees rules broken.
TEST_P(WithoutAGateProperty, BreaksARule) {
  const auto gate = static_cast<Gate>(GetParam());
  World world(1, gate);
  for (int round = 0; round < 50; ++round) world.round();
  ASSERT_FALSE(world.complaints().empty());
  if (gate == Gate::budget) return;  // its complaints name the amount
  const std::string against = fmt::format("sent against {}", gate_names()[GetParam()]);
  EXPECT_TRUE(std::ranges::any_of(world.complaints(), [&](const std::string& complaint) {
    return complaint.find(against) != complaint.npos;
  }));
}
INSTANTIATE_TEST_SUITE_P(EveryGate, WithoutAGateProperty, ::testing::Range(0, kGateCount),
                         [](const auto& tested) {
                           return gate_names()[static_cast<std::size_t>(tested.param)];
                         });

}  // namespace
}  // namespace attune::decide
