// The gates that a campaign's message passes before it is sent. Answers, for many customers at
// once: who gets it, who does not, and why not?
//
// The gates are asked in the order of Gate; the first that says no ends the matter, so each
// customer is counted once. A gate looks at nothing but what is handed in: columns with one value a
// customer, made by whoever owns consent, audience and contacts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "attune/decide/assignment.h"
#include "attune/decide/channel.h"
#include "attune/decide/frequency_caps.h"
#include "attune/decide/quiet_hours.h"
#include "attune/decide/treatment_policy.h"
#include "attune/privacy/consent.h"
#include "attune/privacy/consent_rules.h"

namespace attune::decide {

enum class Gate : std::uint8_t { consent, eligibility, assignment, caps, quiet_hours, budget };
inline constexpr int kGateCount = 6;
std::span<const std::string> gate_names();  // by number

// Why a customer gets nothing. Stored by name: rename none.
enum class StopReason : std::uint8_t {
  none,  // a message goes out
  consent_withdrawn,
  consent_unknown,  // and the rule of the region is opt-in
  suppressed,
  outside_window,    // the campaign has not begun, or is over
  outside_audience,  // neither in the segment nor inside of the rule
  unreachable,       // no address for the channel
  held_out,
  cap_reached,
  quiet_hours,
  budget_money,
  budget_messages,
};
inline constexpr int kStopReasonCount = 12;
std::span<const std::string> stop_reason_names();  // by number
std::optional<Gate> gate_of(StopReason reason);    // absent for none

enum class Eligibility : std::uint8_t { eligible, outside_audience, unreachable };

// What is the same for all customers of a campaign's run.
// Invariants: (1) treatments are named and have a cost of 0 or more each; (2) with
// TreatmentRule::shares the assignment's arms are the treatments, in their order.
struct CampaignPlan {
  std::string campaign;
  std::uint32_t number = 0;  // of the campaign, as contacts name it; above 0
  int version = 1;
  Channel channel = Channel::email;
  Timestamp begin;
  Timestamp end;  // the first moment that is too late
  Assignment assignment;
  std::vector<std::string> treatments;
  std::vector<std::int64_t> cost_minor;  // of a message, by treatment
  Currency currency;
  TreatmentPolicy policy;
  std::vector<FrequencyCap> caps;
  std::optional<QuietHours> quiet_hours;
  TimeZone zone;  // the shop's
};

// What is left of a budget; absent: there is no limit.
struct BudgetLeft {
  std::optional<std::int64_t> money_minor;
  std::optional<std::int64_t> messages;
  friend bool operator==(const BudgetLeft&, const BudgetLeft&) = default;
};

// Customers with what the gates ask about them. Budgets are given out in their order.
// Shapes: customers, consent, modes, suppressed, eligibility, zones (n); contact_offsets (n + 1):
// the contacts of customer i are contacts[contact_offsets[i] .. contact_offsets[i + 1]); scores
// (n x treatments, row by row).
struct CampaignInputs {
  std::span<const CustomerNumber> customers;    // above 0, each once
  std::span<const privacy::Consent> consent;    // to the purpose that the campaign needs
  std::span<const privacy::ConsentMode> modes;  // of the customer's region; empty: opt-in
  std::span<const std::uint8_t> suppressed;     // 1: on the suppression list
  std::span<const Eligibility> eligibility;
  std::span<const std::uint64_t> contact_offsets;  // empty: nobody was ever written to
  std::span<const Contact> contacts;
  std::span<const std::uint16_t> zones;  // index into zone_list; empty: the shop's zone
  std::span<const TimeZone> zone_list;
  std::span<const double> scores;  // with TreatmentRule::top
  BudgetLeft budget;
  std::uint64_t run_seed = 0;
  Timestamp now;
};

// How many came to each gate, and went no further.
class GateCounts {
 public:
  void add(StopReason reason) { ++by_reason_[static_cast<std::size_t>(reason)]; }
  std::int64_t customers() const;
  std::int64_t at(StopReason reason) const { return by_reason_[static_cast<std::size_t>(reason)]; }
  std::int64_t passed() const { return at(StopReason::none); }
  std::int64_t stopped(Gate gate) const;
  std::int64_t asked(Gate gate) const;  // who came to the gate
  GateCounts& operator+=(const GateCounts& other);
  friend bool operator==(const GateCounts&, const GateCounts&) = default;

 private:
  std::array<std::int64_t, kStopReasonCount> by_reason_{};
};

inline constexpr std::uint16_t kNotAssigned = 0xFFFE;
inline constexpr std::uint8_t kNoCap = 0xFF;

// What came out, by customer; memory is used again by the next call.
struct CampaignOutcomes {
  std::vector<StopReason> reasons;
  std::vector<std::uint16_t> groups;     // arm, kHeldOut, or kNotAssigned: did not come so far
  std::vector<TreatmentChoice> choices;  // of those who get a message
  std::vector<std::uint8_t> caps;        // index of the cap that was reached, or kNoCap
  std::vector<Timestamp> retry_at;       // worth asking again: of caps and quiet hours, else 0
  GateCounts counts;
  BudgetLeft left;              // after the messages
  std::int64_t cost_minor = 0;  // of the messages together
};

// Decides for every customer.
//   consent      given, or unknown where the region's mode is opt-out; never on the suppression
//                list.
//   eligibility  begin <= now < end, in the audience, with an address.
//   assignment   not held out. Everybody who comes so far has a group, sent or not.
//   caps         no cap is reached.
//   quiet_hours  not the customer's.
//   budget       there is a message left, and the money for the dearest treatment: what a customer
//                is sent does not depend on how much is left, and the budget ends for all at once.
// The treatment is chosen for those who pass, by plan.policy with decision_seed(run_seed, …).
// Nothing is written: the caller reserves cost_minor and records contacts before anything is sent.
// Errors: invalid_argument for columns of other lengths, a zone that the list does not hold,
// contact offsets that fall, a plan against its invariants. Cost: about 50 ns a customer, and what
// caps x contacts take. Determinism: the same arguments give the same outcomes on every machine;
// all but the budget is the same for a customer whoever else is asked about.
Status decide_campaign(const CampaignPlan& plan, const CampaignInputs& inputs,
                       CampaignOutcomes& outcomes);

}  // namespace attune::decide
