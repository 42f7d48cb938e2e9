#include "attune/decide/campaign_decision.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/decide/decision.h"

namespace attune::decide {
namespace {

using privacy::Consent;
using ::testing::HasSubstr;

// Twelve customers with every reason, decided once.
struct Batch {
  CampaignPlan plan;
  std::vector<CustomerNumber> customers;
  std::vector<Consent> consent;
  std::vector<std::uint8_t> suppressed;
  std::vector<Eligibility> eligibility;
  std::vector<double> scores;
  CampaignInputs inputs;
  CampaignOutcomes outcomes;

  explicit Batch(TreatmentRule rule)
      : plan{.campaign = "冬季 \"50%\"",
             .number = 3,
             .version = 2,
             .channel = Channel::sms,
             .begin = {0},
             .end = {kMicrosPerDay},
             .assignment = Assignment::create({"exp", "s", .3,
                                               rule == TreatmentRule::shares
                                                   ? std::vector<Arm>{{"a", .5}, {"b", .5}}
                                                   : std::vector<Arm>{}})
                               .value(),
             .treatments = {"a", "b"},
             .cost_minor = {5, 7},
             .currency = Currency::parse("EUR").value(),
             .policy = {rule, .2},
             .caps = {{CapScope::all, CapPeriod::day, 1}},
             .quiet_hours = std::nullopt,
             .zone = TimeZone::utc()} {
    for (int i = 1; i <= 40; ++i) {
      customers.push_back({i});
      consent.push_back(i % 7 == 0 ? Consent::unknown : Consent::given);
      suppressed.push_back(i % 11 == 0 ? 1 : 0);
      eligibility.push_back(i % 5 == 0 ? Eligibility::outside_audience : Eligibility::eligible);
      if (rule == TreatmentRule::top) {
        scores.push_back(i % 4 == 0 ? std::nan("") : .1 * i);
        scores.push_back(1);
      }
    }
    inputs = {.customers = customers,
              .consent = consent,
              .modes = {},
              .suppressed = suppressed,
              .eligibility = eligibility,
              .contact_offsets = {},
              .contacts = {},
              .zones = {},
              .zone_list = {},
              .scores = scores,
              .budget = {.money_minor = 100, .messages = 18},
              .run_seed = 0xFFFFFFFFFFFFFFF1,
              .now = {12'345'678}};
    EXPECT_TRUE(decide_campaign(plan, inputs, outcomes));
  }
  CampaignDecision at(std::size_t i) const {
    CampaignDecision decision;
    describe(plan, inputs, outcomes, i, decision);
    return decision;
  }
};

class EveryRule : public ::testing::TestWithParam<TreatmentRule> {};

TEST_P(EveryRule, ReadsBackAndReplaysForEverybody) {
  const Batch batch(GetParam());
  EXPECT_GT(batch.outcomes.counts.passed(), 5);
  EXPECT_GT(batch.outcomes.counts.at(StopReason::held_out), 2);
  EXPECT_GT(batch.outcomes.counts.stopped(Gate::budget), 0);
  for (std::size_t i = 0; i < batch.customers.size(); ++i) {
    const CampaignDecision decision = batch.at(i);
    EXPECT_TRUE(is_id(decision.id));
    const auto again = parse_campaign_decision(to_json(decision));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, decision);
    const auto replayed = replay(*again);
    EXPECT_TRUE(replayed) << replayed.error().message;
  }
}
INSTANTIATE_TEST_SUITE_P(CampaignDecision, EveryRule,
                         ::testing::Values(TreatmentRule::shares, TreatmentRule::top));

// One after another, of one campaign and of others in between, as each alone.
TEST_P(EveryRule, WritesManyAsEachAlone) {
  const Batch batch(GetParam());
  Batch other(TreatmentRule::shares);
  CampaignDecisionWriter writer;
  std::string text;
  const auto written = [&](const CampaignDecision& decision) {
    text.clear();
    writer.append(decision, text);
    return text;
  };
  for (std::size_t i = 0; i < batch.customers.size(); ++i) {
    CampaignDecision decision = batch.at(i);
    EXPECT_EQ(written(decision), to_json(decision));
    if (i % 10 != 0) continue;
    ++decision.version;
    decision.assignment.salt = "another";
    EXPECT_EQ(written(decision), to_json(decision));
    decision.time.micros += 1;
    EXPECT_EQ(written(decision), to_json(decision));
    other.plan.campaign = "another";
    EXPECT_EQ(written(other.at(i)), to_json(other.at(i)));
  }
}

TEST(CampaignDecision, IsLoggedForWhoIsHeldOutToo) {
  const Batch batch(TreatmentRule::shares);
  for (std::size_t i = 0; i < batch.customers.size(); ++i) {
    if (batch.outcomes.reasons[i] != StopReason::held_out) continue;
    const std::string json = to_json(batch.at(i));
    EXPECT_THAT(json, HasSubstr("\"reason\":\"held_out\""));
    EXPECT_THAT(json, HasSubstr("\"group\":-1"));
    EXPECT_THAT(json, HasSubstr("\"choice\":null"));
    EXPECT_THAT(json, HasSubstr("\"cost_minor\":0"));
    return;
  }
  FAIL() << "nobody was held out";
}

TEST(CampaignDecision, KeepsItsIdWhenDecidedAgain) {
  const Batch first(TreatmentRule::shares), second(TreatmentRule::shares);
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(first.at(i).id, second.at(i).id);
    if (i > 0) {
      EXPECT_NE(first.at(i).id, first.at(i - 1).id);
    }
  }
}

// The first decision of the batch that sends something.
CampaignDecision sent(const Batch& batch) {
  for (std::size_t i = 0;; ++i)
    if (batch.outcomes.reasons[i] == StopReason::none) return batch.at(i);
}

TEST(CampaignDecision, ReplayFindsWhatWasChanged) {
  const auto complaint = [](const CampaignDecision& changed) {
    const auto replayed = replay(changed);
    EXPECT_FALSE(replayed);
    return replayed ? "" : replayed.error().message;
  };
  const CampaignDecision good = sent(Batch(TreatmentRule::shares));
  CampaignDecision bad = good;
  bad.choice->treatment = 1 - good.choice->treatment;
  EXPECT_THAT(complaint(bad), HasSubstr("choosing again gives"));
  bad = good;
  bad.choice->probability *= 1 + 1e-9;
  EXPECT_THAT(complaint(bad), HasSubstr("probability"));
  bad = good;
  bad.group = 1 - *good.group;
  EXPECT_THAT(complaint(bad), HasSubstr("assigning again gives"));
  bad = good;
  bad.group = kHeldOut;
  EXPECT_THAT(complaint(bad), HasSubstr("the log has the holdout"));
  bad = good;
  bad.reason = StopReason::held_out;
  EXPECT_THAT(complaint(bad), HasSubstr("contradict"));
  bad = good;
  bad.reason = StopReason::consent_unknown;
  EXPECT_THAT(complaint(bad), HasSubstr("contradict"));
  bad = good;
  bad.choice.reset();
  EXPECT_THAT(complaint(bad), HasSubstr("contradict"));
  bad = good;
  bad.policy = "best";
  EXPECT_THAT(complaint(bad), HasSubstr("policy 'best' does not exist"));
  bad = good;
  bad.assignment.arms[0].weight = -1;
  EXPECT_THAT(complaint(bad), HasSubstr("weight -1"));
  bad = good;
  bad.treatments.pop_back();
  EXPECT_THAT(complaint(bad), HasSubstr("arms are not its treatments"));
}

// Every byte changed or cut off: refused, or a decision that reads back as itself.
TEST(CampaignDecision, SurvivesEveryChangedByte) {
  const std::string json = to_json(sent(Batch(TreatmentRule::top)));
  Rng random(3);
  for (std::size_t i = 0; i < json.size(); ++i) {
    EXPECT_FALSE(parse_campaign_decision(json.substr(0, i)));
    for (int round = 0; round < 3; ++round) {
      std::string changed = json;
      changed[i] = static_cast<char>(random.below(256));
      const auto parsed = parse_campaign_decision(changed);
      if (!parsed) {
        EXPECT_EQ(parsed.error().code, ErrorCode::data_corruption);
        continue;
      }
      EXPECT_EQ(parse_campaign_decision(to_json(*parsed)).value(), *parsed);
      (void)replay(*parsed);
    }
  }
}

TEST(CampaignDecision, RefusesMembersThatAreMissingUnknownOrThereTwice) {
  const std::string json = to_json(sent(Batch(TreatmentRule::top)));
  const auto complaint = [](std::string text) {
    const auto parsed = parse_campaign_decision(text);
    EXPECT_FALSE(parsed) << text;
    return parsed ? "" : parsed.error().message;
  };
  const auto replaced = [&](std::string_view from, std::string_view to) {
    std::string text = json;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_THAT(complaint(replaced("\"note\"", "\"nota\"")), HasSubstr("unknown member 'nota'"));
  EXPECT_THAT(complaint(replaced("\"note\"", "\"salt\"")), HasSubstr("'salt' twice"));
  EXPECT_THAT(complaint(replaced("\"note\":\"\",", "")), HasSubstr("no member 'note'"));
  EXPECT_THAT(complaint(replaced("\"channel\":\"sms\"", "\"channel\":\"fax\"")),
              HasSubstr("channel 'fax'"));
  EXPECT_THAT(complaint(replaced("\"reason\":\"none\"", "\"reason\":\"why\"")),
              HasSubstr("reason 'why'"));
  EXPECT_THAT(complaint(replaced("\"group\":0", "\"group\":4")), HasSubstr("group 4"));
  EXPECT_THAT(complaint(replaced("\"version\":2", "\"version\":0")), HasSubstr("version 0"));
  EXPECT_THAT(complaint("[]"), HasSubstr("no JSON object"));
}

}  // namespace
}  // namespace attune::decide
