// What a marketer writes down of a campaign. Answers: who, what, when, over which channel, how
// often at most, for how much, who is left alone, and what counts as success?
//
// A campaign is read from TOML or JSON with the same fields (docs/campaigns.md), checked while it
// is read, and a plain value from then on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "attune/decide/campaign_gates.h"
#include "attune/decide/channel.h"
#include "attune/decide/frequency_caps.h"
#include "attune/decide/quiet_hours.h"
#include "attune/decide/treatment_policy.h"
#include "attune/events/event.h"
#include "attune/privacy/consent.h"
#include "attune/rules/schema.h"

namespace attune::engage {

inline constexpr std::size_t kMaxCampaignBytes = 64 * 1024;
inline constexpr std::size_t kCampaignNameBytes = 64;
inline constexpr std::size_t kMaxCaps = 16;

enum class Repeat : std::uint8_t { once, daily };
struct Schedule {
  Timestamp start;
  Timestamp end;  // the first moment that is too late
  Repeat repeat = Repeat::once;
  int minute_of_day = 9 * 60;  // of daily, in the shop's zone
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

struct Treatment {
  std::string name;
  double share = 1;             // of those not held out, with policy shares; all add up to 1
  std::int64_t cost_minor = 0;  // of one message
  std::string content;          // name of a template, or of what is sent by other means
  // With policy top: the name of a number field of profiles, or a rule, which counts 1 where it
  // holds and 0 elsewhere; times `weight`.
  std::string score;
  double weight = 1;
  friend bool operator==(const Treatment&, const Treatment&) = default;
};

struct Holdout {
  double share = 0;
  std::string key;  // the campaign's name unless told
  std::string salt;
  friend bool operator==(const Holdout&, const Holdout&) = default;
};

enum class OutcomeValue : std::uint8_t {
  conversion,  // 1 where the event happened, else 0
  count,       // how often it happened
  revenue,     // the sum of its values
};
struct Outcome {
  events::EventType event = events::EventType::purchase;
  int days = 14;  // after the decision
  OutcomeValue value = OutcomeValue::conversion;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Invariants: those that docs/campaigns.md tells of the fields; every reader keeps them, and
// validate checks a value made by hand.
struct Campaign {
  std::string name;  // 1 to 64 bytes: letters, digits, '-', '_', '.', and what is not ASCII
  std::string description;
  std::string segment;  // either this or `rule`
  std::string rule;
  Schedule schedule;
  decide::Channel channel = decide::Channel::email;
  privacy::Purpose purpose = privacy::Purpose::email;  // whose consent it needs
  std::string
      surface;  // of on_page: where it is shown, at most 128 bytes; empty: where none is named
  Currency currency;  // of costs and budget
  decide::TreatmentPolicy policy;
  std::vector<Treatment> treatments;
  Holdout holdout;
  std::vector<decide::FrequencyCap> caps;
  std::optional<decide::QuietHours> quiet_hours;
  std::optional<std::int64_t> budget_money_minor;
  std::optional<std::int64_t> budget_messages;
  Outcome outcome;
  std::optional<double> margin;  // share of revenue that stays, 0 to 1
  friend bool operator==(const Campaign&, const Campaign&) = default;
};

// What a file leaves to the shop.
struct CampaignContext {
  TimeZone zone = TimeZone::utc();  // of times that name none
  Currency currency{};              // where the file names none
  // Words of rules and scores; null: these are not looked into.
  const rules::Schema* schema = nullptr;
  // Names of saved segments; null: not looked up.
  const std::vector<std::string>* segments = nullptr;
};

// Reads a campaign file, from bytes that nobody vouches for. `label` names it in messages.
// Errors: invalid_argument with a line for each problem, at most 20, in the order of the file:
// "winback.toml:12:9: there is no field 'chanel'; did you mean 'channel'?". In JSON the place is a
// path: "winback.json: $.treatments[1].share: …". Numbers of money may be texts ("0.10") or
// numbers.
Result<Campaign> parse_campaign_toml(std::string_view text, std::string_view label,
                                     const CampaignContext& context);
Result<Campaign> parse_campaign_json(std::string_view text, std::string_view label,
                                     const CampaignContext& context);
// By what the text looks like: JSON where its first character is '{'.
Result<Campaign> parse_campaign(std::string_view text, std::string_view label,
                                const CampaignContext& context);

// The one JSON of a campaign: every field in a fixed order, defaults spelt out, times in UTC. Reads
// back as the same campaign.
std::string to_json(const Campaign& campaign);

// Errors: as parse_campaign_json.
Status validate(const Campaign& campaign, const CampaignContext& context = {});

// The plan that decide works by. Errors: those of decide::Assignment.
Result<decide::CampaignPlan> plan_of(const Campaign& campaign, std::uint32_t number, int version,
                                     const TimeZone& shop_zone);

// When it runs first at or after `from`; absent when never again. Days are the shop's; a time of
// day that a clock change skips is read as TimeZone::from_civil does.
std::optional<Timestamp> next_run(const Campaign& campaign, Timestamp from,
                                  const TimeZone& shop_zone);

}  // namespace attune::engage
