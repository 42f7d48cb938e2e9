#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../campaign_events.h"
#include "attune/decide/campaign_decision.h"
#include "attune/events/event_bundle.h"
#include "campaign_shop.h"

namespace attune::engine {
namespace {

TEST(LoggedChoices, TellsWhatTheWholeDecisionTells) {
  LoggedChoices choices;
  for (int version = 1; version < 3; ++version) {
    for (int row = 0; row < 6; ++row) {
      decide::CampaignDecision decision;
      decision.customer = {row + 1};
      decision.id = decide::campaign_decision_id({kNow}, 1, decision.customer);
      // A name that tries to look like what is sought.
      decision.campaign = R"(x],"choice":null,"version":7,],"choice":[1,)";
      decision.version = version;
      decision.treatments = {{fmt::format("card, \"{}\"", version), {}}, {"letter", {}}};
      decision.assignment.arms = {{"card", 1}, {"letter", 1}};
      decision.group = 0;
      if (row % 3 < 2) decision.choice = {static_cast<std::uint16_t>(row % 3), .5};
      CampaignEvents events(decision.campaign);
      events.add(decision, {events::IdKind::customer, "c1"});
      const auto bundle = events::parse_events(events::bundle_events(events.events())).value();
      const auto read = read_logged_decision(bundle.columns.personal_of(0));
      ASSERT_TRUE(read) << to_string(read.error());
      const auto treatment = choices.treatment(bundle.columns.personal_of(0));
      ASSERT_TRUE(treatment) << to_string(treatment.error());
      ASSERT_EQ(treatment->has_value(), decision.choice.has_value());
      if (decision.choice) {
        EXPECT_EQ(**treatment, decision.treatments[decision.choice->treatment].name);
      }
    }
  }
  EXPECT_FALSE(choices.treatment("{}"));
}

}  // namespace
}  // namespace attune::engine
