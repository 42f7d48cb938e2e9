#include "attune/decide/campaign_gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attune::decide {
namespace {

using privacy::Consent;
using privacy::ConsentMode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CampaignGatesTest : public ::testing::Test {
 protected:
  CampaignGatesTest()
      : plan_{.campaign = "winback",
              .number = 1,
              .version = 1,
              .channel = Channel::email,
              .begin = {1'000},
              .end = {kMicrosPerDay},
              .assignment = Assignment::create({"winback", "", 0, {{"a", 1}, {"b", 1}}}).value(),
              .treatments = {"a", "b"},
              .cost_minor = {10, 30},
              .currency = {},
              .policy = {},
              .caps = {},
              .quiet_hours = std::nullopt,
              .zone = TimeZone::utc()} {
    for (int i = 1; i <= 8; ++i) {
      customers_.push_back({i});
      consent_.push_back(Consent::given);
      suppressed_.push_back(0);
      eligibility_.push_back(Eligibility::eligible);
    }
    inputs_ = {.customers = customers_,
               .consent = consent_,
               .modes = {},
               .suppressed = suppressed_,
               .eligibility = eligibility_,
               .contact_offsets = {},
               .contacts = {},
               .zones = {},
               .zone_list = {},
               .scores = {},
               .budget = {},
               .run_seed = 1,
               .now = {2'000}};
  }
  void decide() {
    const auto decided = decide_campaign(plan_, inputs_, outcomes_);
    ASSERT_TRUE(decided) << decided.error().message;
  }
  std::string refused() {
    const auto decided = decide_campaign(plan_, inputs_, outcomes_);
    EXPECT_FALSE(decided);
    if (decided) return "";
    EXPECT_EQ(decided.error().code, ErrorCode::invalid_argument);
    return decided.error().message;
  }

  CampaignPlan plan_;
  std::vector<CustomerNumber> customers_;
  std::vector<Consent> consent_;
  std::vector<std::uint8_t> suppressed_;
  std::vector<Eligibility> eligibility_;
  CampaignInputs inputs_;
  CampaignOutcomes outcomes_;
};

TEST_F(CampaignGatesTest, AskInTheirOrderAndCountEachCustomerOnce) {
  const std::vector<ConsentMode> modes{
      ConsentMode::opt_in, ConsentMode::opt_out, ConsentMode::opt_out, ConsentMode::opt_in,
      ConsentMode::opt_in, ConsentMode::opt_in,  ConsentMode::opt_in,  ConsentMode::opt_in};
  inputs_.modes = modes;
  consent_[0] = consent_[1] = Consent::unknown;
  consent_[2] = Consent::withdrawn;
  suppressed_[3] = 1;
  eligibility_[3] = eligibility_[4] = Eligibility::outside_audience;
  eligibility_[5] = Eligibility::unreachable;
  decide();
  EXPECT_THAT(outcomes_.reasons, ElementsAre(StopReason::consent_unknown, StopReason::none,
                                             StopReason::consent_withdrawn, StopReason::suppressed,
                                             StopReason::outside_audience, StopReason::unreachable,
                                             StopReason::none, StopReason::none));
  EXPECT_EQ(outcomes_.counts.customers(), 8);
  EXPECT_EQ(outcomes_.counts.asked(Gate::consent), 8);
  EXPECT_EQ(outcomes_.counts.stopped(Gate::consent), 3);
  EXPECT_EQ(outcomes_.counts.asked(Gate::eligibility), 5);
  EXPECT_EQ(outcomes_.counts.asked(Gate::budget), 3);
  EXPECT_EQ(outcomes_.counts.passed(), 3);
  EXPECT_EQ(outcomes_.groups[4], kNotAssigned);
}

TEST_F(CampaignGatesTest, KeepToTheWindow) {
  for (const auto& [now, passed] : {std::pair<std::int64_t, int>{999, 0},
                                    {1'000, 8},
                                    {kMicrosPerDay - 1, 8},
                                    {kMicrosPerDay, 0}}) {
    inputs_.now = {now};
    decide();
    EXPECT_EQ(outcomes_.counts.passed(), passed) << now;
    EXPECT_EQ(outcomes_.counts.at(StopReason::outside_window), 8 - passed);
  }
}

TEST_F(CampaignGatesTest, EndTheBudgetForAllAtOnceWhateverTheyWouldGet) {
  inputs_.budget = {.money_minor = 95, .messages = std::nullopt};
  decide();
  // While there is money for the dearest, everybody gets theirs; then nobody.
  bool over = false;
  std::int64_t left = 95;
  for (std::size_t i = 0; i < 8; ++i) {
    over = over || left < 30;
    EXPECT_EQ(outcomes_.reasons[i] == StopReason::budget_money, over) << i;
    if (!over) left -= plan_.cost_minor[outcomes_.choices[i].treatment];
  }
  EXPECT_EQ(outcomes_.left.money_minor, left);
  EXPECT_EQ(outcomes_.cost_minor, 95 - left);
  inputs_.budget = {.money_minor = std::nullopt, .messages = 3};
  decide();
  EXPECT_EQ(outcomes_.counts.passed(), 3);
  EXPECT_EQ(outcomes_.counts.at(StopReason::budget_messages), 5);
  EXPECT_EQ(outcomes_.left.messages, 0);
}

TEST_F(CampaignGatesTest, TellWhenToAskAgain) {
  plan_.caps = {{CapScope::all, CapPeriod::day, 1}};
  plan_.quiet_hours = QuietHours{0, 8 * 60};
  const std::vector<std::uint64_t> offsets{0, 1, 1, 1, 1, 1, 1, 1, 1};
  const std::vector<Contact> contacts{{{1'500}, 9, Channel::sms}};
  inputs_.contact_offsets = offsets;
  inputs_.contacts = contacts;
  decide();
  EXPECT_EQ(outcomes_.reasons[0], StopReason::cap_reached);
  EXPECT_EQ(outcomes_.caps[0], 0);
  EXPECT_EQ(outcomes_.retry_at[0].micros, kMicrosPerDay);
  EXPECT_EQ(outcomes_.reasons[1], StopReason::quiet_hours);
  EXPECT_EQ(outcomes_.retry_at[1].micros, 8 * kMicrosPerHour);
  EXPECT_EQ(outcomes_.caps[1], kNoCap);
}

TEST_F(CampaignGatesTest, DecideTheSameForACustomerWhoeverElseIsAsked) {
  plan_.policy.explore = .5;
  decide();
  const CampaignOutcomes together = outcomes_;
  for (std::size_t i = 0; i < 8; ++i) {
    CampaignInputs alone = inputs_;
    alone.customers = std::span(customers_).subspan(i, 1);
    alone.consent = std::span(consent_).subspan(i, 1);
    alone.suppressed = std::span(suppressed_).subspan(i, 1);
    alone.eligibility = std::span(eligibility_).subspan(i, 1);
    ASSERT_TRUE(decide_campaign(plan_, alone, outcomes_));
    EXPECT_EQ(outcomes_.groups[0], together.groups[i]);
    EXPECT_EQ(outcomes_.choices[0], together.choices[i]);
  }
}

TEST_F(CampaignGatesTest, RefuseColumnsThatDoNotFit) {
  inputs_.consent = std::span(consent_).first(7);
  EXPECT_THAT(refused(), HasSubstr("column consent has 7 values, expected 8"));
  inputs_.consent = consent_;
  const std::vector<std::uint16_t> zones(8, 1);
  const std::vector<TimeZone> list{TimeZone::utc()};
  inputs_.zones = zones;
  inputs_.zone_list = list;
  EXPECT_THAT(refused(), HasSubstr("zone is not in the list"));
  inputs_.zones = {};
  const std::vector<std::uint64_t> falling{0, 0, 0, 0, 0, 0, 0, 2, 1}, past(9, 1);
  inputs_.contact_offsets = falling;
  EXPECT_THAT(refused(), HasSubstr("contact offsets"));
  inputs_.contact_offsets = past;
  EXPECT_THAT(refused(), HasSubstr("contact offsets"));
  inputs_.contact_offsets = {};
  plan_.policy.rule = TreatmentRule::top;
  EXPECT_THAT(refused(), HasSubstr("column scores has 0 values, expected 16"));
  plan_.policy.rule = TreatmentRule::shares;
  plan_.treatments = {"a", "c"};
  EXPECT_THAT(refused(), HasSubstr("arms of its experiment are its treatments"));
  plan_.cost_minor = {1, -1};
  EXPECT_THAT(refused(), HasSubstr("costs less than 0"));
  plan_.treatments.clear();
  EXPECT_THAT(refused(), HasSubstr("0 treatments"));
}

TEST_F(CampaignGatesTest, DecideForNobody) {
  inputs_.customers = {};
  inputs_.consent = {};
  inputs_.suppressed = {};
  inputs_.eligibility = {};
  decide();
  EXPECT_EQ(outcomes_.counts.customers(), 0);
}

TEST(Channel, NeedsItsOwnConsent) {
  EXPECT_EQ(purpose_of(Channel::email), privacy::Purpose::email);
  EXPECT_EQ(purpose_of(Channel::sms), privacy::Purpose::sms);
  EXPECT_EQ(purpose_of(Channel::push), privacy::Purpose::push);
  EXPECT_EQ(purpose_of(Channel::on_page), privacy::Purpose::personalisation);
  EXPECT_EQ(purpose_of(Channel::webhook), std::nullopt);
  EXPECT_EQ(purpose_of(Channel::file), std::nullopt);
  for (int i = 0; i < kChannelCount; ++i)
    EXPECT_EQ(parse_channel(name(static_cast<Channel>(i))).value(), static_cast<Channel>(i));
  EXPECT_THAT(parse_channel("emial").error().message, HasSubstr("did you mean 'email'?"));
}

TEST(StopReason, BelongsToOneGate) {
  EXPECT_EQ(stop_reason_names().size(), static_cast<std::size_t>(kStopReasonCount));
  EXPECT_EQ(gate_names().size(), static_cast<std::size_t>(kGateCount));
  EXPECT_EQ(gate_of(StopReason::none), std::nullopt);
  EXPECT_EQ(gate_of(StopReason::suppressed), Gate::consent);
  EXPECT_EQ(gate_of(StopReason::held_out), Gate::assignment);
  EXPECT_EQ(gate_of(StopReason::budget_money), Gate::budget);
}

}  // namespace
}  // namespace attune::decide
