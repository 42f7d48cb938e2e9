// What a campaign decided about one customer, for the log. Answers: which group, what was sent or
// why nothing, how probable was it, and would the same come out again?
//
// Everybody whom a campaign asks about has one, held out or sent: effects compare all who were
// assigned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "attune/decide/assignment.h"
#include "attune/decide/campaign_gates.h"
#include "attune/decide/channel.h"
#include "attune/decide/treatment_policy.h"

namespace attune::decide {

struct ScoredTreatment {
  std::string name;
  std::optional<double> score;  // with TreatmentRule::top, where there was one
  friend bool operator==(const ScoredTreatment&, const ScoredTreatment&) = default;
};

// Invariants: (1) `group` is absent exactly where the customer was stopped before assignment;
// (2) `choice` is there exactly where the reason is none; (3) `treatments` are those of the
// campaign, in its order.
struct CampaignDecision {
  std::string id;  // of make_id
  Timestamp time;
  CustomerNumber customer;
  std::string campaign;
  int version = 1;
  Channel channel = Channel::email;
  StopReason reason = StopReason::none;
  std::string note;                   // for people: which cap, which hours
  std::optional<Timestamp> retry_at;  // when to ask again
  AssignmentSpec assignment;
  std::optional<std::uint16_t> group;  // arm, or kHeldOut
  std::string policy;                  // of print_policy
  std::uint64_t seed = 0;
  std::vector<ScoredTreatment> treatments;
  std::optional<TreatmentChoice> choice;
  Money cost;  // of the treatment sent
  friend bool operator==(const CampaignDecision&, const CampaignDecision&) = default;
};

// The decision about customer `index` of a decided batch. `into` is used again, so that many are
// made without taking memory for each. The id follows from time, run_seed and customer: deciding
// the same again gives the same id.
void describe(const CampaignPlan& plan, const CampaignInputs& inputs,
              const CampaignOutcomes& outcomes, std::size_t index, CampaignDecision& into);

// The id that describe gives.
std::string campaign_decision_id(Timestamp now, std::uint64_t run_seed, CustomerNumber customer);

// One line of JSON. Numbers read back as the same numbers; the seed is written as text; the group
// as the index of an arm, -1 for held out, null before assignment. Text that is not UTF-8 is
// mended.
std::string to_json(const CampaignDecision& decision);

// The same for many of one campaign: what they share is worked out again only where the campaign,
// its version or the moment is another.
class CampaignDecisionWriter {
 public:
  void append(const CampaignDecision& decision, std::string& out);

 private:
  std::string campaign_;
  int version_ = 0;
  Timestamp time_;
  std::string time_text_, campaign_text_, assignment_text_, policy_text_, treatments_text_,
      currency_text_;
  void share(const CampaignDecision& decision);
};

// Reads what to_json wrote, from bytes that nobody vouches for.
// Errors: data_corruption that names the member, for anything else than such an object.
Result<CampaignDecision> parse_campaign_decision(std::string_view json);

// Assigns and chooses again with what is logged. Errors: data_corruption that says what differs:
// the group, the treatment, or its probability (more than 1e-12 of the value apart).
Status replay(const CampaignDecision& decision);

}  // namespace attune::decide
