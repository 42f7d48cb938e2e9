// Logged decisions of campaigns back from bytes.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <simdjson.h>

#include "attune/base/text.h"
#include "attune/decide/campaign_decision.h"
#include "attune/decide/decision.h"
#include "logged_members.h"

namespace attune::decide {
namespace {

namespace dom = simdjson::dom;

constexpr std::array<std::string_view, 20> kCampaignDecisionMembers{
    "id",     "time",     "customer",   "campaign", "version",    "channel", "reason",
    "note",   "retry_at", "experiment", "salt",     "holdout",    "arms",    "group",
    "policy", "seed",     "treatments", "choice",   "cost_minor", "currency"};

// A text and a number, or null where `may_lack` it.
Result<std::pair<std::string, std::optional<double>>> read_pair(dom::element element,
                                                                std::string_view what,
                                                                bool may_lack) {
  dom::array list;
  std::string_view text;
  double number = 0;
  if (!element.get(list) && list.size() == 2 && !list.at(0).get(text)) {
    const auto second = list.at(1);
    if (!second.get(number)) return std::pair(std::string(text), std::optional(number));
    if (may_lack && second.is_null()) return std::pair(std::string(text), std::optional<double>());
  }
  return broken(fmt::format("has {} that is no [name, number]", what));
}

Status read_arms(const LoggedMembers& members, AssignmentSpec& spec) {
  ATTUNE_ASSIGN_OR_RETURN(const auto list, members.get<dom::array>("arms"));
  for (const dom::element one : list) {
    if (spec.arms.size() == kMaxArms) return broken("has too many arms");
    ATTUNE_ASSIGN_OR_RETURN(auto pair, read_pair(one, "an arm", false));
    spec.arms.push_back({std::move(pair.first), *pair.second});
  }
  return {};
}

Status read_assignment(const LoggedMembers& members, CampaignDecision& decision) {
  AssignmentSpec& spec = decision.assignment;
  ATTUNE_ASSIGN_OR_RETURN(spec.experiment, members.text("experiment"));
  ATTUNE_ASSIGN_OR_RETURN(spec.salt, members.text("salt"));
  ATTUNE_ASSIGN_OR_RETURN(spec.holdout, members.get<double>("holdout"));
  ATTUNE_RETURN_IF_ERROR(read_arms(members, spec));
  if (members.element("group").is_null()) return {};
  ATTUNE_ASSIGN_OR_RETURN(const auto group, members.get<std::int64_t>("group"));
  if (group < -1 || group >= static_cast<std::int64_t>(std::max<std::size_t>(spec.arms.size(), 1)))
    return broken(fmt::format("has the group {} of {} arms", group, spec.arms.size()));
  decision.group = group == -1 ? kHeldOut : static_cast<std::uint16_t>(group);
  return {};
}

Status read_treatments(const LoggedMembers& members, CampaignDecision& decision) {
  ATTUNE_ASSIGN_OR_RETURN(decision.policy, members.text("policy"));
  ATTUNE_ASSIGN_OR_RETURN(const auto seed, members.get<std::string_view>("seed"));
  ATTUNE_ASSIGN_OR_RETURN(decision.seed, read_logged_seed(seed));
  ATTUNE_ASSIGN_OR_RETURN(const auto list, members.get<dom::array>("treatments"));
  for (const dom::element one : list) {
    if (decision.treatments.size() == kMaxArms) return broken("has too many treatments");
    ATTUNE_ASSIGN_OR_RETURN(auto pair, read_pair(one, "a treatment", true));
    decision.treatments.push_back({std::move(pair.first), pair.second});
  }
  const dom::element chosen = members.element("choice");
  if (chosen.is_null()) return {};
  dom::array pair;
  std::uint64_t treatment = 0;
  TreatmentChoice choice;
  if (chosen.get(pair) || pair.size() != 2 || pair.at(0).get(treatment) ||
      pair.at(1).get(choice.probability) || !(choice.probability > 0) || choice.probability > 1 ||
      treatment >= decision.treatments.size()) {
    return broken("has a choice that is no [treatment, probability]");
  }
  choice.treatment = static_cast<std::uint16_t>(treatment);
  decision.choice = choice;
  return {};
}

Status read_reason(const LoggedMembers& members, CampaignDecision& decision) {
  ATTUNE_ASSIGN_OR_RETURN(const auto text, members.get<std::string_view>("reason"));
  const auto names = stop_reason_names();
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) return broken(fmt::format("has the reason '{}'", attune::quoted(text)));
  decision.reason = static_cast<StopReason>(found - names.begin());
  ATTUNE_ASSIGN_OR_RETURN(decision.note, members.text("note"));
  if (members.element("retry_at").is_null()) return {};
  ATTUNE_ASSIGN_OR_RETURN(const auto retry, members.get<std::string_view>("retry_at"));
  ATTUNE_ASSIGN_OR_RETURN(decision.retry_at, read_logged_time(retry));
  return {};
}

Status read_cost(const LoggedMembers& members, CampaignDecision& decision) {
  ATTUNE_ASSIGN_OR_RETURN(decision.cost.minor, members.get<std::int64_t>("cost_minor"));
  if (decision.cost.minor < 0) return broken(fmt::format("costs {}", decision.cost.minor));
  ATTUNE_ASSIGN_OR_RETURN(const auto currency, members.get<std::string_view>("currency"));
  if (currency.empty()) return {};
  const auto parsed = Currency::of_stored(currency);
  if (!parsed || parsed->to_string() != currency)
    return broken(fmt::format("has the currency '{}'", attune::quoted(currency)));
  decision.cost.currency = *parsed;
  return {};
}

Status read_head(const LoggedMembers& members, CampaignDecision& decision) {
  ATTUNE_ASSIGN_OR_RETURN(decision.id, members.text("id"));
  if (!is_id(decision.id))
    return broken(fmt::format("has the id '{}'", attune::quoted(decision.id)));
  ATTUNE_ASSIGN_OR_RETURN(const auto time, members.get<std::string_view>("time"));
  ATTUNE_ASSIGN_OR_RETURN(decision.time, read_logged_time(time));
  ATTUNE_ASSIGN_OR_RETURN(decision.customer.value, members.get<std::int64_t>("customer"));
  if (decision.customer.value <= 0)
    return broken(fmt::format("has the customer {}", decision.customer.value));
  ATTUNE_ASSIGN_OR_RETURN(decision.campaign, members.text("campaign"));
  ATTUNE_ASSIGN_OR_RETURN(const auto version, members.get<std::int64_t>("version"));
  if (version < 1 || version > std::numeric_limits<int>::max())
    return broken(fmt::format("has the version {}", version));
  decision.version = static_cast<int>(version);
  ATTUNE_ASSIGN_OR_RETURN(const auto channel, members.get<std::string_view>("channel"));
  const auto parsed = parse_channel(channel);
  if (!parsed || name(*parsed) != channel)
    return broken(fmt::format("has the channel '{}'", attune::quoted(channel)));
  decision.channel = *parsed;
  return {};
}

}  // namespace

Result<CampaignDecision> parse_campaign_decision(std::string_view json) {
  if (json.size() > kMaxDecisionBytes)
    return broken(fmt::format("has {} bytes, more than {}", json.size(), kMaxDecisionBytes));
  dom::parser parser;
  dom::object object;
  if (json.empty() || parser.parse(json.data(), json.size(), true).get(object))
    return broken("is no JSON object");
  ATTUNE_ASSIGN_OR_RETURN(const LoggedMembers members,
                          LoggedMembers::read(object, kCampaignDecisionMembers));
  CampaignDecision decision;
  ATTUNE_RETURN_IF_ERROR(read_head(members, decision));
  ATTUNE_RETURN_IF_ERROR(read_reason(members, decision));
  ATTUNE_RETURN_IF_ERROR(read_assignment(members, decision));
  ATTUNE_RETURN_IF_ERROR(read_treatments(members, decision));
  ATTUNE_RETURN_IF_ERROR(read_cost(members, decision));
  return decision;
}

}  // namespace attune::decide
